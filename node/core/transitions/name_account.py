"""Give an account a name, for people. Names are not unique and mean nothing to the rules."""

from typing import Final

from node.core.outcome import Applied, Outcome, Rejected, ValueResult
from node.core.state import Account, State
from proto.events import AccountNamed
from proto.intents import NameAccount
from proto.ledger import Section
from proto.reject import RejectCode

_NONE: Final = bytes(32)


def is_text(name: bytes) -> bool:
    """Whether the bytes are UTF-8 padded with zeros."""
    text = name.rstrip(b"\0")
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return b"\0" not in text


def set_name(state: State, account: Account, name: bytes) -> None:
    """Set it; zeros take it away."""
    account.name = b"" if name == _NONE else name
    state.touched[Section.VENUE_ACCOUNTS][account.id] = None
    state.events.append(AccountNamed(account.id, name))


def transition(state: State, account: Account, intent: NameAccount) -> Outcome:
    """Check, then commit."""
    if not is_text(intent.name):
        return Rejected(RejectCode.ACCOUNT_NAME_INVALID)
    set_name(state, account, intent.name)
    return Applied(tuple(state.events), (ValueResult(0),))
