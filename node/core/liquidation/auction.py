"""The price of a takeover: what a share of an account in liquidation costs as time passes, and how large a share may be (Derive, auctions).

Of a portfolio with mark value V and requirement Q, S = V - Q is negative. A bidder who takes the share f of it at the part d of its value
receives f of what is worth V - R and pays d for it, R being what earlier bidders paid in. The largest share is the one after which the
rest stands at the buffer: B = S - buffer x Q, f = B / (B - V x d - R x (1 - d)). Shares are in 1e-12, prices in ppm of mark value.
"""

from typing import Final

from node.core.num import div_ceil, div_floor
from node.core.params import LiquidationParams
from proto.units import PPM, MicroUsd

SHARE_SCALE: Final = 10**12


def price_after(elapsed_ms: int, rules: LiquidationParams) -> int:
    """d(t) in ppm of mark value, rounded up: falls from its start to a knee fast, then slowly to 0."""
    start, knee = rules.takeover_start_ppm, rules.takeover_knee_ppm
    if elapsed_ms < rules.takeover_knee_ms:
        return start - div_floor((start - knee) * elapsed_ms, rules.takeover_knee_ms)
    if elapsed_ms >= rules.takeover_end_ms:
        return 0
    slow_ms = rules.takeover_end_ms - rules.takeover_knee_ms
    return div_ceil(knee * (rules.takeover_end_ms - elapsed_ms), slow_ms)


def largest_share(value: int, surplus: int, reserved: int, price_ppm: int, buffer_ppm: int) -> int:
    """f in 1e-12, rounded down: how much of the portfolio may be taken now. 0 where nothing is for sale.

    `value`: mark value V; `surplus`: V less the requirement, negative in liquidation; `reserved`: what earlier bidders paid in.
    """
    if surplus >= 0 or value <= 0:
        return 0
    buffered = surplus * PPM + buffer_ppm * (surplus - value)  # B, in 1e-6 micro-USDC.
    below = buffered - value * price_ppm - reserved * (PPM - price_ppm)
    return div_floor(-buffered * SHARE_SCALE, -below)


def bid_for(value: int, reserved: int, price_ppm: int, share: int) -> MicroUsd:
    """What the bidder pays for a share, (V - R) x d x f, rounded up; not below 0."""
    return MicroUsd(max(div_ceil((value - reserved) * price_ppm * share, PPM * SHARE_SCALE), 0))


def reward_for(value: int, reserved: int, price_ppm: int, share: int) -> MicroUsd:
    """What the bidder gains on the mark value of the share, (V - R) x (1 - d) x f, rounded down; not below 0."""
    return MicroUsd(max(div_floor((value - reserved) * (PPM - price_ppm) * share, PPM * SHARE_SCALE), 0))
