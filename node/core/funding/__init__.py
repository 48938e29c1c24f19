"""Premium samples, the hourly rate, and the funding index that positions settle against lazily."""
