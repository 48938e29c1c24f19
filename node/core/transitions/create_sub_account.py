"""Open an account whose address derives from its master's and an index; the master's owner and agents sign for it.

Money may have come to the address before: nobody has a key for it, so the account that it opened is taken into the master's hands.
"""

from node.core.ledger.accounts import account_at, adopt_account, open_account
from node.core.outcome import Applied, Outcome, Rejected, ValueResult
from node.core.state import Account, State
from proto.ids import sub_account_address
from proto.intents import CreateSubAccount
from proto.reject import RejectCode


def check(state: State, account: Account, intent: CreateSubAccount) -> RejectCode | None:
    """Decide without touching `state`."""
    if account.master:
        return RejectCode.SUB_ACCOUNT_OF_SUB_ACCOUNT
    found = account_at(state, sub_account_address(account.address, intent.index))
    if found is not None and found.master:
        return RejectCode.SUB_ACCOUNT_EXISTS
    if account.sub_accounts >= state.params.limits.sub_accounts:
        return RejectCode.SUB_ACCOUNT_LIMIT
    return None


def transition(state: State, account: Account, intent: CreateSubAccount) -> Outcome:
    """Check, then commit."""
    code = check(state, account, intent)
    if code is not None:
        return Rejected(code)
    address = sub_account_address(account.address, intent.index)
    opened = account_at(state, address)
    if opened is None:
        opened = open_account(state, address, account)
    else:
        adopt_account(state, opened, account)
    return Applied(tuple(state.events), (ValueResult(opened.id),))
