"""Triggers enter and leave the state together with everything that mirrors them.

Invariant: a trigger that has not fired is in `state.triggers`, its leaf slot, its account's `triggers` and `clients`; one that is armed is
in its market's ladder; one that waits or grows is among its parent's `children`; one with siblings is in `groups`, one on a position in
`bound`. One that has fired is in `state.triggers`, its slot, `groups` and `bound` only, while its order is open
and it has siblings or is bound.
"""

from heapq import heappush
from typing import TypeVar

from node.core.book import expiry
from node.core.state import Account, Market, State, Trigger, TriggerStatus
from node.core.triggers import ladder, slots
from proto.events import CloseReason, TriggerArmed, TriggerClosed, TriggerPlaced
from proto.ids import OrderId
from proto.intents import Grouping, OrderSpec, TriggerSpec
from proto.ops import OpKind
from proto.units import Lots

Key = TypeVar("Key")


def spec_of(trigger: Trigger, lots: int) -> OrderSpec:
    """The order that it places, for so many lots."""
    return OrderSpec(
        trigger.market, trigger.side, trigger.order_type, trigger.time_in_force, trigger.price, Lots(lots),
        trigger.reduce_only, trigger.client_id, trigger.self_trade, trigger.good_til,
    )  # fmt: skip


def made(
    state: State, account: Account, spec: TriggerSpec, grouping: Grouping, group: OrderId, parent: OrderId
) -> Trigger:
    """A trigger with the next order id."""
    order, number = spec.order, state.next_order
    state.next_order = OrderId(number + 1)
    return Trigger(
        number, account.id, order.market, order.side, order.order_type, order.time_in_force, order.reduce_only,
        order.self_trade, spec.kind, spec.level, order.price, order.size, order.client_id, state.time, order.good_til,
        TriggerStatus.WAITING if parent else TriggerStatus.ARMED, grouping, group, parent, Lots(0) if parent else order.size,
        0 if parent else state.seq,
    )  # fmt: skip


def place(state: State, account: Account, market: Market, trigger: Trigger) -> None:
    """Enter a trigger that waits from now on."""
    _enter(state, trigger)
    index(state, trigger)
    account.triggers[trigger.id] = trigger
    if trigger.client_id:
        account.clients[trigger.client_id] = trigger
    if trigger.good_til:
        heappush(state.expiries, (trigger.good_til, trigger.id))
    if trigger.status == TriggerStatus.ARMED:
        ladder.add(state, market, trigger)
    flags = trigger.reduce_only | trigger.self_trade << 1
    state.ops.append(
        (
            OpKind.TRIGGER_PLACED, trigger.id, trigger.account, trigger.market, trigger.side.value, trigger.kind.value,
            trigger.order_type.value, trigger.time_in_force.value, flags, trigger.grouping.value, trigger.level,
            trigger.price, trigger.size, trigger.client_id, trigger.good_til, trigger.group, trigger.parent,
        )
    )  # fmt: skip
    spec = TriggerSpec(trigger.kind, trigger.level, spec_of(trigger, trigger.size))
    state.events.append(
        TriggerPlaced(trigger.id, account.id, spec, trigger.grouping, trigger.group, trigger.parent)
    )


def enter_order(state: State, trigger: Trigger) -> None:
    """Enter the record of a plain order that is half of a pair."""
    _enter(state, trigger)
    index(state, trigger)


def _enter(state: State, trigger: Trigger) -> None:
    slots.enter(state, trigger)
    state.triggers[trigger.id] = trigger


def index(state: State, trigger: Trigger) -> None:
    """Enter the trigger under its parent, its group and its position."""
    if trigger.parent:
        state.children.setdefault(trigger.parent, {})[trigger.id] = trigger
    if trigger.group:
        state.groups.setdefault(trigger.group, {})[trigger.id] = trigger
    if trigger.grouping == Grouping.POSITION:
        state.bound.setdefault((trigger.account, trigger.market), {})[trigger.id] = trigger


def grow(state: State, market: Market, trigger: Trigger, lots: int) -> None:
    """A child's parent has traded `lots` more: it may place as many, up to its own size; the first ones arm it."""
    before = trigger.lots
    trigger.lots = Lots(min(trigger.lots + lots, trigger.size))
    if trigger.lots == before:
        return
    slots.touch(state, trigger)
    if trigger.status == TriggerStatus.WAITING:
        trigger.status, trigger.since = TriggerStatus.ARMED, state.seq
        ladder.add(state, market, trigger)
        ladder.mark_moved(state, market)  # It may be there already.
    state.events.append(TriggerArmed(trigger.id, trigger.account, trigger.lots))


def orphan(state: State, trigger: Trigger) -> None:
    """Its parent has ended: it keeps what that has traded."""
    trigger.parent = OrderId(0)
    slots.touch(state, trigger)


def set_fired(state: State, account: Account, trigger: Trigger) -> None:
    """It waits no more: its order is judged now, under its id and client id. Kept, if at all, as FIRED."""
    _stop_waiting(state, account, trigger)
    trigger.status = TriggerStatus.FIRED
    slots.touch(state, trigger)
    if not (trigger.group or trigger.grouping == Grouping.POSITION):
        drop(state, trigger)


def _stop_waiting(state: State, account: Account, trigger: Trigger) -> None:
    del account.triggers[trigger.id]
    if trigger.client_id:
        del account.clients[trigger.client_id]
    if trigger.parent:
        _leave(state.children, trigger.parent, trigger.id)
        trigger.parent = OrderId(0)


def drop(state: State, trigger: Trigger) -> None:
    """Forget the record."""
    del state.triggers[trigger.id]
    slots.leave(state, trigger)
    if trigger.group:
        _leave(state.groups, trigger.group, trigger.id)
    if trigger.grouping == Grouping.POSITION:
        _leave(state.bound, (trigger.account, trigger.market), trigger.id)
    if trigger.good_til:
        expiry.tidy(state)


def _leave(table: dict[Key, dict[OrderId, Trigger]], key: Key, number: OrderId) -> None:
    rows = table[key]
    del rows[number]
    if not rows:
        del table[key]


def close(state: State, account: Account, trigger: Trigger, reason: CloseReason, code: int = 0) -> None:
    """End a trigger that is no order yet."""
    if trigger.status != TriggerStatus.FIRED:
        _stop_waiting(state, account, trigger)
    if trigger.id in state.triggers:
        drop(state, trigger)
    state.ops.append((OpKind.TRIGGER_CLOSED, trigger.id, reason.value, code))
    state.events.append(TriggerClosed(trigger.id, trigger.account, trigger.market, reason, code))


def adopt(state: State, old: OrderId, new: OrderId) -> None:
    """The order or trigger `new` takes the place of `old`: its children and its siblings are the other's from now on."""
    children = state.children.pop(old, None)
    if children is not None:
        state.children[new] = children
        for child in children.values():
            child.parent = new
            slots.touch(state, child)
    record = state.triggers.get(old)
    if record is not None and record.status == TriggerStatus.FIRED:
        drop(state, record)
        record.id = new
        enter_order(state, record)
