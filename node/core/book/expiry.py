"""Resting orders and waiting triggers with a goodTil, by the time at which they end.

Invariants:
- An order ends at the first stamp that is not below its goodTil: no rule trades with it from then on, whether or not a work tick has
  taken it out yet. Until it is taken out it stays in the book, its margin and its slot.
- The heap's first entry is of one that is there, so what is due can be asked without writing. Deeper entries may be of orders that are
  gone; they are dropped when they surface, or all at once when they outnumber the resting ones.
"""

from heapq import heappop, heappush

from node.core.state import Order, State, Trigger, TriggerStatus
from proto.ids import OrderId
from proto.units import TimeMs

_SLACK = 64


def add(state: State, order: Order) -> None:
    """Remember when an order that rests now will end."""
    heappush(state.expiries, (order.good_til, order.id))


def _find(state: State, number: OrderId) -> Order | Trigger | None:
    """The order in the book, or the trigger that waits, with this id."""
    order = state.orders.get(number)
    if order is not None:
        return order
    trigger = state.triggers.get(number)
    return trigger if trigger is not None and trigger.status != TriggerStatus.FIRED else None


def tidy(state: State) -> None:
    """Restore the invariant after an order or trigger with a goodTil is gone."""
    heap = state.expiries
    while heap and _find(state, heap[0][1]) is None:
        heappop(heap)
    if len(heap) > _SLACK + 2 * (len(state.orders) + len(state.triggers)):
        heap[:] = sorted(dict.fromkeys(entry for entry in heap if _find(state, entry[1]) is not None))  # Sorted is a heap.


def has_ended(order: Order, time: int) -> bool:
    """Whether the order's time has come."""
    return 0 < order.good_til <= time


def is_due(state: State, time: TimeMs) -> bool:
    """Whether the time of one that is there has come."""
    return bool(state.expiries) and state.expiries[0][0] <= time


def due_orders(state: State, most: int) -> list[Order | Trigger]:
    """Up to `most` orders and triggers whose time has come, in order of goodTil, then of id. Each must be taken out now."""
    heap = state.expiries
    due: list[Order | Trigger] = []
    while heap and heap[0][0] <= state.time and len(due) < most:
        entry = heappop(heap)
        order = _find(state, entry[1])
        if order is not None and (not due or due[-1] is not order):
            due.append(order)
    return due
