"""The fast book against a naive one under the same random commands: same refusals, fills, closes and queues after every command."""

import random
from dataclasses import replace

import pytest

from node.core.outcome import Applied, OrderResult, OrderState, Outcome
from node.core.params import LimitParams
from proto.events import OrderClosed, OrderFilled
from proto.ids import Address, OrderId
from proto.intents import AmendOrder, CancelOrder, OrderSpec, OrderType, PlaceOrder, SelfTrade, Side, TimeInForce
from proto.units import Lots, Price, TimeMs
from tests.core.naive_book import Done, NaiveBook
from tests.core.venue import BETA, PARAMS, START_MS, USD, Venue, address, queue

TRADERS = tuple(address(number) for number in range(1, 5))
MIDDLE = 20_000  # Price units: 2 USDC.
LIMITS = LimitParams(1_000, 2, 2, 2, 8, 3)


def open_venue() -> Venue:
    """Rich traders and a price, so that nothing but the book decides."""
    markets = tuple(replace(market, order_cap=1_000) for market in PARAMS.markets)
    venue = Venue(replace(PARAMS, limits=LIMITS, markets=markets))
    venue.price(2, 2 * USD)
    for trader in TRADERS:
        venue.deposit(trader, 10**15)
    return venue


def random_spec(chance: random.Random, account: int) -> OrderSpec:
    """Any order around the middle; makers are commoner than takers, so that books grow."""
    side = chance.choice(list(Side))
    away = chance.randint(-3, 9)
    price = MIDDLE - away if side == Side.BUY else MIDDLE + away
    return OrderSpec(
        BETA, side, chance.choice([OrderType.LIMIT] * 6 + [OrderType.MARKET]),
        chance.choice([TimeInForce.GTC] * 6 + list(TimeInForce)), Price(price), Lots(chance.choice([0, 1, 2, 3, 5, 8, 40])),
        chance.random() < 0.2, chance.choice([0, 0, chance.randint(1, 40)]), chance.choice(list(SelfTrade)),
    )  # fmt: skip


def seen(outcome: Outcome) -> Done:
    """What the fast book did, in the naive one's words."""
    if not isinstance(outcome, Applied):
        return Done(outcome.code.value)
    result = outcome.results[0]
    assert isinstance(result, OrderResult)
    fills = [(int(e.maker_order), int(e.price), int(e.size)) for e in outcome.events if isinstance(e, OrderFilled)]
    closed = [(int(e.order), e.reason) for e in outcome.events if isinstance(e, OrderClosed)]
    assert result.quote == sum(price * lots for _, price, lots in fills)
    assert (result.state == OrderState.FILLED) == (result.remaining == 0)
    return Done(result.code, result.order, result.remaining, result.state == OrderState.RESTING, fills, closed)


def drive(seed: int, commands: int) -> None:
    """Give both books the same commands."""
    chance, venue = random.Random(seed), open_venue()
    naive = NaiveBook(int(venue.state.next_order), LIMITS.fills_per_input)
    market = venue.state.markets[BETA]
    for number in range(commands):
        who = chance.randrange(len(TRADERS))
        account = TRADERS[who]
        kind = chance.random()
        known = chance.choice(naive.resting).id if naive.resting else 1
        owner = next((o.account for o in naive.resting if o.id == known), who)
        if kind < 0.55:
            spec = random_spec(chance, who)
            expected = naive.place(who, spec)
            outcome = venue.act(PlaceOrder(account, START_MS + number, TimeMs(0), spec))
        else:
            if chance.random() < 0.95:
                who, account = owner, TRADERS[owner]
            if kind < 0.8:
                price, size = MIDDLE + chance.randint(-9, 9), chance.choice([0, 1, 2, 3, 4, 6, 30])
                if chance.random() < 0.5:
                    price = next((o.price for o in naive.resting if o.id == known), price)
                expected = naive.amend(who, known, price, size)
                outcome = venue.act(_amend(account, START_MS + number, known, price, size))
            else:
                expected = naive.cancel(who, known)
                outcome = venue.act(CancelOrder(account, START_MS + number, TimeMs(0), OrderId(known)))
        found = seen(outcome)
        assert sorted(found.closed) == sorted(expected.closed), number
        found.closed = expected.closed
        assert found == expected, number
        for side, fast in ((Side.BUY, market.bids), (Side.SELL, market.asks)):
            levels = queue(fast)
            assert [row[:2] for level in levels for row in level[3]] == [(o.id, o.remaining) for o in naive.queue(side)]
            assert [level[1] for level in levels] == [sum(row[1] for row in level[3]) for level in levels]
    sizes = {TRADERS.index(a.address): p.size for a in venue.state.accounts.values() for p in a.positions.values()}
    assert {who: size for who, size in naive.positions.items() if size} == {w: s for w, s in sizes.items() if s}


def _amend(account: Address, nonce: int, number: int, price: int, size: int) -> AmendOrder:
    return AmendOrder(account, nonce, TimeMs(0), OrderId(number), 0, Price(price), Lots(size))


def test_fast_book_equals_naive_book(seed: int) -> None:
    drive(seed, 4_000)


@pytest.mark.campaign
@pytest.mark.timeout(3_600)
def test_fast_book_equals_naive_book_for_long(seed: int) -> None:
    for part in range(100):
        drive(seed + part, 5_000)
