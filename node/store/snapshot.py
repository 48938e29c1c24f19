"""A sealed state as one file, so that a watcher elsewhere can begin there instead of at genesis.

    "NVSNAP1\\n" ‖ u32 length ‖ head ‖ rows… ‖ SHA-256 of all before
    head = pack([genesis hash, batch header, number of rows]); row = u8 section ‖ u64 key ‖ u32 length ‖ leaf value
Rows are all leaves of the state: accounts, orders, markets, withdrawals, vaults and what only the venue root covers; the header has the
system words.
Invariants:
- A file is whole, or it is refused; what it says is believed only once its leaves hash to a root that L1 has.
- Writing it changes nothing in the store it is made from.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from node.core.commit.forest import LeafRow
from node.store.errors import StoreCorrupt, StoreError, StoreFailed, StoreMismatch
from node.store.headers import BatchHeader, decode_header, encode_header
from node.store.keys import LayoutError, decode_leaf, encode_leaf
from node.store.seals import Leaf, Seals
from proto.canonical import NotCanonicalError, pack, unpack
from proto.ledger import Section

MAGIC: Final = b"NVSNAP1\n"
_ROW_HEAD_BYTES: Final = 1 + 8 + 4
_CHECK_BYTES: Final = 32
_HEAD_BYTES_MAX: Final = 1_000_000
_ROW_BYTES_MAX: Final = 10_000_000
_SECTIONS: Final = frozenset(section.value for section in Section)


class Snapshot(NamedTuple):
    """What a file holds; nothing of it is proved yet."""

    header: BatchHeader
    rows: list[LeafRow]


def write_snapshot(path: Path, genesis_hash: bytes, seals: Seals) -> BatchHeader:
    """Write the newest sealed state; its header. Raises StoreError where there is none, StoreFailed; never overwrites."""
    header = seals.last()
    if header is None or header.batch_id == 0:
        raise StoreError("There is no sealed batch here yet, so there is nothing that L1 could confirm.")
    if path.exists():
        raise StoreError(f"{path} exists; choose another name.")
    fresh = path.with_name(path.name + ".new")
    try:
        with fresh.open("wb") as file:
            _write(file, genesis_hash, header, list(seals.leaves()))
            file.flush()
            os.fsync(file.fileno())
        fresh.rename(path)
    except OSError as error:
        raise StoreFailed(f"{path} cannot be written: {error.strerror}.") from error
    return header


def _write(file: BinaryIO, genesis_hash: bytes, header: BatchHeader, rows: list[Leaf]) -> None:
    check = hashlib.sha256()
    for part in _parts(genesis_hash, header, rows):
        check.update(part)
        file.write(part)
    file.write(check.digest())


def _parts(genesis_hash: bytes, header: BatchHeader, rows: Iterable[Leaf]) -> Iterator[bytes]:
    every = list(rows)
    head = pack([genesis_hash, encode_header(header), len(every)])
    yield MAGIC + len(head).to_bytes(4, "big") + head
    for section, key, leaf, aux in every:
        value = encode_leaf(leaf, aux)
        yield section.to_bytes(1, "big") + key.to_bytes(8, "big") + len(value).to_bytes(4, "big") + value


def read_snapshot(path: Path, genesis_hash: bytes) -> Snapshot:
    """A whole file of this genesis. Raises StoreCorrupt, StoreMismatch, StoreError."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            return _read(file, size - _CHECK_BYTES, genesis_hash, path)
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}.") from error


def _read(file: BinaryIO, end: int, genesis_hash: bytes, path: Path) -> Snapshot:
    """Everything up to `end`, then the checksum."""
    reader = _Reader(file, end, path)
    if end < 0 or reader.take(len(MAGIC)) != MAGIC:
        raise StoreCorrupt(f"{path} is no snapshot.")
    try:
        found_hash, header_row, count = unpack(reader.take(reader.length(_HEAD_BYTES_MAX)))
        header = decode_header(header_row)
    except (NotCanonicalError, LayoutError, ValueError, TypeError) as error:
        raise reader.damaged() from error
    if found_hash != genesis_hash:
        raise StoreMismatch(f"{path} is of another genesis.")
    if type(count) is not int:
        raise reader.damaged()
    rows = [reader.row() for _ in range(count)]
    if reader.left or file.read(_CHECK_BYTES + 1) != reader.check.digest():
        raise reader.damaged()
    return Snapshot(header, rows)


class _Reader:
    """Reads up to a bound and sums up what it read."""

    def __init__(self, file: BinaryIO, size: int, path: Path) -> None:
        self._file = file
        self._path = path
        self.left = size
        self.check = hashlib.sha256()

    def damaged(self) -> StoreCorrupt:
        """The refusal."""
        return StoreCorrupt(f"{self._path} is damaged or not a snapshot; fetch it again.")

    def take(self, size: int) -> bytes:
        """The next bytes. Raises StoreCorrupt."""
        if size > self.left:
            raise self.damaged()
        data = self._file.read(size)
        if len(data) != size:
            raise self.damaged()
        self.left -= size
        self.check.update(data)
        return data

    def length(self, at_most: int) -> int:
        """A u32."""
        value = int.from_bytes(self.take(4), "big")
        if value > at_most:
            raise self.damaged()
        return value

    def row(self) -> LeafRow:
        """One leaf."""
        head = self.take(_ROW_HEAD_BYTES)
        section, key, size = head[0], int.from_bytes(head[1:9], "big"), int.from_bytes(head[9:], "big")
        if section not in _SECTIONS or size > _ROW_BYTES_MAX:
            raise self.damaged()
        try:
            leaf, aux = decode_leaf(self.take(size))
        except LayoutError as error:
            raise self.damaged() from error
        return LeafRow(Section(section), key, leaf, aux)
