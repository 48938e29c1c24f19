"""Initial margin covers whatever subset of the open orders fills: the requirement then, and the loss against the mark on the way."""

from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from node.core.margin.account import market_initial
from node.core.margin.tiers import requirement
from node.core.state import Order
from proto.intents import OrderSpec, OrderType, PlaceOrder, SelfTrade, Side, TimeInForce
from proto.units import Lots, Price, TimeMs
from tests.core.venue import BETA, USD, Venue, address

TRADER, OTHER = address(1), address(2)
MARK = 1_000_000  # Price units of market 2 at 100 USDC.
orders = st.lists(
    st.tuples(st.sampled_from(Side), st.integers(-20, 20), st.integers(1, 50), st.booleans()), min_size=1, max_size=6
)


def place(venue: Venue, who: bytes, side: Side, percent: int, lots: int, *, reduce_only: bool = False) -> None:
    """An order so many percent from the mark; refusals do not matter here."""
    spec = OrderSpec(
        BETA, side, OrderType.LIMIT, TimeInForce.GTC, Price(MARK * (100 + percent) // 100), Lots(lots), reduce_only, 0,
        SelfTrade.EXPIRE_MAKER,
    )  # fmt: skip
    venue.now += 1
    venue.act(PlaceOrder(TRADER if who == TRADER else OTHER, venue.now, TimeMs(0), spec))


def after(size: int, filled: tuple[Order, ...]) -> tuple[int, int]:
    """Position and loss against the mark once these orders have filled; reduce-only ones as far as they reduce, tried last."""
    loss = 0
    for order in sorted(filled, key=lambda item: item.reduce_only):
        sign = 1 if order.side == Side.BUY else -1
        lots = min(order.remaining, max(-sign * size, 0)) if order.reduce_only else int(order.remaining)
        size += sign * lots
        loss += sign * lots * (order.price - MARK)
    return size, loss


@given(st.integers(-60, 60), orders)
@settings(max_examples=100)
def test_margin_covers_every_subset_of_fills(size: int, chosen: list[tuple[Side, int, int, bool]]) -> None:
    venue = Venue()
    for who in (TRADER, OTHER):
        venue.deposit(who, 10**6 * USD)
    venue.price(2, 100 * USD)
    if size:
        place(venue, OTHER, Side.SELL if size > 0 else Side.BUY, 0, abs(size))
        place(venue, TRADER, Side.BUY if size > 0 else Side.SELL, 0, abs(size))
    for side, percent, lots, reduce_only in chosen:
        place(venue, TRADER, side, percent, lots, reduce_only=reduce_only)
    market, account = venue.state.markets[BETA], venue.state.accounts[venue.state.by_address[TRADER]]
    position = account.positions.get(BETA)
    if position is None:
        return
    assert position.size == size
    initial, resting = market_initial(venue.state, account, position, market), tuple(account.orders.values())
    for count in range(len(resting) + 1):
        for filled in combinations(resting, count):
            left, loss = after(size, filled)
            assert initial >= requirement(market.initial_ppm, abs(left) * MARK) + loss, filled
