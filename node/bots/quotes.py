"""What a maker wants to have in the book, as a pure function of mark and inventory."""

from typing import NamedTuple

from node.bots.settings import MakerSettings
from proto.intents import Side
from proto.units import (
    LOTS_MAX,
    MICRO_USD_PER_USD,
    PPM,
    PRICE_DECIMALS_MAX,
    PRICE_MAX,
    SIGNIFICANT_FIGURES_MAX,
    Lots,
    Price,
)


class Quote(NamedTuple):
    """One level. `client_id` names the place, so that it is held by one order at most, across restarts too."""

    client_id: int
    side: Side
    price: Price
    size: Lots
    inner: bool


def tick(price: int, size_decimals: int) -> int:
    """Distance between neighbouring valid prices at `price`: five significant figures, whole USDC always allowed."""
    figures: int = 10 ** max(0, len(str(price)) - SIGNIFICANT_FIGURES_MAX)
    one_usdc: int = 10 ** (PRICE_DECIMALS_MAX - size_decimals)
    return min(figures, one_usdc)


def valid_price(price: int, side: Side, size_decimals: int) -> Price:
    """The nearest price that the tick rule allows, away from the other side: bids round down, offers up."""
    price = min(max(price, 1), PRICE_MAX)
    step = tick(price, size_decimals)
    rounded = price // step * step if side == Side.BUY else -(-price // step) * step
    return Price(min(max(rounded, step), PRICE_MAX // step * step))


def lots_for(notional: int, price: int) -> Lots:
    """As many lots as `notional` micro-USDC buy at `price`, at least one."""
    return Lots(min(max(notional // price, 1), LOTS_MAX))


def worth_at_least(size: int, price: int, minimum: int) -> Lots:
    """`size`, or more where that would be below the market's minimum notional."""
    return Lots(min(max(size, -(-minimum // price)), LOTS_MAX))


def desired(settings: MakerSettings, mark: int, position: int, size_decimals: int, minimum: int) -> list[Quote]:
    """All levels, best first on each side. `position` in lots, signed; `minimum` notional in micro-USDC."""
    inventory = position * mark
    full = max(-PPM, min(PPM, inventory * PPM // settings.inventory_usd))
    centre_ppm = PPM - full * settings.skew_max_ppm // PPM
    quotes: list[Quote] = []
    for side in (Side.BUY, Side.SELL):
        if (full >= PPM and side == Side.BUY) or (full <= -PPM and side == Side.SELL):
            continue
        away = -1 if side == Side.BUY else 1
        for level in range(settings.levels):
            ppm = centre_ppm + away * (settings.half_spread_ppm + level * settings.level_step_ppm)
            price = valid_price(mark * ppm // PPM, side, size_decimals)
            size = worth_at_least(lots_for(settings.level_usd * (level + 1), price), price, 2 * minimum)
            number = 1 + level + (settings.levels if side == Side.SELL else 0)
            quotes.append(Quote(number, side, price, size, level < settings.inner_levels))
    return quotes


def is_close(price: int, wanted: int, tolerance_ppm: int) -> bool:
    """Whether a resting price may stay."""
    return abs(price - wanted) * PPM <= tolerance_ppm * wanted


assert MICRO_USD_PER_USD == 10**PRICE_DECIMALS_MAX, "one USDC is 10^(6-d) price units"
