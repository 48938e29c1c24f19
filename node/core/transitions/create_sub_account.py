"""Open an account whose address derives from its master's and an index; the master's owner and agents sign for it."""

from node.core.ledger.accounts import open_account
from node.core.outcome import Applied, Outcome, Rejected, ValueResult
from node.core.state import Account, State
from proto.ids import sub_account_address
from proto.intents import CreateSubAccount
from proto.reject import RejectCode


def check(state: State, account: Account, intent: CreateSubAccount) -> RejectCode | None:
    """Decide without touching `state`."""
    if account.master:
        return RejectCode.SUB_ACCOUNT_OF_SUB_ACCOUNT
    if sub_account_address(account.address, intent.index) in state.by_address:
        return RejectCode.SUB_ACCOUNT_EXISTS
    if account.sub_accounts >= state.params.limits.sub_accounts:
        return RejectCode.SUB_ACCOUNT_LIMIT
    return None


def transition(state: State, account: Account, intent: CreateSubAccount) -> Outcome:
    """Check, then commit."""
    code = check(state, account, intent)
    if code is not None:
        return Rejected(code)
    opened = open_account(state, sub_account_address(account.address, intent.index), account)
    return Applied(tuple(state.events), (ValueResult(opened.id),))
