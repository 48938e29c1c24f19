"""One module per kind of input: `check` decides without writing, `commit` writes and cannot fail."""
