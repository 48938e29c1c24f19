"""The door to LevelDB: paranoid, checksummed, never repaired, and dead after the first failed write.

Measured habits of LevelDB 1.22 that this module answers: after a failed append later synced writes are acknowledged and lost;
by default it opens corrupted files without a word. A truncated log is invisible to it; the head witness answers that.
"""

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import plyvel

from node.store.database import Row
from node.store.errors import ADVICE, StoreCorrupt, StoreFailed
from node.store.settings import StoreSettings


class LevelDatabase:
    """One open LevelDB directory."""

    def __init__(self, path: Path, settings: StoreSettings, *, create: bool) -> None:
        """Open, or create where nothing is there. Raises StoreCorrupt where LevelDB finds a fault in its files."""
        self._path = path
        # One writer at a time, so that nobody's write is under way on a handle that has just failed.
        self._lock = threading.Lock()
        self._failure: str | None = None
        try:
            self._db = plyvel.DB(
                str(path),
                create_if_missing=create,
                paranoid_checks=True,
                write_buffer_size=settings.write_buffer_bytes,
                lru_cache_size=settings.cache_bytes,
                max_open_files=settings.open_files,
                bloom_filter_bits=10,
            )
        except plyvel.Error as error:
            raise StoreCorrupt(f"LevelDB refuses {path}: {error}. {ADVICE}") from error

    def get(self, key: bytes) -> bytes | None:
        """The value at `key`."""
        try:
            value: bytes | None = self._db.get(key, verify_checksums=True)
        except plyvel.Error as error:
            raise self._corrupt(error) from error
        return value

    def write(self, puts: Sequence[Row], deletes: Sequence[bytes] = (), *, sync: bool) -> None:
        """One atomic batch."""
        batch = self._db.write_batch(sync=sync)
        put = batch.put
        for key, value in puts:
            put(key, value)
        for key in deletes:
            batch.delete(key)
        with self._lock:
            if self._failure is not None:
                raise StoreFailed(f"An earlier write failed ({self._failure}); the process must exit.")
            try:
                batch.write()
            except (plyvel.Error, OSError) as error:
                self._failure = str(error)
                raise StoreFailed(f"LevelDB in {self._path} failed to write: {error}.") from error

    def scan(self, start: bytes, stop: bytes, *, reverse: bool = False) -> Iterator[Row]:
        """Rows of a range."""
        # plyvel 1.5.1 yields nothing backwards where the only row of the range is at `start`, so that bound is applied here.
        first = None if reverse else start
        rows = self._db.iterator(start=first, stop=stop, reverse=reverse, verify_checksums=True, fill_cache=False)
        try:
            for row in rows:
                if row[0] < start:
                    break
                yield row
        except plyvel.Error as error:
            raise self._corrupt(error) from error
        finally:
            rows.close()

    def close(self) -> None:
        """Release the handle."""
        self._db.close()

    def _corrupt(self, error: Exception) -> StoreCorrupt:
        return StoreCorrupt(f"LevelDB in {self._path} cannot read what it wrote: {error}. {ADVICE}")
