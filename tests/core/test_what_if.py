"""Supposing orders and moves: the same figures as really doing it, a liquidation price that is one, and a state that is left alone."""

import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.core.margin.account import summary
from node.core.margin.what_if import SupposedMove, SupposedOrder, what_if
from node.core.outcome import Applied
from node.core.state import Account
from proto.ids import MarketId
from proto.intents import OrderSpec, OrderType, PlaceOrder, SelfTrade, Side, TimeInForce
from proto.units import PPM, Lots, Price, TimeMs
from tests.core.venue import ALPHA, BETA, USD, Venue, address

TRADER, OTHER = address(1), address(2)
UNITS = {ALPHA: USD, BETA: USD // 100}  # Price units of one USDC.


def venue_with(cash: int, alpha_usd: int = 100, beta_usd: int = 100) -> Venue:
    venue = Venue()
    venue.deposit(TRADER, cash)
    venue.deposit(OTHER, 10**9 * USD)
    venue.price(1, alpha_usd * USD)
    venue.price(2, beta_usd * USD)
    return venue


def trade(venue: Venue, market: MarketId, side: Side, lots: int, price: int) -> None:
    """The trader takes from the other at `price`."""
    for who, direction, force in ((OTHER, Side(1 - side), TimeInForce.GTC), (TRADER, side, TimeInForce.IOC)):
        spec = OrderSpec(
            market, direction, OrderType.LIMIT, force, Price(price), Lots(lots), reduce_only=False, client_id=0,
            self_trade=SelfTrade.EXPIRE_MAKER,
        )  # fmt: skip
        venue.now += 1
        assert isinstance(venue.act(PlaceOrder(who, venue.now, TimeMs(0), spec)), Applied)


def trader(venue: Venue) -> Account:
    return venue.state.accounts[venue.state.by_address[TRADER]]


def test_the_published_liquidation_price() -> None:
    """Long 1 at 100 with margin 20 at 10x: 84.2105263158 (Hyperliquid)."""
    venue = venue_with(20 * USD + 45_000)  # The taker fee on top.
    trade(venue, ALPHA, Side.BUY, 1, 100 * USD)
    found = what_if(venue.state, trader(venue), (), ())
    assert found.equity == 20 * USD
    assert found.positions[0].liquidation_price == 84_210_526


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.sampled_from([ALPHA, BETA]), st.sampled_from(Side), st.integers(1, 30)), max_size=3),
    st.tuples(st.sampled_from([ALPHA, BETA]), st.sampled_from(Side), st.integers(1, 30)),
)
def test_supposing_an_order_is_as_good_as_placing_it(
    before: list[tuple[MarketId, Side, int]], order: tuple[MarketId, Side, int]
) -> None:
    venue = venue_with(100_000 * USD)
    for market, side, lots in before:
        trade(venue, market, side, lots, 100 * UNITS[market])
    market, side, lots = order
    kept = copy.deepcopy(venue.state)
    supposed = what_if(
        venue.state, trader(venue), (SupposedOrder(market, side, Lots(lots), Price(100 * UNITS[market])),), ()
    )
    assert venue.state == kept, "supposing writes nothing"
    trade(venue, market, side, lots, 100 * UNITS[market])
    real = summary(venue.state, trader(venue))
    assert (supposed.equity, supposed.initial, supposed.maintenance, supposed.free) == real[:4]


@settings(max_examples=60)
@given(st.sampled_from(Side), st.integers(1, 5_000), st.integers(2, 19))
def test_a_liquidation_price_is_the_first_mark_that_is_too_far(side: Side, lots: int, leverage: int) -> None:
    venue = venue_with(lots * USD // leverage + lots * USD // 1_000)
    trade(venue, BETA, side, lots, 100 * UNITS[BETA])
    account, market = trader(venue), venue.state.markets[BETA]
    price = what_if(venue.state, account, (), ()).positions[0].liquidation_price
    mark, toward = market.mark, 1 if side == Side.BUY else -1
    assert price
    market.mark = price
    margin = summary(venue.state, account)
    assert margin.equity < margin.maintenance
    market.mark = Price(price + toward)
    margin = summary(venue.state, account)
    assert margin.equity >= margin.maintenance
    market.mark = mark


def test_moves_come_after_orders_and_tell_who_would_be_liquidated() -> None:
    venue = venue_with(1_000 * USD)
    order = SupposedOrder(BETA, Side.BUY, Lots(10_000), Price(0))  # 100 units at the mark of 100 USDC: ten times.
    calm = what_if(venue.state, trader(venue), (order,), ())
    assert calm.allowed
    assert not calm.liquidatable
    assert calm.fees == 4_500_000
    fallen = what_if(venue.state, trader(venue), (order,), (SupposedMove(BETA, -80_000),))
    assert fallen.equity == calm.equity - 800 * USD
    assert fallen.liquidatable
    assert fallen.outlook.probability > calm.outlook.probability
    gone = what_if(venue.state, trader(venue), (order,), (SupposedMove(BETA, -PPM // 2),))
    assert gone.outlook.probability == 10**12
    assert gone.outlook.shortfall >= -gone.equity


@pytest.mark.parametrize("side", list(Side))
def test_a_price_that_no_mark_reaches_is_none(side: Side) -> None:
    venue = venue_with(10**7 * USD)
    trade(venue, BETA, side, 1, 100 * UNITS[BETA])
    assert what_if(venue.state, trader(venue), (), ()).positions[0].liquidation_price == 0
