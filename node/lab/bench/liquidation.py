"""Measurement of a cascade: one report puts a thousand accounts below maintenance, and work ticks bring them all back.

The book takes what they sell. Between two work ticks other inputs may pass, so the longest tick is what somebody else would have to wait.
"""

import time
from typing import Final

from node.core.schedule import WORK_UNITS_PER_TICK
from node.lab.bench.measure import BenchError, Result, Setting, collector_as_in_the_node, latencies_of
from node.lab.bench.venue import FUNDS, MAKER, OPENING, START, Signed, Venue
from node.lab.percentiles import median
from proto.ids import ZERO_ADDRESS, Address, derived_address
from proto.inputs import Dialect, UserAction, WorkTick
from proto.intents import OrderSpec, OrderType, PlaceOrder, SelfTrade, Side, TimeInForce
from proto.units import AssetUnits, Lots, MicroPrice, Price, TimeMs

_ACCOUNTS: Final = 1_000
_LEVERAGE: Final = 19  # Of 20: a fall of 3 % puts them below maintenance and above the backstop's line.
_FALL_PPM: Final = 30_000
_TICKS_MAX: Final = 10 * _ACCOUNTS


def bench_liquidations(setting: Setting) -> Result:
    """Seconds until 1,000 accounts that one report put below maintenance are out of liquidation; latencies of single work ticks."""
    seconds: list[float] = []
    ticks: list[float] = []
    for run in range(setting.runs):
        setting.say(f"liquidations: run {run + 1} of {setting.runs}, {_ACCOUNTS:,} accounts")
        took = _cascade()
        seconds.append(sum(took) / 1_000)
        ticks += took
    note = f"{_ACCOUNTS:,} accounts, work ticks of {WORK_UNITS_PER_TICK} units, the report itself included"
    return Result("liquidations", median(seconds), "s", sum(seconds), latencies_of(ticks), note)


def _cascade() -> list[float]:
    """Milliseconds of the report and of each work tick."""
    venue = Venue()
    venue.must(venue.deposit(MAKER.address, FUNDS, 0))
    for publisher in venue.publishers:
        venue.must(venue.report(publisher, OPENING))
    price = Price(OPENING // 1_000_000 * venue.unit)
    nonce = _order(venue, MAKER.address, Side.SELL, price, _ACCOUNTS, START)
    for number in range(1, _ACCOUNTS + 1):
        owner = derived_address(b"novate.bench", number.to_bytes(4, "big"))
        venue.must(venue.deposit(owner, AssetUnits(price // _LEVERAGE), number))
        nonce = _order(venue, owner, Side.BUY, price, 1, nonce)
    fallen = MicroPrice(OPENING * (1_000_000 - _FALL_PPM) // 1_000_000)
    nonce = _order(venue, MAKER.address, Side.BUY, Price(fallen // 1_000_000 * venue.unit), _ACCOUNTS, nonce)
    venue.time = TimeMs(venue.time + 500)
    venue.must(venue.report(venue.publishers[0], fallen))
    venue.state.ops = []
    took: list[float] = []
    with collector_as_in_the_node():
        _timed(venue, venue.report(venue.publishers[1], fallen), took)
        if len(venue.state.liquidating) != _ACCOUNTS:
            raise BenchError(f"{len(venue.state.liquidating)} accounts are below maintenance, not {_ACCOUNTS}")
        while venue.state.liquidating and len(took) < _TICKS_MAX:
            _timed(venue, Signed(WorkTick(WORK_UNITS_PER_TICK), ZERO_ADDRESS), took)
    if venue.state.liquidating:
        raise BenchError("the liquidations do not end")
    return took


def _timed(venue: Venue, given: Signed, took: list[float]) -> None:
    began = time.perf_counter()
    venue.must(given)
    took.append(1_000 * (time.perf_counter() - began))


def _order(venue: Venue, owner: Address, side: Side, price: Price, lots: int, nonce: int) -> int:
    """Place a resting or matching order. Returns the next nonce."""
    order = OrderSpec(
        venue.market.id, side, OrderType.LIMIT, TimeInForce.GTC, price, Lots(lots), reduce_only=False, client_id=0,
        self_trade=SelfTrade.EXPIRE_MAKER,
    )  # fmt: skip
    venue.must(Signed(UserAction(Dialect.NATIVE, b"", b"", PlaceOrder(owner, nonce, TimeMs(0), order)), owner))
    return nonce + 1
