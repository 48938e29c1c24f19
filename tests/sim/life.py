"""One life of the node's process: every part but the sockets, on a disk that survives it, until it is stopped or dies.

The parts are the real ones, plugged together as the application does it.
"""

import asyncio
import random
from collections.abc import Sequence
from typing import Final

from node.core.audit import audit
from node.core.commit.origin import genesis_root
from node.core.genesis import genesis_state
from node.gateway.awaken import awaken
from node.gateway.settings import GatewaySettings
from node.l1.answers import L1Refused, L1Unavailable
from node.l1.deployment import genesis_facts
from node.ops.clock import FakeClock
from node.ops.metrics import Metrics
from node.sequencer.recover import OnCycle, Recovered, ReplayReport, recover, replay
from node.sequencer.released import Listener, ReleasedInput
from node.sequencer.sequencer import Identity, Sequencer
from node.sequencer.settings import SequencerSettings
from node.settlement.service import Account, Settlement, Tables
from node.settlement.settings import SettlementSettings
from node.store.headers import BatchHeader
from node.store.memory import MemoryDisk
from node.store.store import open_memory
from node.store.witness import decode_slot
from node.views.streams import StreamLimits
from proto.hashing import keccak
from tests.sequencer.venue import DOMAIN, OPERATOR
from tests.sim.chain import DEPTH, SimChain, SimL1Client
from tests.sim.contract import Deployment
from tests.sim.loop import SlowDisk
from tests.sim.people import PARAMS

WINDOW_S: Final = 20
DIVISORS: Final = (1, 10**9)
DEPLOYMENT: Final = Deployment(
    DOMAIN.contract,
    DOMAIN,
    OPERATOR.address,
    genesis_root(PARAMS),
    PARAMS.digest(),
    PARAMS.rules_hash(),
    WINDOW_S,
    DIVISORS,
)
FACTS: Final = genesis_facts(PARAMS)
SEQUENCER: Final = SequencerSettings(
    cycle_inputs_max=16, batch_ms=4_000, batch_inputs_max=120, idle_batch_ms=9_000, tick_ms=500, inbox_inputs_max=8,
    inbox_operator_reserve=6, write_pause_ms=2,
)  # fmt: skip
SETTLEMENT: Final = SettlementSettings(
    contract=DOMAIN.contract, deposit_depth_blocks=DEPTH, poll_ms=1_500, batches_in_flight_max=3, transactions_in_flight_max=5,
    stop_grace_ms=2_000,
)  # fmt: skip


def durable_seq(disk: MemoryDisk) -> int:
    """The newest input that a restart must bring back, by what lies on the disk itself."""
    marks = [slot[1].seq for slot in map(decode_slot, disk.slots) if slot is not None]
    return max(marks, default=0)


class _Statuses:
    """What settlement tells of batches, into the batch view."""

    def __init__(self, life: "Life") -> None:
        self._life = life

    def posted(self, batch: int, tx: bytes, block: int, time: int) -> None:
        """L1 has it."""
        self._life.shelf.views.batches.posted(batch, tx, block, time)
        self._life.shelf.settled()

    def finalised(self, batch: int, time: int) -> None:
        """Its window is over."""
        self._life.shelf.views.batches.finalised(batch, time)
        self._life.shelf.settled()

    def unposted(self, batch: int) -> None:
        """L1 forgot it."""
        self._life.shelf.views.batches.unposted(batch)
        self._life.shelf.settled()


class _Seals(Listener):
    """Passes seals on to settlement, and recounts everything after each."""

    def __init__(self, life: "Life") -> None:
        self._life = life

    def released(self, inputs: Sequence[ReleasedInput]) -> None:
        """What is released lies on the disk."""
        assert inputs[-1].seq <= durable_seq(self._life.disk), f"input {inputs[-1].seq} is released and not durable"

    def sealed(self, header: BatchHeader) -> None:
        """A batch is durable."""
        self._life.sequencer.peek(audit)
        self._life.settlement.sealed(header)


class Life:
    """Made on a disk; raises the store's errors where it cannot start."""

    def __init__(self, disk: MemoryDisk, clock: FakeClock, chain: SimChain, rng: random.Random) -> None:
        self.disk = disk
        store = self.store = open_memory(disk, PARAMS.digest())
        self.rebuilt = False
        """Whether read models had to be built anew from the whole journal."""
        recovered: Recovered
        self.shelf, recovered = awaken(
            store.table("views"),
            GatewaySettings(streams=StreamLimits(ring_events=64)),
            lambda: genesis_state(PARAMS),
            lambda on_cycle: recover(store, PARAMS, DOMAIN, on_cycle=on_cycle),
            lambda found: found.machine.state,
            self._rebuild,
        )
        self.state = recovered.machine.state
        self.threads = [SlowDisk(rng), SlowDisk(rng)]
        threads = iter(self.threads)
        metrics = Metrics()
        self.sequencer = Sequencer(
            recovered, store, Identity(OPERATOR, DOMAIN), clock, SEQUENCER, metrics, lambda _name: next(threads)
        )
        self.shelf.catch_up_batches(self.sequencer.header, self.sequencer.sealed.batch_id)
        self.sequencer.add_listener(self.shelf)
        self.client = SimL1Client(chain, rng)
        self.settlement = Settlement(
            self.client,
            self.sequencer,
            Account(OPERATOR, DOMAIN, FACTS, PARAMS),
            Tables(
                store.table("settlement-tracks"), store.table("settlement-position"), store.table("solvency"), store.seals
            ),
            _Statuses(self),
            SETTLEMENT,
            clock,
            metrics,
        )
        self.sequencer.add_listener(_Seals(self))
        self.alive = True
        self.tasks: list[asyncio.Task[None]] = []

    def _rebuild(self, on_cycle: OnCycle) -> ReplayReport:
        self.rebuilt = True
        return replay(self.store, PARAMS, DOMAIN, on_cycle=on_cycle)

    def begin(self) -> None:
        """Run all parts."""
        self.tasks = [
            asyncio.create_task(self.sequencer.run()),
            asyncio.create_task(self.shelf.run()),
            asyncio.create_task(self._settle()),
        ]

    async def _settle(self) -> None:
        while True:
            try:
                await self.settlement.check()
                break
            except (L1Unavailable, L1Refused):
                await asyncio.sleep(1)
        await self.settlement.run()

    @property
    def failed(self) -> bool:
        """Whether some part has ended by itself: then the process exits."""
        return any(task.done() for task in self.tasks)

    async def end(self) -> list[BaseException]:
        """The process is gone: nothing of it reaches disk, L1 or anybody. What its parts ended with."""
        self.alive = False
        self.disk.failed = True
        self.client.away = True
        for task in self.tasks:
            task.cancel()
        ends = await asyncio.gather(*self.tasks, return_exceptions=True)
        return [end for end in ends if isinstance(end, BaseException)]

    async def kill(self, *, finish: bool) -> list[BaseException]:
        """kill -9; with `finish`, what the disk was asked to write is written."""
        self.alive = False
        for thread in self.threads:
            thread.die(finish=finish)
        return await self.end()

    async def stop(self, *, seal: bool) -> None:
        """SIGTERM: finish what was taken in, post what can be posted, flush."""
        self.sequencer.stop(seal=seal)
        await self.tasks[0]
        if not self.tasks[2].done():
            self.settlement.stop()
            await asyncio.wait(self.tasks[2:], timeout=5)
        await asyncio.sleep(1)
        await self.kill(finish=True)


def restarted(disk: MemoryDisk, unsynced: int | None) -> MemoryDisk:
    """The disk as the next life finds it; of bytes that were never synced a power cut leaves the first `unsynced`."""
    image = MemoryDisk(bytearray(disk.log), disk.synced, list(disk.slots))
    image.crash(unsynced)
    return image


def fingerprint(*parts: bytes) -> str:
    """A short name of a run's results."""
    return keccak(b"".join(parts)).hex()[:32]
