"""When a batch is sealed, what its proofs convince of, and what a stop leaves behind."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from node.ops.clock import FakeClock
from node.sequencer.released import ReleasedInput
from node.sequencer.settings import SequencerSettings
from node.store.headers import BatchHeader
from node.store.memory import MemoryDisk
from proto.batch import BODY_BYTES_MAX, encode_body
from proto.hashing import keccak
from proto.ids import INSURANCE_ACCOUNT
from proto.inputs import SealTick, UserAction
from proto.ledger import DEPTHS, Section
from proto.merkle import sparse_proof_root
from tests.sequencer.venue import PUBLISHERS, START_MS, TRADERS, Log, Node, Trace, deposit, report

SETTINGS = SequencerSettings(tick_ms=1, write_pause_ms=0)


@asynccontextmanager
async def running(node: Node) -> AsyncIterator[FakeClock]:
    """Run until the end of the body, then stop."""
    clock = node.clock
    assert isinstance(clock, FakeClock)
    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        tasks.create_task(node.sequencer.run())
        yield clock
        node.sequencer.stop()


async def settle(node: Node) -> None:
    """Until nothing more happens at this time."""
    await asyncio.sleep(0.02)
    assert node.sequencer.durable_seq == node.sequencer.peek(lambda state: state.seq)


async def test_clock_ticks_alone_are_sealed_seldom() -> None:
    node = Node(MemoryDisk(), settings=SETTINGS)
    async with running(node) as clock:
        for _ in range(40):
            clock.advance(500)
            await settle(node)
        ticks = len(node.log.headers)
        assert ticks == 20_000 // SETTINGS.idle_batch_ms
        for _ in range(10):
            node.sequencer.submit(*report(PUBLISHERS[0], clock.wall_ns() // 1_000_000, [1, 1]))
            clock.advance(500)
            await settle(node)
        assert len(node.log.headers) == ticks + 5


async def test_an_eventful_batch_is_sealed_after_its_period() -> None:
    node = Node(MemoryDisk(), settings=SETTINGS)
    async with running(node) as clock:
        node.sequencer.submit(*deposit(0, TRADERS[0], 1))
        await settle(node)
        clock.advance(SETTINGS.batch_ms - 1)
        await settle(node)
        assert node.log.headers == []
        clock.advance(1)
        await settle(node)
        (header,) = node.log.headers
        assert header.l2_time == START_MS + SETTINGS.batch_ms
        assert node.log.inputs[-1].item == SealTick(1)


@pytest.mark.parametrize("bounds", [{"batch_inputs_max": 50}, {"batch_ops_max": 90}, {"batch_bytes_max": 7_000}])
async def test_a_batch_is_sealed_at_its_bounds(bounds: dict[str, int], seed: int) -> None:
    settings = replace(SETTINGS, cycle_inputs_max=16, **bounds)
    node, trace = Node(MemoryDisk(), settings=settings), Trace(seed)
    async with running(node):
        for _ in range(400):
            node.sequencer.submit(*trace.next(START_MS))
    assert len(node.log.headers) >= 3
    for header in node.log.headers:
        assert header.inputs <= settings.batch_inputs_max + 3  # Ticks: sample, funding, seal.
        assert header.ops_count <= settings.batch_ops_max + 200  # What one input and the ticks add.
        body = encode_body(node.sequencer.body(header.batch_id))
        assert len(body) == header.body_bytes <= BODY_BYTES_MAX


async def test_a_stop_finishes_what_was_taken_in_and_seals() -> None:
    node, trace, acks = Node(MemoryDisk(), settings=SETTINGS), Trace(5), list[ReleasedInput]()
    async with running(node):
        for _ in range(100):
            node.sequencer.submit(*trace.next(START_MS), acks.append)
    assert len(acks) == 100
    assert node.sequencer.sealed.last_seq == node.sequencer.durable_seq == node.log.headers[-1].last_seq


async def test_a_stop_without_seal_leaves_the_batch_open() -> None:
    disk = MemoryDisk()
    node, trace = Node(disk, settings=SETTINGS), Trace(5)
    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        tasks.create_task(node.sequencer.run())
        for _ in range(20):
            node.sequencer.submit(*trace.next(START_MS))
        node.sequencer.stop(seal=False)
    assert node.sequencer.sealed.batch_id == 0
    again = Node(disk, settings=SETTINGS)
    assert again.recovered.replayed == node.sequencer.durable_seq >= 20
    async with running(again):
        await asyncio.sleep(0)
    assert again.sequencer.sealed.first_seq == 1


async def test_an_empty_node_stops_without_a_batch() -> None:
    node = Node(MemoryDisk(), settings=SETTINGS)
    node.sequencer.stop(seal=False)
    async with asyncio.timeout(20):
        await node.sequencer.run()
    assert node.log.headers == []


async def test_leaves_are_proved_against_the_sealed_root(seed: int) -> None:
    node, trace = Node(MemoryDisk(), settings=SETTINGS), Trace(seed)
    async with running(node) as clock:
        for _ in range(100):
            node.sequencer.submit(*trace.next(START_MS))
        clock.advance(1_000)
        await settle(node)
        for section, key in [(Section.ACCOUNTS, INSURANCE_ACCOUNT), (Section.ACCOUNTS, 4), (Section.MARKETS, 1), (Section.ACCOUNTS, 999)]:
            proof = await node.sequencer.prove(section, key)
            assert bool(proof.words) == (key != 999)
            leaf = keccak(proof.words) if proof.words else bytes(32)
            root = sparse_proof_root(leaf, key, DEPTHS[section], proof.proof)
            assert root == proof.header.roots.sections[section]
            assert proof.header.roots.state_root() == node.sequencer.sealed.state_root


async def test_replies_come_before_listeners_and_seals_after_both() -> None:
    node, order = Node(MemoryDisk(), settings=SETTINGS), list[str]()

    class Notes(Log):
        """Notes what it is told, in order."""

        def released(self, inputs: Sequence[ReleasedInput]) -> None:
            order.extend(type(released.item).__name__ for released in inputs)

        def sealed(self, header: BatchHeader) -> None:
            order.append(f"batch {header.batch_id}")

    node.sequencer.add_listener(Notes())
    node.sequencer.submit(*deposit(0, TRADERS[0], 1), lambda _released: order.append("reply"))
    async with running(node):
        pass
    assert order == ["reply", "SampleTick", "FundingTick", "DepositSeen", "SealTick", "batch 1"]


async def test_metrics_count_what_became_durable(seed: int) -> None:
    node, trace = Node(MemoryDisk(), settings=SETTINGS), Trace(seed)
    async with running(node):
        for _ in range(50):
            node.sequencer.submit(*trace.next(START_MS))
    actions = sum(isinstance(released.item, UserAction) for released in node.log.inputs)
    assert node.metrics.value("novate_inputs_total", {"kind": "UserAction"}) == actions
    assert node.metrics.value("novate_seq") == node.sequencer.durable_seq
    assert node.metrics.value("novate_batches_sealed_total") == len(node.log.headers)


@pytest.mark.parametrize(
    "wrong",
    [{"batch_bytes_max": BODY_BYTES_MAX}, {"cycle_inputs_max": 0}, {"batch_ms": 0}, {"idle_batch_ms": 10}, {"tick_ms": 0}],
)
def test_settings_that_contradict_each_other_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="sequencer"):
        replace(SETTINGS, **wrong)
