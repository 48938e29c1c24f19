"""The in-memory fake of the store's disk: atomic writes in a log that can be cut at any byte, and two witness slots.

`MemoryDisk` is what survives a process; `MemoryDatabase` and `MemorySlots` are a process's handles on it. A `Fault` stops the process at
the n-th write, with any number of that write's bytes on disk. Writes of database and witness are counted together.
"""

import threading
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from node.store.database import Row
from node.store.errors import StoreFailed
from proto.hashing import keccak


class Fault(NamedTuple):
    """Fail write number `at` (from 0), leaving its first `keep` bytes on disk (all of them where None)."""

    at: int
    keep: int | None


@dataclass(slots=True)
class MemoryDisk:
    """What is left when a process dies."""

    log: bytearray = field(default_factory=bytearray)
    synced: int = 0
    """Bytes of the log that a power cut cannot take."""
    slots: list[bytes] = field(default_factory=lambda: [b"", b""])
    writes: int = 0
    fault: Fault | None = None
    failed: bool = False

    def begin(self, size: int) -> int:
        """Count a write of `size` bytes; how many of them reach the disk. `failed` is set where the process stops here."""
        if self.failed:
            raise StoreFailed("An earlier write failed; the process must exit.")
        number = self.writes
        self.writes += 1
        if self.fault is None or self.fault.at != number:
            return size
        self.failed = True
        return size if self.fault.keep is None else min(self.fault.keep, size)

    def crash(self, unsynced: int | None = None) -> None:
        """Restart the machine: of the bytes that were never synced only the first `unsynced` remain (all where None)."""
        if unsynced is not None:
            del self.log[min(len(self.log), self.synced + unsynced) :]
        self.failed, self.fault = False, None


def _encode_write(puts: Sequence[Row], deletes: Sequence[bytes]) -> bytes:
    parts = [len(puts).to_bytes(4, "big"), len(deletes).to_bytes(4, "big")]
    for key, value in puts:
        parts += [len(key).to_bytes(4, "big"), key, len(value).to_bytes(4, "big"), value]
    for key in deletes:
        parts += [len(key).to_bytes(4, "big"), key]
    body = b"".join(parts)
    return len(body).to_bytes(4, "big") + keccak(body)[:4] + body


class MemoryDatabase:
    """Ordered rows in memory, backed by a MemoryDisk."""

    def __init__(self, disk: MemoryDisk) -> None:
        """Replay the disk's log up to its first incomplete write, which is dropped, as LevelDB does."""
        self._disk = disk
        self._lock = threading.Lock()
        self._rows: dict[bytes, bytes] = {}
        self._keys: list[bytes] | None = None
        at = 0
        while (end := self._replay(at)) is not None:
            at = end
        del disk.log[at:]
        disk.synced = at

    def _replay(self, at: int) -> int | None:
        log = bytes(self._disk.log[at : at + 8])
        end = at + 8 + int.from_bytes(log[:4], "big")
        if len(log) < 8 or end > len(self._disk.log):
            return None
        body = bytes(self._disk.log[at + 8 : end])
        if keccak(body)[:4] != log[4:]:
            return None
        puts, deletes, at = int.from_bytes(body[:4], "big"), int.from_bytes(body[4:8], "big"), 8
        parts: list[bytes] = []
        for _ in range(2 * puts + deletes):
            size = int.from_bytes(body[at : at + 4], "big")
            parts.append(body[at + 4 : at + 4 + size])
            at += 4 + size
        self._rows.update(zip(parts[0 : 2 * puts : 2], parts[1 : 2 * puts : 2], strict=True))
        for key in parts[2 * puts :]:
            self._rows.pop(key, None)
        return end

    def get(self, key: bytes) -> bytes | None:
        """The value at `key`."""
        with self._lock:
            return self._rows.get(key)

    def write(self, puts: Sequence[Row], deletes: Sequence[bytes] = (), *, sync: bool) -> None:
        """One atomic write, unless the disk's fault says otherwise."""
        data = _encode_write(puts, deletes)
        with self._lock:
            disk = self._disk
            disk.log += data[: disk.begin(len(data))]
            if disk.failed:
                raise StoreFailed("The disk failed.")
            if sync:
                disk.synced = len(disk.log)
            self._rows.update(puts)
            for key in deletes:
                self._rows.pop(key, None)
            self._keys = None

    def scan(self, start: bytes, stop: bytes, *, reverse: bool = False) -> Iterator[Row]:
        """Rows of a range, as they are at the call's first step."""
        with self._lock:
            if self._keys is None:
                self._keys = sorted(self._rows)
            keys = self._keys[bisect_left(self._keys, start) : bisect_left(self._keys, stop)]
            rows = [(key, self._rows[key]) for key in (reversed(keys) if reverse else keys)]
        yield from rows

    def close(self) -> None:
        """Nothing to release: the disk stays."""


class MemorySlots:
    """Witness slots on a MemoryDisk; a torn write leaves new bytes before old ones."""

    def __init__(self, disk: MemoryDisk) -> None:
        self._disk = disk

    def read(self) -> tuple[bytes, bytes]:
        """Bytes of both slots."""
        return self._disk.slots[0], self._disk.slots[1]

    def write(self, index: int, data: bytes) -> None:
        """Replace one slot, unless the disk's fault says otherwise."""
        disk = self._disk
        kept = disk.begin(len(data))
        disk.slots[index] = data[:kept] + disk.slots[index][kept:]
        if disk.failed:
            raise StoreFailed("The disk failed.")

    def close(self) -> None:
        """Nothing to release."""
