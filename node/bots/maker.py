"""A market maker: keeps levels on both sides of the mark and moves them with it."""

import random
from collections.abc import Callable

from node.bots.quotes import Quote, desired, is_close
from node.bots.settings import MakerSettings
from node.bots.watch import Resting, Watch
from proto.ids import Address, OrderId
from proto.intents import (
    AmendOrder,
    CancelByClientId,
    Intent,
    OrderSpec,
    OrderType,
    PlaceOrders,
    SelfTrade,
    TimeInForce,
)
from proto.units import TimeMs

Head = Callable[[], tuple[Address, int, TimeMs]]
"""Account, fresh nonce, expiry: how every intent begins."""


class Maker:
    """Decides; somebody else signs and sends."""

    cancels_at_end = True

    def __init__(self, settings: MakerSettings, seed: str) -> None:
        self._settings = settings
        self._random = random.Random(seed)

    def pause_s(self) -> float:
        """Until the next look; uneven, so that makers do not march in step."""
        return self._settings.refresh_ms * self._random.uniform(0.7, 1.3) / 1_000

    def decide(self, watch: Watch, head: Head) -> list[Intent]:
        """What brings the book to what is wanted: amend the inner levels, replace the outer ones, drop what is too much."""
        facts = watch.market.facts
        wanted = desired(
            self._settings, watch.mark, watch.position, watch.market.size_decimals, facts["minimum_notional"]
        )
        resting = watch.resting()
        named = {quote.client_id for quote in wanted}
        intents: list[Intent] = [
            CancelByClientId(*head(), number) for number in resting if number and number not in named
        ]
        missing: list[Quote] = []
        for quote in wanted:
            order = resting.get(quote.client_id)
            if order is None:
                missing.append(quote)
            elif not self._may_stay(order, quote):
                if quote.inner:
                    intents.append(AmendOrder(*head(), OrderId(0), quote.client_id, quote.price, quote.size))
                else:
                    intents.append(CancelByClientId(*head(), quote.client_id))
                    missing.append(quote)
        if missing:
            intents.append(PlaceOrders(*head(), tuple(_spec(watch, quote) for quote in missing)))
        return intents

    def _may_stay(self, order: Resting, quote: Quote) -> bool:
        """Close enough, and not half eaten."""
        return is_close(order.price, quote.price, self._settings.tolerance_ppm) and 2 * order.remaining >= quote.size


def _spec(watch: Watch, quote: Quote) -> OrderSpec:
    return OrderSpec(
        watch.market.id, quote.side, OrderType.LIMIT, TimeInForce.POST_ONLY, quote.price, quote.size,
        reduce_only=False, client_id=quote.client_id, self_trade=SelfTrade.EXPIRE_MAKER,
    )  # fmt: skip
