"""Cancel every open order of an account in one market or in all.

What one input may not cancel is queued: work ticks cancel the rest, oldest first, and no order placed later.
"""

from node.core.book import resting
from node.core.liquidation.work import enqueue_cancels
from node.core.outcome import Applied, Outcome, Rejected, ValueResult
from node.core.state import Account, Order, State
from proto.events import CloseReason, OrdersQueuedForCancel
from proto.ids import ALL_MARKETS, MarketId, OrderId
from proto.intents import CancelAll
from proto.reject import RejectCode


def matching(account: Account, market: MarketId, last: OrderId) -> list[Order]:
    """The account's orders there with ids up to `last`, oldest first. The account's order cap bounds the walk."""
    orders = [o for o in account.orders.values() if o.id <= last and market in (ALL_MARKETS, o.market)]
    orders.sort(key=lambda order: order.id)
    return orders


def check(state: State, account: Account, intent: CancelAll) -> list[Order] | RejectCode:
    """Decide without touching `state`."""
    if intent.market != ALL_MARKETS and intent.market not in state.markets:
        return RejectCode.MARKET_UNKNOWN
    if intent.market == ALL_MARKETS:
        there = bool(account.orders)
    else:
        position = account.positions.get(intent.market)
        there = position is not None and position.orders > 0
    if not there:  # A refusal must not cost a walk over the orders elsewhere.
        return RejectCode.NOTHING_TO_CANCEL
    return matching(account, intent.market, OrderId(state.next_order - 1))


def commit(state: State, account: Account, intent: CancelAll, orders: list[Order]) -> Applied:
    """Cancel what fits, queue the rest. Cannot fail."""
    most = state.params.limits.cancels_per_input
    for order in orders[:most]:
        resting.close(state, account, state.markets[order.market], order, CloseReason.USER_CANCELLED)
    if len(orders) > most:
        enqueue_cancels(state, account.id, intent.market, orders[-1].id, CloseReason.USER_CANCELLED)
        state.events.append(OrdersQueuedForCancel(account.id, intent.market, len(orders) - most))
    return Applied(tuple(state.events), (ValueResult(len(orders)),))


def transition(state: State, account: Account, intent: CancelAll) -> Outcome:
    """Check, then commit."""
    decided = check(state, account, intent)
    return Rejected(decided) if isinstance(decided, RejectCode) else commit(state, account, intent, decided)
