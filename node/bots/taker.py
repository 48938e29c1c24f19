"""A taker: immediate orders of random size at random moments, with a mild wish to be flat."""

import random

from node.bots.maker import Head
from node.bots.quotes import lots_for, valid_price, worth_at_least
from node.bots.settings import TakerSettings
from node.bots.watch import Watch
from proto.intents import Intent, OrderSpec, OrderType, PlaceOrder, SelfTrade, Side, TimeInForce
from proto.units import PPM, Lots, Price


class Taker:
    """Decides; somebody else signs and sends."""

    cancels_at_end = False

    def __init__(self, settings: TakerSettings, seed: str) -> None:
        self._settings = settings
        self._random = random.Random(seed)
        self._last_usd = 0

    def pause_s(self) -> float:
        """Exponential, with a mean that keeps the turnover: a large order is followed by a longer pause."""
        mean_s = self._last_usd / self._settings.turnover_usd_per_s
        return min(self._random.expovariate(1.0) * mean_s, 60.0)

    def decide(self, watch: Watch, head: Head) -> list[Intent]:
        """One order, or none where it would add to a full inventory."""
        settings = self._settings
        inventory = watch.position * watch.mark
        lean = max(-1.0, min(1.0, inventory / settings.inventory_usd))
        side = Side.SELL if self._random.random() < (1 + lean) / 2 else Side.BUY
        size = self._size(watch)
        self._last_usd = size * watch.mark
        away = 1 if side == Side.BUY else -1
        limit = valid_price(
            watch.mark * (PPM + away * settings.slip_ppm) // PPM, Side(1 - side), watch.market.size_decimals
        )
        kind = OrderType.LIMIT
        if self._random.randrange(PPM) < settings.market_orders_ppm:
            kind = OrderType.MARKET
            if watch.market.facts["band_ppm"]:
                limit = Price(0)  # The band is bound enough.
        order = OrderSpec(
            watch.market.id, side, kind, TimeInForce.IOC, limit, size,
            reduce_only=False, client_id=0, self_trade=SelfTrade.EXPIRE_TAKER,
        )  # fmt: skip
        return [PlaceOrder(*head(), order)]

    def _size(self, watch: Watch) -> Lots:
        usd = self._random.randint(self._settings.order_usd_min, self._settings.order_usd_max)
        return worth_at_least(lots_for(usd, watch.mark), watch.mark, 2 * watch.market.facts["minimum_notional"])
