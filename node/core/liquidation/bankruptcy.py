"""Bankruptcy price and liquidation fee of a slice (dYdX v4, liquidations).

Closing a slice at the bankruptcy price leaves the account exactly the share of its equity that the rest of its maintenance stands for.
"""

from node.core.liquidation.estate import Estate, maintenance_of
from node.core.num import div_ceil, div_floor
from node.core.state import Market, Position
from proto.units import PPM, MicroUsd


def bankruptcy_quote(value_change: int, equity: int, maintenance_change: int, maintenance: int) -> MicroUsd:
    """Least signed quote (received > 0, paid < 0) for the slice, micro-USDC, rounded up.

    `value_change`: change of Σ size x mark (negative when a long is sold); `maintenance_change`: size of the fall in the requirement.
    quote = -value_change - equity x maintenance_change / maintenance.
    """
    assert maintenance > 0
    assert maintenance_change >= 0
    return MicroUsd(-value_change + div_ceil(-equity * maintenance_change, maintenance))


def quote_of(estate: Estate, market: Market, position: Position, lots: int) -> MicroUsd:
    """The bankruptcy quote for closing `lots` of one of the estate's positions."""
    held = abs(position.size)
    fall = maintenance_of(market, held) - maintenance_of(market, held - lots)
    closed = lots if position.size > 0 else -lots
    return bankruptcy_quote(-closed * market.mark, estate.equity, fall, max(estate.maintenance, 1))


def liquidation_fee(quote: int, bankruptcy: int, fee_ppm: int) -> MicroUsd:
    """What goes to the insurance fund: min(|quote| x most, quote - bankruptcy), never negative, rounded down."""
    return MicroUsd(max(min(div_floor(abs(quote) * fee_ppm, PPM), quote - bankruptcy), 0))
