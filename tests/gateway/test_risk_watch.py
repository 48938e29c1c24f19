"""The venue's risk in metrics: a whole round sums every account once, whatever the size of a look."""

from itertools import count

import pytest

from node.core.margin.default_odds import outlook_of
from node.gateway import risk_watch
from node.gateway.risk_watch import Round, look
from proto.ids import AccountId
from proto.intents import OrderSpec, OrderType, PlaceOrder, SelfTrade, Side, TimeInForce
from proto.units import Lots, Price, TimeMs
from tests.core.venue import BETA, USD, Venue, address
from tests.gateway.live import eventually, live
from tests.gateway.test_http import trade_once


def crowded() -> Venue:
    venue = Venue()
    venue.price(2, 100 * USD)
    for number, margin in enumerate((6, 7, 9, 60, 10_000), 1):
        venue.deposit(address(number), margin * USD)
        for who, side in ((address(number), Side.BUY), (address(99), Side.SELL)):
            if side == Side.SELL:
                venue.deposit(who, 1_000 * USD)
            spec = OrderSpec(
                BETA, side, OrderType.LIMIT, TimeInForce.GTC, Price(10**6), Lots(100), reduce_only=False, client_id=0,
                self_trade=SelfTrade.EXPIRE_MAKER,
            )  # fmt: skip
            venue.now += 1
            venue.act(PlaceOrder(who, venue.now, TimeMs(0), spec))
    return venue


@pytest.mark.parametrize(("seen", "held"), [(1_000, 40), (1, 40), (3, 40), (1_000, 1), (2, 1)])
def test_a_round_counts_every_account_once(monkeypatch: pytest.MonkeyPatch, seen: int, held: int) -> None:
    monkeypatch.setattr(risk_watch, "SEEN_MAX", seen)
    monkeypatch.setattr(risk_watch, "HELD_MAX", held)
    state = crowded().state
    cursor, found, looks = AccountId(1), Round(), count()
    while cursor:
        assert next(looks) < 100
        cursor, found = look(state, cursor, found)
    holders = [a for a in state.accounts.values() if any(p.size for p in a.positions.values())]
    odds = [outlook_of(state, account) for account in holders]
    assert found.held == len(holders) == 6
    assert found.shortfall == sum(row.shortfall for row in odds)
    assert found.largest == max(row.probability for row in odds) > 0
    assert found.at_risk == sum(row.probability >= risk_watch.AT_RISK for row in odds)


async def test_the_page_shows_it() -> None:
    async with live() as node:
        await trade_once(node)

        def held() -> bool:
            return node.metrics.value("novate_accounts_with_positions") == 2

        await eventually(held)
        assert node.metrics.value("novate_default_probability_max") is not None
