"""One simulated world: a node that dies and comes back, an L1 that forgets, people who retry, and a judge.

A run draws everything from its seed: running the same seed twice gives the same journal, roots and blocks.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from node.core.state import State
from node.l1.vault import TOPICS
from node.ops.clock import FakeClock
from node.sequencer.durability import SequencerStopped
from node.sequencer.recover import replay
from node.sequencer.released import ReleasedInput, Reply
from node.settlement.claims import ClaimStage
from node.store.errors import StoreFailed
from node.store.memory import Fault, MemoryDisk
from node.views.streams import StreamKey, StreamName
from proto.hashing import keccak
from proto.ids import ETH, USDC, Address
from proto.inputs import Input
from proto.ledger import DEPTHS, Section
from proto.merkle import list_proof_root, sparse_proof_root
from proto.reject import RejectCode
from proto.signing.eip712 import receipt_digest
from proto.signing.secp256k1 import recover as recover_signer
from proto.units import AssetUnits
from tests.core.venue import portrait
from tests.sequencer.venue import DOMAIN, OPERATOR, PUBLISHERS, START_MS, USD
from tests.sim.chain import DEPTH, UserDeposit
from tests.sim.feeds import Follower
from tests.sim.l1 import SimL1
from tests.sim.life import Life, durable_seq, fingerprint, restarted
from tests.sim.loop import run
from tests.sim.people import ACCOUNTS, HOUR_MS, OWNERS, PARAMS, Crowd, Press, Sent
from tests.sim.shadow import Shadow, account_portrait
from tests.views.test_twin import agree

_STREAMS: Final = (
    *(StreamKey(name, 1) for name in (StreamName.BOOK, StreamName.BBO, StreamName.TICKER, StreamName.TRADES)),
    StreamKey(StreamName.CANDLES, 2, 60),
    *(
        StreamKey(name, account)
        for account in (3, 5)
        for name in (StreamName.ORDERS, StreamName.FILLS, StreamName.POSITIONS, StreamName.BALANCES, StreamName.FUNDING)
    ),
)
_REPLAYED: Final = 0.1
"""Part of the worlds whose whole history is executed again at the end by the node's own means."""
_OPENING_S: Final = 300
_SETTLE_S: Final = 400
"""Simulated seconds in which a world at rest must have everything credited, posted and verified."""


class Report(NamedTuple):
    """What a run came to; `name` is equal for equal runs."""

    name: str
    inputs: int
    batches: int
    counts: Counter[str]


class World:
    """Everything, and the director that draws what happens next."""

    def __init__(self, seed: int, clock: FakeClock) -> None:
        self._rng = random.Random(seed)
        self._clock = clock
        self._l1 = SimL1(self._clock, self._rng)
        self._disk = MemoryDisk()
        self._life: Life | None = None
        self._shadow = Shadow()
        self._crowd = Crowd(self._rng, self._look)
        self._press = Press(self._rng)
        self._silent: set[int] = set()
        self._unanswered: dict[bytes, Sent] = {}
        self._answered: list[Sent] = []
        self._signed_cycles: dict[int, bytes] = {}
        self._readers: list[asyncio.Task[None]] = []
        self._followers = [Follower(key, lambda: durable_seq(self._disk)) for key in _STREAMS]
        self._listening: set[int] = set()
        self._acked_seq = 0
        self.counts: Counter[str] = Counter()
        self._events: list[tuple[int, Callable[[], Any]]] = [
            (520, self._act), (70, self._retry), (90, self._report), (60, self._read), (14, self._receipt), (6, self._prove),
            (14, self._deposit), (10, self._claim), (8, self._toggle), (12, self._compare), (5, self._jump), (4, self._silence),
            (4, self._outage), (5, self._step_clock),
        ]  # fmt: skip

    def _look(self, fn: Callable[[State], Any]) -> Any:
        assert self._life is not None
        return self._life.sequencer.peek(fn)

    @property
    def _node(self) -> Life:
        assert self._life is not None, "somebody acts while the node is down"
        return self._life

    def _now(self) -> int:
        return self._node.sequencer.now

    # -------------------------------------------------------------------------------------------------------- the run

    async def run(self, events: int) -> Report:
        """Let so many things happen, then let the world come to rest and settle up."""
        outside = [asyncio.create_task(self._l1.mine()), asyncio.create_task(self._l1.watch())]
        for key in OWNERS:
            self._l1.chain.calls.append(UserDeposit(key.address, USDC, AssetUnits(30_000 * USD)))
        self._start()
        for second in range(_OPENING_S):
            await asyncio.sleep(1)
            if self._look(lambda state: state.queue_cursor) == len(OWNERS):
                break
            assert second < _OPENING_S - 1, "the first deposits were not credited"
        self._l1.restless = True
        kinds, weights = [kind for _, kind in self._events], [weight for weight, _ in self._events]
        for _ in range(events):
            await self._pass_time()
            await self._check_outside(outside)
            if self._node.failed:
                await self._fell()
            luck = self._rng.random()
            if luck < 0.0014:
                await self._end_life()
            elif luck < 0.0022 and self._node.disk.fault is None:
                disk = self._node.disk
                disk.fault = Fault(
                    disk.writes + self._rng.randrange(8),
                    self._rng.choice([None, 0, self._rng.randrange(8, 60), self._rng.randrange(2_000)]),
                )
            self._rng.choices(kinds, weights)[0]()
        await self._settle(outside)
        for task in outside:
            task.cancel()
        await asyncio.wait(outside)
        return self._report_of_run()

    async def _check_outside(self, outside: list[asyncio.Task[None]]) -> None:
        for task in outside:
            if task.done():
                await task  # Raises what it found.

    async def _pass_time(self) -> None:
        luck = self._rng.random()
        if luck < 0.55:
            return
        if luck < 0.66:
            await asyncio.sleep(0)
        elif luck < 0.97:
            await asyncio.sleep(self._rng.randint(1, 40) / 1_000)
        elif luck < 0.9965:
            await asyncio.sleep(self._rng.randint(200, 4_000) / 1_000)
        else:
            self.counts["hours"] += 1
            while not all(thread.is_idle for thread in self._node.threads):
                await asyncio.sleep(0.01)  # A disk that hangs for an hour is a dead disk.
            self._clock.advance(HOUR_MS * self._rng.randint(1, 2))
            if (
                self._rng.random() < 0.4 and self._node.disk.fault is None
            ):  # Long silence, some news, and it dies of them.
                disk = self._node.disk
                disk.fault = Fault(disk.writes + 2 * self._rng.randrange(3), None)
            self._jump()
            await asyncio.sleep(0.3)

    # ---------------------------------------------------------------------------------------------- lives of the node

    def _start(self) -> None:
        """The next life: it must come up with all that was promised, whatever happened to the last one."""
        while True:
            try:
                self._life = Life(self._disk, self._clock, self._l1.chain, self._rng)
                break
            except StoreFailed:
                self.counts["failed starts"] += 1
                self._disk = restarted(self._disk, None)
        life = self._life
        assert not life.rebuilt, "read models were behind the last seal"
        self.counts["lives"] += 1
        self._shadow.follow(life.store.journal.records(self._shadow.state.seq + 1, life.state.seq))
        assert portrait(life.state) == portrait(self._shadow.state), "another state came back than the journal gives"
        agree(life.shelf.views, life.state)
        life.begin()
        self._listening.clear()
        for at in range(len(self._followers)):
            if self._rng.random() < 0.8:
                self._listen(at)

    async def _fell(self) -> None:
        """A part of the node has ended by itself: only a failed disk may do that."""
        ends = await self._node.end()
        self.counts["disk failures"] += 1
        for end in ends:
            known = isinstance(end, StoreFailed | asyncio.CancelledError)
            assert known or (isinstance(end, ExceptionGroup) and end.split(StoreFailed)[1] is None), repr(end)
        assert self._node.disk.fault is not None, f"the node ended by itself: {ends}"
        await self._after_life()

    async def _end_life(self) -> None:
        """A crash, or now and then an orderly stop."""
        life, rng = self._node, self._rng
        if rng.random() < 0.2 and life.disk.fault is None:
            self.counts["stops"] += 1
            await life.stop(seal=rng.random() < 0.7)
        else:
            self.counts["kills"] += 1
            await life.kill(finish=rng.random() < 0.5)
        await self._after_life()

    async def _after_life(self) -> None:
        rng = self._rng
        for reader in self._readers:
            reader.cancel()
        for end in await asyncio.gather(*self._readers, return_exceptions=True):
            if end is not None and not isinstance(end, asyncio.CancelledError):
                raise end
        self._readers.clear()
        self._life = None
        self._disk = restarted(self._disk, rng.choice([None, 0, rng.randrange(5_000)]))
        if rng.random() < 0.2:
            self._disk.fault = Fault(rng.randrange(4), rng.randrange(300))
        await asyncio.sleep(rng.choice([0, 0.5, 5, 5, 60]))
        self._start()
        if rng.random() < 0.15:  # What makes it die may not be over.
            self._report()
            await asyncio.sleep(rng.choice([0, 0.001, 0.02, 0.5]))
            self.counts["kills"] += 1
            await self._node.kill(finish=rng.random() < 0.8)
            await self._after_life()

    # ---------------------------------------------------------------------------------------------------------- people

    def _act(self) -> None:
        sent = self._crowd.act(self._now())
        self._shadow.signers[sent.item.signature] = sent.signer
        self._unanswered[sent.item.signature] = sent
        self.counts["actions"] += 1
        self._deliver(sent)

    def _retry(self) -> None:
        """Nobody answered, or somebody replays what he has seen."""
        rng = self._rng
        if self._unanswered and rng.random() < 0.8:
            sent = rng.choice(list(self._unanswered.values()))
        elif self._answered:
            sent = rng.choice(self._answered)
        else:
            return
        self.counts["retries"] += 1
        self._deliver(sent)

    def _deliver(self, sent: Sent) -> None:
        """Over a network that delays, loses requests, and loses answers."""
        rng, life = self._rng, self._node
        luck = rng.random()
        if luck < 0.03:
            return
        reply = self._answer(sent, life, lost=luck > 0.94)
        if luck < 0.25:
            asyncio.get_running_loop().call_later(
                rng.randint(1, 300) / 1_000, lambda: self._submit(life, sent.item, sent.signer, reply)
            )
        else:
            self._submit(life, sent.item, sent.signer, reply)

    def _submit(self, life: Life, item: Input, signer: Address, reply: Reply | None) -> None:
        if life.alive:
            code = life.sequencer.submit(item, signer, reply)
            assert code in (None, RejectCode.NODE_BUSY, RejectCode.NODE_STOPPING)
            self.counts["busy"] += code == RejectCode.NODE_BUSY

    def _answer(self, sent: Sent, life: Life, *, lost: bool) -> Reply:
        def answered(released: ReleasedInput) -> None:
            assert life.alive, "the dead answer"
            assert released.seq <= durable_seq(life.disk), f"input {released.seq} is acknowledged and not durable"
            assert released.item is sent.item
            if not lost:
                self.counts["acks"] += 1
                self._acked_seq = released.seq
                self._shadow.acknowledged(released)
                if self._unanswered.pop(sent.item.signature, None) is not None:
                    self._answered.append(sent)

        return answered

    def _report(self) -> None:
        for who in range(len(PUBLISHERS)):
            if who not in self._silent and self._rng.random() < 0.8:
                item, signer = self._press.report(who, self._now())
                self._shadow.signers[item.signature] = signer
                self._submit(self._node, item, signer, None)
                self.counts["reports"] += 1

    def _jump(self) -> None:
        self._press.jump()
        self._report()

    def _silence(self) -> None:
        """Often all speak, sometimes one is silent, rarely so many that there is no quorum."""
        who = self._rng.sample(range(len(PUBLISHERS)), 2)
        self._silent = set(who[: self._rng.choice([0, 0, 1, 1, 2])])

    def _step_clock(self) -> None:
        self._clock.step_wall(self._rng.choice([-30_000, -50, 50, 30_000]))

    # --------------------------------------------------------------------------------------------------------- readers

    def _read(self) -> None:
        life, address = self._node, self._rng.choice(ACCOUNTS)

        async def read() -> None:
            try:
                seq, value = await life.sequencer.read(lambda state: (state.seq, account_portrait(state, address)))
            except SequencerStopped:
                return
            if life.alive:
                assert seq <= durable_seq(life.disk), f"a read shows input {seq}, which is not durable"
                self.counts["reads"] += 1
                self._shadow.saw(seq, address, value)

        self._reader(asyncio.create_task(read()))

    def _reader(self, task: asyncio.Task[None]) -> None:
        self._readers.append(task)

    def _receipt(self) -> None:
        if not self._acked_seq:
            return
        seq = self._rng.randint(max(1, self._acked_seq - 200), self._acked_seq)
        proof = self._node.sequencer.receipt(seq)
        assert proof is not None, f"input {seq} was acknowledged and has no receipt"
        cycle = proof.cycle
        assert list_proof_root(proof.record, proof.position, cycle.size, list(proof.siblings)) == cycle.root
        digest = receipt_digest(DOMAIN, cycle.head, cycle.first_seq, cycle.size, cycle.root)
        assert recover_signer(digest, cycle.signature) == OPERATOR.address
        known = self._signed_cycles.setdefault(cycle.first_seq, digest)
        assert known == digest, f"two receipts for the cycle at {cycle.first_seq}"
        self.counts["receipts"] += 1

    def _prove(self) -> None:
        life, account = self._node, self._rng.randint(1, 9)

        async def prove() -> None:
            try:
                found = await life.sequencer.prove(Section.ACCOUNTS, account)
            except SequencerStopped:
                return  # A seal's write failed: the process is ending.
            leaf = keccak(found.words) if found.words else bytes(32)
            root = sparse_proof_root(leaf, account, DEPTHS[Section.ACCOUNTS], found.proof)
            assert root == found.header.roots.sections[Section.ACCOUNTS], "a proof for another root"
            self.counts["proofs"] += 1

        self._reader(asyncio.create_task(prove()))

    def _toggle(self) -> None:
        at = self._rng.randrange(len(self._followers))
        if at in self._listening:
            follower = self._followers[at]
            self._node.shelf.views.hub.unsubscribe(follower.key, follower, 7)
            self._listening.discard(at)
        else:
            self._listen(at)

    def _listen(self, at: int) -> None:
        self._listening.add(at)
        self._followers[at].subscribe(self._node.shelf.views)

    def _compare(self) -> None:
        views = self._node.shelf.views
        for at in sorted(self._listening):
            self._followers[at].compare(views)
        state: State = self._look(lambda state: state)
        if views.seq == state.seq:
            agree(views, state)

    # -------------------------------------------------------------------------------------------------------------- L1

    def _deposit(self) -> None:
        rng = self._rng
        asset = rng.choice([USDC, USDC, ETH])
        amount = AssetUnits(rng.choice([1, 500, 20_000]) * (USD if asset == USDC else 10**6))
        self._l1.chain.calls.append(UserDeposit(rng.choice(ACCOUNTS), asset, amount))
        self.counts["deposits"] += 1

    def _claim(self) -> None:
        """Fetch a withdrawal on L1; some try twice."""
        count = self._look(lambda state: state.withdrawal_count)
        if count:
            status = self._node.settlement.withdrawal(self._rng.randrange(count))
            if status.stage == ClaimStage.CLAIMABLE and status.claim is not None:
                self._l1.chain.calls.append(status.claim.calldata())
                self.counts["claims"] += 1

    def _outage(self) -> None:
        client = self._node.client
        client.away = not client.away
        if client.away:
            self.counts["outages"] += 1

    # ------------------------------------------------------------------------------------------------------------- end

    async def _settle(self, outside: list[asyncio.Task[None]]) -> None:
        """No more faults: everything is credited, posted, verified; then one last restart."""
        self._l1.calm()
        if self._node.disk.fault is not None or self._node.failed:
            await self._node.kill(finish=True)
            await self._after_life()
            self._node.disk.fault = None
        self._node.client.away, self._node.client.failing = False, 0.0
        verifier, chain = self._l1.verifier, self._l1.chain
        target: int | None = None
        """A batch sealed after everything was credited."""
        for second in range(_SETTLE_S):
            await asyncio.sleep(1)
            assert second < _SETTLE_S - 1, f"the world does not come to rest: {self._standing()}"
            await self._check_outside(outside)
            assert not self._node.failed, [task for task in self._node.tasks if task.done()]
            sealed = self._node.sequencer.sealed
            if target is None and not chain.calls and sealed.queue_cursor == len(chain.head.contract.queue):
                target = sealed.batch_id
            if target is not None and verifier.batch_id >= target:
                break
        await self._node.stop(seal=True)
        self._compare_batches()
        for at, follower in enumerate(self._followers):
            follower.compare_history(self._node.shelf.views, listens=at in self._listening)
        self._disk = restarted(self._disk, 0)
        self._start()
        await self._node.kill(finish=False)
        await self._l1.look()
        if self._rng.random() < _REPLAYED:
            self._replay()

    def _compare_batches(self) -> None:
        """The batch view says of every batch that was posted long ago where on L1 it really is."""
        where = {
            log.topics[1]: (log.block_number, log.transaction_hash)
            for mined in self._l1.chain.blocks[: -2 * DEPTH]
            for log in mined.logs
            if log.topics[0] == TOPICS["BatchCommitted"]
        }
        for topic, place in where.items():
            row = self._node.shelf.views.batches.find(int.from_bytes(topic, "big"))
            assert row is not None
            assert (row.posted_block, row.posted_tx) == place, f"batch {row.id} is shown where it is not"

    def _standing(self) -> str:
        sealed, verifier = self._node.sequencer.sealed, self._l1.verifier
        return (
            f"sealed {sealed.batch_id}, on L1 {len(self._l1.chain.head.contract.batches)}, verified {verifier.batch_id}, credited "
            f"{sealed.queue_cursor} of {len(self._l1.chain.head.contract.queue)}, {self._node.settlement.complaint()}"
        )

    def _replay(self) -> None:
        """The whole history from genesis, by the node's own means."""
        report = replay(self._node.store, PARAMS, DOMAIN)
        assert report.inputs == self._shadow.state.seq
        assert report.state_root == self._node.sequencer.sealed.state_root

    def _report_of_run(self) -> Report:
        self.counts.update(self._shadow.kinds)
        self.counts["paid"], self.counts["reorganised"] = self._l1.paid, self._l1.reorganised
        node = self._node
        last = node.store.journal.last_cycle()
        assert last is not None
        name = fingerprint(
            last.head, node.sequencer.sealed.state_root, self._l1.chain.head.block.hash, self._l1.verifier.state_root
        )
        return Report(name, self._shadow.state.seq, node.sequencer.sealed.batch_id, self.counts)


def simulate(seed: int, events: int) -> Report:
    """The world of a seed, from genesis until everything is settled."""
    clock = FakeClock(START_MS)
    world = World(seed, clock)
    return run(clock, world.run(events))
