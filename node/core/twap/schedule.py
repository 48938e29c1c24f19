"""Which time-sliced orders run, and when each has its next slice.

Invariant: a running order is in `state.twaps`, its leaf slot and its account's `twaps`; the heap's first entry is of one that runs, and
of its next slice, so what is due can be asked without writing.
"""

from heapq import heapify, heappop, heappush
from typing import Final

from node.core.state import Account, State, Twap
from node.core.triggers import slots
from proto.events import CloseReason, TwapClosed
from proto.ops import OpKind
from proto.units import TimeMs

SLICE_MS: Final = 30_000
_SLACK: Final = 64


def slices_of(twap: Twap) -> int:
    """How many slices it has by its clock; one more takes up what is left."""
    return twap.seconds * 1_000 // SLICE_MS  # Whole by its check.


def time_of(twap: Twap) -> TimeMs:
    """When its next slice is due."""
    return TimeMs(twap.start + twap.next_slice * SLICE_MS)


def start(state: State, account: Account, twap: Twap) -> None:
    """Let it run."""
    slots.enter(state, twap)
    state.twaps[twap.id] = twap
    index(state, account, twap)


def index(state: State, account: Account, twap: Twap) -> None:
    """Enter it where accounts and clock find it."""
    account.twaps[twap.id] = twap
    heappush(state.twap_times, (time_of(twap), twap.id))


def advance(state: State, twap: Twap, next_slice: int) -> None:
    """Its next slice is this one."""
    twap.next_slice = next_slice
    slots.touch(state, twap)
    heappush(state.twap_times, (time_of(twap), twap.id))
    _tidy(state)


def stop(state: State, account: Account, twap: Twap, reason: CloseReason) -> None:
    """End it."""
    del state.twaps[twap.id]
    del account.twaps[twap.id]
    slots.leave(state, twap)
    _tidy(state)
    state.ops.append((OpKind.TWAP_CLOSED, twap.id, reason.value, twap.filled))
    state.events.append(
        TwapClosed(
            twap.id, account.id, twap.market, twap.side, twap.size, twap.reduce_only, twap.seconds, twap.slippage,
            twap.price, twap.start, twap.filled, twap.quote, reason,
        )
    )  # fmt: skip


def _is_live(state: State, entry: tuple[int, int]) -> bool:
    twap = state.twaps.get(entry[1])  # type: ignore[call-overload]
    return twap is not None and time_of(twap) == entry[0]


def _tidy(state: State) -> None:
    heap = state.twap_times
    while heap and not _is_live(state, heap[0]):
        heappop(heap)
    if len(heap) > _SLACK + 2 * len(state.twaps):
        heap[:] = [entry for entry in heap if _is_live(state, entry)]
        heapify(heap)


def is_due(state: State, time: int) -> bool:
    """Whether a slice's time has come."""
    return bool(state.twap_times) and state.twap_times[0][0] <= time


def next_due(state: State) -> Twap | None:
    """The order whose slice came first, then by id; None: nothing is due."""
    return state.twaps[state.twap_times[0][1]] if is_due(state, state.time) else None
