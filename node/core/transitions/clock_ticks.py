"""Ticks: sample premiums and judge freshness, charge funding, drain the work queue, close a batch.

Samples and funding are refused while they are not due, so an operator cannot speed them up; work that is not due is passed over.
"""

from node.core.book import expiry
from node.core.funding import premium, rate
from node.core.ledger import switch
from node.core.ledger.interest import accrue
from node.core.liquidation import risk, steps, unwind, work
from node.core.outcome import Applied, Outcome, Rejected
from node.core.price import depth, volatility
from node.core.price.breaker import judge
from node.core.price.index import recompute
from node.core.price.status import is_fresh
from node.core.state import CancelWork, LeaveWork, LiquidateWork, Order, State, TriggerWork, UnwindWork, WorkItem
from node.core.transitions.ending import end, has_open, matching
from node.core.transitions.oracle_report import refresh_markets
from node.core.triggers import fire, groups
from node.core.twap import schedule as twap_schedule
from node.core.twap import slices
from node.core.vaults import leave
from proto.events import CloseReason, OrdersQueuedForCancel
from proto.ids import ALL_MARKETS, OrderId
from proto.inputs import SealTick, WorkTick
from proto.reject import RejectCode
from proto.units import TimeMs


def _next_due(now: int, interval_ms: int) -> TimeMs:
    """The next whole multiple of the interval after `now`."""
    return TimeMs((now // interval_ms + 1) * interval_ms)


def sample_tick(state: State) -> Outcome:
    """Judge every index by its age, move marks and statuses, sample the premium of markets with a fresh price."""
    if state.time < state.next_sample:
        return Rejected(RejectCode.TICK_TOO_EARLY)
    before = state.next_sample
    state.next_sample = _next_due(state.time, state.params.funding.sample_ms)
    if before:
        accrue(state, state.next_sample - before)
    work.touch_work(state)
    for index in state.indices.values():
        if recompute(state, index):
            refresh_markets(state, index)
    for market in state.markets.values():
        judge(state, market)
        volatility.sample(state, market)
        depth.sample(state, market)
        if market.index_price and is_fresh(state, state.indices[market.params.index]):
            premium.sample(state, market)
    risk.scan(state)
    return Applied(tuple(state.events), ())


def funding_tick(state: State) -> Outcome:
    """Charge every market's funding through its index; positions settle when they are next touched."""
    if state.time < state.next_funding:
        return Rejected(RejectCode.TICK_TOO_EARLY)
    first = state.next_funding == 0
    state.next_funding = _next_due(state.time, state.params.funding.interval_ms)
    work.touch_work(state)
    if not first:  # The first tick after genesis only sets the clock.
        for market in state.markets.values():
            rate.charge(state, market)
        risk.scan(state)
    return Applied(tuple(state.events), ())


def work_tick(state: State, tick: WorkTick) -> Outcome:
    """Work at most `tick.units` units of the queue; what is left of them does what time alone sets off."""
    if tick.units == 0:  # Who withholds work must not be able to say that some was done.
        return Rejected(RejectCode.TICK_TOO_EARLY)
    for _ in range(tick.units):
        item = work.next_due(state)
        if item is None:
            if not _clock_unit(state):
                break
            groups.settle(state)
            continue
        _work_unit(state, item)
        groups.settle(state)
    return Applied(tuple(state.events), ())


def _work_unit(state: State, item: WorkItem) -> None:
    """One unit of an item of the queue."""
    match item:
        case LiquidateWork():
            steps.step(state, item)
        case CancelWork():
            _cancel_unit(state, item)
        case TriggerWork():
            fire.unit(state, item)
        case UnwindWork():
            unwind.unit(state, item)
        case LeaveWork():
            leave.unit(state, item)


def _clock_unit(state: State) -> bool:
    """One unit of what time alone sets off: a scheduled cancel, else orders that have ended, else a slice. False: nothing is due."""
    account = switch.take_due(state)
    if account is not None:
        if has_open(account, ALL_MARKETS):
            work.enqueue_cancels(
                state, account.id, ALL_MARKETS, OrderId(state.next_order - 1), CloseReason.SCHEDULED_CANCEL
            )
            state.events.append(OrdersQueuedForCancel(account.id, ALL_MARKETS, len(matching(account, ALL_MARKETS, state.next_order))))
        return True
    if expiry.is_due(state, state.time):
        _expire_unit(state)
        return True
    twap = twap_schedule.next_due(state)
    if twap is not None:
        slices.unit(state, twap)
        return True
    return False


def _cancel_unit(state: State, item: CancelWork) -> None:
    account = state.accounts[item.account]
    orders = matching(account, item.market, item.last)
    if item.reason == CloseReason.PROTECTION:  # Quotes alone.
        orders = [order for order in orders if isinstance(order, Order) and not order.reduce_only]
    most = state.params.limits.cancels_per_input
    for order in orders[:most]:
        end(state, account, order, item.reason)
    if len(orders) <= most:
        work.finish(state, item)


def _expire_unit(state: State) -> None:
    """Take out orders and triggers whose goodTil has come, as many as one unit may."""
    for order in expiry.due_orders(state, state.params.limits.cancels_per_input):
        end(state, state.accounts[order.account], order, CloseReason.EXPIRED)


def seal_tick(state: State, tick: SealTick) -> Outcome:
    """Close batch `batch_id`: the state after this input is what the batch commits to."""
    if tick.batch_id != state.batch_id + 1:
        return Rejected(RejectCode.BATCH_UNKNOWN)
    state.batch_id = tick.batch_id
    return Applied((), ())
