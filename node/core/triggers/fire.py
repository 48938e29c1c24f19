"""One unit of trigger work: the nearest trigger that the mark has reached becomes an order, under the same id and by the same checks.

What refuses the order closes the trigger, with that reason. Where a market does not take every kind of order, or its index is
not fresh, its triggers wait.
"""

from typing import Final

from node.core.liquidation import work
from node.core.price.status import index_of, is_fresh
from node.core.state import Market, State, Trigger, TriggerWork
from node.core.transitions.placing import Meetings, check_order, commit_order
from node.core.triggers import ladder, registry
from proto.events import CloseReason, MarketStatus, TriggerFired
from proto.ops import OpKind
from proto.reject import RejectCode
from proto.units import LOTS_MAX

RETRY_MS: Final = 1_000


def unit(state: State, item: TriggerWork) -> None:
    """Fire one trigger that the item covers, or find that it is done, or that it must wait: for its market, or for the item before it."""
    market = state.markets[item.market]
    first = ladder.ladder_of(market, above=item.above).items[0]
    if first is not item:  # That one waits for the market.
        work.postpone(state, item, max(first.not_before - state.time, 0))
        return
    if not _may_fire(state, market):
        work.postpone(state, item, RETRY_MS)
        return
    trigger = ladder.take_reached(state, market, item)
    if trigger is None:
        ladder.finish(state, market, item)
    else:
        fire(state, market, trigger)


def _may_fire(state: State, market: Market) -> bool:
    """Whether the market takes every kind of order, at a fresh index."""
    return market.status == MarketStatus.OPEN and is_fresh(state, index_of(state, market))


def fire(state: State, market: Market, trigger: Trigger) -> None:
    """Place its order. A whole position is as many lots as there may be, which reduce-only cuts to what there is."""
    account = state.accounts[trigger.account]
    registry.set_fired(state, account, trigger)
    state.ops.append((OpKind.TRIGGER_FIRED, trigger.id, trigger.market))
    state.events.append(TriggerFired(trigger.id, trigger.account, trigger.market, trigger.level))
    spec = registry.spec_of(trigger, trigger.lots or LOTS_MAX)
    decided = check_order(state, account, spec, Meetings(state), trigger.id)
    if isinstance(decided, RejectCode):
        registry.close(state, account, trigger, CloseReason.TRIGGER_REFUSED, decided.value)
    else:
        commit_order(state, account, decided)
