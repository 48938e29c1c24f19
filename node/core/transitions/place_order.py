"""Place one order."""

from node.core.outcome import Applied, Outcome, Rejected
from node.core.state import Account, State
from node.core.transitions.placing import Accepted, Meetings, check_order, commit_order
from proto.intents import PlaceOrder
from proto.reject import RejectCode


def check(state: State, account: Account, intent: PlaceOrder) -> RejectCode | Accepted:
    """Decide without touching `state`."""
    return check_order(state, account, intent.order, Meetings(state))


def commit(state: State, account: Account, accepted: Accepted) -> Applied:
    """Match and rest. After `check` passed this cannot fail."""
    result = commit_order(state, account, accepted)
    return Applied(tuple(state.events), (result,))


def transition(state: State, account: Account, intent: PlaceOrder) -> Outcome:
    """Check, then commit."""
    decided = check(state, account, intent)
    return Rejected(decided) if isinstance(decided, RejectCode) else commit(state, account, decided)
