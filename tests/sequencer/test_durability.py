"""With a disk that answers only when told: nothing leaves early, at most one write is under way, and full queues push back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from node.ops.clock import FakeClock
from node.sequencer.durability import SequencerStopped, TooManyReads
from node.sequencer.released import ReleasedInput
from node.sequencer.settings import SequencerSettings
from node.store.errors import StoreFailed
from node.store.memory import Fault, MemoryDisk
from proto.inputs import SealTick
from proto.reject import RejectCode
from tests.sequencer.venue import START_MS, TRADERS, Held, Node, Trace, deposit

SETTINGS = SequencerSettings(
    inbox_inputs_max=40, inbox_operator_reserve=5, cycle_inputs_max=8, batch_inputs_max=24, tick_ms=5, write_pause_ms=0,
    reads_waiting_max=3,
)  # fmt: skip


async def turns(count: int = 20) -> None:
    """Let every task run that can."""
    for _ in range(count):
        await asyncio.sleep(0)


class Slow:
    """A node whose journal and sealing threads wait."""

    def __init__(self, settings: SequencerSettings = SETTINGS) -> None:
        self.journal, self.seal = Held(), Held()
        self.disk = MemoryDisk()
        self.node = Node(
            self.disk, FakeClock(START_MS), settings, lambda name: self.journal if name == "novate-journal" else self.seal
        )
        self.sequencer = self.node.sequencer
        self.acks: list[ReleasedInput] = []
        self.trace = Trace(3)

    def send(self, count: int = 1) -> list[RejectCode | None]:
        """Submit the trace's next inputs."""
        return [self.sequencer.submit(*self.trace.next(START_MS), self.acks.append) for _ in range(count)]

    async def write(self) -> None:
        """Let the write under way end, and what follows it happen."""
        self.journal.let_go()
        await turns()

    async def drain(self) -> None:
        """Let all threads work until nothing is left."""
        await turns()
        while self.journal.jobs or self.seal.jobs:
            for held in (self.journal, self.seal):
                if held.jobs:
                    held.let_go()
            await turns()


@asynccontextmanager
async def running(slow: Slow) -> AsyncIterator[Slow]:
    """Run, and in the end stop and finish."""
    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        task = tasks.create_task(slow.sequencer.run())
        yield slow
        slow.sequencer.stop()
        while not task.done():
            await slow.drain()
            await asyncio.sleep(0.001)


async def test_nothing_is_released_before_its_write_ended() -> None:
    async with running(Slow()) as slow:
        slow.send(3)
        await turns()
        assert len(slow.journal.jobs) == 1
        assert (slow.acks, slow.node.log.inputs, slow.sequencer.durable_seq) == ([], [], 0)
        assert slow.sequencer.receipt(1) is None
        await slow.write()
        assert len(slow.acks) == 3
        assert slow.sequencer.durable_seq == slow.node.log.inputs[-1].seq


async def test_the_next_cycle_fills_while_one_is_written() -> None:
    async with running(Slow()) as slow:
        slow.send(1)
        await turns()
        slow.send(3)
        await turns()
        assert len(slow.journal.jobs) == 1, "one write at a time"
        assert slow.sequencer.peek(lambda state: state.queue_cursor) == 4, "all four deposits are applied already"
        assert slow.acks == []
        await slow.write()
        assert len(slow.acks) == 1
        await slow.write()
        assert len(slow.acks) == 4


async def test_a_full_cycle_waits_for_the_write_before_it() -> None:
    async with running(Slow()) as slow:
        slow.send(30)
        await turns()
        assert slow.sequencer.peek(lambda state: state.seq) <= 2 * SETTINGS.cycle_inputs_max
        await slow.write()
        assert slow.sequencer.peek(lambda state: state.seq) > 2 * SETTINGS.cycle_inputs_max


async def test_reads_show_only_what_is_durable() -> None:
    async with running(Slow()) as slow:
        assert await slow.sequencer.read(lambda state: state.seq) == 0
        slow.send(1)
        await turns()
        reading = asyncio.ensure_future(slow.sequencer.read(lambda state: len(state.accounts)))
        await turns()
        slow.send(3)
        await turns()
        assert not reading.done()
        assert slow.sequencer.peek(lambda state: len(state.accounts)) == 3 + 4
        await slow.write()
        assert await reading == 3 + 1, "as of when it was asked, now durable"


async def test_waiting_reads_are_bounded_and_end_with_the_node() -> None:
    slow = Slow()
    slow.disk.fault = Fault(slow.disk.writes, 0)
    run = asyncio.ensure_future(slow.sequencer.run())
    slow.send(1)
    await turns()
    reads = [asyncio.ensure_future(slow.sequencer.read(lambda state: state.seq)) for _ in range(3)]
    await turns()
    with pytest.raises(TooManyReads):
        await slow.sequencer.read(lambda state: state.seq)
    await slow.write()
    with pytest.raises(StoreFailed):
        await run
    for read in reads:
        with pytest.raises(SequencerStopped):
            await read
    assert slow.acks == []
    with pytest.raises(SequencerStopped):
        await slow.sequencer.read(lambda state: state.seq)


async def test_a_full_inbox_refuses_users_first() -> None:
    async with running(Slow()) as slow:
        slow.send(8)
        await turns()
        answers = slow.send(200)
        assert answers[0] is None
        assert answers[-1] is RejectCode.NODE_BUSY
        assert slow.sequencer.waiting >= SETTINGS.inbox_inputs_max
        taken = [slow.sequencer.submit(*deposit(99, TRADERS[0], 1)) for _ in range(6)]
        assert taken[-1] is RejectCode.NODE_BUSY
        assert slow.sequencer.waiting == SETTINGS.inbox_inputs_max + SETTINGS.inbox_operator_reserve
    assert slow.sequencer.waiting == 0
    assert slow.send() == [RejectCode.NODE_STOPPING]
    assert slow.sequencer.durable_seq == slow.sequencer.sealed.last_seq


async def test_a_full_batch_waits_for_the_seal_before_it() -> None:
    async with running(Slow()) as slow:
        for _ in range(30):
            slow.send(8)
            await turns()
            if slow.journal.jobs:
                await slow.write()
        assert len(slow.seal.jobs) == 1
        applied = slow.sequencer.peek(lambda state: state.seq)
        assert applied <= 2 * (SETTINGS.batch_inputs_max + SETTINGS.cycle_inputs_max), "the second batch is full and waits"
        slow.seal.let_go()
        await turns()
        assert slow.node.log.headers[0].batch_id == slow.sequencer.sealed.batch_id == 1
        assert slow.sequencer.peek(lambda state: state.seq) > applied


async def test_a_seal_starts_after_its_tick_was_released() -> None:
    async with running(Slow(replace(SETTINGS, batch_inputs_max=8))) as slow:
        slow.send(8)
        await turns()
        while not slow.seal.jobs:
            assert not any(isinstance(released.item, SealTick) for released in slow.node.log.inputs)
            await slow.write()
        assert isinstance(slow.node.log.inputs[-1].item, SealTick)
        assert slow.node.log.headers == []


async def test_readiness_says_what_is_wrong() -> None:
    slow = Slow()
    assert "takes no inputs" in (slow.sequencer.complaint() or "")
    async with running(slow):
        await turns()
        assert slow.sequencer.complaint() is None
        slow.send(1)
        await turns()
        clock = slow.node.clock
        assert isinstance(clock, FakeClock)
        clock.advance(SETTINGS.write_slow_ms + 1)
        assert "look at the disk" in (slow.sequencer.complaint() or "")
        await slow.drain()
        assert slow.sequencer.complaint() is None
    assert "takes no inputs" in (slow.sequencer.complaint() or "")


async def test_a_disk_that_does_not_answer_ends_the_node() -> None:
    slow = Slow(replace(SETTINGS, write_ms_max=20))
    slow.send(1)
    with pytest.raises(StoreFailed, match="did not answer"):
        await slow.sequencer.run()
    assert slow.acks == []
