"""The dead man's switch: when each account's orders are cancelled, unless its owner says otherwise before.

Invariant: the heap's first entry is of an account that has this very time, so what is due can be asked without writing. Deeper entries may
be of times that were moved; they are dropped when they surface, or all at once when they outnumber the accounts.
"""

from heapq import heappop, heappush
from typing import Final

from node.core.ledger.volume import day_of
from node.core.state import Account, State
from proto.events import CancelScheduled
from proto.ids import AccountId
from proto.ledger import Section
from proto.units import TimeMs

_SLACK: Final = 64


def set_cancel_time(state: State, account: Account, time: TimeMs) -> None:
    """Set, move or (0) clear the time."""
    account.cancel_at = time
    if time:
        heappush(state.cancel_times, (time, account.id))
    _tidy(state)
    state.touched[Section.VENUE_ACCOUNTS][account.id] = None
    state.events.append(CancelScheduled(account.id, time))


def _is_live(state: State, entry: tuple[int, AccountId]) -> bool:
    return state.accounts[entry[1]].cancel_at == entry[0]


def _tidy(state: State) -> None:
    heap = state.cancel_times
    while heap and not _is_live(state, heap[0]):
        heappop(heap)
    if len(heap) > _SLACK + 2 * len(state.accounts):
        heap[:] = sorted(dict.fromkeys(entry for entry in heap if _is_live(state, entry)))  # Sorted is a heap.


def is_due(state: State, time: TimeMs) -> bool:
    """Whether an account's time has come."""
    return bool(state.cancel_times) and state.cancel_times[0][0] <= time


def take_due(state: State) -> Account | None:
    """The account whose time came first (then by id), with its time cleared and the day's count raised."""
    if not is_due(state, state.time):
        return None
    account = state.accounts[state.cancel_times[0][1]]
    day = day_of(state.time)
    account.fired = account.fired + 1 if account.fired_day == day else 1
    account.fired_day = day
    set_cancel_time(state, account, TimeMs(0))
    return account


def fired_today(state: State, account: Account) -> int:
    """How often the account's time has come on this UTC day."""
    return account.fired if account.fired_day == day_of(state.time) else 0
