"""What the views need from a store: an ordered table of byte strings."""

from collections.abc import Iterator, Sequence
from typing import Protocol


class OrderedTable(Protocol):
    """Keys in byte order. Reads may come from another thread than the writes."""

    def get(self, key: bytes) -> bytes | None:
        """The value of `key`, or None."""
        ...

    def scan(self, start: bytes, stop: bytes, *, reverse: bool = False) -> Iterator[tuple[bytes, bytes]]:
        """Rows with start <= key < stop, ascending, or descending where `reverse`."""
        ...

    def put_batch(self, puts: Sequence[tuple[bytes, bytes]]) -> None:
        """Put all rows at once or not at all."""
        ...
