"""Programs that drive whole nodes from outside: they start processes, connect like anybody else, and judge what comes back."""
