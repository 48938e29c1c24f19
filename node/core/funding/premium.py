"""Premium samples: how far the book's impact prices stand from the index.

P = (max(impactBid - index, 0) - max(index - impactAsk, 0)) / index, impact price over a fixed notional (Hyperliquid, funding).
A side too thin for the impact notional contributes nothing. 1e-12, truncated towards zero.
"""

from node.core.book.side import impact_price
from node.core.num import div_trunc
from node.core.state import Market, State, touch_market
from proto.units import RATE_SCALE


def premium(impact_bid: int | None, impact_ask: int | None, index: int) -> int:
    """One sample in 1e-12; prices in any one unit."""
    above = max(impact_bid - index, 0) if impact_bid is not None else 0
    below = max(index - impact_ask, 0) if impact_ask is not None else 0
    return div_trunc((above - below) * RATE_SCALE, index)


def sample(state: State, market: Market) -> None:
    """Add one sample of a market with a price."""
    notional = market.params.impact_notional
    bid, ask = impact_price(market.bids, notional), impact_price(market.asks, notional)
    market.premium.sample_sum += premium(bid, ask, market.index_price)
    market.premium.samples += 1
    touch_market(state, market)
