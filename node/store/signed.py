"""What a key has signed, by height, on disk before the signature exists: so that it never signs two things for one height.

One small file per key: two slots, written in turn, each whole in itself (generation, key, domain, the newest heights with what was
signed for them, checksum), and a mark that says which generation was finished. So a slot that a crash tore, which nobody relied on, is
told from one that was lost later. Invariants:
- `record` returns only after the disk has it; whoever signs calls it first.
- A height above the newest one may be recorded; an older one only with what was recorded for it; everything else is refused for ever.
- An existing file that has lost what was finished, another key's or domain's, or one that was copied here, is refused, never begun anew.
A copy is told by the file's inode and the machine's id. A copied virtual machine has both: nothing here can see that.
"""

import fcntl
import os
from pathlib import Path
from typing import Final

from node.store.errors import StoreCorrupt, StoreError, StoreFailed, StoreLocked, StoreMismatch
from proto.hashing import keccak
from proto.ids import ADDRESS_BYTES, Address
from proto.signing.eip712 import Domain, domain_separator

_MAGIC: Final = b"NVS1"
HEIGHTS_KEPT: Final = 256
"""More than can wait for L1 at once; what is older can never be signed again, not even the same."""
SLOT_STRIDE_BYTES: Final = 16_384
_ENTRY_BYTES: Final = 8 + 32
_HEAD_BYTES: Final = 4 + 8 + ADDRESS_BYTES + 32 + 32 + 2
_CHECK_BYTES: Final = 8
_MARK_AT: Final = 2 * SLOT_STRIDE_BYTES
_MARK_BYTES: Final = 8 + _CHECK_BYTES
_MACHINE_ID: Final = Path("/etc/machine-id")


class WouldContradict(StoreError):
    """The key has signed something else for this height, or is past it. Nothing was written."""

    def __init__(self, height: int, newest: int, recorded: bytes | None) -> None:
        what = "is past it" if recorded is None else f"has signed 0x{recorded.hex()}"
        super().__init__(f"height {height} is not signed: this key {what} (its newest is {newest})")
        self.height = height
        self.newest = newest
        self.recorded = recorded


class SignedHeights:
    """The record of one key in one domain; holds a lock on its file until closed."""

    def __init__(self, directory: Path, signer: Address, domain: Domain, *, moved: bool = False) -> None:
        """Open or create. `moved`: the operator says that the file was moved here, and that no other copy is in use.

        Raises StoreCorrupt, StoreMismatch, StoreLocked, StoreFailed.
        """
        self.path = directory / f"signed-{signer.hex()}"
        self._identity = signer + domain_separator(domain)
        try:
            directory.mkdir(parents=True, exist_ok=True)
            if not self.path.exists():
                self._create()
            self._fd = os.open(self.path, os.O_RDWR | os.O_CLOEXEC)
        except OSError as error:
            raise StoreFailed(f"{self.path} cannot be used: {error.strerror}.") from error
        try:
            self._lock()
            self._place = self._here()
            self._generation, self._next, self._entries = self._load(moved=moved)
        except BaseException:
            os.close(self._fd)
            raise

    @property
    def newest(self) -> int:
        """The highest recorded height, 0 before any."""
        return max(self._entries, default=0)

    def digest_at(self, height: int) -> bytes | None:
        """What was recorded for a height, while it is kept."""
        return self._entries.get(height)

    def entries(self) -> list[tuple[int, bytes]]:
        """Heights that are kept, ascending, with what was recorded."""
        return sorted(self._entries.items())

    def record(self, height: int, digest: bytes) -> None:
        """Make it durable that `digest` is signed at `height`. Raises WouldContradict, StoreFailed (then end the process)."""
        assert height > 0
        assert len(digest) == 32
        recorded = self._entries.get(height)
        if recorded == digest:
            return
        if recorded is not None or height <= self.newest:
            raise WouldContradict(height, self.newest, recorded)
        kept = dict(self.entries()[-(HEIGHTS_KEPT - 1) :])
        kept[height] = digest
        self._write(kept)

    def skip_to(self, height: int, digest: bytes) -> None:
        """Others have seen this key sign `digest` at `height`: never sign at or below it. Raises WouldContradict, StoreFailed."""
        if height > self.newest or self._entries.get(height) is not None:
            self.record(height, digest)

    def close(self) -> None:
        """Release the file."""
        os.close(self._fd)

    def _create(self) -> None:
        """A file appears whole: an existing one without a whole slot was damaged."""
        fresh = self.path.with_suffix(".new")
        fd = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            _write_all(fd, _encode(1, self._identity, _place_of(fd), {}), 0)
            _write_all(fd, _mark(1), _MARK_AT)
            os.fsync(fd)
        finally:
            os.close(fd)
        os.rename(fresh, self.path)
        directory = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    def _lock(self) -> None:
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StoreLocked(f"Another process signs with {self.path}; one key signs in one process only.") from error

    def _here(self) -> bytes:
        return _place_of(self._fd)

    def _load(self, *, moved: bool) -> tuple[int, int, dict[int, bytes]]:
        slots = [os.pread(self._fd, SLOT_STRIDE_BYTES, at * SLOT_STRIDE_BYTES) for at in (0, 1)]
        whole = [(*found, at) for at, data in enumerate(slots) if (found := _decode(data)) is not None]
        finished = _read_mark(os.pread(self._fd, _MARK_BYTES, _MARK_AT))
        # The mark is written after its slot: where it is torn, both slots are whole.
        if not whole or max(whole)[0] < finished or (finished == 0 and len(whole) < 2):
            raise StoreCorrupt(
                f"{self.path} is damaged, so nobody knows what this key has signed. Retire the key, or restore the file from this machine."
            )
        generation, identity, place, entries, newest = max(whole)
        if identity != self._identity:
            raise StoreMismatch(f"{self.path} is the record of another key, chain or contract.")
        if place != self._place and not moved:
            raise StoreMismatch(
                f"{self.path} was copied from another place. Two copies can sign two things for one height, which costs the bond. "
                "If the other one is gone for ever, say so with --moved."
            )
        self._generation, self._next, self._entries = generation, 1 - newest, entries
        if place != self._place:
            self._write(entries)
        return self._generation, self._next, self._entries

    def _write(self, entries: dict[int, bytes]) -> None:
        data = _encode(self._generation + 1, self._identity, self._place, entries)
        try:
            _write_all(self._fd, data, self._next * SLOT_STRIDE_BYTES)
            os.fdatasync(self._fd)
            _write_all(self._fd, _mark(self._generation + 1), _MARK_AT)
            os.fdatasync(self._fd)
        except OSError as error:
            raise StoreFailed(f"{self.path} cannot be written: {error.strerror}.") from error
        self._generation, self._next, self._entries = self._generation + 1, 1 - self._next, entries


def _place_of(fd: int) -> bytes:
    """What changes when a file is copied."""
    try:
        machine = _MACHINE_ID.read_bytes().strip()
    except OSError:
        machine = b""
    return keccak(machine + os.fstat(fd).st_ino.to_bytes(16, "big"))


def _write_all(fd: int, data: bytes, at: int) -> None:
    done = 0
    while done < len(data):
        done += os.pwrite(fd, data[done:], at + done)


def _mark(generation: int) -> bytes:
    body = generation.to_bytes(8, "big")
    return body + keccak(body)[:_CHECK_BYTES]


def _read_mark(data: bytes) -> int:
    """The generation that was finished, 0 where the mark is torn."""
    generation = int.from_bytes(data[:8], "big")
    return generation if data == _mark(generation) else 0


def _encode(generation: int, identity: bytes, place: bytes, entries: dict[int, bytes]) -> bytes:
    """Magic ‖ u64 generation ‖ address ‖ domain separator ‖ place ‖ u16 count ‖ (u64 height ‖ digest)… ‖ 8 bytes of keccak of all."""
    rows = b"".join(height.to_bytes(8, "big") + digest for height, digest in sorted(entries.items()))
    body = _MAGIC + generation.to_bytes(8, "big") + identity + place + len(entries).to_bytes(2, "big") + rows
    return body + keccak(body)[:_CHECK_BYTES]


def _decode(data: bytes) -> tuple[int, bytes, bytes, dict[int, bytes]] | None:
    """Generation, identity, place and entries; None where the slot is empty or torn."""
    if len(data) < _HEAD_BYTES or data[:4] != _MAGIC:
        return None
    count = int.from_bytes(data[_HEAD_BYTES - 2 : _HEAD_BYTES], "big")
    end = _HEAD_BYTES + count * _ENTRY_BYTES
    if keccak(data[:end])[:_CHECK_BYTES] != data[end : end + _CHECK_BYTES]:
        return None
    rows = [data[at : at + _ENTRY_BYTES] for at in range(_HEAD_BYTES, end, _ENTRY_BYTES)]
    entries = {int.from_bytes(row[:8], "big"): row[8:] for row in rows}
    identity_end = 12 + ADDRESS_BYTES + 32
    return int.from_bytes(data[4:12], "big"), data[12:identity_end], data[identity_end : identity_end + 32], entries
