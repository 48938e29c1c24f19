"""What every process needs to be operated: clock, logs, metrics, health, progress, keys."""
