"""Mark price: median of three estimators, kept within a band around the index (Hyperliquid, mark price).

1. index + average over `ema_ms` of (mid - index); 2. median of best bid, best ask and last trade; 3. the index itself, where no outside
perpetual prices are published. All in market price units. A side that is missing makes its estimator the index.
"""

from node.core.book.side import best
from node.core.num import FIXED, clamp, div_ceil, div_floor, div_half_up, div_trunc, exp_neg, median3
from node.core.state import Index, Market, State, touch_market
from node.core.triggers import ladder
from proto.events import MarkSet
from proto.ops import OpKind
from proto.units import PPM, PRICE_MAX, Price

BASIS_SCALE = 1_000_000  # The averaged basis is in 1e-6 price units.


def index_in_units(index: Index, market: Market) -> Price:
    """Index report unit (micro-USDC per whole unit) to market price units, rounded to nearest; at least 1."""
    return Price(clamp(div_half_up(index.price, 10**market.params.size_decimals), 1, PRICE_MAX))


def band(price: int, ppm: int) -> tuple[int, int]:
    """[price x (1 - ppm), price x (1 + ppm)], rounded inwards; at least 1."""
    return max(div_ceil(price * (PPM - ppm), PPM), 1), max(div_floor(price * (PPM + ppm), PPM), 1)


def _update_basis(state: State, market: Market, index_price: int, bid: int, ask: int) -> None:
    """Exponential average of mid - index with time constant `ema_ms`; decays towards 0 while a side is missing. Truncates."""
    premium = market.premium
    sample = div_trunc((bid + ask - 2 * index_price) * BASIS_SCALE, 2) if bid and ask else 0
    elapsed = state.time - premium.basis_time
    keep = exp_neg(div_floor(elapsed * FIXED, state.params.funding.ema_ms)) if premium.basis_time else 0
    premium.basis = div_trunc(premium.basis * keep + sample * (FIXED - keep), FIXED)
    premium.basis_time = state.time


def update_mark(state: State, market: Market, index: Index) -> None:
    """Recompute index price and mark of one market from a fresh index."""
    index_price = index_in_units(index, market)
    low_level, high_level = best(market.bids), best(market.asks)
    bid = low_level.price if low_level else 0
    ask = high_level.price if high_level else 0
    _update_basis(state, market, index_price, bid, ask)
    averaged = index_price + div_half_up(market.premium.basis, BASIS_SCALE)
    traded = median3(bid, ask, market.premium.last_trade or index_price) if bid and ask else index_price
    low, high = band(index_price, market.params.mark_band_ppm)
    mark = Price(clamp(median3(averaged, traded, index_price), low, min(high, PRICE_MAX)))
    if index_price != market.index_price or mark != market.mark:
        market.index_price, market.mark = index_price, mark
        state.ops.append((OpKind.PRICE_SET, market.params.id, index_price, mark))
        state.events.append(MarkSet(market.params.id, index_price, mark))
        ladder.mark_moved(state, market)
    touch_market(state, market)
