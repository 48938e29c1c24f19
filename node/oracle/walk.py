"""The built-in price path: geometric Brownian motion with each underlying's usual volatility, the same for whoever asks with the same seed.

The path is a chain of Brownian bridges, one per period, each built by midpoint displacement (Lévy's construction): the value at any moment
follows from the seed and the moment alone, in as many steps as the period has levels. Each period ends at the base price, so prices stay
where people expect them however long a venue runs.
"""

import math
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from node.oracle.chance import normal
from node.oracle.source import SourceInvalid
from proto.units import MICRO_PRICE_MAX, MICRO_USD_PER_USD, MicroPrice, TimeMs

TICK_MS: Final = 500
LEVELS: Final = 22
PERIOD_TICKS: Final = 2**LEVELS  # 24 days.
TICKS_PER_YEAR: Final = 365.25 * 86_400_000 / TICK_MS


@dataclass(frozen=True, slots=True)
class PathShape:
    """Base price in USDC per unit and volatility, the standard deviation of a year's log return."""

    base_usd: float
    volatility: float


SHAPES: Final = MappingProxyType(
    {
        "BTC": PathShape(60_000.0, 0.50),
        "ETH": PathShape(3_000.0, 0.65),
        "ES": PathShape(19_200.0, 0.16),  # Quarter points of the index, as the order flow of the future counts.
    }
)


class WalkSource:
    """One underlying's path."""

    def __init__(self, index: str, seed: int) -> None:
        """Raises SourceInvalid for an underlying whose shape is not known."""
        shape = SHAPES.get(index)
        if shape is None:
            raise SourceInvalid(
                f"there is no built-in price path for {index} (only {', '.join(SHAPES)}); give a file of bars"
            )
        self._shape = shape
        self._name = f"{seed}:{index}".encode()
        self._scale = shape.volatility / math.sqrt(TICKS_PER_YEAR)

    async def price(self, time: TimeMs) -> MicroPrice:
        """The path at `time`, which it takes in steps of TICK_MS."""
        period, tick = divmod(time // TICK_MS, PERIOD_TICKS)
        price = self._shape.base_usd * math.exp(self._scale * self._bridge(period, tick))
        return MicroPrice(min(max(round(price * MICRO_USD_PER_USD), 1), MICRO_PRICE_MAX))

    def _bridge(self, period: int, tick: int) -> float:
        """Brownian bridge from 0 to 0 over a period, in standard deviations of one tick."""
        low, high = 0, PERIOD_TICKS
        low_value = high_value = 0.0
        while tick != low:
            middle = (low + high) // 2
            deviation = math.sqrt((high - low) / 4)
            value = (low_value + high_value) / 2 + deviation * normal(self._name, period, middle)
            if tick < middle:
                high, high_value = middle, value
            else:
                low, low_value = middle, value
        return low_value
