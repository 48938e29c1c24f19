"""Step 1: cancel the orders that could add risk.

What only reduces stays: reduce-only orders, and others of a side that together could not do more than close the position. Triggers and
time-sliced orders end only where they are not reduce-only. Before an estate is handed over, all that is open in its markets ends.
"""

from node.core.liquidation.estate import Estate
from node.core.state import Order, Position, State, Twap
from node.core.transitions.ending import Open, end, matching
from proto.events import CloseReason
from proto.ids import ALL_MARKETS, MarketId
from proto.intents import Side


def adds_risk(position: Position | None, side: Side) -> bool:
    """Whether open orders of a side, reduce-only ones not counted, could do more than close the position."""
    if position is None:
        return True
    if side == Side.BUY:
        return position.buy_lots > max(-position.size, 0)
    return position.sell_lots > max(position.size, 0)


def risky(estate: Estate, item: Open | Twap) -> bool:
    """Whether an open order, trigger or time-sliced order could add risk."""
    if item.reduce_only:
        return False
    return not isinstance(item, Order) or adds_risk(estate.account.positions.get(item.market), item.side)


def open_of(state: State, estate: Estate, *, all_of_them: bool) -> list[Open | Twap]:
    """What is open in the estate's markets and would be cancelled now, oldest first."""
    account = estate.account
    if not (account.orders or account.triggers or account.twaps):
        return []
    return [
        item
        for item in matching(account, ALL_MARKETS, state.next_order)
        if _belongs(estate, item.market) and (all_of_them or risky(estate, item))
    ]


def _belongs(estate: Estate, market: MarketId) -> bool:
    position = estate.account.positions.get(market)
    isolated = position is not None and position.isolated
    return market == estate.market if estate.market else not isolated


def cancel(state: State, estate: Estate, items: list[Open | Twap]) -> None:
    """Cancel the oldest of them, as many as one unit may."""
    for item in items[: state.params.limits.cancels_per_input]:
        end(state, estate.account, item, CloseReason.LIQUIDATION)
