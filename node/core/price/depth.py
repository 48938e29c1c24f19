"""Depth of a book: what rests within `distance_ppm` of the mark on either side, averaged over time.

What rests is measured at each sample and enters an exponential average with time constant `ema_ms`: who pulls quotes for one sample of 5 s
lowers it by a twelfth, and who shows them for one raises it no more than that. A walk sees at most LEVELS_MAX levels.
"""

from typing import Final

from node.core.num import FIXED, div_ceil, div_floor, div_trunc, exp_neg
from node.core.price.ladder import index_of, is_fresh
from node.core.state import BookSide, Market, State, touch_market
from proto.intents import Side
from proto.units import PPM, MicroUsd

LEVELS_MAX: Final = 200
"""Levels of one side that a measurement walks over: bounds its work however fine the quotes are."""


def resting(side: BookSide, mark: int, distance_ppm: int) -> int:
    """Σ price x lots of levels no further than `distance_ppm` from the mark, micro-USDC."""
    low, high = div_ceil(mark * (PPM - distance_ppm), PPM), div_floor(mark * (PPM + distance_ppm), PPM)
    worst, total = low if side.side == Side.BUY else -high, 0
    for at in range(len(side.keys) - 1, max(len(side.keys) - 1 - LEVELS_MAX, -1), -1):
        if side.keys[at] < worst:
            break
        level = side.levels[side.keys[at]]
        total += level.price * level.lots
    return total


def sample(state: State, market: Market) -> None:
    """Measure both sides. Call once per SampleTick."""
    rules, depth = state.params.depth, market.depth
    if not rules.distance_ppm or not market.mark or not is_fresh(state, index_of(state, market)):
        return
    keep = exp_neg(div_floor((state.time - depth.time) * FIXED, rules.ema_ms)) if depth.time else 0
    bids, asks = (resting(side, market.mark, rules.distance_ppm) for side in (market.bids, market.asks))
    depth.bids = MicroUsd(div_trunc(depth.bids * keep + bids * (FIXED - keep), FIXED))
    depth.asks = MicroUsd(div_trunc(depth.asks * keep + asks * (FIXED - keep), FIXED))
    depth.time = state.time
    touch_market(state, market)
