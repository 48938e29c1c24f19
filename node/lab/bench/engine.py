"""Measurements of the rule book alone, without I/O: inputs, signatures, index ticks, seals."""

import random
import time
from typing import Final

from node.core.commit.forest import Forest
from node.core.commit.seal import collect
from node.core.outcome import Rejected
from node.core.state import State
from node.lab.bench.flow import Flow, load_flow
from node.lab.bench.measure import (
    BenchError,
    Result,
    Setting,
    collector_as_in_the_node,
    latencies_of,
    rate_result,
)
from node.lab.bench.venue import OPENING, START, Signed, Venue
from node.lab.percentiles import median
from proto.ids import ZERO_ADDRESS, Address, derived_address
from proto.inputs import Dialect, SealTick, UserAction
from proto.intents import OrderSpec, OrderType, PlaceOrder, SelfTrade, Side, TimeInForce
from proto.signing.authority import signer_of
from proto.units import AssetUnits, Lots, MicroPrice, Price, TimeMs

_CYCLE_INPUTS: Final = 512  # The sequencer takes operations away this often; otherwise they would pile up.
_SIGNATURES: Final = 4_000
_ACCOUNTS: Final = 100_000
_TOUCHED: Final = 1_000
_SEALS: Final = 40
_POSITIONS: Final = 10_000
_TICKS: Final = 300
_ODD_STEP: Final = 7_919  # Prime: spreads the touched accounts over the tree.
_SEED: Final = 7


def bench_engine(setting: Setting) -> Result:
    """Inputs per second through `apply`, on the order flow."""
    flow = load_flow(setting.flow)
    seconds = []
    for run in range(setting.runs):
        setting.say(f"engine: run {run + 1} of {setting.runs}")
        seconds.append(_apply_flow(flow, exact=setting.flow is not None))
    return rate_result("engine", len(flow.rows), "inputs/s", seconds, flow.name)


def _apply_flow(flow: Flow, *, exact: bool) -> float:
    venue = Venue()
    for given in venue.opening():
        venue.must(given)
    inputs = [
        Signed(UserAction(Dialect.NATIVE, b"", b"", intent), key.address) for key, intent in venue.intents(flow, START)
    ]
    state, apply, refused = venue.state, venue.apply, 0
    with collector_as_in_the_node():
        began = time.perf_counter()
        for at, given in enumerate(inputs):
            if type(apply(given)) is Rejected:
                refused += 1
            if at % _CYCLE_INPUTS == 0:
                state.ops = []
        seconds = time.perf_counter() - began
    if refused:
        raise BenchError(f"{refused} rows of the {'recorded' if exact else 'generated'} flow were refused")
    return seconds


def bench_verify(setting: Setting) -> Result:
    """Signatures per second in one thread: typed-data digest, key recovery, address."""
    venue, flow = Venue(), load_flow(setting.flow)
    intents = venue.intents(flow._replace(rows=flow.rows[:_SIGNATURES]), START)
    actions = [venue.sign(key, intent) for key, intent in intents]
    domain, seconds = venue.domain, []
    for run in range(setting.runs):
        setting.say(f"verify: run {run + 1} of {setting.runs}")
        with collector_as_in_the_node():
            began = time.perf_counter()
            signers = [signer_of(domain, action) for action in actions]
            seconds.append(time.perf_counter() - began)
        if signers != [key.address for key, _ in intents]:
            raise BenchError("a signature did not recover to its signer")
    return rate_result("verify", len(actions), "signatures/s", seconds, "one thread")


def bench_root(setting: Setting) -> Result:
    """Milliseconds per seal with 1,000 of 100,000 accounts touched: leaves, trees, roots."""
    setting.say(f"root: {_ACCOUNTS:,} accounts")
    venue, forest = Venue(), Forest()
    owners = [_owner(number) for number in range(_ACCOUNTS)]
    queue = 0
    for owner in owners:
        venue.must(venue.deposit(owner, AssetUnits(1_000_000_000), queue))
        queue += 1
    forest.update(collect(venue.state))
    durations, place = [], 0
    with collector_as_in_the_node():
        for batch in range(1, _SEALS + 1):
            for _ in range(_TOUCHED):
                place = (place + _ODD_STEP) % _ACCOUNTS
                venue.must(venue.deposit(owners[place], AssetUnits(1), queue))
                queue += 1
            venue.must(Signed(SealTick(batch), ZERO_ADDRESS))
            venue.state.ops = []
            began = time.perf_counter()
            forest.update(collect(venue.state))
            durations.append(1_000 * (time.perf_counter() - began))
    return Result("root", median(durations), "ms", sum(durations) / 1_000, latencies_of(durations))


def bench_tick(setting: Setting) -> Result:
    """Milliseconds per report that moves the index, with 10,000 open positions in its market."""
    setting.say(f"tick: {_POSITIONS:,} positions")
    venue = Venue()
    for publisher in venue.publishers:
        venue.must(venue.report(publisher, OPENING))
    _open_positions(venue)
    random_, price, durations = random.Random(_SEED), OPENING, []
    with collector_as_in_the_node():
        for tick in range(_TICKS):
            venue.time = TimeMs(venue.time + 500)
            price = MicroPrice(price + random_.randrange(-10_000_000, 10_000_001))
            report = venue.report(venue.publishers[tick % len(venue.publishers)], price)
            venue.state.ops = []
            began = time.perf_counter()
            venue.must(report)
            durations.append(1_000 * (time.perf_counter() - began))
    if _open(venue.state) != _POSITIONS:
        raise BenchError("positions were closed while the index moved")
    note = f"{_POSITIONS:,} positions, prices within 0.05 % of the one before"
    return Result("tick", median(durations), "ms", sum(durations) / 1_000, latencies_of(durations), note)


def _owner(number: int) -> Address:
    return derived_address(b"novate.bench", number.to_bytes(4, "big"))


def _open_positions(venue: Venue) -> None:
    """Half of the accounts long, half short, leverage from 3 to 15."""
    random_ = random.Random(_SEED)
    price = Price(OPENING // 1_000_000 * venue.unit)
    for number in range(_POSITIONS):
        owner, side = _owner(number), Side(number % 2)
        margin = AssetUnits(price // random_.randrange(3, 16))
        venue.must(venue.deposit(owner, margin, number))
        order = OrderSpec(
            venue.market.id, side, OrderType.LIMIT, TimeInForce.GTC, price, Lots(1), reduce_only=False, client_id=0,
            self_trade=SelfTrade.EXPIRE_MAKER,
        )  # fmt: skip
        intent = PlaceOrder(owner, START + number, TimeMs(0), order)
        venue.must(Signed(UserAction(Dialect.NATIVE, b"", b"", intent), owner))
    if _open(venue.state) != _POSITIONS:
        raise BenchError("the positions to measure with did not open")


def _open(state: State) -> int:
    return sum(1 for account in state.accounts.values() for position in account.positions.values() if position.size)
