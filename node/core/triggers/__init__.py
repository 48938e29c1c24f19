"""Orders that wait: for the mark, for a parent to trade, for a position to end."""
