"""How a store can fail. None of these is a user's mistake: the node stops or refuses to start, and says why."""


class StoreError(Exception):
    """The store cannot be used."""


class StoreFailed(StoreError):
    """A write failed. The handle is dead: the process must exit and start again, because LevelDB may lose later writes silently."""


class StoreCorrupt(StoreError):
    """Something that was durable is missing or altered. Nothing is repaired here; the message says what to do."""


class StoreLocked(StoreError):
    """Another process has this store open."""


class StoreMismatch(StoreError):
    """The store belongs to another network or was written by another format."""


ADVICE = (
    "Nothing was changed. Restore a backup of the whole data directory, or start an empty one and rebuild it from L1."
)
"""Ends every StoreCorrupt message: the node never repairs by itself, because a repair drops rows without a word."""
