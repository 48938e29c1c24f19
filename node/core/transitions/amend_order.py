"""Change price and remaining size of an open order.

The new size is the new *remaining* size. Ids survive. Queue priority is kept where only the size goes down at the same price; otherwise the
order goes to the back of its new price, after trading what it would trade there. An amend that changes neither goes to the back too.
"""

from dataclasses import replace
from typing import NamedTuple

from node.core.book import resting
from node.core.book.expiry import has_ended
from node.core.book.match import MatchPlan, reducible
from node.core.book.protection import frozen
from node.core.outcome import Applied, OrderResult, OrderState, Outcome, Rejected, refused_order
from node.core.price.status import refusal_of_orders
from node.core.state import Account, Market, Order, State, Trigger
from node.core.transitions.ending import find
from node.core.transitions.placing import Accepted, Meetings, check_match, check_risk, finish_order, price_refusal
from proto.events import OrderAmended
from proto.intents import Amend, AmendOrder, AmendOrders
from proto.ops import OpKind
from proto.reject import RejectCode
from proto.units import Lots, MicroUsd, Price


class Amendment(NamedTuple):
    """What `check` found."""

    market: Market
    order: Order
    price: Price
    size: Lots
    plan: MatchPlan | None  # None: in place, priority kept.


def check(state: State, account: Account, intent: AmendOrder | Amend, meetings: Meetings) -> RejectCode | Amendment:
    """Decide without touching `state`."""
    order = find(state, account, intent.order_id, intent.client_id)
    if isinstance(order, RejectCode):
        return order
    if isinstance(order, Trigger):
        return RejectCode.ORDER_IS_TRIGGER
    market = state.markets[order.market]
    if has_ended(order, state.time):
        return RejectCode.GOOD_TIL_PAST
    if intent.size == 0:
        return RejectCode.ORDER_SIZE_ZERO
    if intent.price == order.price and intent.size < order.remaining:
        return Amendment(market, order, order.price, intent.size, None)
    if account.protections and not order.reduce_only and frozen(state, account, order.market):
        return RejectCode.PROTECTION_FROZEN
    code = refusal_of_orders(state, market) or price_refusal(market, intent.price)
    if code is not None:
        return code
    return _check_requeue(state, account, market, order, intent, meetings)


def _check_requeue(
    state: State, account: Account, market: Market, order: Order, intent: AmendOrder | Amend, meetings: Meetings
) -> RejectCode | Amendment:
    size = intent.size
    if order.reduce_only:
        size = Lots(min(size, reducible(state, account.id, market, order.side)))
        if size == 0:
            return RejectCode.REDUCE_ONLY_WOULD_INCREASE
    elif intent.price * size < market.params.minimum_notional:
        return RejectCode.ORDER_BELOW_MINIMUM_NOTIONAL
    others = replace(account.positions[order.market])
    resting.count_open(others, order, -1)
    code = check_risk(state, account, market, others, order.side, size, intent.price, reduce_only=order.reduce_only)
    if code is not None:
        return code
    trial = Order(
        order.id, order.account, order.market, order.side, order.order_type, order.time_in_force, order.reduce_only,
        order.self_trade, intent.price, size, size, order.client_id, order.time, order.good_til,
    )  # fmt: skip
    decided = check_match(state, market, trial, meetings)
    if isinstance(decided, Accepted):
        return Amendment(market, order, intent.price, size, decided.plan)
    return decided


def commit(state: State, account: Account, amendment: Amendment) -> OrderResult:
    """Change the order. Cannot fail."""
    market, order, price, size, planned = amendment
    kept = planned is None
    trades = planned is not None and (bool(planned.steps) or planned.stopped is not None)
    state.events.append(
        OrderAmended(
            order.id, account.id, order.market, order.side, order.price, order.remaining, price, size, kept, not trades
        )
    )
    if planned is None:
        resting.reduce(state, account, market, order, order.remaining - size)
        state.ops.append((OpKind.ORDER_CHANGED, order.id, price, size, order.priority, order.slot))
    elif not trades:
        resting.requeue(state, account, market, order, price, size)
    else:
        resting.take_out(state, account, market, order)
        order.price, order.remaining = price, size
        return finish_order(state, account, market, order, planned)
    return OrderResult(0, order.id, OrderState.RESTING, Lots(0), size, MicroUsd(0))


def transition(state: State, account: Account, intent: AmendOrder) -> Outcome:
    """Check, then commit."""
    decided = check(state, account, intent, Meetings(state))
    if isinstance(decided, RejectCode):
        return Rejected(decided)
    result = commit(state, account, decided)
    return Applied(tuple(state.events), (result,))


def transition_batch(state: State, account: Account, intent: AmendOrders) -> Outcome:
    """Amend by amend: check, then commit. The action as a whole always applies; its makers share one budget."""
    meetings = Meetings(state)
    results: list[OrderResult] = []
    for row in intent.amends:
        decided = check(state, account, row, meetings)
        results.append(refused_order(decided) if isinstance(decided, RejectCode) else commit(state, account, decided))
    return Applied(tuple(state.events), tuple(results))
