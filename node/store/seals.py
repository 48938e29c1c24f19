"""Sealed state: the leaves as of the last seal, and the header of every batch.

Invariants:
- Leaves and header of a seal are one synced write: what is on disk is always the state of the newest header.
- Headers are dense from 0 (genesis).
"""

from collections.abc import Iterable, Iterator
from typing import Final

from node.store.database import Database, Row
from node.store.errors import ADVICE, StoreCorrupt
from node.store.headers import BatchHeader, decode_header, encode_header
from node.store.keys import LayoutError, decode_leaf, encode_leaf, header_key, leaf_key, split_leaf_key
from proto.ledger import Section

_ID_END: Final = 2**64 - 1
_SECTION_END: Final = len(Section)

Leaf = tuple[int, int, bytes, bytes]
"""Section, key, words (empty: the leaf is deleted), aux."""


class Seals:
    """Headers and leaves over a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def write(self, header: BatchHeader, leaves: Iterable[Leaf], extra: Iterable[Row] = ()) -> None:
        """Make a seal durable. Raises StoreFailed; then the process must exit."""
        puts: list[Row] = [(header_key(header.batch_id), encode_header(header)), *extra]
        deletes: list[bytes] = []
        for section, key, leaf, aux in leaves:
            if leaf:
                puts.append((leaf_key(section, key), encode_leaf(leaf, aux)))
            else:
                deletes.append(leaf_key(section, key))
        self._database.write(puts, deletes, sync=True)

    def header(self, batch_id: int) -> BatchHeader | None:
        """One batch's header, or None. Raises StoreCorrupt."""
        value = self._database.get(header_key(batch_id))
        return None if value is None else _header(value)

    def headers(self, first: int = 0, last: int = _ID_END - 1, *, reverse: bool = False) -> Iterator[BatchHeader]:
        """Headers `first`..`last` that exist, in order or from the newest down. Raises StoreCorrupt."""
        for _, value in self._database.scan(header_key(first), header_key(last + 1), reverse=reverse):
            yield _header(value)

    def last(self) -> BatchHeader | None:
        """The newest header, or None in a store without genesis."""
        return next(self.headers(reverse=True), None)

    def batch_of(self, seq: int) -> BatchHeader | None:
        """The sealed batch that holds record `seq`, by bisection over the headers; None where it is not sealed."""
        newest = self.last()
        if newest is None or not 0 < seq <= newest.last_seq:
            return None
        low, high = 1, newest.batch_id
        while low < high:
            middle = (low + high) // 2
            found = self.header(middle)
            if found is None:
                raise StoreCorrupt(f"The header of batch {middle} is missing. {ADVICE}")
            low, high = (low, middle) if seq <= found.last_seq else (middle + 1, high)
        return self.header(low)

    def leaf(self, section: int, key: int) -> tuple[bytes, bytes] | None:
        """Words and aux of one leaf of the last sealed state, or None where it is empty."""
        value = self._database.get(leaf_key(section, key))
        return None if value is None else _leaf(value)

    def leaves(self) -> Iterator[Leaf]:
        """All leaves of the last sealed state, by section and key."""
        for key, value in self._database.scan(leaf_key(0, 0), leaf_key(_SECTION_END, 0)):
            try:
                section, number = split_leaf_key(key)
            except LayoutError as error:
                raise StoreCorrupt(f"A state leaf is not readable: {error}. {ADVICE}") from error
            yield (section, number, *_leaf(value))


def _header(value: bytes) -> BatchHeader:
    try:
        return decode_header(value)
    except LayoutError as error:
        raise StoreCorrupt(f"A batch header is not readable: {error}. {ADVICE}") from error


def _leaf(value: bytes) -> tuple[bytes, bytes]:
    try:
        return decode_leaf(value)
    except LayoutError as error:
        raise StoreCorrupt(f"A state leaf is not readable: {error}. {ADVICE}") from error
