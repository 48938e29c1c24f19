"""The process dies before, during and after every write of a 500-input trace, and comes back; or the disk fails at every write.

What must hold each time: the journal that comes back is a prefix of the run that never crashed, at least as long as what was acknowledged;
the state is what that prefix gives; the node goes on from there and its whole history replays from genesis.
"""

import asyncio
import random
from collections.abc import Sequence
from typing import NamedTuple

import pytest

from node.core.audit import audit
from node.ops.clock import FakeClock
from node.sequencer.machine import Machine
from node.sequencer.recover import replay
from node.sequencer.released import ReleasedInput
from node.sequencer.settings import SequencerSettings
from node.store.errors import StoreFailed
from node.store.memory import Fault, MemoryDisk
from node.store.store import open_memory
from node.store.table import Table
from proto.ids import Address
from proto.inputs import Input, encode_record
from proto.reject import RejectCode
from tests.sequencer.venue import DOMAIN, PARAMS, START_MS, Log, Node, Trace

INPUTS = 500
SETTINGS = SequencerSettings(cycle_inputs_max=8, batch_inputs_max=60, tick_ms=5, write_pause_ms=0)


class Moment(NamedTuple):
    """The disk as a write begins, and how much had been acknowledged by then."""

    size: int
    log_bytes: int
    synced_bytes: int
    slots: tuple[bytes, bytes]
    acknowledged: int


class WatchedDisk(MemoryDisk):
    """Notes the moment of each write. The log only grows, so every earlier disk is a prefix of the last one."""

    def __init__(self, seen: list[ReleasedInput]) -> None:
        super().__init__()
        self._seen = seen
        self.moments: list[Moment] = []

    def begin(self, size: int) -> int:
        """Note it, then write."""
        self.moments.append(self.moment(size))
        return super().begin(size)

    def moment(self, size: int) -> Moment:
        """The disk as it is now."""
        return Moment(size, len(self.log), self.synced, (self.slots[0], self.slots[1]), len(self._seen))

    def crashed(self, number: int, keep: int) -> MemoryDisk:
        """What is left when the process dies with `keep` bytes of write `number` on disk."""
        before = self.moments[number]
        after = self.moments[number + 1] if number + 1 < len(self.moments) else self.moment(0)
        if after.log_bytes > before.log_bytes:
            return MemoryDisk(log=self.log[: before.log_bytes + keep], slots=list(before.slots))
        torn = [new[:keep] + old[keep:] for old, new in zip(before.slots, after.slots, strict=True)]
        return MemoryDisk(log=self.log[: before.log_bytes], slots=torn)


def make_trace(seed: int) -> list[tuple[Input, Address]]:
    """The same inputs for every life."""
    trace = Trace(seed)
    return [trace.next(START_MS + 20 * (number // 9)) for number in range(INPUTS)]


async def live(node: Node, trace: list[tuple[Input, Address]], seen: list[ReleasedInput]) -> None:
    """Run the trace until it ends or the disk fails; `seen` is all that anybody was told."""
    clock = node.clock
    assert isinstance(clock, FakeClock)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(node.sequencer.run())
        for number, (item, signer) in enumerate(trace):
            if running.done():
                break
            node.sequencer.submit(item, signer, seen.append)
            if number % 9 == 8:
                clock.advance(20)
                await asyncio.sleep(0)
        node.sequencer.stop()


def open_batch(machine: Machine) -> list[object]:
    """The open batch in comparable form."""
    batch = machine.batch
    trees = [(tree.count, tree.root()) for tree in (batch.cycle_leaves, batch.ops)]
    return [batch.batch_id, batch.first_seq, batch.opened, batch.cycles, trees, batch.inputs, batch.bytes, batch.eventful]


def check_return(disk: MemoryDisk, acknowledged: list[ReleasedInput], whole: list[bytes], *, deep: bool) -> None:
    """A prefix with everything acknowledged came back, and it goes on."""
    node = Node(disk, FakeClock(START_MS), SETTINGS)
    machine = node.recovered.machine
    records = list(node.store.journal.records(1, machine.seq))
    assert records == whole[: len(records)], "what came back is not a prefix"
    assert len(records) >= max((released.seq for released in acknowledged), default=0), "acknowledged and lost"
    for released in acknowledged:
        assert records[released.seq - 1] == encode_record(released.time, released.item), "acknowledged and changed"
    audit(machine.state)
    if deep:
        again = replay(node.store, PARAMS, DOMAIN)
        assert again.inputs == len(records)
        assert again.machine.head == machine.head
        assert open_batch(again.machine) == open_batch(machine), "the open batch did not come back exactly"
        asyncio.run(go_on(node))
        report = replay(node.store, PARAMS, DOMAIN)
        assert report.state_root == node.sequencer.sealed.state_root
        assert report.inputs == node.sequencer.sealed.last_seq == node.sequencer.durable_seq > len(records)


async def go_on(node: Node) -> None:
    """Take some more inputs after the crash, then stop, which seals."""
    trace = Trace(1)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(node.sequencer.run())
        for _ in range(20):
            node.sequencer.submit(*trace.next(START_MS + 60_000))
        node.sequencer.stop()


def test_the_node_comes_back_from_a_crash_at_any_write(seed: int) -> None:
    rng = random.Random(seed)
    seen: list[ReleasedInput] = []
    disk = WatchedDisk(seen)
    node = Node(disk, FakeClock(START_MS), SETTINGS)
    node.sequencer.add_listener(node.log)
    asyncio.run(live(node, make_trace(seed), seen))
    whole = list(node.store.journal.records(1, node.sequencer.durable_seq))
    assert len(seen) == INPUTS <= len(whole)
    for number, moment in enumerate(disk.moments):
        for keep in (0, rng.randrange(1, moment.size), moment.size):
            check_return(disk.crashed(number, keep), seen[: moment.acknowledged], whole, deep=number % 16 == 0)


class Reader(Log):
    """A read model that notes, unsynced, how far it has read."""

    def __init__(self, table: Table) -> None:
        super().__init__()
        self._table = table

    def released(self, inputs: Sequence[ReleasedInput]) -> None:
        """Note it."""
        self._table.put_batch([(b"seq", inputs[-1].seq.to_bytes(8, "big"))])


def test_read_models_are_never_behind_the_last_seal(seed: int) -> None:
    rng, disk = random.Random(seed), WatchedDisk([])
    node = Node(disk, FakeClock(START_MS), SETTINGS)
    node.sequencer.add_listener(Reader(node.store.table("reader")))
    asyncio.run(live(node, make_trace(seed), []))
    for moment in disk.moments[2:]:
        # A power cut takes some of what was never synced.
        kept = rng.randint(moment.synced_bytes, moment.log_bytes)
        store = open_memory(MemoryDisk(log=disk.log[:kept], slots=list(moment.slots)), PARAMS.digest())
        sealed = store.seals.last()
        assert sealed is not None
        assert int.from_bytes(store.table("reader").get(b"seq") or b"", "big") >= sealed.last_seq


def test_no_acknowledgement_follows_a_failed_write(seed: int) -> None:
    rng, trace = random.Random(seed), make_trace(seed)
    healthy, seen = MemoryDisk(), list[ReleasedInput]()
    node = Node(healthy, FakeClock(START_MS), SETTINGS)
    asyncio.run(live(node, trace, seen))
    whole = list(node.store.journal.records(1, node.sequencer.durable_seq))
    for number in range(2, healthy.writes):  # The first two are genesis and its witness: nothing runs yet.
        disk, told = MemoryDisk(fault=Fault(number, rng.randrange(200))), list[ReleasedInput]()
        broken = Node(disk, FakeClock(START_MS), SETTINGS)
        with pytest.raises(ExceptionGroup) as failure:
            asyncio.run(live(broken, trace, told))
        assert failure.group_contains(StoreFailed)
        assert disk.writes == number + 1, "the store was written again after it had failed"
        assert broken.sequencer.submit(*trace[0]) is RejectCode.NODE_STOPPING
        assert told == seen[: len(told)]
        told.extend(broken.log.inputs)
        disk.crash()
        check_return(disk, told, whole, deep=False)
