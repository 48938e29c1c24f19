"""Stress: the rule book driven through a price path by a population that trades, is liquidated, and leaves when it gets rough."""
