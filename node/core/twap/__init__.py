"""Orders that trade in slices over time."""
