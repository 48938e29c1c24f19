"""The work queue: what an input set off and bounded work ticks finish.

Invariants:
- Items are taken in the order of (time from which they may be worked on, number); numbers grow, and an item that is put back gets a new
  one. So what became due first is done first, and what cannot be done now is in nobody's way.
- An item has a leaf of its own in a slot, the lowest free one: what an item costs does not grow with the queue.
- The heap's first entry is of an item as it is now, so what is due can be asked without writing. Deeper entries may be outdated; they are
  dropped when they surface, or all at once when they outnumber the items.
- A cross portfolio, or an isolated position, is queued for liquidation at most once.
"""

from heapq import heappop, heappush
from typing import Final

from node.core.state import CancelWork, LeaveWork, LiquidateWork, State, TriggerWork, UnwindWork, WorkItem
from proto.events import CloseReason
from proto.ids import AccountId, MarketId, OrderId, Slot
from proto.ledger import Section
from proto.units import TimeMs

_SLACK: Final = 64
_FIRST_KEY: Final = 2
"""Key 0 of the section is the schedule, key 1 the guards; the item in slot s has key 2 + s."""


def touch_work(state: State) -> None:
    """Mark the schedule (times of the next ticks, counters of the queue) for the next seal."""
    state.touched[Section.VENUE_WORK][0] = None


def touch_item(state: State, item: WorkItem) -> None:
    """Mark an item for the next seal, after anything but its time changed."""
    state.touched[Section.VENUE_WORK][_FIRST_KEY + item.slot] = None


def slot_of(key: int) -> Slot:
    """The slot of a leaf key above 1."""
    return Slot(key - _FIRST_KEY)


def add(state: State, item: WorkItem) -> None:
    """Queue a new item; it gets its slot and its number."""
    if state.free_work:
        item.slot = Slot(heappop(state.free_work))
    else:
        item.slot = Slot(state.work_slots)
        state.work_slots += 1
    state.work[item.slot] = item
    remember(state, item)
    _enqueue(state, item)


def remember(state: State, item: WorkItem) -> None:
    """Enter an item into what is derived of the queue, but not into the heap."""
    match item:
        case LiquidateWork():
            assert (item.account, item.market) not in state.liquidating
            state.liquidating[item.account, item.market] = item
        case UnwindWork():
            state.unwinding[item.account] = item
        case LeaveWork():
            state.leaving[item.account, item.vault] = item
        case CancelWork() | TriggerWork():
            pass


def _enqueue(state: State, item: WorkItem) -> None:
    item.number = state.next_work
    state.next_work += 1
    heappush(state.work_heap, (item.not_before, item.number, item.slot))
    touch_work(state)
    touch_item(state, item)
    _tidy(state)


def _is_live(state: State, entry: tuple[int, int, int]) -> bool:
    item = state.work.get(Slot(entry[2]))
    return item is not None and item.number == entry[1]


def _tidy(state: State) -> None:
    heap = state.work_heap
    while heap and not _is_live(state, heap[0]):
        heappop(heap)
    if len(heap) > _SLACK + 2 * len(state.work):
        heap[:] = sorted(entry for entry in heap if _is_live(state, entry))  # Sorted is a heap.


def is_due(state: State, time: TimeMs) -> bool:
    """Whether an item may be worked on at `time`."""
    return bool(state.work_heap) and state.work_heap[0][0] <= time


def next_due(state: State) -> WorkItem | None:
    """The item to work on now."""
    return state.work[Slot(state.work_heap[0][2])] if is_due(state, state.time) else None


def queue(state: State) -> list[WorkItem]:
    """All items in the order in which they would be taken."""
    return sorted(state.work.values(), key=lambda item: (item.not_before, item.number))


def finish(state: State, item: WorkItem) -> None:
    """Remove an item that is done."""
    del state.work[item.slot]
    heappush(state.free_work, item.slot)
    match item:
        case LiquidateWork():
            del state.liquidating[item.account, item.market]
            state.risk.stale[item.account] = None
        case UnwindWork():
            del state.unwinding[item.account]
        case LeaveWork():
            del state.leaving[item.account, item.vault]
        case CancelWork() | TriggerWork():
            pass
    touch_item(state, item)
    _tidy(state)


def postpone(state: State, item: WorkItem, wait_ms: int) -> None:
    """Let others go first: not before `wait_ms` from now."""
    item.not_before = TimeMs(state.time + wait_ms)
    _enqueue(state, item)


def hasten(state: State, item: WorkItem) -> None:
    """Work on an item that waits as soon as those are done that are due already."""
    if item.not_before > state.time:
        postpone(state, item, 0)


def enqueue_liquidation(state: State, account: AccountId, market: MarketId) -> None:
    """Queue a cross portfolio (market 0) or an isolated position that is not queued."""
    add(state, LiquidateWork(account, market, state.time, state.time))


def enqueue_cancels(state: State, account: AccountId, market: MarketId, last: OrderId, reason: CloseReason) -> None:
    """Queue the rest of a cancel-all."""
    add(state, CancelWork(account, market, last, reason, state.time))
