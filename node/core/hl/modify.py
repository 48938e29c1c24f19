"""Replace an open order by another in the same market, in one step: `modify` and `batchModify`.

Clients of this dialect expect a new order id and the old client id, so this is the end of one order and the acceptance of another under
the rules of both. Invariants: the new order is judged as if the old one were gone; where it is refused, the old one stays as it was.
"""

from dataclasses import replace

from node.core.book import resting
from node.core.book.expiry import has_ended
from node.core.book.match import reducible
from node.core.book.protection import frozen
from node.core.hl.resolve import member_spec, order_spec
from node.core.outcome import OrderResult, refused_order
from node.core.price.status import refusal_of_orders
from node.core.state import Account, Market, Order, State, Trigger, TriggerStatus
from node.core.transitions.ending import find
from node.core.transitions.place_group import check_trigger, result_of
from node.core.transitions.placing import Accepted, Meetings, check_match, check_risk, commit_order, price_refusal
from node.core.triggers import registry
from node.core.triggers.groups import settle
from proto.events import CloseReason
from proto.hl.actions import HlOrder, HlTarget
from proto.ids import OrderId
from proto.intents import Grouping, OrderSpec, TriggerSpec
from proto.reject import RejectCode
from proto.units import Lots


def check(
    state: State, account: Account, target: HlTarget, order: HlOrder, meetings: Meetings
) -> RejectCode | tuple[Order, Accepted]:
    """The order that ends and the one that takes its place. Decides without touching `state`."""
    old = find(state, account, OrderId(target.oid), target.cloid)
    if isinstance(old, RejectCode):
        return old
    if isinstance(old, Trigger) or order.trigger is not None:
        return RejectCode.ORDER_IS_TRIGGER  # One kind does not become the other.
    if has_ended(old, state.time):
        return RejectCode.ORDER_UNKNOWN
    spec = order_spec(state, order)
    if isinstance(spec, RejectCode):
        return spec
    if (spec.market, spec.side) != (old.market, old.side):
        return RejectCode.AMEND_OTHER_MARKET_OR_SIDE
    if spec.client_id and account.clients.get(spec.client_id, old) is not old:
        return RejectCode.CLIENT_ID_IN_USE
    if account.protections and not spec.reduce_only and frozen(state, account, spec.market):
        return RejectCode.PROTECTION_FROZEN
    market = state.markets[old.market]
    lots = _lots(state, account, market, spec)
    if isinstance(lots, RejectCode):
        return lots
    others = replace(account.positions[old.market])
    resting.count_open(others, old, -1)
    code = check_risk(state, account, market, others, spec.side, lots, spec.price, reduce_only=spec.reduce_only)
    if code is not None:
        return code
    new = Order(
        state.next_order, account.id, spec.market, spec.side, spec.order_type, spec.time_in_force, spec.reduce_only,
        spec.self_trade, spec.price, lots, lots, spec.client_id or old.client_id, state.time,
        old.good_til,
    )  # fmt: skip
    decided = check_match(state, market, new, meetings)
    return decided if isinstance(decided, RejectCode) else (old, decided)


def _lots(state: State, account: Account, market: Market, spec: OrderSpec) -> Lots | RejectCode:
    code = refusal_of_orders(state, market)
    if code is None and spec.size == 0:
        code = RejectCode.ORDER_SIZE_ZERO
    code = code or price_refusal(market, spec.price)
    if code is not None:
        return code
    if spec.reduce_only:
        lots = min(spec.size, reducible(state, account.id, market, spec.side))
        return Lots(lots) if lots else RejectCode.REDUCE_ONLY_WOULD_INCREASE
    if spec.price * spec.size < market.params.minimum_notional:
        return RejectCode.ORDER_BELOW_MINIMUM_NOTIONAL
    return spec.size


def modify(state: State, account: Account, target: HlTarget, order: HlOrder, meetings: Meetings) -> OrderResult:
    """Result of the replacement."""
    waiting = find(state, account, OrderId(target.oid), target.cloid)
    if isinstance(waiting, Trigger) and order.trigger is not None:
        return _modify_trigger(state, account, waiting, order)
    decided = check(state, account, target, order, meetings)
    if isinstance(decided, RejectCode):
        return refused_order(decided)
    old, accepted = decided
    registry.adopt(state, old.id, accepted.order.id)
    resting.close(state, account, accepted.market, old, CloseReason.USER_CANCELLED)
    return commit_order(state, account, accepted)


def _modify_trigger(state: State, account: Account, old: Trigger, order: HlOrder) -> OrderResult:
    """The new trigger stands where the old one stood: in its group, behind its parent, before its children."""
    spec = member_spec(state, order)
    if isinstance(spec, RejectCode):
        return refused_order(spec)
    assert isinstance(spec, TriggerSpec), "an order with a trigger gives a trigger"
    if (spec.order.market, spec.order.side) != (old.market, old.side):
        return refused_order(RejectCode.AMEND_OTHER_MARKET_OR_SIDE)
    terms = replace(spec.order, client_id=spec.order.client_id or old.client_id, good_til=old.good_til)
    spec = replace(spec, order=terms)
    reference = _parent_price(state, old) if old.status == TriggerStatus.WAITING else None
    code = check_trigger(state, account, spec, old.grouping, reference, replaces=old)
    if code is None and old.grouping == Grouping.POSITION and not terms.reduce_only:
        code = RejectCode.GROUP_INVALID
    if code is not None:
        return refused_order(code)
    group, parent, traded = old.group, old.parent, old.lots
    new = registry.made(state, account, spec, old.grouping, group, parent)
    registry.adopt(state, old.id, new.id)
    registry.close(state, account, old, CloseReason.USER_CANCELLED)
    market = state.markets[new.market]
    registry.place(state, account, market, new)
    if parent:
        registry.grow(state, market, new, traded)
    settle(state)
    return result_of(state, new)


def _parent_price(state: State, child: Trigger) -> int:
    """Where the child's parent will trade: its limit, or its level."""
    order = state.orders.get(child.parent)
    return order.price if order is not None else state.triggers[child.parent].level
