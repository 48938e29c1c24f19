"""What the members of a group do to each other once something happened: children grow and end with their parent, siblings cancel one
another, what closes a position ends with it; a protected maker's trades are counted.

It follows the input's events, which name every trade, end and position change whatever rule made them, and runs where no match is under
way: after each order, each unit of work and each input. Invariant: when an input is done, all its events have had their effect.
"""

from node.core.book import resting, tripping
from node.core.state import State, Trigger, TriggerStatus
from node.core.triggers import registry
from proto.events import CloseReason, Event, OrderClosed, OrderFilled, PositionChanged, TriggerClosed
from proto.ids import OrderId
from proto.intents import Grouping, Side
from proto.units import Lots


def settle(state: State) -> None:
    """Give the events that came since the last call their effect; what that sets off is among them."""
    events = state.events
    if state.triggers or state.protected:
        while state.settled < len(events):
            event = events[state.settled]
            state.settled += 1
            _effect(state, event)
    else:
        state.settled = len(events)


def _effect(state: State, event: Event) -> None:
    if type(event) is OrderFilled:
        if event.maker in state.protected:
            tripping.follow(state, event)
        _traded(state, event.maker_order, event.size, event.maker_remaining)
        _traded(state, event.taker_order, event.size, event.taker_remaining)
    elif type(event) is OrderClosed or type(event) is TriggerClosed:
        _ended(state, event.order)
    elif type(event) is PositionChanged and state.bound:
        _position_moved(state, event)


def _traded(state: State, number: OrderId, lots: Lots, remaining: Lots) -> None:
    children = state.children.get(number)
    if children is not None:
        for child in list(children.values()):
            registry.grow(state, state.markets[child.market], child, lots)
    trigger = state.triggers.get(number)
    if trigger is None or not trigger.group:
        return
    if remaining == 0 or trigger.grouping == Grouping.PAIR:
        close_siblings(state, trigger)


def close_siblings(state: State, trigger: Trigger) -> None:
    """End the other members of its group."""
    for sibling in [row for row in state.groups[trigger.group].values() if row is not trigger]:
        _end(state, sibling, CloseReason.SIBLING_FILLED)


def _end(state: State, trigger: Trigger, reason: CloseReason) -> None:
    """End a member: as a trigger, or as the open order that it has become."""
    account = state.accounts[trigger.account]
    if trigger.status != TriggerStatus.FIRED:
        registry.close(state, account, trigger, reason)
        return
    order = state.orders.get(trigger.id)
    if order is not None:
        resting.close(state, account, state.markets[order.market], order, reason)


def _ended(state: State, number: OrderId) -> None:
    """An order or trigger is no more: its children go with it if it never traded, and its own record has no more use."""
    children = state.children.pop(number, None)
    for child in list(children.values()) if children is not None else []:
        if child.lots:
            registry.orphan(state, child)
        else:
            child.parent = OrderId(0)
            _end(state, child, CloseReason.PARENT_ENDED)
    trigger = state.triggers.get(number)
    if trigger is not None:
        assert trigger.status == TriggerStatus.FIRED, "a trigger that waits has not ended"
        registry.drop(state, trigger)


def _position_moved(state: State, event: PositionChanged) -> None:
    """What cannot reduce the position any more has lost its purpose."""
    bound = state.bound.get((event.account, event.market))
    if bound is None:
        return
    for trigger in list(bound.values()):
        reduces = event.size < 0 if trigger.side == Side.BUY else event.size > 0
        if not reduces:
            _end(state, trigger, CloseReason.POSITION_CLOSED)
