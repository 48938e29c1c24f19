"""Follows L1 by parent hash: new canonical blocks with their logs, reorganisations, finality.

Invariants:
- The blocks yielded form one chain: each names the previous one as parent, or a Reorganised step came in between.
  Only below the finalized height may blocks without matching logs be skipped.
- Logs near the head are asked for by block hash, so that a reorg between two requests cannot mix two branches.
- State changes with each step that is yielded and not otherwise: after any failure the next call goes on from there.
- A reorg deeper than what is remembered raises ReorgTooDeep; nothing is guessed.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Final

from node.l1.answers import L1AnswerTooLarge, L1Block, L1Error, L1Lied, L1Log, L1Refused, L1Unavailable
from node.l1.rpc import L1Client, Topics
from proto.ids import Address

BACKOFF_MAX_S: Final = 30.0
FINALITY_BY_TAG: Final = 0


class ReorgTooDeep(L1Error):
    """L1 has abandoned a block older than all that are remembered."""


@dataclass(frozen=True, slots=True)
class BlockPoint:
    """A block by height and hash."""

    number: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class BlockSeen:
    """The next canonical block, with its matching logs."""

    block: L1Block
    logs: tuple[L1Log, ...]


@dataclass(frozen=True, slots=True)
class Reorganised:
    """Blocks that were yielded are no longer canonical, newest first. `kept` is the newest that still is."""

    kept: BlockPoint
    dropped: tuple[BlockPoint, ...]


@dataclass(frozen=True, slots=True)
class FinalizedSeen:
    """Everything yielded up to this height is final. Grows while one follower lives; a restart may repeat it."""

    number: int


Step = BlockSeen | Reorganised | FinalizedSeen


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowSettings:
    """What to follow and how. `finality_depth` 0 uses the `finalized` tag, else that many blocks below the head."""

    addresses: tuple[Address, ...] = ()
    topics: tuple[bytes | tuple[bytes, ...] | None, ...] = ()
    start_block: int = 0
    finality_depth: int = FINALITY_BY_TAG
    remembered_blocks: int = 256
    range_blocks: int = 2_000
    blocks_per_call: int = 512
    poll_s: float = 0.5


class ChainFollower:
    """One reader's position on L1."""

    def __init__(self, client: L1Client, settings: FollowSettings, checkpoint: Sequence[BlockPoint] = ()) -> None:
        """`checkpoint`: what `checkpoint()` gave before a restart; at least its newest point, empty to start afresh."""
        assert settings.remembered_blocks > 0, "the newest block must be remembered"
        self._client = client
        self._settings = settings
        self._seen: deque[BlockPoint] = deque(checkpoint, maxlen=settings.remembered_blocks)
        self._range_blocks = settings.range_blocks
        self._finalized = -1

    @property
    def tip(self) -> BlockPoint | None:
        """The newest block yielded, None before the first."""
        return self._seen[-1] if self._seen else None

    @property
    def finalized_number(self) -> int:
        """Height up to which what was yielded is final, -1 before any."""
        return self._finalized

    def checkpoint(self) -> tuple[BlockPoint, ...]:
        """The remembered blocks, oldest first: store them to continue after a restart."""
        return tuple(self._seen)

    async def steps(self) -> AsyncIterator[Step]:
        """Follow for ever; waits out L1Unavailable with growing pauses. Raises L1Lied, L1Refused, ReorgTooDeep."""
        pause_s = self._settings.poll_s
        while True:
            try:
                async for step in self.advance():
                    yield step
                pause_s = self._settings.poll_s
            except L1Unavailable:
                pause_s = min(2 * pause_s, BACKOFF_MAX_S)
            await asyncio.sleep(pause_s)

    async def advance(self) -> AsyncIterator[Step]:
        """What is new now, at most `blocks_per_call` requests' worth. Raises L1Error kinds."""
        head = await self._client.block("latest")
        if head is None:
            raise L1Unavailable("the node has no latest block")
        final = await self._final_number(head)
        reorganised = await self._find_fork(head)
        if reorganised is not None:
            yield reorganised
        budget = self._settings.blocks_per_call
        while budget > 0 and self._next_number() < final:
            async for step in self._range_step(final):
                yield step
            budget -= 1
        while budget > 0 and self._next_number() <= head.number:
            seen = await self._block_step()
            if seen is None:
                break  # The chain moved under us; the next call finds the fork.
            self._remember(seen.block)
            yield seen
            budget -= 1
        reached = min(final, self._next_number() - 1)
        if self._seen and reached > self._finalized:
            self._finalized = reached
            yield FinalizedSeen(reached)

    def _next_number(self) -> int:
        return self._seen[-1].number + 1 if self._seen else self._settings.start_block

    def _remember(self, block: L1Block) -> None:
        self._seen.append(BlockPoint(block.number, block.hash))

    async def _final_number(self, head: L1Block) -> int:
        depth = self._settings.finality_depth
        if depth != FINALITY_BY_TAG:
            return head.number - depth
        block = await self._client.block("finalized")
        return block.number if block is not None else -1

    async def _find_fork(self, head: L1Block) -> Reorganised | None:
        """Walk back to the newest remembered block that is still canonical."""
        if not self._seen:
            return None
        tip = self._seen[-1]
        if head.number < self._seen[0].number:
            raise L1Unavailable(f"the node is at block {head.number}, far behind what was seen")
        if head.number < tip.number:
            # A node that lags behind has our block at its head's height; a shorter branch does not.
            known = next((point for point in self._seen if point.number == head.number), None)
            if known is not None and known.hash == head.hash:
                return None
        kept = len(self._seen)
        while kept > 0:
            point = self._seen[kept - 1]
            block = head if point.number == head.number else await self._client.block(point.number)
            if block is not None and block.hash == point.hash:
                break
            kept -= 1
        if kept == 0:
            raise ReorgTooDeep(f"none of the {len(self._seen)} remembered blocks is canonical any more")
        dropped: list[BlockPoint] = []
        while len(self._seen) > kept:
            dropped.append(self._seen.pop())
        return Reorganised(self._seen[-1], tuple(dropped)) if dropped else None

    async def _block_step(self) -> BlockSeen | None:
        """The next block, if it continues what was yielded."""
        block = await self._client.block(self._next_number())
        if block is None or (self._seen and block.parent_hash != self._seen[-1].hash):
            return None
        try:
            logs = await self._client.logs_of_block(block, self._settings.addresses, self._topics)
        except L1Refused as error:
            if await self._client.block_by_hash(block.hash) is None:
                return None
            raise L1Unavailable(f"logs of block {block.number}: {error}") from error
        return BlockSeen(block, logs)

    async def _range_step(self, final: int) -> AsyncIterator[BlockSeen]:
        """A stretch of final history in one query: the blocks that have logs, and the last one."""
        first = self._next_number()
        last = min(final, first + self._range_blocks - 1)
        try:
            logs = await self._client.logs(first, last, self._settings.addresses, self._topics)
        except (L1Refused, L1AnswerTooLarge):
            if self._range_blocks == 1:
                raise
            self._range_blocks = max(1, self._range_blocks // 4)  # Too much in one answer: ask for less.
            return
        self._range_blocks = min(self._settings.range_blocks, self._range_blocks * 2)
        by_number: dict[int, list[L1Log]] = {last: []}
        for log in logs:
            by_number.setdefault(log.block_number, []).append(log)
        for number in sorted(by_number):
            block = await self._client.block(number)
            if block is None:
                raise L1Unavailable(f"block {number} is final but not there")
            found = tuple(by_number[number])
            if any(log.block_hash != block.hash for log in found):
                raise L1Lied(f"final block {number} is not the one its logs name")
            if self._seen and self._seen[-1].number == number - 1 and block.parent_hash != self._seen[-1].hash:
                return
            self._remember(block)
            yield BlockSeen(block, found)

    @property
    def _topics(self) -> Topics:
        return self._settings.topics
