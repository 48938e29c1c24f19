"""Market makers and takers: programs on the native client alone, each with its own account, key, connection and pace.

They exist so that a development venue has a market to look at and to trade with. They see what any client sees, and sign what it signs.
"""
