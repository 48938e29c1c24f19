"""Which fraction of a notional is required: the largest of tier, open interest, forecast volatility and the leverage that the user chose.

Maintenance uses the first and the third only: open interest and settings never make a position liquidatable. What a USDC below its peg
and a position larger than the book add comes on top of the initial requirement. Fractions in parts per million; requirements round up,
against the account.
"""

from typing import NamedTuple

from node.core.margin.tiers import Table, requirement
from node.core.num import clamp, div_ceil, div_floor
from node.core.state import Account, Market, State
from proto.ids import USDC
from proto.units import MICRO_USD_PER_USD, PPM


def open_interest_ppm(base_ppm: int, lower: int, upper: int, open_interest: int) -> int:
    """base + (OI - lower) / (upper - lower) x (1 - base), within [base, 1], rounded down (dYdX v4, perpetual open interest).

    `lower` = `upper` = 0: no scaling. Notionals in one unit.
    """
    if upper == 0:
        return base_ppm
    return clamp(base_ppm + div_floor((open_interest - lower) * (PPM - base_ppm), upper - lower), base_ppm, PPM)


def leverage_ppm(leverage: int) -> int:
    """The fraction that a leverage stands for, rounded up; 0 for none chosen."""
    return div_ceil(PPM, leverage) if leverage else 0


def depeg_ppm(price: int, threshold_ppm: int, factor_ppm: int) -> int:
    """What a USDC at `price` micro-USD adds to initial fractions: (threshold - price) x factor below the threshold, rounded up (Derive)."""
    below = threshold_ppm - div_floor(price * PPM, MICRO_USD_PER_USD)
    return div_ceil(below * factor_ppm, PPM) if below > 0 else 0


def maintenance_requirement(market: Market, notional: int) -> int:
    """Micro-USDC below which equity may not fall for a position of `notional` micro-USDC: the larger of tier and forecast volatility."""
    by_tier = requirement(market.maintenance, notional)
    return max(by_tier, div_ceil(notional * market.maintenance_vol_ppm, PPM))


def liquidity_addon(notional: int, depth: int, multiple: int, ppm: int) -> int:
    """What a position larger than the book needs more: `ppm` of what is beyond `multiple` times the depth, rounded up.

    Depth is what rests near the mark on the side that would close the position, micro-USDC. Falling depth raises the requirement.
    """
    beyond = notional - multiple * depth
    return div_ceil(beyond * ppm, PPM) if beyond > 0 else 0


class Terms(NamedTuple):
    """Everything that an account's initial requirement in one market depends on but sizes."""

    mark: int
    tiers: Table
    rate_ppm: int  # Fraction whatever the tier.
    added_ppm: int  # On top.
    bids_depth: int = 0  # What could close a long; micro-USDC.
    asks_depth: int = 0
    liquidity_multiple: int = 0
    liquidity_ppm: int = 0


def terms_of(state: State, account: Account, market: Market) -> Terms:
    """An account's terms in a market now."""
    params, margin = market.params, state.params.margin
    setting = account.settings.get(params.id)
    rate = max(market.initial_vol_ppm, leverage_ppm(setting.leverage if setting is not None else 0))
    if params.open_interest_upper:
        base = market.initial_ppm[0][1]
        notional = market.open_interest * market.mark
        rate = max(rate, open_interest_ppm(base, params.open_interest_lower, params.open_interest_upper, notional))
    added = depeg_ppm(state.totals[USDC].price, margin.depeg_threshold_ppm, margin.depeg_factor_ppm)
    return Terms(
        market.mark, market.initial_ppm, rate, added, market.depth.bids, market.depth.asks, params.liquidity_multiple,
        params.liquidity_ppm,
    )  # fmt: skip


def initial_requirement(terms: Terms, lots: int) -> int:
    """Micro-USDC required to hold `lots` (long > 0) newly."""
    notional = abs(lots) * terms.mark
    needed = max(requirement(terms.tiers, notional), div_ceil(notional * terms.rate_ppm, PPM))
    if terms.liquidity_ppm:
        depth = terms.bids_depth if lots > 0 else terms.asks_depth
        needed += liquidity_addon(notional, depth, terms.liquidity_multiple, terms.liquidity_ppm)
    return needed + div_ceil(notional * terms.added_ppm, PPM)
