"""Place up to 50 orders of one signed action: each is checked after the one before it took effect, and has a result of its own."""

from collections.abc import Sequence

from node.core.outcome import Applied, Outcome, Result, refused_order
from node.core.state import Account, State
from node.core.transitions.placing import Meetings, check_order, commit_order
from proto.intents import OrderSpec, PlaceOrders
from proto.reject import RejectCode


def transition(state: State, account: Account, intent: PlaceOrders) -> Outcome:
    """Place what the action names."""
    return place_each(state, account, intent.orders)


def place_each(state: State, account: Account, orders: Sequence[OrderSpec | RejectCode]) -> Outcome:
    """Order by order: check, then commit. The action as a whole always applies; its makers share one budget.

    A RejectCode stands for an order that could not be read in its market's units.
    """
    meetings = Meetings(state)
    results: list[Result] = []
    for spec in orders:
        decided = spec if isinstance(spec, RejectCode) else check_order(state, account, spec, meetings)
        if isinstance(decided, RejectCode):
            results.append(refused_order(decided))
            continue
        results.append(commit_order(state, account, decided))
    return Applied(tuple(state.events), tuple(results))
