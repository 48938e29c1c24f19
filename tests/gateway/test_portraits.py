"""What the gateway tells of the state against what the rules then do."""

import pytest

from node.core.outcome import Applied
from node.gateway.portraits import order_margin_portrait
from proto.ids import MarketId
from proto.intents import OrderSpec, OrderType, PlaceOrder, SelfTrade, Side, TimeInForce
from proto.units import Lots, Price, TimeMs
from tests.core.venue import USD, Venue, address

TRADER = address(1)
USDC_PRICE = 10**6  # Price units of market 1, whose band is 10 %.


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize("price", [0, 95, 100, 105, 120])
def test_the_margin_of_a_market_order_is_what_placing_it_needs(side: Side, price: int) -> None:
    """The order may trade up to its limit, so that is where it must fit."""
    venue = Venue()
    venue.deposit(TRADER, 1_000 * USD)
    venue.price(1, 100 * USD)
    found, taken = [], []
    for lots in range(35, 110):
        spec = OrderSpec(
            MarketId(1), side, OrderType.MARKET, TimeInForce.IOC, Price(price * USDC_PRICE), Lots(lots), reduce_only=False,
            client_id=0, self_trade=SelfTrade.EXPIRE_MAKER,
        )  # fmt: skip
        account = venue.state.accounts[venue.state.by_address[TRADER]]
        found.append(order_margin_portrait(venue.state, account, spec)["fits"])
        venue.now += 1
        taken.append(isinstance(venue.act(PlaceOrder(TRADER, venue.now, TimeMs(0), spec)), Applied))
    assert found == taken
    assert set(found) == {True, False}
