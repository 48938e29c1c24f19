"""The mark of one market at which an account would become liquidatable, all other marks where they are."""

from typing import Final

from node.core.margin.account import health
from node.core.margin.fractions import maintenance_requirement
from node.core.state import Account, Market, State
from proto.units import Price

_FAR: Final = 100  # Times the mark: a short that lives there has no liquidation price to speak of.


def liquidation_price(state: State, account: Account, market: Market) -> Price | None:
    """The first mark at which maintenance would not be met any more; None where no mark does that.

    Equity less maintenance moves one way with the mark, as no maintenance rate reaches 1, so halving finds it: for a long the highest mark
    that is too low, for a short the lowest that is too high. With one tier: px - side x available / size / (1 - l x side) (Hyperliquid).
    """
    row = account.positions[market.params.id]
    value, need = health(state, account)
    rest = value - row.size * market.mark - (need - maintenance_requirement(market, abs(row.size) * market.mark))

    def falls(mark: int) -> bool:
        return rest + row.size * mark < maintenance_requirement(market, abs(row.size) * mark)

    if row.size > 0:
        low, high = 0, int(market.mark)
        if not falls(low + 1):
            return None
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if falls(middle) else (low, middle - 1)
        return Price(low)
    low, high = int(market.mark), _FAR * int(market.mark)
    if not falls(high):
        return None
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if falls(middle) else (middle + 1, high)
    return Price(low)
