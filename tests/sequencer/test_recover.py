"""Recovery and replay: equal to the run that never stopped, and refusing what does not fit."""

import asyncio
from dataclasses import replace

import pytest

from node.core.commit.seal import collect
from node.core.params import Params
from node.core.state import State
from node.ops.clock import FakeClock
from node.sequencer.recover import recover, replay
from node.store.errors import StoreCorrupt, StoreMismatch
from node.store.headers import BatchHeader, encode_header
from node.store.keys import header_key, leaf_key
from node.store.memory import MemoryDatabase, MemoryDisk
from node.store.store import open_memory
from proto.ids import Address
from proto.ledger import Roots, Section
from proto.signing.eip712 import Domain
from proto.units import Ppm
from tests.sequencer.venue import DOMAIN, PARAMS, START_MS, Node, Trace


async def live(node: Node, inputs: int, seed: int, *, seal: bool) -> None:
    """Trade for a while."""
    clock, trace = node.clock, Trace(seed)
    assert isinstance(clock, FakeClock)
    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        tasks.create_task(node.sequencer.run())
        for number in range(inputs):
            node.sequencer.submit(*trace.next(clock.wall_ns() // 1_000_000))
            if number % 8 == 7:
                clock.advance(30)
                await asyncio.sleep(0)
        node.sequencer.stop(seal=seal)


def everything(state: State) -> tuple[object, ...]:
    """All that the state would commit to now."""
    for section, keys in (
        (Section.ACCOUNTS, state.accounts),
        (Section.ORDERS, range(state.order_slots)),
        (Section.MARKETS, state.markets),
        (Section.VENUE_MARKETS, state.markets),
        (Section.VENUE_INDICES, state.indices),
        (Section.VENUE_WORK, [0]),
        (Section.VENUE_ACCOUNTS, [account.id for account in state.accounts.values() if account.cancel_at]),
    ):
        state.touched[section].update(dict.fromkeys(keys))
    leaves = collect(state)
    return leaves.rows, leaves.system


@pytest.mark.parametrize("seal", [True, False])
async def test_a_restart_gives_the_state_that_was(seed: int, *, seal: bool) -> None:
    disk = MemoryDisk()
    node = Node(disk)
    await live(node, 400, seed, seal=seal)
    again = recover(open_memory(disk, PARAMS.digest()), PARAMS, DOMAIN)
    assert again.sealed == node.sequencer.sealed
    assert again.machine.head == node.recovered.machine.head
    replayed = replay(open_memory(disk, PARAMS.digest()), PARAMS, DOMAIN)
    assert everything(again.machine.state) == everything(node.recovered.machine.state) == everything(replayed.machine.state)


async def test_a_restarted_node_goes_on_like_one_that_never_stopped(seed: int) -> None:
    stopped, whole = MemoryDisk(), MemoryDisk()
    await live(Node(stopped), 150, seed, seal=True)
    await live(Node(whole), 150, seed, seal=True)
    one, other = Node(stopped, FakeClock(START_MS + 60_000)), Node(whole, FakeClock(START_MS + 60_000))
    for node in (one, other):
        await live(node, 200, seed + 1, seal=True)
    assert one.sequencer.sealed == other.sequencer.sealed


async def test_listeners_catch_up_with_what_was_not_sealed(seed: int) -> None:
    disk = MemoryDisk()
    node = Node(disk)
    await live(node, 100, seed, seal=False)
    again = Node(disk)
    first = node.sequencer.sealed.last_seq + 1
    assert again.log.inputs == [released for released in node.log.inputs if released.seq >= first]


async def test_progress_is_told(seed: int) -> None:
    disk = MemoryDisk()
    await live(Node(disk), 100, seed, seal=False)
    told: list[tuple[str, int, int]] = []
    store = open_memory(disk, PARAMS.digest(), lambda *step: told.append(step))
    report = replay(store, PARAMS, DOMAIN, progress=lambda *step: told.append(step))
    assert told[-1] == ("replay from genesis", report.inputs, report.inputs)
    assert report.inputs_per_second > 0


async def test_other_rules_are_refused(seed: int) -> None:
    disk = MemoryDisk()
    await live(Node(disk), 50, seed, seal=True)
    other: Params = replace(PARAMS, fees=replace(PARAMS.fees, taker_ppm=Ppm(999)))
    with pytest.raises(StoreMismatch, match="another genesis"):
        open_memory(disk, other.digest())
    with pytest.raises(StoreMismatch, match="other rules"):
        recover(open_memory(disk, PARAMS.digest()), other, DOMAIN)


async def test_another_domain_is_refused(seed: int) -> None:
    disk = MemoryDisk()
    await live(Node(disk), 100, seed, seal=True)
    with pytest.raises(StoreCorrupt, match=r"another header|no input"):
        replay(open_memory(disk, PARAMS.digest()), PARAMS, Domain(1, Address(bytes(20))))


async def test_an_altered_leaf_is_noticed(seed: int) -> None:
    disk = MemoryDisk()
    await live(Node(disk), 100, seed, seal=True)
    database = MemoryDatabase(disk)
    key = leaf_key(Section.MARKETS, 1)
    value = database.get(key)
    assert value is not None
    at = 4 + 31
    database.write([(key, value[:at] + bytes([value[at] ^ 1]) + value[at + 1 :])], sync=True)
    with pytest.raises(StoreCorrupt, match="not the one that batch"):
        recover(open_memory(disk, PARAMS.digest()), PARAMS, DOMAIN)


async def test_an_altered_header_is_noticed_by_a_replay(seed: int) -> None:
    disk = MemoryDisk()
    node = Node(disk)
    await live(node, 100, seed, seal=True)
    sealed = node.sequencer.sealed
    forged: BatchHeader = replace(sealed, ops_root=bytes(32))
    MemoryDatabase(disk).write([(header_key(sealed.batch_id), encode_header(forged))], sync=True)
    with pytest.raises(StoreCorrupt, match="another header"):
        replay(open_memory(disk, PARAMS.digest()), PARAMS, DOMAIN)
    contradicting = replace(sealed, roots=Roots((bytes(32),) * len(Section), sealed.roots.system))
    MemoryDatabase(disk).write([(header_key(sealed.batch_id), encode_header(contradicting))], sync=True)
    with pytest.raises(StoreCorrupt, match="contradicts itself"):
        open_memory(disk, PARAMS.digest())
