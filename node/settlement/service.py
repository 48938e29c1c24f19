"""Settlement as a running thing: one task reads L1, one posts.

Reading: contract events in chain order go to the deposit feed and the tracker; how far they were taken in is stored as a hint, which
counts at the next start only if the state agrees with it. L1's time bounds the stamps.
Invariants:
- `check` must have passed before `run`: the contract is this network's, and its queue and newest batch are those of our history.
- L1 being away stops deposits and posting, never trading; `unposted` tells admission when the backlog is too large.
"""

import asyncio
import contextlib
from typing import Final, NamedTuple, Protocol

from node.core.params import Params
from node.l1.answers import L1Lied, L1Refused, L1Unavailable
from node.l1.deployment import Deployment, DeploymentRefused, GenesisFacts, Mismatch, check_deployment
from node.l1.follow import (
    BlockPoint,
    BlockSeen,
    ChainFollower,
    FinalizedSeen,
    FollowSettings,
    Reorganised,
    ReorgTooDeep,
    Step,
)
from node.l1.rpc import L1Client
from node.l1.vault import TOPICS, ActionQueued, BatchCommitted, DataPosted, DataReset, DepositQueued, Vault, event_of
from node.ops.clock import Clock
from node.ops.logs import room_log
from node.ops.metrics import Metrics
from node.settlement.claims import Claims, ClaimStatus, Leaves
from node.settlement.deposits import DepositFeed, PendingDeposit
from node.settlement.gauges import SettlementGauges
from node.settlement.ports import Sequencing, StatusListener
from node.settlement.post import Poster, PostProblem
from node.settlement.settings import SettlementSettings
from node.settlement.solvency import SealedLeaves, Solvency
from node.settlement.track import BatchTrack, Tracker
from node.store.headers import BatchHeader
from node.store.table import Table
from proto.canonical import pack, unpack
from proto.ids import Address
from proto.signing.eip712 import Domain
from proto.signing.secp256k1 import SigningKey
from proto.units import TimeMs

NS_PER_S: Final = 1_000_000_000
NS_PER_MS: Final = 1_000_000
L1_LEAD_MS: Final = 14 * 60 * 1_000
"""How far stamps may be ahead of L1's time: the contract takes 15 minutes, one is kept for blocks to come."""
BACKOFF_MAX_S: Final = 15.0
LAG_PATIENCE_S: Final = 30.0
"""How long an L1 node may lag behind our history at start before it counts as another history."""
_POSITION: Final = b"position"
_WATCHED: Final = tuple(TOPICS[name] for name in ("DepositQueued", "ActionQueued", "DataPosted", "DataReset", "BatchCommitted"))
_log = room_log("settlement")


class Account(NamedTuple):
    """The operator's key and where its signatures count."""

    key: SigningKey
    domain: Domain
    genesis: GenesisFacts
    params: Params


class StoredLeaves(Leaves, SealedLeaves, Protocol):
    """Sealed leaves, one by one and all together."""


class Tables(NamedTuple):
    """Where settlement keeps its rows, and the sealed leaves that withdrawals are proved from."""

    tracks: Table
    position: Table
    solvency: Table
    leaves: StoredLeaves


class Settlement:
    """Made once per node; give it to the sequencer as a listener's `sealed`, and to the gateway for its reads."""

    def __init__(
        self,
        client: L1Client,
        sequencer: Sequencing,
        account: Account,
        tables: Tables,
        listener: StatusListener,
        settings: SettlementSettings,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self._client = client
        self._vault = Vault(client, settings.contract)
        self._sequencer = sequencer
        self._account = account
        self._tables = tables
        self._listener = listener
        self._settings = settings
        self._clock = clock
        self._gauges = SettlementGauges(metrics)
        self.claims = Claims(sequencer, tables.leaves)
        self.poster = Poster(
            client, sequencer, account.key, account.domain, settings, lambda: clock.monotonic_ns() / NS_PER_S
        )
        self.tracker = Tracker(tables.tracks, listener)
        period_ms = settings.solvency_period_ms
        self.solvency = Solvency(
            tables.leaves, account.params, account.key, account.domain, tables.solvency, clock, period_ms
        )
        self._feed = DepositFeed(sequencer)
        self._stopping = asyncio.Event()
        self._head = 0
        self._head_time_s = 0
        self._head_seen_ns = 0

    # ------------------------------------------------------------------------------------------------------------ use

    def sealed(self, header: BatchHeader) -> None:
        """A batch is durable: post it."""
        assert header.batch_id > 0
        self.poster.wake()

    def unposted(self) -> int:
        """Sealed batches that L1 does not have."""
        return self.poster.backlog

    def complaint(self) -> str | None:
        """For readiness: why settlement does not move, None where it does."""
        problem = self.poster.problem
        return None if problem is None else f"{problem.number} {problem.name}: {problem.sentence}"

    @property
    def problem(self) -> PostProblem | None:
        """What holds posting up."""
        return self.poster.problem

    @property
    def head(self) -> int:
        """Height of the newest L1 block that was taken in."""
        return self._head

    def batch(self, batch_id: int) -> BatchTrack | None:
        """A batch on L1; None while it is only sealed."""
        return self.tracker.find(batch_id)

    def pending_deposits(self, owner: Address | None = None) -> list[PendingDeposit]:
        """Deposits that L1 shows and that are not credited yet."""
        return self._feed.pending(owner)

    def withdrawal(self, index: int) -> ClaimStatus:
        """Where a withdrawal stands, with its claim once the money can be fetched."""
        return self.claims.status(index, self.tracker.tip, self.tracker.final)

    # -------------------------------------------------------------------------------------------------------- running

    async def check(self) -> Deployment:
        """Whether contract, queue and newest batch on L1 are ours. Raises DeploymentRefused, other L1Error kinds."""
        deployment = await check_deployment(self._client, self._settings.contract, self._account.genesis)
        if deployment.operator != self._account.key.address:
            raise DeploymentRefused(
                Mismatch.OTHER_OPERATOR,
                f"The contract's operator is 0x{deployment.operator.hex()}, our key is 0x{self._account.key.address.hex()}.",
            )
        await self._check_tip()
        deadline = asyncio.get_running_loop().time() + LAG_PATIENCE_S
        cursor, queue_hash = self._sequencer.peek(lambda state: (state.queue_cursor, state.queue_hash))
        while (length := await self._vault.queue_length()) < cursor:
            if asyncio.get_running_loop().time() > deadline:
                raise DeploymentRefused(
                    Mismatch.QUEUE_FORGOTTEN,
                    f"{cursor} queue items are credited, L1 has {length}: another L1, or it lost blocks.",
                )
            await asyncio.sleep(self._settings.poll_ms / 1_000)
        if await self._vault.queue_hash_at(cursor) != queue_hash:
            raise DeploymentRefused(
                Mismatch.QUEUE_DIFFERS, f"The first {cursor} queue items on L1 are not those credited here."
            )
        return deployment

    async def _check_tip(self) -> None:
        tip = await self._vault.tip()
        newest = self._sequencer.sealed.batch_id
        if tip > newest:
            raise DeploymentRefused(
                Mismatch.DATA_DIRECTORY_BEHIND,
                f"L1 has batch {tip}, this data directory ends at batch {newest}: it is old or another's. Restore it or rebuild from L1.",
            )
        header = self._sequencer.header(tip)
        if header is None or header.state_root != (await self._vault.batch(tip)).state_root:
            raise DeploymentRefused(
                Mismatch.DATA_DIRECTORY_FORKED, f"Batch {tip} on L1 is not the batch {tip} of this data directory."
            )

    async def run(self) -> None:
        """Read and post until `stop` or cancelled. Raises OtherHistory, StoreCorrupt, StoreFailed."""
        async with asyncio.TaskGroup() as tasks:
            running = [
                tasks.create_task(self.poster.run()),
                tasks.create_task(self._read()),
                tasks.create_task(self.solvency.run()),
            ]
            await self._stopping.wait()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._settings.stop_grace_ms / 1_000):
                    await self.poster.posted_all()
            for task in running:
                task.cancel()

    def stop(self) -> None:
        """Post what is sealed, as far as the grace allows, then let `run` return."""
        self._stopping.set()

    async def _read(self) -> None:
        follower = self._start_reading()
        poll_s = self._settings.poll_ms / 1_000
        pause_s = poll_s
        while True:
            try:
                await self._look(follower)
                pause_s = poll_s
            except (L1Unavailable, L1Refused) as error:
                _log.warning("L1 is away", reason=error.numbered())
                pause_s = min(2 * pause_s, BACKOFF_MAX_S)
            except (L1Lied, ReorgTooDeep) as error:
                # What was read may be wrong: read all of it again. What is credited stays, the state remembers it.
                _log.error("L1 contradicts itself", reason=error.numbered())
                pause_s = min(2 * pause_s, BACKOFF_MAX_S)
                follower = self._restart_reading()
            self._bound_time()
            self._gauges.posting(self.poster.backlog, self._refusal())
            await asyncio.sleep(pause_s)

    def _refusal(self) -> int:
        problem = self.poster.problem
        return 0 if problem is None else problem.number

    async def _look(self, follower: ChainFollower) -> None:
        """Take in what is new."""
        before = follower.finalized_number
        async for step in follower.advance():
            self._take(step)
        self._feed.drain()
        believed = follower.finalized_number
        self.tracker.advance(self._head_time_s, believed)
        head = await self._client.block_number()
        if follower.tip is not None and follower.tip.number >= head:
            self.tracker.caught_up()
        if believed > before and self._feed.is_drained:
            self._remember(follower)
        pending = len(self._feed.pending())
        self._gauges.looked(self._head, self.tracker.tip, self.tracker.final, pending)

    def _take(self, step: Step) -> None:
        match step:
            case BlockSeen():
                self._head, self._head_time_s = step.block.number, step.block.timestamp_s
                self._head_seen_ns = self._clock.monotonic_ns()
                for log in step.logs:
                    event = event_of(log)
                    match event:
                        case DepositQueued() | ActionQueued():
                            self._feed.seen(event, step.block.number, log.transaction_hash)
                        case DataPosted():
                            self.tracker.data_seen(event.batch_id, step.block.number, log.transaction_hash)
                        case DataReset():
                            self.tracker.data_reset(event.batch_id)
                        case BatchCommitted():
                            self.tracker.committed(
                                event, step.block.number, step.block.timestamp_s, log.transaction_hash
                            )
                        case _:
                            pass
            case Reorganised():
                _log.warning("L1 reorganised", kept=step.kept.number, dropped=len(step.dropped))
                self._gauges.reorganised()
                self._feed.dropped(step.kept.number)
                self.tracker.dropped(step.kept.number)
            case FinalizedSeen():
                self._feed.deep(step.number)

    # ------------------------------------------------------------------------------------------------------- position

    def _start_reading(self) -> ChainFollower:
        """From the stored position where the state agrees with it, else from the contract's first block."""
        stored = self._tables.position.get(_POSITION)
        if stored is not None:
            number, block_hash, queue_items = unpack(stored)
            if self._feed.next_index >= queue_items:
                self.tracker.load(number)
                return self._follower((BlockPoint(number, block_hash),))
        self.tracker.load(-1)
        return self._follower(())

    def _restart_reading(self) -> ChainFollower:
        self.tracker = Tracker(self._tables.tracks, self._listener)
        self.tracker.load(-1)
        self._feed = DepositFeed(self._sequencer, self._feed.next_index)
        return self._follower(())

    def _follower(self, checkpoint: tuple[BlockPoint, ...]) -> ChainFollower:
        settings = FollowSettings(
            addresses=(self._settings.contract,),
            topics=(_WATCHED,),
            start_block=self._settings.start_block,
            finality_depth=self._settings.deposit_depth_blocks,
        )
        return ChainFollower(self._client, settings, checkpoint)

    def _remember(self, follower: ChainFollower) -> None:
        """Everything up to the believed block was taken in."""
        for point in follower.checkpoint():
            if point.number == follower.finalized_number:
                row = pack([point.number, point.hash, self._feed.next_index])
                self._tables.position.put_batch([(_POSITION, row)])

    def _bound_time(self) -> None:
        """L1's clock goes on while it is away; ours may not run further ahead of it than the contract allows."""
        if self._head_time_s:
            elapsed_ms = (self._clock.monotonic_ns() - self._head_seen_ns) // NS_PER_MS
            self._sequencer.bound_time(TimeMs(self._head_time_s * 1_000 + elapsed_ms + L1_LEAD_MS))
