"""Set, move or clear the time at which all orders of an account are cancelled.

The work tick that finds the time come queues the cancel of every order that is open then; it is spent with that.
"""

from typing import Final

from node.core.ledger.switch import set_cancel_time
from node.core.outcome import Applied, Outcome, Rejected, ValueResult
from node.core.state import Account, State
from proto.intents import ScheduleCancel
from proto.reject import RejectCode

AHEAD_MS: Final = 5_000  # Nearer than this it could fire before its owner knows that it was set.


def check(state: State, intent: ScheduleCancel) -> RejectCode | None:
    """Decide without touching `state`."""
    if intent.time and intent.time < state.time + AHEAD_MS:
        return RejectCode.SCHEDULE_TOO_SOON
    return None


def transition(state: State, account: Account, intent: ScheduleCancel) -> Outcome:
    """Check, then commit."""
    code = check(state, intent)
    if code is not None:
        return Rejected(code)
    set_cancel_time(state, account, intent.time)
    return Applied(tuple(state.events), (ValueResult(intent.time),))
