"""A node's store: journal, seals and read-model tables over one database, with the head witness beside it.

Opening verifies before anything is used; see node.store.verify. A lock file keeps a second process out. Closing is clean, but nothing
depends on it: every promise holds after kill -9.
"""

import fcntl
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from node.store.database import Database
from node.store.errors import ADVICE, StoreCorrupt, StoreFailed, StoreLocked, StoreMismatch
from node.store.headers import GENESIS_BATCH, BatchHeader
from node.store.journal import Journal
from node.store.keys import IDENTITY
from node.store.leveldb import LevelDatabase
from node.store.memory import MemoryDatabase, MemoryDisk, MemorySlots
from node.store.seals import Leaf, Seals
from node.store.settings import StoreSettings
from node.store.table import Table
from node.store.verify import Progress, no_progress, verify
from node.store.witness import EMPTY_MARK, FileSlots, HeadWitness, Mark
from proto.canonical import NotCanonicalError, pack, unpack

FORMAT_VERSION: Final = 1
"""Of the layouts in node.store.keys; a store of another version is refused, not converted."""


class Store:
    """Open with `open_store` or `open_memory`. Empty until `create` wrote the genesis state."""

    def __init__(self, database: Database, witness: HeadWitness, genesis_hash: bytes, lock: "_Lock | None") -> None:
        self._database = database
        self._witness = witness
        self._genesis_hash = genesis_hash
        self._lock = lock
        self.journal = Journal(database, witness)
        self.seals = Seals(database)
        self.end: Mark = EMPTY_MARK
        """Journal end as verified at opening."""

    @property
    def is_empty(self) -> bool:
        """Whether the genesis state is still to be written."""
        return self._database.get(IDENTITY) is None

    def create(self, header: BatchHeader, leaves: Iterable[Leaf]) -> None:
        """Write identity and genesis state in one step. Raises StoreFailed."""
        assert self.is_empty
        assert header.batch_id == GENESIS_BATCH
        self.seals.write(header, leaves, [(IDENTITY, pack([FORMAT_VERSION, self._genesis_hash]))])
        self._witness.advance(EMPTY_MARK)

    def check(self, verify_batches: int, progress: Progress) -> None:
        """Refuse what is foreign, missing or altered. Raises StoreMismatch, StoreCorrupt."""
        identity = self._database.get(IDENTITY)
        if identity is None:
            if self._witness.exists or next(self._database.scan(b"", b"\xff"), None) is not None:
                raise StoreCorrupt(f"The store has lost its identity row. {ADVICE}")
            return
        try:
            found = unpack(identity)
        except NotCanonicalError as error:
            raise StoreCorrupt(f"The store's identity row is not readable. {ADVICE}") from error
        if found[:1] != [FORMAT_VERSION]:
            raise StoreMismatch(f"The store has format {found[:1]}, this program writes format {FORMAT_VERSION}.")
        if found[1:] != [self._genesis_hash]:
            raise StoreMismatch("The store belongs to another genesis; choose another data directory or genesis file.")
        self.end = verify(self.journal, self.seals, self._witness, verify_batches, progress)
        if self.end != self._witness.mark:
            # The crash came between the journal's write and the witness's: nothing of that cycle was released yet,
            # and from here on it will be.
            self._witness.advance(self.end)

    def table(self, name: str) -> Table:
        """A read model's key space; the same name gives the same rows."""
        return Table(self._database, name)

    def close(self) -> None:
        """Release database, witness and lock."""
        self._database.close()
        self._witness.close()
        if self._lock is not None:
            self._lock.close()


class _Lock:
    """An advisory lock on a file that names its holder; the kernel drops it when the process dies."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(self._fd, 32, 0).decode(errors="replace").strip() or "unknown"
            os.close(self._fd)
            message = f"Process {holder} uses {path.parent}; stop it, or choose another data directory."
            raise StoreLocked(message) from error
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)

    def close(self) -> None:
        """Let the next one in."""
        os.close(self._fd)


def open_store(settings: StoreSettings, genesis_hash: bytes, progress: Progress = no_progress) -> Store:
    """Open the store in `settings.directory`, creating it where nothing is there.

    Raises StoreLocked, StoreCorrupt, StoreMismatch, StoreFailed.
    """
    directory = settings.directory
    try:
        directory.mkdir(parents=True, exist_ok=True)
        lock = _Lock(directory / "LOCK")
    except OSError as error:
        raise StoreFailed(f"The store directory {directory} cannot be used: {error.strerror}.") from error
    try:
        return _open_locked(settings, genesis_hash, lock, progress)
    except BaseException:
        lock.close()
        raise


def _open_locked(settings: StoreSettings, genesis_hash: bytes, lock: _Lock, progress: Progress) -> Store:
    path = settings.directory / "db"
    witness = HeadWitness(FileSlots(settings.directory / "HEAD"))
    exists = (path / "CURRENT").exists()
    if witness.exists and not exists:
        witness.close()
        raise StoreCorrupt(f"The head witness is there, but the database in {path} is not. {ADVICE}")
    database = LevelDatabase(path, settings, create=not exists)
    store = Store(database, witness, genesis_hash, lock)
    try:
        store.check(settings.verify_batches, progress)
    except BaseException:
        database.close()
        witness.close()
        raise
    return store


def open_memory(disk: MemoryDisk, genesis_hash: bytes, progress: Progress = no_progress) -> Store:
    """The same over a MemoryDisk; everything is verified."""
    store = Store(MemoryDatabase(disk), HeadWitness(MemorySlots(disk)), genesis_hash, None)
    store.check(0, progress)
    return store
