"""The development-only operator socket: deposits without an L1, for tests, feed and bench.

A local Unix socket on which only deposits are taken, as length-prefixed records; it exists only where the settings ask for it, and
settings of
a production chain id cannot. Deposits entered here are inputs like any other: journaled, in batches, and refused by every watcher that
looks for
them on L1.
Frames, both ways: u32 big-endian length ‖ canonical msgpack. In: a record (proto.inputs) of kind DepositSeen, time 0; the index is replaced
by the queue's next one. Out: `[seq, code]`, code 0 where it was credited.
"""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final, Protocol

from node.core.outcome import Outcome, Rejected
from proto.canonical import pack
from proto.ids import ZERO_ADDRESS, Address
from proto.inputs import DepositSeen, Input, RecordError, decode_record
from proto.reject import RejectCode

RECORD_BYTES_MAX: Final = 1_024
IDLE_S: Final = 60.0
_REPLY_S: Final = 30.0


class Credited(Protocol):
    """One durable input and what it did."""

    @property
    def seq(self) -> int:
        """Its number."""
        ...

    @property
    def outcome(self) -> Outcome:
        """What came of it."""
        ...


class DepositDoor(Protocol):
    """The writer, as far as deposits need it."""

    def submit(self, item: Input, signer: Address, reply: Callable[[Credited], None]) -> RejectCode | None:
        """Queue an input, or say why not."""
        ...


class OperatorSocket:
    """Serves one connection's deposits one by one, in order: each takes the queue's next place."""

    def __init__(self, path: Path, door: DepositDoor, next_index: Callable[[], int]) -> None:
        self._path = path
        self._door = door
        self._next_index = next_index
        self._turn = asyncio.Lock()  # Two deposits must not take the same place in the queue.

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Listen while the context is open; the socket's file is readable by its owner only."""
        self._path.unlink(missing_ok=True)
        old_mask = os.umask(0o077)
        try:
            server = await asyncio.start_unix_server(self._serve, self._path, limit=RECORD_BYTES_MAX)
        finally:
            os.umask(old_mask)
        try:
            async with server:
                yield
        finally:
            self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                async with asyncio.timeout(IDLE_S):
                    length = int.from_bytes(await reader.readexactly(4), "big")
                    if not 0 < length <= RECORD_BYTES_MAX:
                        return
                    record = await reader.readexactly(length)
                answer = pack(list(await self._take(record)))
                writer.write(len(answer).to_bytes(4, "big") + answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, TimeoutError):
            return
        finally:
            writer.close()

    async def _take(self, record: bytes) -> tuple[int, int]:
        try:
            _, item = decode_record(record)
        except RecordError:
            return 0, RejectCode.FRAME_MALFORMED.value
        if not isinstance(item, DepositSeen):
            return 0, RejectCode.ACTION_KIND_UNKNOWN.value
        async with self._turn:
            done: asyncio.Future[Credited] = asyncio.get_running_loop().create_future()
            placed = DepositSeen(self._next_index(), item.owner, item.asset, item.amount)
            refusal = self._door.submit(placed, ZERO_ADDRESS, done.set_result)
            if refusal is not None:
                return 0, refusal.value
            async with asyncio.timeout(_REPLY_S):
                credited = await done
        outcome = credited.outcome
        return credited.seq, outcome.code.value if isinstance(outcome, Rejected) else 0
