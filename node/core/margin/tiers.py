"""Requirement of a position by notional tier.

`requirement = notional x rate - deduction`; the deduction makes it continuous at tier borders:
`ded_n = ded_(n-1) + lower_n x (rate_n - rate_(n-1))` (Hyperliquid, margin tiers). Maintenance takes the part `maintenance_ppm` of the rate.
Rates round up to whole ppm and requirements to whole micro-USDC: against the account.
"""

from node.core.num import div_ceil, div_floor
from node.core.params import MarketParams
from proto.units import PPM, MicroUsd, Ppm

Table = tuple[tuple[MicroUsd, Ppm, MicroUsd], ...]
"""Per tier: lower notional, rate, deduction."""


def table(market: MarketParams, part_ppm: int) -> Table:
    """Tiers of a market with `part_ppm` of the initial rate (1,000,000 for the initial requirement itself)."""
    rows: list[tuple[MicroUsd, Ppm, MicroUsd]] = []
    deduction, previous = 0, 0
    for tier in market.tiers:
        rate = div_ceil(part_ppm, tier.leverage_max)
        if rows:
            deduction += div_floor(tier.lower_notional * (rate - previous), PPM)
        rows.append((tier.lower_notional, Ppm(rate), MicroUsd(deduction)))
        previous = rate
    return tuple(rows)


def requirement(tiers: Table, notional: int) -> int:
    """Micro-USDC required for `notional` micro-USDC (>= 0)."""
    for lower, rate, deduction in reversed(tiers):
        if notional >= lower:
            return div_ceil(notional * rate, PPM) - deduction
    raise AssertionError("the first tier starts at 0")
