"""Due work that is late: whether the operator withheld it, or was only down when it became due."""

from node.core.commit.forest import Forest
from node.core.commit.seal import collect
from node.core.genesis import genesis_state
from node.core.outcome import Applied
from node.l1.vault import DepositQueued
from node.sequencer.machine import Machine
from node.sequencer.seal import genesis_header, seal_header
from node.watcher.report import Disagreement
from node.watcher.settings import WatcherSettings
from node.watcher.verify import Deployed, Verifier
from proto.batch import Body, deposit_item_hash, next_queue_hash
from proto.hashing import ZERO_HASH
from proto.ids import USDC, ZERO_ADDRESS, Address, MarketId
from proto.inputs import FundingTick, Input, SampleTick, WorkTick
from proto.intents import CancelAll, PlaceOrders, Side
from proto.units import AssetUnits, TimeMs
from tests.sequencer.venue import DOMAIN, OPERATOR, PUBLISHERS, START_MS, USD, deposit, order, report, signed
from tests.sim.people import HOUR_MS, OWNERS, PARAMS

OWNER = OWNERS[0]
ESCROW = AssetUnits(1_000_000 * USD)
LATER = START_MS + HOUR_MS
SAMPLE_MS = PARAMS.funding.sample_ms


def writer() -> Machine:
    """A venue whose operator was silent for an hour, and then took a cancel-all that one input cannot finish."""
    state = genesis_state(PARAMS)
    machine = Machine(state, genesis_header(Forest(), collect(state), PARAMS.rules_hash()))
    orders = tuple(
        order(1, Side.BUY, 100_000 + 10 * number, 1_000) for number in range(PARAMS.limits.cancels_per_input + 2)
    )
    opening: list[tuple[Input, Address]] = [
        (SampleTick(), ZERO_ADDRESS),
        (FundingTick(), ZERO_ADDRESS),
        deposit(0, OWNER, ESCROW),
        *(report(key, START_MS, [60_000 * USD, 3_000 * USD]) for key in PUBLISHERS),
        signed(OWNER, PlaceOrders(OWNER.address, START_MS, TimeMs(0), orders)),
    ]
    for item, signer in opening:
        assert isinstance(machine.step(TimeMs(START_MS), item, signer), Applied)
    tick(machine, LATER, SampleTick())
    tick(machine, LATER, FundingTick())
    cancel = signed(OWNER, CancelAll(OWNER.address, LATER, TimeMs(0), MarketId(0)))
    assert isinstance(machine.step(TimeMs(LATER), *cancel), Applied)
    assert machine.state.work
    return machine


def tick(machine: Machine, time: int, item: SampleTick | FundingTick | WorkTick) -> None:
    """Stamp a tick of the operator's."""
    assert isinstance(machine.step(TimeMs(time), item, ZERO_ADDRESS), Applied)


def verdict(machine: Machine, time: int) -> Disagreement | None:
    """Seal the batch and have it verified."""
    machine.step(TimeMs(time), machine.seal_tick(), ZERO_ADDRESS)
    machine.end_cycle()
    work = machine.end_batch()
    settings = WatcherSettings(url="", contract=DOMAIN.contract, tick_slack_ms=2 * SAMPLE_MS)
    verifier = Verifier(PARAMS, Deployed(OPERATOR.address, DOMAIN, (1, 10**9)), settings)
    queue_hash = next_queue_hash(ZERO_HASH, deposit_item_hash(0, OWNER.address, USDC, ESCROW))
    verifier.queue.append(DepositQueued(0, OWNER.address, USDC, ESCROW, 0, queue_hash))
    forest = Forest()
    genesis = genesis_header(forest, collect(genesis_state(PARAMS)), PARAMS.rules_hash())
    header = seal_header(forest, work, genesis)
    result = verifier.verify_body(header.commitment(), Body(1, header.first_seq, tuple(work.batch.cycles)))
    return result if isinstance(result, Disagreement) else None


def test_a_crash_before_the_work_tick_is_not_held_against_the_operator() -> None:
    machine = writer()
    tick(machine, LATER + SAMPLE_MS, SampleTick())  # It was down, and comes back with everything that is due.
    tick(machine, LATER + SAMPLE_MS, WorkTick(16))
    assert verdict(machine, LATER + SAMPLE_MS) is None


def test_work_that_is_left_undone_while_time_goes_on_is_found() -> None:
    machine = writer()
    end = LATER + 5 * SAMPLE_MS
    for time in range(LATER + SAMPLE_MS, end + 1, SAMPLE_MS):
        tick(machine, time, SampleTick())
    found = verdict(machine, end)
    assert found is not None
    assert (found.field, found.found) == ("tick", "work tick withheld")
