"""Ordered rows for read models: each table has a key space of its own beside the journal.

Rows written here are not part of any promise by themselves. But writes keep their order on disk: once a seal is durable, so is every row
that was put before it, synced or not. A read model that writes its rows by then can go on from the last seal after a crash.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from node.store.database import Database, Row
from node.store.keys import after_prefix, table_prefix

_CLEAR_ROWS: Final = 10_000


class Table:
    """One named table."""

    def __init__(self, database: Database, name: str) -> None:
        self._database = database
        self._prefix = table_prefix(name)
        self._end = after_prefix(self._prefix)

    def get(self, key: bytes) -> bytes | None:
        """The value at `key`."""
        return self._database.get(self._prefix + key)

    def put_batch(self, puts: Sequence[Row], deletes: Sequence[bytes] = (), *, sync: bool = False) -> None:
        """Write and delete in one atomic step. Raises StoreFailed."""
        prefix = self._prefix
        self._database.write(
            [(prefix + key, value) for key, value in puts], [prefix + key for key in deletes], sync=sync
        )

    def scan(self, start: bytes = b"", stop: bytes | None = None, *, reverse: bool = False) -> Iterator[Row]:
        """Rows with start <= key < stop (to the end where None), in key order or backwards."""
        size = len(self._prefix)
        end = self._end if stop is None else self._prefix + stop
        for key, value in self._database.scan(self._prefix + start, end, reverse=reverse):
            yield key[size:], value

    def delete_batch(self, keys: Sequence[bytes]) -> None:
        """Delete rows, all at once or not at all. Raises StoreFailed."""
        self.put_batch((), keys)

    def clear(self) -> None:
        """Delete every row, in bounded steps, so that the model can be built anew."""
        keys = [key for key, _ in self.scan()]
        for at in range(0, len(keys), _CLEAR_ROWS):
            self.put_batch((), keys[at : at + _CLEAR_ROWS])
