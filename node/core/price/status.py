"""What may be done in a market with the prices and the status there are. The table of actions is in node.core.price.ladder."""

from node.core.price.ladder import Action, Validity, allows, index_of, index_validity, is_fresh
from node.core.state import Market, State
from proto.events import MarketStatus
from proto.reject import RejectCode

__all__ = ["index_of", "is_fresh", "may_liquidate", "refusal_of_orders", "status_by_age"]


def may_liquidate(state: State, market: Market) -> bool:
    """Prices good enough to take somebody's position."""
    return allows(state, market, Action.LIQUIDATE)


def refusal_of_orders(state: State, market: Market) -> RejectCode | None:
    """Why a market takes no orders at all now, or None."""
    if market.status in (MarketStatus.HALTED, MarketStatus.SETTLED):
        return RejectCode.MARKET_HALTED
    if market.status == MarketStatus.CANCEL_ONLY:
        return RejectCode.MARKET_CANCEL_ONLY
    if market.mark == 0:
        return RejectCode.INDEX_STALE
    return None


def status_by_age(state: State, market: Market) -> MarketStatus:
    """The status that the age of the index alone asks for."""
    found = index_validity(state, index_of(state, market))
    if found == Validity.DEAD:
        return MarketStatus.HALTED
    return MarketStatus.CANCEL_ONLY if found == Validity.LOST else MarketStatus.OPEN
