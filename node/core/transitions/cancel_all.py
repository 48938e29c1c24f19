"""Cancel everything open of an account in one market or in all: orders, waiting triggers, time-sliced orders.

What one input may not cancel is queued: work ticks cancel the rest, oldest first, and no order placed later.
"""

from node.core.liquidation.work import enqueue_cancels
from node.core.outcome import Applied, Outcome, Rejected, ValueResult
from node.core.state import Account, State, Twap
from node.core.transitions.ending import Open, end, has_open, matching
from proto.events import CloseReason, OrdersQueuedForCancel
from proto.ids import ALL_MARKETS, OrderId
from proto.intents import CancelAll
from proto.reject import RejectCode


def check(state: State, account: Account, intent: CancelAll) -> list[Open | Twap] | RejectCode:
    """Decide without touching `state`."""
    if intent.market != ALL_MARKETS and intent.market not in state.markets:
        return RejectCode.MARKET_UNKNOWN
    if not has_open(account, intent.market):
        return RejectCode.NOTHING_TO_CANCEL
    return matching(account, intent.market, OrderId(state.next_order - 1))


def commit(state: State, account: Account, intent: CancelAll, orders: list[Open | Twap]) -> Applied:
    """Cancel what fits, queue the rest. Cannot fail."""
    most = state.params.limits.cancels_per_input
    for order in orders[:most]:
        end(state, account, order, CloseReason.USER_CANCELLED)
    if len(orders) > most:
        enqueue_cancels(state, account.id, intent.market, orders[-1].id, CloseReason.USER_CANCELLED)
        state.events.append(OrdersQueuedForCancel(account.id, intent.market, len(orders) - most))
    return Applied(tuple(state.events), (ValueResult(len(orders)),))


def transition(state: State, account: Account, intent: CancelAll) -> Outcome:
    """Check, then commit."""
    decided = check(state, account, intent)
    return Rejected(decided) if isinstance(decided, RejectCode) else commit(state, account, intent, decided)
