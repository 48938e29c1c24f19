"""The embedded chain's disk: an append-only file of blocks, a head witness beside it, and a lock.

    blocks.log   records, one per block or rollback:
                 magic 4 | kind 1 | number 8 | payload length 4 | hash 32 | parent hash 32 | sha256 32 | payload
    head.bin     two slots, 4096 bytes apart, written in turn: count 8 | end offset 8 | number 8 | hash 32 | sha256 32
    LOCK         held with flock while the chain is open

Invariants:
- A block is on disk (written, synced) and then named by the witness (written, synced) before anybody sees it.
- Everything up to the witness's end must be whole: any damage there refuses to open. Bytes behind it were never shown:
  whole records are kept, a torn tail is cut.
- After the first failed write the file is never written again: the process has to end.
"""

import fcntl
import hashlib
import os
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

KIND_BLOCK: Final = 1
KIND_ROLLBACK: Final = 2
PAYLOAD_BYTES_MAX: Final = 64 * 1024 * 1024  # 30M gas of calldata is under 8 MB; more is not a record of ours.

_MAGIC: Final = b"NVB1"
_HEAD: Final = struct.Struct(">4sBQI32s32s")
_DIGEST_BYTES: Final = 32
_PREFIX_BYTES: Final = _HEAD.size + _DIGEST_BYTES
_SLOT: Final = struct.Struct(">QQQ32s")
_SLOT_SPACING_BYTES: Final = 4096


class ChainStorageCorrupt(Exception):
    """What is on disk is not what was written; opening is refused."""


class ChainStorageFailed(Exception):
    """A write or sync failed; the process must end and start again from disk."""


class ChainInUse(Exception):
    """Another process holds this data directory."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record's head. `offset` is where it starts, `payload_offset` and `payload_bytes` where its contents are."""

    kind: int
    number: int
    hash: bytes
    parent_hash: bytes
    offset: int
    payload_bytes: int

    @property
    def payload_offset(self) -> int:
        """Where the payload starts."""
        return self.offset + _PREFIX_BYTES

    @property
    def end(self) -> int:
        """Offset behind the record."""
        return self.payload_offset + self.payload_bytes


@dataclass(frozen=True, slots=True)
class NewRecord:
    """What is to be appended."""

    kind: int
    number: int
    hash: bytes
    parent_hash: bytes
    payload: bytes


@dataclass(frozen=True, slots=True)
class _Witness:
    count: int
    end: int
    number: int
    hash: bytes


class BlockFile:
    """The open block file of one data directory."""

    def __init__(self, directory: Path) -> None:
        """Lock the directory. Raises ChainInUse."""
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._lock = os.open(directory / "LOCK", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            raise ChainInUse(f"another process uses {directory}") from None
        self._log = -1
        self._head = -1
        self._end = 0
        self._witness_count = 0
        self._failed = False

    @property
    def is_new(self) -> bool:
        """Whether nothing was ever committed here."""
        return not (self._directory / "blocks.log").exists()

    @property
    def end(self) -> int:
        """Offset behind the last whole record."""
        return self._end

    def create(self, genesis: NewRecord) -> None:
        """Write the first record. A crash in between leaves a directory that is new or holds genesis alone."""
        assert self.is_new, "create only where nothing is"
        whole = _encode(genesis)
        temporary = self._directory / "blocks.new"
        try:
            with temporary.open("wb") as file:
                file.write(whole)
                file.flush()
                os.fsync(file.fileno())
            temporary.rename(self._directory / "blocks.log")
            self._sync_directory()
        except OSError as error:
            raise ChainStorageFailed(f"cannot create the block file: {error}") from error

    def open(self) -> Iterator[tuple[Record, bytes]]:
        """Yield every record with its payload, oldest first; afterwards the file is ready for `append`.

        Raises ChainStorageCorrupt on damage to anything that was ever shown.
        """
        try:
            self._log = os.open(self._directory / "blocks.log", os.O_RDWR | os.O_CLOEXEC)
            witness = self._read_witness()
        except OSError as error:
            raise ChainStorageCorrupt(f"cannot read {self._directory}: {error}") from error
        size = os.fstat(self._log).st_size
        shown_end = witness.end if witness is not None else 0
        if size < shown_end:
            raise ChainStorageCorrupt(f"blocks.log has {size} bytes, but {shown_end} were shown: it was cut")
        last: Record | None = None
        with open(self._log, "rb", closefd=False) as file:
            file.seek(0)
            while (found := _read_record(file.read, self._end, size)) is not None:
                last, payload = found
                if last.offset < shown_end < last.end:
                    raise ChainStorageCorrupt(f"the witness ends inside the record at byte {last.offset}")
                if witness is not None and last.end == shown_end and last.hash != witness.hash:
                    raise ChainStorageCorrupt(f"block {last.number} is not the one the witness names")
                self._end = last.end
                yield last, payload
        if self._end < shown_end:
            raise ChainStorageCorrupt(
                f"damaged record at byte {self._end} of blocks.log, before the shown end {shown_end}"
            )
        if last is None:
            raise ChainStorageCorrupt("blocks.log holds no whole record")
        if witness is None and last.number != 0:
            raise ChainStorageCorrupt("head.bin is missing or damaged, but blocks.log has blocks")
        if size > self._end:
            self._guard(self._cut_tail)
        self._write_witness(last.number, last.hash)

    def _cut_tail(self) -> None:
        os.ftruncate(self._log, self._end)
        os.fdatasync(self._log)

    def append(self, records: list[NewRecord]) -> list[Record]:
        """Write the records durably; when this returns they may be shown. Raises ChainStorageFailed."""
        assert records, "nothing to append"
        placed, offset, chunks = [], self._end, []
        for new in records:
            whole = _encode(new)
            chunks.append(whole)
            placed.append(Record(new.kind, new.number, new.hash, new.parent_hash, offset, len(new.payload)))
            offset += len(whole)
        data = b"".join(chunks)

        def write() -> None:
            written = 0
            while written < len(data):
                written += os.pwrite(self._log, data[written:], self._end + written)
            os.fdatasync(self._log)

        self._guard(write)
        self._end = offset
        self._write_witness(records[-1].number, records[-1].hash)
        return placed

    def read(self, record: Record) -> bytes:
        """The payload of a record that was whole when it was opened or appended."""
        payload = os.pread(self._log, record.payload_bytes, record.payload_offset)
        prefix = os.pread(self._log, _PREFIX_BYTES, record.offset)
        if hashlib.sha256(prefix[: _HEAD.size] + payload).digest() != prefix[_HEAD.size :]:
            raise ChainStorageCorrupt(f"block {record.number} changed on disk")
        return payload

    def close(self) -> None:
        """Release files and lock."""
        for descriptor in (self._log, self._head, self._lock):
            if descriptor >= 0:
                os.close(descriptor)
        self._log = self._head = self._lock = -1

    def _guard(self, write: Callable[[], None]) -> None:
        if self._failed:
            raise ChainStorageFailed("an earlier write failed")
        try:
            write()
        except OSError as error:
            self._failed = True
            raise ChainStorageFailed(f"cannot write {self._directory}: {error}") from error

    def _sync_directory(self) -> None:
        descriptor = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _read_witness(self) -> _Witness | None:
        path = self._directory / "head.bin"
        is_new = not path.exists()
        self._head = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if is_new:
            os.ftruncate(self._head, 2 * _SLOT_SPACING_BYTES)
            self._sync_directory()
        newest: _Witness | None = None
        for index in (0, 1):
            raw = os.pread(self._head, _SLOT.size + _DIGEST_BYTES, index * _SLOT_SPACING_BYTES)
            body, digest = raw[: _SLOT.size], raw[_SLOT.size :]
            if hashlib.sha256(body).digest() == digest:
                slot = _Witness(*_SLOT.unpack(body))
                if newest is None or slot.count > newest.count:
                    newest = slot
        self._witness_count = newest.count if newest is not None else 0
        return newest

    def _write_witness(self, number: int, block_hash: bytes) -> None:
        self._witness_count += 1
        body = _SLOT.pack(self._witness_count, self._end, number, block_hash)
        offset = self._witness_count % 2 * _SLOT_SPACING_BYTES

        def write() -> None:
            os.pwrite(self._head, body + hashlib.sha256(body).digest(), offset)
            os.fdatasync(self._head)

        self._guard(write)


def _encode(record: NewRecord) -> bytes:
    head = _HEAD.pack(_MAGIC, record.kind, record.number, len(record.payload), record.hash, record.parent_hash)
    return head + hashlib.sha256(head + record.payload).digest() + record.payload


def _read_record(read: Callable[[int], bytes], offset: int, size: int) -> tuple[Record, bytes] | None:
    """The record at the reader's position, or None where no whole record is."""
    if size - offset < _PREFIX_BYTES:
        return None
    prefix = read(_PREFIX_BYTES)
    head, digest = prefix[: _HEAD.size], prefix[_HEAD.size :]
    magic, kind, number, payload_bytes, block_hash, parent_hash = _HEAD.unpack(head)
    if magic != _MAGIC or payload_bytes > min(PAYLOAD_BYTES_MAX, size - offset - _PREFIX_BYTES):
        return None
    payload = read(payload_bytes)
    if hashlib.sha256(head + payload).digest() != digest:
        return None
    return Record(kind, number, block_hash, parent_hash, offset, payload_bytes), payload
