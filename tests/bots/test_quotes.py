"""What makers and takers decide, without a network: prices, sizes, inventory, and which order is touched."""

import itertools
import random

from hypothesis import given
from hypothesis import strategies as st

from node.bots.maker import Maker
from node.bots.quotes import Quote, desired, tick, valid_price
from node.bots.settings import MakerSettings, TakerSettings
from node.bots.taker import Taker
from node.bots.watch import Resting, Watch
from node.client.amounts import Market
from node.client.client import NovateClient
from proto.ids import Address, MarketId
from proto.intents import AmendOrder, CancelByClientId, Intent, OrderType, PlaceOrder, PlaceOrders, Side, TimeInForce
from proto.units import PRICE_MAX, Lots, Price, TimeMs, tick_is_valid

BTC_MARK = 600_000  # 60,000 USDC with one decimal.
MINIMUM = 10_000_000
MAKER = MakerSettings()


@given(price=st.integers(1, PRICE_MAX), side=st.sampled_from(Side), decimals=st.integers(0, 6))
def test_rounded_prices_are_valid_and_never_cross(price: int, side: Side, decimals: int) -> None:
    rounded = valid_price(price, side, decimals)
    assert 0 < rounded <= PRICE_MAX
    assert tick_is_valid(rounded, decimals)
    step = tick(price, decimals)
    assert abs(rounded - price) < step or price < step or price > PRICE_MAX - step
    if side == Side.BUY and price >= step:
        assert rounded <= price
    if side == Side.SELL and price <= PRICE_MAX - step:
        assert rounded >= price


def prices(quotes: list[Quote], side: Side) -> list[int]:
    """Prices of one side, best first."""
    return [quote.price for quote in quotes if quote.side == side]


@given(mark=st.integers(10_000, 10_000_000), position=st.integers(-(10**7), 10**7))
def test_sides_never_meet_and_levels_fan_out(mark: int, position: int) -> None:
    quotes = desired(MAKER, mark, position, 5, MINIMUM)
    bids, offers = prices(quotes, Side.BUY), prices(quotes, Side.SELL)
    assert bids or offers
    assert all(best >= worse for best, worse in itertools.pairwise(bids))
    assert all(best <= worse for best, worse in itertools.pairwise(offers))
    if bids and offers:
        assert bids[0] < mark < offers[0]
    assert all(quote.price * quote.size >= MINIMUM for quote in quotes)
    assert len({quote.client_id for quote in quotes}) == len(quotes)


def test_a_full_inventory_leans_and_then_stops_one_side() -> None:
    flat = desired(MAKER, BTC_MARK, 0, 5, MINIMUM)
    half = desired(MAKER, BTC_MARK, MAKER.inventory_usd // BTC_MARK // 2, 5, MINIMUM)
    full = desired(MAKER, BTC_MARK, MAKER.inventory_usd // BTC_MARK + 1, 5, MINIMUM)
    short = desired(MAKER, BTC_MARK, -MAKER.inventory_usd // BTC_MARK - 1, 5, MINIMUM)
    assert prices(half, Side.BUY)[0] < prices(flat, Side.BUY)[0]
    assert prices(half, Side.SELL)[0] < prices(flat, Side.SELL)[0]
    assert prices(full, Side.BUY) == []
    assert prices(short, Side.SELL) == []


class Seen(Watch):
    """A watch that was told what it sees."""

    def __init__(
        self, mark: int, position: int = 0, orders: dict[int, Resting] | None = None, band_ppm: int = 0
    ) -> None:
        facts = {"minimum_notional": MINIMUM, "band_ppm": band_ppm}
        super().__init__(NovateClient("ws://127.0.0.1:1/"), Market(MarketId(1), "BTC-PERPETUAL", 5, facts))
        self.mark = mark
        self._held = position
        self._resting = orders or {}

    @property
    def position(self) -> int:
        """As told."""
        return self._held

    def resting(self) -> dict[int, Resting]:
        """As told."""
        return self._resting


class Heads:
    """Account, nonce, expiry."""

    def __init__(self) -> None:
        self._nonces = itertools.count(1)

    def __call__(self) -> tuple[Address, int, TimeMs]:
        """The next."""
        return Address(b"\x11" * 20), next(self._nonces), TimeMs(0)


def decide(watch: Watch) -> list[Intent]:
    """One round of a maker."""
    return Maker(MAKER, "test").decide(watch, Heads())


def as_wanted(mark: int) -> dict[int, Resting]:
    """A book that is exactly what the maker wants."""
    return {quote.client_id: Resting(quote.price, quote.size) for quote in desired(MAKER, mark, 0, 5, MINIMUM)}


def test_an_empty_book_gets_one_batch() -> None:
    [intent] = decide(Seen(BTC_MARK))
    assert isinstance(intent, PlaceOrders)
    assert len(intent.orders) == 2 * MAKER.levels
    assert all(order.time_in_force == TimeInForce.POST_ONLY for order in intent.orders)


def test_a_book_as_wanted_is_left_alone() -> None:
    assert decide(Seen(BTC_MARK, orders=as_wanted(BTC_MARK))) == []


def test_inner_levels_are_amended_and_outer_ones_replaced_when_the_mark_moves() -> None:
    intents = decide(Seen(BTC_MARK + 60, orders=as_wanted(BTC_MARK)))
    amended = [intent.client_id for intent in intents if isinstance(intent, AmendOrder)]
    cancelled = [intent.client_id for intent in intents if isinstance(intent, CancelByClientId)]
    [batch] = [intent for intent in intents if isinstance(intent, PlaceOrders)]
    inner = [quote.client_id for quote in desired(MAKER, BTC_MARK, 0, 5, MINIMUM) if quote.inner]
    assert sorted(amended) == sorted(inner)
    assert sorted(cancelled) == sorted(order.client_id for order in batch.orders)
    assert len(cancelled) == 2 * MAKER.levels - len(inner)
    assert isinstance(intents[-1], PlaceOrders), "places are free before they are taken again"


def test_a_level_that_is_half_eaten_is_filled_up() -> None:
    orders = as_wanted(BTC_MARK)
    orders[1] = Resting(orders[1].price, Lots(orders[1].remaining // 2 - 1))
    [intent] = decide(Seen(BTC_MARK, orders=orders))
    assert isinstance(intent, AmendOrder)
    assert (intent.client_id, intent.price) == (1, orders[1].price)


def test_orders_without_a_place_are_taken_back() -> None:
    orders = as_wanted(BTC_MARK) | {99: Resting(Price(500_000), Lots(1))}
    [intent] = decide(Seen(BTC_MARK, orders=orders))
    assert isinstance(intent, CancelByClientId)
    assert intent.client_id == 99


def test_takers_stay_within_their_means_and_lean_towards_flat(seed: int) -> None:
    settings = TakerSettings()
    taker = Taker(settings, str(seed))
    position, longest, seconds, traded = 0, 0, 0.0, 0
    for _ in range(3_000):
        watch = Seen(BTC_MARK, position, band_ppm=random.Random(seed).choice([0, 100_000]))
        [intent] = taker.decide(watch, Heads())
        assert isinstance(intent, PlaceOrder)
        order = intent.order
        notional = order.size * BTC_MARK
        assert settings.order_usd_min // 2 <= notional <= settings.order_usd_max
        assert order.time_in_force == TimeInForce.IOC
        if order.price:
            assert tick_is_valid(order.price, 5)
            assert (order.price > BTC_MARK) == (order.side == Side.BUY)
        else:
            assert order.order_type == OrderType.MARKET
        position += order.size if order.side == Side.BUY else -order.size
        longest = max(longest, abs(position))
        traded += notional
        seconds += taker.pause_s()
    assert longest * BTC_MARK <= settings.inventory_usd + settings.order_usd_max
    assert 0.8 < traded / seconds / settings.turnover_usd_per_s < 1.25
