"""What a connection leaves behind: cancels that its signers signed beforehand, to be sequenced when it ends.

A client that cannot cancel any more, because its connection is gone, has its orders cancelled all the same: it leaves a signed CancelAll
here while the connection is well. Nothing is done in anybody's name that was not signed; the action enters like any other, and uses its
nonce.
Invariants: at most one action for each account, and `ACCOUNTS_MAX` of them; nothing is sequenced twice. A node that stops or crashes
sequences nothing of it: orders stay, which is why the scheduled cancel (a rule of the venue) exists beside it.
"""

from typing import Final

from node.gateway.admission import Refused
from node.gateway.desk import Desk
from node.gateway.ports import Released
from node.gateway.verify import Verdict
from proto.ids import Address
from proto.inputs import UserAction
from proto.intents import CancelAll
from proto.reject import RejectCode

ACCOUNTS_MAX: Final = 16


def _forget(_: Released) -> None:
    """Nobody waits for the answer any more."""


class Parting:
    """The actions of one connection."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._left: dict[Address, tuple[UserAction, Verdict]] = {}

    def leave(self, action: UserAction, verdict: Verdict) -> Refused | None:
        """Keep a verified action for the end, in place of the account's one before."""
        intent = action.intent
        if not isinstance(intent, CancelAll):
            return Refused(RejectCode.PARTING_ACTION)
        refused = self._desk.admission.stands(action, verdict)
        if refused is not None:
            return refused
        if intent.account not in self._left and len(self._left) >= ACCOUNTS_MAX:
            return Refused(RejectCode.PARTING_LIMIT, f"{ACCOUNTS_MAX} accounts a connection")
        self._left[intent.account] = (action, verdict)
        return None

    def clear(self) -> None:
        """Take everything back."""
        self._left.clear()

    def part(self) -> None:
        """The connection has ended: have everything that was left sequenced."""
        for action, verdict in self._left.values():
            refused = self._desk.admit(action, verdict, _forget)
            if refused is not None:
                self._desk.gauges.refused[refused.code] += 1
        self._left.clear()
