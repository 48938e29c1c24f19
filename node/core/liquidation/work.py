"""The work queue: what an input set off and bounded work ticks finish.

Items are taken in order, except that one whose time has not come is passed over. A cross portfolio, or an isolated
position, is queued for liquidation at most once.
"""

from node.core.price.status import index_of
from node.core.state import CancelWork, LiquidateWork, State, TriggerWork, WorkItem
from proto.events import CloseReason, IndexStatus, MarketStatus
from proto.ids import AccountId, MarketId, OrderId
from proto.ledger import Section
from proto.units import TimeMs


def touch_work(state: State) -> None:
    """Mark work queue and schedule for the next seal."""
    state.touched[Section.VENUE_WORK][0] = None


def enqueue_liquidation(state: State, account: AccountId, market: MarketId) -> None:
    """Queue a cross portfolio (market 0) or an isolated position that is not queued."""
    assert (account, market) not in state.liquidating
    state.liquidating[account, market] = None
    state.work.append(LiquidateWork(account, market, state.time))
    touch_work(state)


def enqueue_cancels(state: State, account: AccountId, market: MarketId, last: OrderId, reason: CloseReason) -> None:
    """Queue the rest of a cancel-all."""
    state.work.append(CancelWork(account, market, last, reason))
    touch_work(state)


def is_due(state: State, item: WorkItem, time: TimeMs) -> bool:
    """Whether an item may be worked on at `time`. Triggers wait for a market that takes every order, and for a fresh index."""
    match item:
        case LiquidateWork():
            return item.not_before <= time
        case CancelWork():
            return True
        case TriggerWork():
            market = state.markets[item.market]
            index = index_of(state, market)
            return market.status == MarketStatus.OPEN and index.status <= IndexStatus.UNCERTAIN and time <= index.fresh_until


def next_due(state: State) -> int | None:
    """Position of the first due item."""
    for at, item in enumerate(state.work):
        if is_due(state, item, state.time):
            return at
    return None


def finish(state: State, at: int) -> None:
    """Remove an item that is done."""
    item = state.work.pop(at)
    if isinstance(item, LiquidateWork):
        del state.liquidating[item.account, item.market]
        state.risk.stale[item.account] = None
    touch_work(state)


def postpone(state: State, at: int, item: LiquidateWork, wait_ms: int) -> None:
    """Put a liquidation at the end of the queue, not before `wait_ms` from now."""
    del state.work[at]
    item.not_before = TimeMs(state.time + wait_ms)
    state.work.append(item)
    touch_work(state)
