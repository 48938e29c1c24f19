"""The head witness: the newest journal head, kept outside LevelDB, because a truncated LevelDB log opens as a shorter one silently.

Invariants:
- Two slots are written in turn, each with a generation and a checksum, so that a torn write leaves the other one whole.
- A mark is synced before anything of its cycle is released. The witness is never ahead of the journal, and where it is found ahead,
  something acknowledged is lost.
"""

import os
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from node.store.errors import ADVICE, StoreCorrupt, StoreFailed
from proto.hashing import ZERO_HASH, keccak
from proto.ids import Seq

_MAGIC: Final = b"NVW1"
_BODY_BYTES: Final = 4 + 8 + 8 + 32
SLOT_BYTES: Final = _BODY_BYTES + 8
SLOT_STRIDE_BYTES: Final = 4_096
"""Slots lie in blocks of their own: a torn block can spoil one of them only."""


class Mark(NamedTuple):
    """Last sequence number of a durable cycle, and the journal head after it."""

    seq: Seq
    head: bytes


EMPTY_MARK: Final = Mark(Seq(0), ZERO_HASH)


class Slots(Protocol):
    """Two small places that can be written apart."""

    def read(self) -> tuple[bytes, bytes]:
        """The bytes of both; empty where nothing was ever written."""
        ...

    def write(self, index: int, data: bytes) -> None:
        """Replace one and sync. Raises StoreFailed."""
        ...

    def close(self) -> None:
        """Release the file."""
        ...


def encode_slot(generation: int, mark: Mark) -> bytes:
    """`NVW1` ‖ u64 generation ‖ u64 seq ‖ head ‖ first 8 bytes of keccak of all before."""
    body = _MAGIC + generation.to_bytes(8, "big") + mark.seq.to_bytes(8, "big") + mark.head
    return body + keccak(body)[:8]


def decode_slot(data: bytes) -> tuple[int, Mark] | None:
    """Generation and mark, or None where the slot was never written or is torn."""
    if len(data) != SLOT_BYTES or data[:4] != _MAGIC or keccak(data[:_BODY_BYTES])[:8] != data[_BODY_BYTES:]:
        return None
    return int.from_bytes(data[4:12], "big"), Mark(Seq(int.from_bytes(data[12:20], "big")), data[20:_BODY_BYTES])


class HeadWitness:
    """Keeps the newest mark in two alternating slots."""

    def __init__(self, slots: Slots) -> None:
        """Read what is there. Raises StoreCorrupt where slots were written but none is whole."""
        self._slots = slots
        found = slots.read()
        whole = [(slot, at) for at, slot in enumerate(map(decode_slot, found)) if slot is not None]
        self.exists = bool(whole)
        # A torn first write leaves one slot torn and one untouched: that is no witness yet, and nothing was released before it.
        if not whole and all(any(data) for data in found):
            raise StoreCorrupt(f"The head witness is unreadable: neither of its slots is whole. {ADVICE}")
        self._generation, self.mark, self._next = 0, EMPTY_MARK, 0
        if whole:
            (self._generation, self.mark), newest = max(whole)
            self._next = 1 - newest

    def advance(self, mark: Mark) -> None:
        """Write the mark into the older slot and sync. Raises StoreFailed."""
        self._slots.write(self._next, encode_slot(self._generation + 1, mark))
        self._generation += 1
        self._next = 1 - self._next
        self.mark = mark

    def close(self) -> None:
        """Release the slots."""
        self._slots.close()


class FileSlots:
    """Both slots in one file, a block apart."""

    def __init__(self, path: Path) -> None:
        """Open or create the file. Raises StoreFailed."""
        try:
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(directory)
            finally:
                os.close(directory)
        except OSError as error:
            raise StoreFailed(f"The head witness {path} cannot be opened: {error.strerror}.") from error

    def read(self) -> tuple[bytes, bytes]:
        """Bytes of both slots."""
        try:
            return os.pread(self._fd, SLOT_BYTES, 0), os.pread(self._fd, SLOT_BYTES, SLOT_STRIDE_BYTES)
        except OSError as error:
            raise StoreCorrupt(f"The head witness cannot be read: {error.strerror}. {ADVICE}") from error

    def write(self, index: int, data: bytes) -> None:
        """Replace one slot and sync it."""
        try:
            written = os.pwrite(self._fd, data, index * SLOT_STRIDE_BYTES)
            if written != len(data):
                raise StoreFailed(f"The head witness took {written} of {len(data)} bytes.")
            os.fdatasync(self._fd)
        except OSError as error:
            raise StoreFailed(f"The head witness cannot be written: {error.strerror}.") from error

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)
