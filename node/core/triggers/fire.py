"""One unit of trigger work: the nearest trigger that the mark has reached becomes an order, under the same id and by the same checks.

What refuses the order closes the trigger, with that reason. Where a market does not take every kind of order, or its index is
not fresh, its triggers wait (node.core.liquidation.work).
"""

from node.core.state import Market, State, Trigger, TriggerWork
from node.core.transitions.placing import Meetings, check_order, commit_order
from node.core.triggers import ladder, registry
from proto.events import CloseReason, TriggerFired
from proto.ops import OpKind
from proto.reject import RejectCode
from proto.units import LOTS_MAX


def unit(state: State, at: int, item: TriggerWork) -> None:
    """Fire one trigger of the queued work at position `at`, or find that it is done."""
    market = state.markets[item.market]
    trigger = ladder.take_reached(state, market, item)
    if trigger is None:
        ladder.finish(state, at, market, item)
    else:
        fire(state, market, trigger)


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
