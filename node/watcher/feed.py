"""Reads the contract's history from L1, in chain order, and only as deep as it is believed.

Invariants:
- A chunk counts because its bytes are in the input of a transaction to the contract and hash to what the contract logged.
- What was handed out is never taken back: a reorganisation below the believed depth ends the feed with an error.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import NamedTuple

from node.l1.answers import L1Error, L1Lied, L1Log, L1Unavailable, first_of
from node.l1.follow import BlockPoint, BlockSeen, ChainFollower, FinalizedSeen, FollowSettings, Reorganised
from node.l1.rpc import L1Client
from node.l1.vault import (
    TOPICS,
    ActionQueued,
    BatchAttested,
    BatchCommitted,
    BatchesReverted,
    DataPosted,
    DataReset,
    DepositQueued,
    Frozen,
    VaultEvent,
    WithdrawalPaid,
    chunk_of_call,
    event_of,
)
from node.watcher.settings import WatcherSettings
from node.watcher.verify import PostedBatch
from proto.hashing import keccak

REQUESTS_AT_ONCE = 8


class HistoryChanged(L1Error):
    """L1 replaced blocks that were believed: start again."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where in L1's history something is."""

    block: BlockPoint
    log_index: int


class Fact(NamedTuple):
    """One thing that L1 says: a posted batch with its data, a queued deposit, or a paid withdrawal."""

    what: PostedBatch | DepositQueued | ActionQueued | WithdrawalPaid
    place: Place
    open_data: tuple[bytes, ...] = ()
    """With a batch: transactions with data of batches that were not committed yet at this place."""


@dataclass(frozen=True, slots=True)
class _Chunk:
    index: int
    transaction_hash: bytes
    data: bytes


class L1Feed:
    """Facts from `start` on. `chunks` are transactions whose data belongs to batches that are not committed at `start`."""

    def __init__(
        self, client: L1Client, settings: WatcherSettings, start: Place | None = None, *, without_data_to: int = 0
    ) -> None:
        """`without_data_to`: batches up to this one come without their data, which is not read."""
        self._client = client
        self._without_data_to = without_data_to
        self._settings = settings
        self._start = start
        self._follower = ChainFollower(
            client,
            FollowSettings(
                addresses=(settings.contract,),
                topics=(tuple(TOPICS.values()),),
                start_block=settings.start_block if start is None else start.block.number,
                finality_depth=settings.depth_blocks,
            ),
        )
        self._blocks: deque[BlockSeen] = deque()  # Read, not handed out.
        self._chunks: dict[int, list[_Chunk]] = {}
        self._handed_out = -1  # Height.

    @property
    def head(self) -> int:
        """Height of the newest block read, -1 before any."""
        tip = self._follower.tip
        return -1 if tip is None else tip.number

    def _open_data(self) -> tuple[bytes, ...]:
        """Transactions with data of batches that are not committed yet: a later feed must be given them."""
        return tuple(chunk.transaction_hash for chunks in self._chunks.values() for chunk in chunks)

    async def adopt(self, transactions: tuple[bytes, ...]) -> None:
        """Take in what an earlier feed left open. Raises L1Error kinds."""
        for transaction_hash in transactions:
            batch_id, chunk = await self._fetch(transaction_hash, None)
            self._chunks.setdefault(batch_id, []).append(chunk)

    async def advance(self, *, to_head: bool) -> AsyncIterator[Fact]:
        """What is new and believed; `to_head` believes everything that was read. Raises L1Error kinds, HistoryChanged."""
        believed = self._follower.finalized_number
        async for step in self._follower.advance():
            match step:
                case BlockSeen():
                    self._blocks.append(step)
                case Reorganised():
                    if step.kept.number < self._handed_out:
                        raise HistoryChanged(f"L1 replaced blocks after {step.kept.number}, which were believed")
                    while self._blocks and self._blocks[-1].block.number > step.kept.number:
                        self._blocks.pop()
                case FinalizedSeen():
                    believed = step.number
        while self._blocks and (to_head or self._blocks[0].block.number <= believed):
            async for fact in self._facts(self._blocks[0]):
                yield fact
            self._handed_out = self._blocks.popleft().block.number

    async def _facts(self, seen: BlockSeen) -> AsyncIterator[Fact]:
        point = BlockPoint(seen.block.number, seen.block.hash)
        events = [(log, event) for log in seen.logs if (event := event_of(log)) is not None and self._is_new(log)]
        wanted = [log for log, event in events if isinstance(event, DataPosted) and event.batch_id > self._without_data_to]
        fetched = await self._fetch_all(wanted)
        for log, event in events:
            what = self._take(event, fetched.get(log.transaction_hash))
            if what is not None:
                open_data = self._open_data() if isinstance(what, PostedBatch) else ()
                yield Fact(what, Place(point, log.log_index), open_data)

    def _is_new(self, log: L1Log) -> bool:
        start = self._start
        if start is None or log.block_number > start.block.number:
            return True
        if log.block_hash != start.block.hash:
            raise HistoryChanged(f"L1 replaced block {start.block.number}, which was believed")
        return log.log_index > start.log_index

    def _take(
        self, event: VaultEvent, fetched: tuple[int, _Chunk] | None
    ) -> PostedBatch | DepositQueued | ActionQueued | WithdrawalPaid | None:
        match event:
            case DataPosted() if event.batch_id <= self._without_data_to:
                return None
            case DataPosted():
                assert fetched is not None, "every DataPosted was fetched"
                batch_id, chunk = fetched
                chunks = self._chunks.setdefault(event.batch_id, [])
                if (batch_id, chunk.index, keccak(chunk.data)) != (event.batch_id, event.index, event.chunk_hash):
                    raise L1Lied(f"batch {event.batch_id}: a transaction's data is not what the contract logged")
                if chunk.index != len(chunks):
                    raise L1Lied(f"batch {event.batch_id}: chunk {chunk.index} comes where {len(chunks)} is next")
                chunks.append(chunk)
                return None
            case DataReset():
                self._chunks.pop(event.batch_id, None)
                return None
            case BatchCommitted():
                chunks = self._chunks.pop(event.commitment.batch_id, [])
                data, transactions = tuple(c.data for c in chunks), tuple(c.transaction_hash for c in chunks)
                return PostedBatch(event.commitment, event.signature, data, transactions)
            case DepositQueued() | ActionQueued() | WithdrawalPaid():
                return event
            case BatchesReverted() | BatchAttested() | Frozen():
                return None

    async def _fetch_all(self, logs: list[L1Log]) -> dict[bytes, tuple[int, _Chunk]]:
        room = asyncio.Semaphore(REQUESTS_AT_ONCE)

        async def one(log: L1Log) -> tuple[int, _Chunk]:
            async with room:
                return await self._fetch(log.transaction_hash, log)

        try:
            async with asyncio.TaskGroup() as tasks:
                started = {log.transaction_hash: tasks.create_task(one(log)) for log in logs}
        except* L1Error as group:
            raise first_of(group) from None
        return {transaction_hash: task.result() for transaction_hash, task in started.items()}

    async def _fetch(self, transaction_hash: bytes, log: L1Log | None) -> tuple[int, _Chunk]:
        transaction = await self._client.transaction(transaction_hash)
        if transaction is None:
            raise L1Unavailable("the node does not have a transaction whose event it showed")
        if log is not None and transaction.block_hash != log.block_hash:
            raise L1Unavailable("a transaction has moved to another block")
        found = chunk_of_call(transaction.data) if transaction.to == self._settings.contract else None
        if found is None:
            raise L1Lied("a transaction that posted data does not hold it")
        batch_id, index, data = found
        return batch_id, _Chunk(index, transaction_hash, data)
