"""Market makers under stress: they quote around the outside price, offer less and further away as it moves more, and pull what is stale
before the venue's own price has moved.

They are rich and careful rather than clever: inventory leans their quotes and, when it is full, silences a side.
"""

import random
from dataclasses import dataclass
from typing import Final

from node.bots.quotes import lots_for, valid_price
from node.lab.stress.bars import DEPTH_FULL
from node.lab.stress.venue import StressVenue, owner_of
from proto.intents import (
    CancelAll,
    OrderSpec,
    OrderType,
    PlaceOrders,
    SelfTrade,
    Side,
    TimeInForce,
)
from proto.units import MICRO_USD_PER_USD, PPM, PRICE_DECIMALS_MAX, MicroUsd

_CALM_PPM: Final = (
    600  # Usual standard deviation of a minute's return, per 1,000,000: about that of BTC in a calm week.
)
_MEMORY: Final = 0.94  # Weight of the past in a maker's estimate of volatility.


@dataclass(frozen=True, slots=True, kw_only=True)
class MakerTerms:
    """How makers quote in calm; prices per million of the mid, money in micro-USDC."""

    makers: int = 3
    levels: int = 4
    level_usd: MicroUsd = MicroUsd(300_000 * MICRO_USD_PER_USD)
    half_spread_ppm: int = 400
    step_ppm: int = 500
    capital: MicroUsd = MicroUsd(20_000_000 * MICRO_USD_PER_USD)
    inventory: MicroUsd = MicroUsd(15_000_000 * MICRO_USD_PER_USD)
    lean_ppm: int = 1_500
    """How far a full inventory moves the quotes' centre."""


class Nerves:
    """What makers feel: volatility of the outside price, per minute."""

    def __init__(self) -> None:
        self._variance = float(_CALM_PPM**2)
        self._last = 0

    def see(self, price: int, minutes: float) -> None:
        """One more price, `minutes` after the one before."""
        if self._last:
            change = (price - self._last) / self._last * PPM
            sample = change * change / max(minutes, 1e-3)
            # A jump frightens at once; calm returns slowly.
            self._variance = max(_MEMORY * self._variance + (1 - _MEMORY) * sample, 0.25 * sample)
        self._last = price

    @property
    def ppm(self) -> int:
        """Standard deviation of a minute's return."""
        return int(self._variance**0.5)

    @property
    def fear(self) -> float:
        """1 in calm, more in storm."""
        return max(1.0, self.ppm / _CALM_PPM)


class StressMaker:
    """One maker."""

    def __init__(self, venue: StressVenue, terms: MakerTerms, number: int, random_: random.Random) -> None:
        self.owner = owner_of("maker", number)
        self._venue = venue
        self._terms = terms
        self._random = random_
        self._centre = 0
        self._fear = 1.0
        self._out = 0
        """Lots offered when the quotes were placed."""
        venue.deposit(self.owner, terms.capital)

    def pull(self, price: int, fear: float) -> None:
        """Take quotes back where the outside price has left them behind, or too many of them were taken."""
        moved = abs(price - self._centre) * PPM
        allowed = self._terms.half_spread_ppm * self._fear
        calmer_or_wilder = not 0.7 < fear / self._fear < 1.4
        if self._centre and moved <= allowed * self._centre and not calmer_or_wilder and 2 * self._left() >= self._out:
            return
        if self._left():
            self._venue.act(self.owner, lambda head: CancelAll(*head, self._venue.market.params.id))
        self._centre = 0

    def quote(self, price: int, fear: float, depth_ppm: int) -> None:
        """Offer on both sides if nothing is offered."""
        if self._centre:
            return
        specs = self._specs(price, fear, depth_ppm)
        if specs:
            self._venue.act(self.owner, lambda head: PlaceOrders(*head, tuple(specs)))
        self._centre, self._fear, self._out = price, fear, self._left()

    def _left(self) -> int:
        account = self._venue.account(self.owner)
        position = account.positions.get(self._venue.market.params.id) if account is not None else None
        return 0 if position is None else position.buy_lots + position.sell_lots

    def _specs(self, price: int, fear: float, depth_ppm: int) -> list[OrderSpec]:
        terms, params = self._terms, self._venue.market.params
        mid = max(price // 10**params.size_decimals, 1)  # Market price units.
        full = max(-1.0, min(1.0, self._venue.position(self.owner) * mid / terms.inventory))
        centre = PPM - full * terms.lean_ppm
        # Twice as wild, half the size; beyond eight times hardly anything.
        size = terms.level_usd * depth_ppm / DEPTH_FULL / fear ** (1.0 if fear < 8 else 1.5)
        specs: list[OrderSpec] = []
        for side, away in ((Side.BUY, -1), (Side.SELL, 1)):
            if full * -away >= 1.0:
                continue
            for level in range(terms.levels):
                ppm = centre + away * fear * (terms.half_spread_ppm + level * terms.step_ppm)
                limit = valid_price(int(mid * ppm / PPM), side, params.size_decimals)
                notional = int(size * (1 + level / 2) * self._random.uniform(0.8, 1.2))
                if notional < 2 * params.minimum_notional:
                    continue
                specs.append(
                    OrderSpec(
                        params.id, side, OrderType.LIMIT, TimeInForce.GTC, limit, lots_for(notional, limit), reduce_only=False,
                        client_id=0, self_trade=SelfTrade.EXPIRE_MAKER,
                    )
                )  # fmt: skip
        return specs


def lots_worth(price: int, size_decimals: int, notional: int) -> int:
    """Lots that `notional` micro-USDC buy at an index price (micro-USDC per whole unit), at least one."""
    unit: int = 10**size_decimals
    return max(notional * unit // price, 1)


assert MICRO_USD_PER_USD == 10**PRICE_DECIMALS_MAX, "one USDC is 10^(6-d) price units"
