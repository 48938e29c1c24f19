"""Where blobs are read: a consensus node's HTTP interface (`/eth/v1/beacon/blobs`), which anvil and the embedded chain have too.

Invariants:
- A blob is returned only if its commitment hashes to the versioned hash that was asked for: whoever serves it is not trusted.
- Answers have a time limit and a size limit. What is missing or away is L1Unavailable, what does not fit L1Lied.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

import aiohttp

from node.l1.answers import L1Lied, L1Unavailable, data
from node.l1.blobs import BLOB_BYTES, BlobMalformed
from node.l1.json_text import JsonRefused, parse_json
from node.l1.kzg.commitments import commitment_of, versioned_hash

_PER_BLOB_BYTES: Final = 2 * BLOB_BYTES + 64
_FRAME_BYTES: Final = 65_536


@dataclass(frozen=True, slots=True)
class Slots:
    """How heights become slots: by time on a real chain, unchanged where the server counts heights."""

    genesis_s: int
    slot_s: int

    def of(self, number: int, timestamp_s: int) -> int:
        """The slot of a block."""
        return number if self.slot_s == 0 else (timestamp_s - self.genesis_s) // self.slot_s


class BlobSource:
    """One endpoint. Use as an async context manager."""

    def __init__(self, url: str, timeout_s: float = 20.0) -> None:
        self._url = url.rstrip("/")
        self._timeout_s = timeout_s
        self._session: aiohttp.ClientSession | None = None
        self._slots: Slots | None = None

    async def __aenter__(self) -> Self:
        """Open the connection pool."""
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=self._timeout_s))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def blobs(self, number: int, timestamp_s: int, hashes: Sequence[bytes]) -> tuple[bytes, ...]:
        """The blobs with these versioned hashes, which block `number` carries, in this order. Raises L1Unavailable, L1Lied."""
        if self._slots is None:
            self._slots = await self._find_slots()
        names = ",".join("0x" + blob_hash.hex() for blob_hash in hashes)
        path = f"/eth/v1/beacon/blobs/{self._slots.of(number, timestamp_s)}?versioned_hashes={names}"
        status, answer = await self._get(path, _FRAME_BYTES + 16 * _PER_BLOB_BYTES)
        if status != 200 or not isinstance(answer, dict) or not isinstance(answer.get("data"), list):
            raise L1Unavailable(f"blobs of block {number}: HTTP {status}")
        found = [data(item, "blob") for item in answer["data"]]
        named = await asyncio.to_thread(_by_hash, found)
        missing = [blob_hash for blob_hash in hashes if blob_hash not in named]
        if missing:
            raise L1Unavailable(f"blob 0x{missing[0].hex()} of block {number} is not there (any more)")
        return tuple(named[blob_hash] for blob_hash in hashes)

    async def _find_slots(self) -> Slots:
        """From the chain's own parameters; a server without them counts heights."""
        status, spec = await self._get("/eth/v1/config/spec", _FRAME_BYTES)
        if status == 404:
            return Slots(0, 0)
        _, genesis = await self._get("/eth/v1/beacon/genesis", _FRAME_BYTES)
        try:
            return Slots(int(genesis["data"]["genesis_time"]), int(spec["data"]["SECONDS_PER_SLOT"]))
        except (KeyError, TypeError, ValueError):
            raise L1Lied("the consensus node's parameters have no genesis time or slot length") from None

    async def _get(self, path: str, most: int) -> tuple[int, Any]:
        assert self._session is not None, "BlobSource is used inside `async with`"
        try:
            async with self._session.get(self._url + path) as response:
                body = b""
                async for chunk in response.content.iter_any():
                    body += chunk
                    if len(body) > most:
                        raise L1Lied(f"{path.partition('?')[0]}: answer exceeds {most} bytes")
                return response.status, parse_json(body) if response.status == 200 else None
        except JsonRefused as error:
            raise L1Lied(f"blobs: {error}") from None
        except TimeoutError:
            raise L1Unavailable(f"blobs: no answer in {self._timeout_s} s") from None
        except (aiohttp.ClientError, OSError) as error:
            raise L1Unavailable(f"blobs: {type(error).__name__}: {str(error)[:200]}") from error


def _by_hash(blobs: Sequence[bytes]) -> dict[bytes, bytes]:
    """Versioned hash → blob, computed from the bytes alone."""
    named: dict[bytes, bytes] = {}
    for blob in blobs:
        try:
            named[versioned_hash(commitment_of(blob))] = blob
        except BlobMalformed as error:
            raise L1Lied(f"blobs: {error}") from None
    return named
