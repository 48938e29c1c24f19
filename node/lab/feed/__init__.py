"""Replay of a recorded order flow: every row a signed action, every aggressive order's fills compared with the record."""
