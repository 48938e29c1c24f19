"""Who is deleveraged, found in parts of any size, is who a look at all accounts at once would find, in that order."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.core.liquidation import deleverage
from node.core.liquidation.rank import rank
from node.core.margin.account import health
from node.core.outcome import Applied
from proto.ids import AccountId
from proto.inputs import WorkTick
from proto.intents import OrderSpec, OrderType, PlaceOrder, SelfTrade, Side, TimeInForce
from proto.units import Lots, Price, TimeMs
from proto.waterfall_events import Deleveraged
from tests.core.venue import ALPHA, USD, Venue, address

BANKRUPT = address(99)


def trade(venue: Venue, owner: bytes, side: Side, lots: int, nonce: int) -> None:
    order = OrderSpec(
        ALPHA, side, OrderType.LIMIT, TimeInForce.GTC, Price(100 * USD), Lots(lots), reduce_only=False, client_id=0,
        self_trade=SelfTrade.EXPIRE_MAKER,
    )  # fmt: skip
    assert isinstance(venue.act(PlaceOrder(owner, venue.now + nonce, TimeMs(0), order)), Applied)  # type: ignore[arg-type]


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 40), st.integers(0, 5_000)), min_size=2, max_size=14), st.integers(1, 9), st.booleans()
)
def test_the_best_are_found_in_parts(winners: list[tuple[int, int]], part: int, long: bool) -> None:  # noqa: FBT001
    venue, side = Venue(), Side.SELL if long else Side.BUY
    for index, price in ((1, 100), (2, 100), (3, 50_000)):
        venue.price(index, price * USD)
    total = sum(lots for lots, _ in winners)
    venue.deposit(BANKRUPT, total * 100 * USD // 9)
    for number, (lots, spare) in enumerate(winners, 1):
        owner = address(number)
        venue.deposit(owner, lots * 100 * USD // 9 + spare * USD)
        trade(venue, owner, side, lots, number)
        trade(venue, BANKRUPT, Side(1 - side), lots, number)
    venue.price(1, (88 if long else 112) * USD)
    state = venue.state
    bankrupt = state.accounts[state.by_address[BANKRUPT]]
    assert health(state, bankrupt)[0] < 0
    rows = []
    for account in state.accounts.values():
        mine = account.positions.get(ALPHA)
        if mine is not None and mine.size and account is not bankrupt:
            score = rank(mine.size, mine.entry, state.markets[ALPHA].mark, health(state, account)[0])
            rows.append((-score, account.id))
    found: list[AccountId] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(deleverage, "LOOKED_AT", part)
        for _ in range(100):
            outcome = venue.apply(WorkTick(1))
            assert isinstance(outcome, Applied)
            found += [event.winner for event in outcome.events if isinstance(event, Deleveraged)]
            if not state.liquidating:
                break
    assert not state.liquidating
    assert found == [number for _, number in sorted(rows)]
    assert health(state, bankrupt) == (0, 0)
