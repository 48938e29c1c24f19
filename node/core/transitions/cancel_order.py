"""Cancel open orders and waiting triggers, by id or by client id. Always allowed, whatever state the market is in."""

from node.core.outcome import Applied, OrderResult, OrderState, Outcome, Rejected, refused_order
from node.core.state import Account, Order, State
from node.core.transitions.ending import Open, end, find
from proto.events import CloseReason
from proto.ids import OrderId
from proto.intents import CancelByClientId, CancelOrder, CancelOrders
from proto.reject import RejectCode
from proto.units import Lots, MicroUsd


def check(state: State, account: Account, intent: CancelOrder | CancelByClientId) -> Open | RejectCode:
    """Decide without touching `state`."""
    if isinstance(intent, CancelOrder):
        return find(state, account, intent.order_id, 0)
    return find(state, account, OrderId(0), intent.client_id)


def result_of(item: Open) -> OrderResult:
    """What became of what was taken out."""
    left = item.remaining if isinstance(item, Order) else item.size
    return OrderResult(0, item.id, OrderState.CANCELLED, Lots(0), left, MicroUsd(0))


def commit(state: State, account: Account, order: Open) -> Applied:
    """Take it out. Cannot fail."""
    end(state, account, order, CloseReason.USER_CANCELLED)
    return Applied(tuple(state.events), (result_of(order),))


def transition(state: State, account: Account, intent: CancelOrder | CancelByClientId) -> Outcome:
    """Check, then commit."""
    decided = check(state, account, intent)
    return Rejected(decided) if isinstance(decided, RejectCode) else commit(state, account, decided)


def transition_batch(state: State, account: Account, intent: CancelOrders) -> Outcome:
    """Cancel what is open, each with a result of its own; an order named twice is unknown the second time."""
    named = [(order_id, 0) for order_id in intent.order_ids] + [(OrderId(0), number) for number in intent.client_ids]
    results: list[OrderResult] = []
    for order_id, client_id in named:
        order = find(state, account, order_id, client_id)
        if isinstance(order, RejectCode):
            results.append(refused_order(order))
        else:
            end(state, account, order, CloseReason.USER_CANCELLED)
            results.append(result_of(order))
    return Applied(tuple(state.events), tuple(results))
