"""The little that the node asks of an ordered key-value store; LevelDB and its in-memory fake both offer it.

Invariants:
- A write is atomic: after a crash all of its rows are there, or none.
- `sync=True` returns only when the rows, and all rows written before them, survive a power cut.
- After a write raised StoreFailed, every later write on the same handle raises it too.
"""

from collections.abc import Iterator, Sequence
from typing import Protocol

Row = tuple[bytes, bytes]


class Database(Protocol):
    """Ordered rows of bytes. Safe to use from several threads."""

    def get(self, key: bytes) -> bytes | None:
        """The value at `key`. Raises StoreCorrupt where its checksum does not hold."""
        ...

    def write(self, puts: Sequence[Row], deletes: Sequence[bytes] = (), *, sync: bool) -> None:
        """Write and delete in one step. Raises StoreFailed."""
        ...

    def scan(self, start: bytes, stop: bytes, *, reverse: bool = False) -> Iterator[Row]:
        """Rows with start <= key < stop in key order, or from the last one down. Raises StoreCorrupt."""
        ...

    def close(self) -> None:
        """Release the handle; using it afterwards is a mistake."""
        ...
