"""Measurements of the risk side: a price tick over many positions, and a whole stress.

All through `apply` in this process, interpreted as the node runs it.
"""

import random
import time
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

from node.config.genesis import find_genesis, load_genesis
from node.core.outcome import Applied
from node.core.params import IndexParams, MarketParams, Params
from node.core.state import Account
from node.lab.bench.measure import BenchError, Result, Setting, collector_as_in_the_node, latencies_of
from node.lab.local_node import GENESIS
from node.lab.percentiles import median
from node.lab.stress.bars import BarsError, PricePath, read_bars
from node.lab.stress.paths import make_path
from node.lab.stress.run import StressSettings, run_stress
from node.lab.stress.venue import Head, StressVenue, owner_of
from proto.ids import Address, IndexId, MarketId
from proto.inputs import IndexPrice, OracleReport
from proto.intents import OrderSpec, OrderType, PlaceOrder, SelfTrade, Side, TimeInForce
from proto.units import MICRO_USD_PER_USD, Lots, MicroPrice, MicroUsd, Price, TimeMs

_RECORDED: Final = "btc_perp_1m_2022-01a.csv.gz"
_START: Final = TimeMs(1_700_000_000_000)
_OPENING: Final = 40_000_000_000
_UNSIGNED: Final = bytes(65)
_SEED: Final = 7


@dataclass(frozen=True, slots=True)
class RiskSizes:
    """How much is measured; tests take less."""

    positions: int = 100_000
    markets: int = 10
    ticks: int = 300
    accounts: int = 1_000


SIZES: Final = RiskSizes()


def bench_mark(setting: Setting) -> Result:
    """Milliseconds per report that moves every index, with many positions of which none comes near liquidation."""
    sizes = SIZES
    setting.say(f"mark: {sizes.positions:,} positions in {sizes.markets} markets")
    venue = _Crowded(sizes.markets)
    for number in range(sizes.positions):
        venue.open(owner_of("bench", number), 1 + number % sizes.markets, Side(number // sizes.markets % 2), leverage=5)
    random_, durations = random.Random(_SEED), []
    with collector_as_in_the_node():
        for tick in range(sizes.ticks + 1):
            venue.time = TimeMs(venue.time + 500)
            report = venue.reported(tick, _OPENING + random_.randrange(-20_000_000, 20_000_001))
            venue.state.ops = []
            began = time.perf_counter()
            outcome = venue.apply(report, venue.params.publishers[tick % 3].address)
            durations.append(1_000 * (time.perf_counter() - began))
            if not isinstance(outcome, Applied):
                raise BenchError("a report was refused")
    if venue.tally.reached or venue.open_positions() != sizes.positions:
        raise BenchError("positions were closed while the prices moved")
    first, rest = durations[0], durations[1:]
    note = f"{sizes.positions:,} positions, {sizes.markets} markets, all move; the first report after they opened: {first:.0f} ms"
    return Result("mark", median(rest), "ms", sum(rest) / 1_000, latencies_of(rest), note)


def bench_stress(setting: Setting) -> Result:
    """Seconds of a whole stress: fifteen days of minutes, both orders inside the bars."""
    path, name = _recorded_path()
    params = load_genesis(find_genesis(GENESIS))
    setting.say(f"stress: {name}, {SIZES.accounts:,} accounts")
    said = [0.0]

    def progress(stage: str, done: int, total: int) -> None:
        if time.monotonic() - said[0] > 10:
            said[0] = time.monotonic()
            setting.say(f"stress: {stage}, {100 * done // total} %")

    settings = StressSettings(path=path, params=params, market=params.markets[0], accounts=SIZES.accounts)
    with collector_as_in_the_node():
        report = run_stress(settings, progress)
    if not all(one.conserved for one in report.passes):
        raise BenchError("money was not conserved")
    note = f"{name}, {SIZES.accounts:,} accounts, {len(path.bars):,} bars twice, {report.as_json()['inputs']:,} inputs"
    return Result("stress", report.seconds, "s", report.seconds, note=note)


def _recorded_path() -> tuple[PricePath, str]:
    """The recorded bars in a `data` directory beside the checkout, or as many made ones."""
    root = Path(__file__).parents[3]
    found = next(iter(sorted(root.parent.glob(f"*/data/{_RECORDED}"))), None)
    if found is None:
        made = make_path("bleed", _SEED)
        return made._replace(bars=[*made.bars, *made.bars, *made.bars]), "a made path; no recorded one is here"
    try:
        return read_bars(found), found.name
    except BarsError as error:
        raise BenchError(str(error)) from None


def _network(markets: int) -> Params:
    """The development network with so many markets like its first, each on an index of its own."""
    params = load_genesis(find_genesis(GENESIS))
    first = params.markets[0]
    numbers = range(1, max(markets, len(params.indices)) + 1)
    listed: list[MarketParams] = [
        replace(
            first,
            id=MarketId(number),
            name=f"M{number}-PERPETUAL",
            index=IndexId(number),
            open_interest_cap=MicroUsd(0),
        )
        for number in range(1, markets + 1)
    ]
    return replace(params, indices=tuple(IndexParams(IndexId(n), f"M{n}") for n in numbers), markets=tuple(listed))


class _Crowded(StressVenue):
    """A venue that fills up fast: one rich account takes the other side of every position."""

    def __init__(self, markets: int) -> None:
        params = _network(markets)
        super().__init__(params, params.markets[0], _START)
        self._rich = owner_of("rich", 0)
        self.deposit(self._rich, MicroUsd(10**12 * MICRO_USD_PER_USD))
        for publisher in range(3):
            self.apply(self.reported(publisher, _OPENING), params.publishers[publisher].address)

    def reported(self, _number: int, price: int) -> OracleReport:
        """One report of every index that a market follows, a little different each."""
        lines = tuple(
            IndexPrice(number, MicroPrice(price + number), MicroPrice(0))
            for number in sorted({market.params.index for market in self.state.markets.values()})
        )
        self.time = TimeMs(self.time + 1)
        return OracleReport(self.time, lines, _UNSIGNED)

    def open(self, owner: Address, number: int, side: Side, leverage: int) -> None:
        """A position of about 400 USDC on this leverage, at the mark."""
        market = self.state.markets[MarketId(number)]
        lots = Lots(1_000)
        self.deposit(owner, MicroUsd(lots * market.mark // leverage + lots * market.mark // 1_000))
        mark = market.mark - market.mark % 10
        for who, direction in ((self._rich, Side(1 - side)), (owner, side)):
            spec = _limit(market.params.id, direction, mark, lots)
            outcome = self.act(who, partial(_placed, spec))
            if not isinstance(outcome, Applied):
                raise BenchError(f"the positions to measure with did not open: {outcome}")
        self.state.ops = []

    def open_positions(self) -> int:
        """Accounts with a position, the rich one aside."""
        rich = self.account(self._rich)
        return sum(1 for account in self.state.accounts.values() if account is not rich and _holds(account))


def _holds(account: Account) -> bool:
    return any(position.size for position in account.positions.values())


def _placed(spec: OrderSpec, head: Head) -> PlaceOrder:
    return PlaceOrder(*head, spec)


def _limit(market: MarketId, side: Side, price: int, lots: Lots) -> OrderSpec:
    return OrderSpec(
        market, side, OrderType.LIMIT, TimeInForce.GTC, Price(price), lots, reduce_only=False, client_id=0,
        self_trade=SelfTrade.EXPIRE_MAKER,
    )  # fmt: skip
