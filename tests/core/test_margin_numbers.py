"""Numbers from public tests and documents (dYdX v4, Hyperliquid) against the code's formulas, and the bounds that these promise."""

from bisect import bisect_left
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import mpmath
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.core.funding.premium import premium
from node.core.funding.rate import hourly_rate
from node.core.genesis import genesis_state
from node.core.ledger.accounts import open_account
from node.core.liquidation.bankruptcy import bankruptcy_quote, liquidation_fee
from node.core.liquidation.risk import scan
from node.core.margin.account import health
from node.core.margin.tiers import requirement, table
from node.core.num import FIXED, clamp, div_ceil, div_floor, div_half_up, div_trunc, exp_neg, median3
from node.core.params import FundingParams, Params, TierParams
from node.core.price.index import weighted_median
from node.core.state import Account, Market, Position, RiskFactor, State
from proto.events import IndexStatus
from proto.ids import MarketId
from proto.intents import Side
from proto.units import PPM, RATE_SCALE, FundingUnits, Lots, MicroPrice, MicroUsd, Ppm, Price, TimeMs, tick_is_valid
from tests.core.venue import PARAMS, USD, Venue, address, market, tiers

FUNDING = FundingParams(5_000, 3_600_000, 10**8, 5 * 10**8, 4 * 10**10, 150_000)


# Tiers.


@pytest.mark.parametrize(("notional", "maintenance"), [(100, 1.25), (150, 1.875), (200, 3.125)])
def test_maintenance_by_tier(notional: int, maintenance: float) -> None:
    rows = table(market(1, "BTC", 5, tiers((0, 40), (150_000_000, 20))), PPM // 2)
    assert requirement(rows, notional * 10**6 * USD) == int(maintenance * 10**6) * USD


tier_rows = st.lists(st.tuples(st.integers(1, 10**12), st.integers(1, 100)), max_size=6).map(
    lambda rows: tuple(
        TierParams(MicroUsd(lower), leverage)
        for lower, leverage in zip(
            [0, *sorted({lower for lower, _ in rows})],
            sorted([100, *(leverage for _, leverage in rows)], reverse=True),
            strict=False,
        )
    )
)


@given(tier_rows, st.sampled_from([PPM, PPM // 2, 333_333]), st.integers(0, 2 * 10**12), st.integers(1, 10**6))
def test_requirement_rises_and_stays_near_the_exact_one(
    rows: tuple[TierParams, ...], part: int, notional: int, more: int
) -> None:
    made = table(market(1, "X", 0, rows), part)
    assert requirement(made, notional) <= requirement(made, notional + more)
    exact, previous = Fraction(0), Fraction(0)
    for (lower, rate, _), upper in zip(made, [*(row[0] for row in made[1:]), 10**18], strict=True):
        exact += max(min(notional, upper) - lower, 0) * Fraction(rate, PPM)
        assert rate >= previous
        previous = Fraction(rate)
    assert exact <= requirement(made, notional) < exact + len(made) + 1


# Liquidatable iff equity < maintenance; dYdX: BTC at 50,000, maintenance 10 percent.


@pytest.mark.parametrize(("quote", "liquidatable"), [(-4_500, False), (-4_501, True)])
def test_liquidatable_strictly_below_maintenance(quote: int, *, liquidatable: bool) -> None:
    state = genesis_state(replace(PARAMS, markets=(market(1, "BTC", 5, tiers((0, 5))),)))
    account = open_account(state, address(1), None)
    listed = state.markets[MarketId(1)]
    listed.mark = Price(500_000)
    account.positions[MarketId(1)] = Position(MarketId(1), Lots(10_000), MicroUsd(-quote * USD))
    equity, maintenance = health(state, account)
    assert (equity, maintenance) == ((5_000 + quote) * USD, 500 * USD)
    assert (equity < maintenance) == liquidatable


BANKRUPTCIES = [  # Change of value, equity, fall of maintenance, maintenance, quote; USD.
    (-5_000, 499, 500, 500, 4_501),
    (5_000, 499, 500, 500, -5_499),
    (-2_500, 0, 250, 500, 2_500),
    (-300, 10, 30, 50, 294),
]


@pytest.mark.parametrize(("change", "equity", "fall", "maintenance", "quote"), BANKRUPTCIES)
def test_bankruptcy_price(change: int, equity: int, fall: int, maintenance: int, quote: int) -> None:
    assert bankruptcy_quote(change * USD, equity * USD, fall * USD, maintenance * USD) == quote * USD


@pytest.mark.parametrize(("ppm", "fee"), [(5_000, "28.05"), (25_000, "140.25"), (PPM, "510")])
def test_liquidation_fee(ppm: int, fee: str) -> None:
    """-5,100 USDC and +0.1 BTC sold at 56,100."""
    least = bankruptcy_quote(-5_000 * USD, -100 * USD, 500 * USD, 500 * USD)
    assert liquidation_fee(5_610 * USD, least, ppm) == int(Decimal(fee) * USD)
    assert liquidation_fee(least - 1, least, ppm) == 0


# Funding.

PREMIUMS = [
    ("64706", "64707", "64716", -139_069_163),
    ("1869.3", "1869.4", "1869", 160_513_643),
    ("0.12072", "0.12092", "0.12091", 0),
]


@pytest.mark.parametrize(("bid", "ask", "index", "expected"), PREMIUMS)
def test_premium(bid: str, ask: str, index: str, expected: int) -> None:
    units = [int(Decimal(text) * 10**6) for text in (bid, ask, index)]
    assert premium(*units) == expected


def test_premium_of_a_thin_book_is_none() -> None:
    assert premium(None, None, 100) == 0
    assert premium(101, None, 100) == 10**10
    assert premium(None, 99, 100) == -(10**10)


RATES = [
    (-180_000_000, 12_500_000),
    (10**10, 1_187_500_000),
    (0, 12_500_000),
    (10**12, 4 * 10**10),
    (-(10**12), -4 * 10**10),
]


@pytest.mark.parametrize(("mean", "hourly"), RATES)
def test_hourly_rate(mean: int, hourly: int) -> None:
    assert hourly_rate(mean, FUNDING) == hourly


# Index.

prices = st.integers(1, 10**6)


@given(st.lists(st.tuples(prices, st.integers(1, 9)), min_size=1, max_size=8), st.data())
def test_a_lying_minority_cannot_move_the_median_outside_the_honest_prices(
    honest: list[tuple[int, int]], data: st.DataObject
) -> None:
    weight, liars = sum(w for _, w in honest), list[tuple[int, int]]()
    while (left := weight - 1 - sum(w for _, w in liars)) > 0 and len(liars) < 6:
        liars.append((data.draw(prices), data.draw(st.integers(1, left))))
    index = weighted_median(sorted(honest + liars))
    assert min(honest)[0] <= index <= max(honest)[0]


@given(st.lists(st.integers(970_000, 1_030_000), min_size=2, max_size=2), st.integers(900_000, 1_100_000))
def test_a_lying_publisher_cannot_move_the_index_outside_the_honest_reports(honest: list[int], lie: int) -> None:
    """Through reports, with the deviation band in between."""
    venue = Venue()
    venue.now += 1
    for publisher, price in zip(venue.params.publishers, (*honest, lie), strict=True):
        venue.report(publisher.address, 1, price * 100)
    index = venue.state.indices[next(iter(venue.state.indices))]
    if index.price:
        assert min(honest) * 100 <= index.price <= max(honest) * 100


# Arithmetic.


@given(st.integers(0, 45 * FIXED))
def test_exp_neg_within_its_bound(x: int) -> None:
    with mpmath.workdps(60):
        exact = mpmath.exp(-mpmath.mpf(x) / FIXED) * FIXED
        assert abs(mpmath.mpf(exp_neg(x)) - exact) < 1


@given(st.integers(0, 45 * FIXED), st.integers(0, FIXED))
def test_exp_neg_falls(x: int, more: int) -> None:
    assert exp_neg(x) + 1 >= exp_neg(x + more)
    assert exp_neg(0) == FIXED


@given(st.integers(-(10**30), 10**30), st.integers(1, 10**20))
def test_divisions_round_as_they_are_named(a: int, b: int) -> None:
    exact = Fraction(a, b)
    assert div_floor(a, b) <= exact < div_floor(a, b) + 1
    assert div_ceil(a, b) - 1 < exact <= div_ceil(a, b)
    assert abs(div_trunc(a, b)) <= abs(exact) < abs(div_trunc(a, b)) + 1
    assert -Fraction(1, 2) < div_half_up(a, b) - exact <= Fraction(1, 2)


@given(st.integers(), st.integers(), st.integers())
def test_median_and_clamp(a: int, b: int, c: int) -> None:
    low, middle, high = sorted((a, b, c))
    assert median3(a, b, c) == middle
    assert clamp(b, low, high) == b
    assert clamp(low - 1, low, high) == low
    assert clamp(high + 1, low, high) == high


@given(st.integers(1, 2**50 - 1), st.integers(0, 6))
def test_tick_rule_as_it_reads(price: int, size_decimals: int) -> None:
    usdc = Decimal(price).scaleb(size_decimals - 6)
    digits = len(str(price).rstrip("0"))
    assert tick_is_valid(price, size_decimals) == (usdc == int(usdc) or digits <= 5)


# The risk index against the definition, at the very edge of every bound.


@given(
    tier_rows, st.integers(1, 10**5), st.integers(1, 10**7), st.integers(0, 10**13), st.integers(-(10**17), 10**17),
    st.integers(-3, 3), st.sampled_from(Side),
)  # fmt: skip
@settings(max_examples=60)
def test_risk_index_offers_every_account_that_a_scan_finds(
    rows: tuple[TierParams, ...],
    lots: int,
    mark: int,
    slack: int,
    funding: int,
    beside: int,
    side: Side,
) -> None:
    state = genesis_state(_one_market(rows))
    account = open_account(state, address(1), None)
    listed, index = state.markets[MarketId(1)], next(iter(state.indices.values()))
    index.price, index.status, index.fresh_until = MicroPrice(1), IndexStatus.FRESH, TimeMs(10)
    listed.mark = Price(mark)
    size = -lots if side == Side.SELL else lots
    account.positions[MarketId(1)] = Position(MarketId(1), Lots(size), MicroUsd(size * mark))
    listed.funding_index = FundingUnits(funding // 3)
    equity, maintenance = health(state, account)
    account.cash = MicroUsd(maintenance - equity + slack % (lots * mark + 1))
    scan(state)
    assert not state.work
    listed.funding_index = FundingUnits(funding)
    hurting = 1 if side == Side.SELL else -1
    reach = range(2**26 if side == Side.SELL else mark)
    edge = bisect_left(reach, True, key=lambda away: _below(state, listed, account, mark + hurting * away))  # noqa: FBT003
    for moved in (mark, mark + hurting * (edge + beside)):
        listed.mark = Price(max(moved, 1))
        equity, maintenance = health(state, account)
        scan(state)
        assert bool(state.work) == (equity < maintenance)
        if state.work:
            return


@given(
    tier_rows, st.integers(1, 10**5), st.integers(1, 10**7), st.integers(0, 10**9), st.integers(-(10**15), 10**15),
    st.sampled_from(Side), st.integers(0, 2),
)  # fmt: skip
@settings(max_examples=60)
def test_an_account_is_safe_while_no_bound_of_the_risk_index_is_crossed(
    rows: tuple[TierParams, ...], lots: int, mark: int, slack: int, funding: int, side: Side, inside: int
) -> None:
    """Mark and funding together as far as the bounds let them go."""
    state = genesis_state(_one_market(rows))
    account = open_account(state, address(1), None)
    listed = state.markets[MarketId(1)]
    listed.mark, listed.funding_index = Price(mark), FundingUnits(funding)
    size = -lots if side == Side.SELL else lots
    account.positions[MarketId(1)] = Position(
        MarketId(1), Lots(size), MicroUsd(size * mark), FundingUnits(funding // 2)
    )
    account.cash = MicroUsd(0)
    equity, maintenance = health(state, account)
    account.cash = MicroUsd(maintenance - equity + slack)
    scan(state)
    risk = state.risk
    highest = risk.bounds[RiskFactor.MARK, 1][0][0]
    listed.mark = Price(max(highest - inside, 1))
    bought = side == Side.BUY
    value = -risk.bounds[RiskFactor.LONG_VALUE, 1][0][0] if bought else risk.bounds[RiskFactor.SHORT_VALUE, 1][0][0]
    listed.maintenance_vol_ppm = Ppm(risk.bounds[RiskFactor.VOLATILITY, 1][0][0])
    listed.funding_index = FundingUnits(listed.mark * RATE_SCALE - value)
    equity, maintenance = health(state, account)
    assert equity >= maintenance


def _one_market(rows: tuple[TierParams, ...]) -> Params:
    return replace(PARAMS, markets=(market(1, "X", 0, rows),))


def _below(state: State, listed: Market, account: Account, mark: int) -> bool:
    """Whether the account would be below maintenance at a mark."""
    kept, listed.mark = listed.mark, Price(mark)
    equity, maintenance = health(state, account)
    listed.mark = kept
    return equity < maintenance
