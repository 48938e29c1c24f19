"""Operator settings of the store."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """Where the store lies, and how much of it is checked at start.

    Layout of `directory`: `db/` (LevelDB), `HEAD` (head witness), `LOCK`. Copy the whole directory, of a stopped node, to back it up.
    """

    directory: Path
    verify_batches: int = 600
    """Newest sealed batches whose records are hashed again at start (ten minutes of them), ~5 µs per record; 0 = all."""
    write_buffer_bytes: int = 16 * 2**20
    """LevelDB's memtable: larger means fewer and longer compactions."""
    cache_bytes: int = 64 * 2**20
    """LevelDB's block cache; journal scans do not fill it."""
    open_files: int = 512
