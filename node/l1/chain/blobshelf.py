"""Blobs of the embedded chain's blocks, one file each, as a consensus node would keep them for some weeks.

Files are `blobs/<height>-<versioned hash>`. Invariants:
- A block's blobs are on disk before the block is, so what a block names can be read.
- A blob is dropped only once its block is KEPT_BLOCKS old; a block that was rolled back leaves files that go the same way.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from node.l1.blobs import BLOB_BYTES
from node.l1.chain.blockfile import ChainStorageCorrupt, ChainStorageFailed

KEPT_BLOCKS: Final = 131_072  # 4,096 epochs of Ethereum, in blocks.
PRUNE_EVERY_BLOCKS: Final = 256


class BlobShelf:
    """The blobs of one data directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory / "blobs"
        self._paths: dict[bytes, tuple[int, Path]] = {}
        if self._directory.exists():
            for path in sorted(self._directory.iterdir()):
                self._note(path)

    def _note(self, path: Path) -> None:
        height, _, name = path.name.partition("-")
        if not height.isdigit() or len(name) != 64:
            return  # Not ours, or the rest of a write that never ended.
        number, blob_hash = int(height), bytes.fromhex(name)
        if self._paths.get(blob_hash, (-1, path))[0] < number:
            self._paths[blob_hash] = number, path

    def keep(self, number: int, blobs: Iterable[tuple[bytes, bytes]]) -> None:
        """Make the (versioned hash, blob) pairs of block `number` durable. Raises ChainStorageFailed."""
        wanted = list(blobs)
        if not wanted:
            return
        try:
            self._directory.mkdir(exist_ok=True)
            for blob_hash, blob in wanted:
                self._write(number, blob_hash, blob)
            handle = os.open(self._directory, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
        except OSError as error:
            raise ChainStorageFailed(f"blobs of block {number}: {error}") from error

    def _write(self, number: int, blob_hash: bytes, blob: bytes) -> None:
        path = self._directory / f"{number:012d}-{blob_hash.hex()}"
        fresh = path.with_suffix(".new")
        with fresh.open("wb") as file:
            file.write(blob)
            file.flush()
            os.fsync(file.fileno())
        fresh.rename(path)
        self._paths[blob_hash] = number, path

    def read(self, blob_hash: bytes) -> bytes | None:
        """The blob of a versioned hash; None where it is unknown or no longer kept. Raises ChainStorageCorrupt."""
        found = self._paths.get(blob_hash)
        if found is None:
            return None
        blob = found[1].read_bytes()
        if len(blob) != BLOB_BYTES:
            raise ChainStorageCorrupt(f"{found[1].name} is not a whole blob")
        return blob

    def prune(self, head: int) -> None:
        """Now and then, drop what is older than anybody must be able to ask for. Raises ChainStorageFailed."""
        if head % PRUNE_EVERY_BLOCKS:
            return
        old = [blob_hash for blob_hash, (number, _) in self._paths.items() if number < head - KEPT_BLOCKS]
        try:
            for blob_hash in old:
                self._paths.pop(blob_hash)[1].unlink(missing_ok=True)
        except OSError as error:
            raise ChainStorageFailed(f"old blobs: {error}") from error
