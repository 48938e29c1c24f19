"""Leaf slots of what waits: the lowest free one is taken first, so that slots are a function of what is there."""

from heapq import heappop, heappush

from node.core.state import State, Trigger, Twap
from proto.ids import Slot
from proto.ledger import Section


def enter(state: State, item: Trigger | Twap) -> None:
    """Give it the lowest free slot."""
    if state.free_waiting_slots:
        item.slot = Slot(heappop(state.free_waiting_slots))
    else:
        item.slot = Slot(len(state.waiting_slots))  # All slots below are taken.
    state.waiting_slots[item.slot] = item
    touch(state, item)


def leave(state: State, item: Trigger | Twap) -> None:
    """Free its slot."""
    del state.waiting_slots[item.slot]
    heappush(state.free_waiting_slots, item.slot)
    touch(state, item)


def touch(state: State, item: Trigger | Twap) -> None:
    """Mark its leaf for the next seal."""
    state.touched[Section.VENUE_TRIGGERS][item.slot] = None
