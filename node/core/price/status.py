"""What may be done in a market with the prices there are: the validity ladder.

* fresh quorum: everything. Spread too wide: no liquidation.
* no fresh quorum: no liquidation, no new risk. After `cancel_only_ms`: cancels only. After `halt_ms`: halted.
Freshness ends by time alone: an index whose reports stop is stale at `fresh_until` even before a tick says so.
"""

from node.core.state import Index, Market, State
from proto.events import IndexStatus, MarketStatus
from proto.reject import RejectCode


def index_of(state: State, market: Market) -> Index:
    """The index a market follows."""
    return state.indices[market.params.index]


def is_fresh(state: State, index: Index) -> bool:
    """Whether a quorum of reports agrees and is fresh at the state's time."""
    return index.status <= IndexStatus.UNCERTAIN and state.time <= index.fresh_until


def may_liquidate(state: State, market: Market) -> bool:
    """Prices good enough to take somebody's position."""
    index = index_of(state, market)
    return is_fresh(state, index) and index.status == IndexStatus.FRESH and market.mark > 0


def refusal_of_orders(state: State, market: Market) -> RejectCode | None:
    """Why a market takes no orders at all now, or None."""
    if market.status == MarketStatus.HALTED or market.status == MarketStatus.SETTLED:
        return RejectCode.MARKET_HALTED
    if market.status == MarketStatus.CANCEL_ONLY:
        return RejectCode.MARKET_CANCEL_ONLY
    if market.mark == 0:
        return RejectCode.INDEX_STALE
    return None


def status_by_age(state: State, market: Market) -> MarketStatus:
    """The status that the age of the index alone asks for."""
    index = index_of(state, market)
    if index.price == 0 or is_fresh(state, index):
        return MarketStatus.OPEN
    age = state.time - index.fresh_until
    if age >= state.params.oracle.halt_ms:
        return MarketStatus.HALTED
    return MarketStatus.CANCEL_ONLY if age >= state.params.oracle.cancel_only_ms else MarketStatus.OPEN
