"""Keeps views up to date with what is released, and their rows on disk.

Invariants:
- Rows of inputs up to a seal are written before `released` returns from the seal's cycle, so that recovery, which replays from the last
  seal, always finds views that reach at least there.
- Writes happen in one thread, in order; between seals the event loop does not wait for them.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from node.core.outcome import Applied
from node.gateway.counting import requests_of
from node.gateway.ports import Released
from node.store.headers import BatchHeader
from node.views.batches import BatchRow
from node.views.retention import ForgetfulTable, Horizon, stale_keys
from node.views.venue import Views
from proto.hl.actions import HlL1Request, HlUserRequest
from proto.ids import AccountId, Address
from proto.inputs import SealTick, UserAction

_PAUSE_S: Final = 0.01  # Between two writes: rows that change often are written once.
_WRITE_S_MAX: Final = 60.0
_REPLAYED_INPUTS: Final = 5_000  # Written at once while recovery replays.
_FORGET_S: Final = 600.0  # Between two looks for rows that are too old.
_DAY_MS: Final = 86_400_000


class Shelf:
    """Listener of the sequencer; `run` must be running for rows to reach the disk between seals."""

    def __init__(self, views: Views, table: ForgetfulTable, history_days: int = 0) -> None:
        """Histories older than `history_days` are forgotten; 0: never."""
        self.views = views
        self._table = table
        self._history_days = history_days
        self._thread = ThreadPoolExecutor(1, "novate-views")
        self._dirty = asyncio.Event()
        self._wanted = asyncio.Event()
        self._flushed = asyncio.Condition()
        self.flushed_seq = views.seq
        self.followers: list[Callable[[], None]] = []
        """Called after each released cycle, once the views contain it."""

    def replayed(self, inputs: Sequence[Released]) -> None:
        """A cycle that recovery replays; writes in place, before the event loop matters."""
        self._apply(inputs)
        if self.views.seq - self.flushed_seq >= _REPLAYED_INPUTS or isinstance(inputs[-1].item, SealTick):
            self.flush()

    def released(self, inputs: Sequence[Released]) -> None:
        """A cycle that is durable."""
        self._apply(inputs)
        if isinstance(inputs[-1].item, SealTick):
            self.flush()
        else:
            self._dirty.set()
        for follower in self.followers:
            follower()

    def _apply(self, inputs: Sequence[Released]) -> None:
        views = self.views
        for item in inputs:
            outcome = item.outcome
            if type(item.item) is UserAction and item.seq > views.seq:
                account = self._actor(item.item, item.signer)
                if account is not None:
                    views.totals.requested(account, requests_of(item.item))
            views.apply(item.seq, item.time, outcome.events if type(outcome) is Applied else ())
        views.release()

    def _actor(self, item: UserAction, signer: Address) -> AccountId | None:
        """Whose budget an action counts against."""
        intent, directory = item.intent, self.views.directory
        if isinstance(intent, HlL1Request | HlUserRequest):
            vault = intent.vault if isinstance(intent, HlL1Request) else None
            return directory.account_of(signer) if vault is None else directory.by_address.get(vault)
        return directory.by_address.get(intent.account)

    def sealed(self, header: BatchHeader) -> None:
        """A batch is durable."""
        self.views.batches.put(
            BatchRow(
                header.batch_id, header.first_seq, header.last_seq, header.ops_count, header.l2_time, header.prev_state_root,
                header.state_root, header.inputs_root, header.ops_root, header.data_hash,
            )
        )  # fmt: skip
        self._dirty.set()

    def catch_up_batches(self, header_of: Callable[[int], BatchHeader | None], last: int) -> None:
        """Add the batches that were sealed and whose row was lost with the process."""
        for batch in range(self.views.batches.last + 1, last + 1):
            header = header_of(batch)
            if header is not None:
                self.sealed(header)

    def settled(self) -> None:
        """A batch moved on through settlement: write it soon."""
        self._dirty.set()

    def flush(self) -> None:
        """Write what is pending, after what the thread is writing now, and wait for it."""
        seq, rows = self.views.take_rows()
        if rows:
            self._thread.submit(self._table.put_batch, rows).result(_WRITE_S_MAX)
        self.flushed_seq = max(self.flushed_seq, seq)

    async def run(self) -> None:
        """Write rows, and forget old ones, until cancelled; what is pending then is written by the next recovery."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._write(loop))
                group.create_task(self._forget(loop))
        finally:
            self.flush()
            self._thread.shutdown()

    async def _forget(self, loop: asyncio.AbstractEventLoop) -> None:
        while self._history_days:
            await asyncio.sleep(_FORGET_S)
            await self.forget_now(loop)

    async def forget_now(self, loop: asyncio.AbstractEventLoop) -> None:
        """Delete what is older than the retention, a few rows at a time between other writes."""
        now = self.views.time
        steps = stale_keys(self._table, Horizon(now - self._history_days * _DAY_MS, now))
        while (keys := await loop.run_in_executor(self._thread, next, steps, None)) is not None:
            if keys:
                await loop.run_in_executor(self._thread, self._table.delete_batch, keys)

    async def _write(self, loop: asyncio.AbstractEventLoop) -> None:
        while True:
            await self._dirty.wait()
            self._dirty.clear()
            seq, rows = self.views.take_rows()
            if rows:
                async with asyncio.timeout(_WRITE_S_MAX):
                    await loop.run_in_executor(self._thread, self._table.put_batch, rows)
            self.flushed_seq = max(self.flushed_seq, seq)
            async with self._flushed:
                self._flushed.notify_all()
            await self._pause()

    async def _pause(self) -> None:
        self._wanted.clear()
        try:
            async with asyncio.timeout(_PAUSE_S):
                await self._wanted.wait()
        except TimeoutError:
            pass

    async def caught_up(self) -> None:
        """Wait until the disk shows everything that is released now. The caller sets the timeout."""
        seq = self.views.seq
        if self.flushed_seq >= seq:
            return
        self._wanted.set()
        async with self._flushed:
            await self._flushed.wait_for(lambda: self.flushed_seq >= seq)
