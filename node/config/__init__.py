"""From TOML files and environment to frozen settings: the only place that reads configuration. Unknown keys are refused by name."""
