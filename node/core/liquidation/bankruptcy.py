"""Bankruptcy price and liquidation fee of a slice (dYdX v4, liquidations).

Closing a slice at the bankruptcy price leaves the account exactly the share of its equity that the rest of its maintenance stands for.
"""

from node.core.num import div_ceil, div_floor
from proto.units import PPM, MicroUsd


def bankruptcy_quote(value_change: int, equity: int, maintenance_change: int, maintenance: int) -> MicroUsd:
    """Least signed quote (received > 0, paid < 0) for the slice, micro-USDC, rounded up.

    `value_change`: change of Σ size x mark (negative when a long is sold); `maintenance_change`: size of the fall in the requirement.
    quote = -value_change - equity x maintenance_change / maintenance.
    """
    assert maintenance > 0
    assert maintenance_change >= 0
    return MicroUsd(-value_change + div_ceil(-equity * maintenance_change, maintenance))


def liquidation_fee(quote: int, bankruptcy: int, fee_ppm: int) -> MicroUsd:
    """What goes to the insurance fund: min(|quote| x most, quote - bankruptcy), never negative, rounded down."""
    return MicroUsd(max(min(div_floor(abs(quote) * fee_ppm, PPM), quote - bankruptcy), 0))
