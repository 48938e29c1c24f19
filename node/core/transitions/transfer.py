"""Move an asset to another account; an unknown destination becomes an account."""

from node.core.ledger.accounts import account_for_credit
from node.core.ledger.money import balance_of, credit
from node.core.margin.leaving import refusal_of_leaving
from node.core.outcome import Applied, Outcome, Rejected, ValueResult
from node.core.price.ladder import Action, borrows, refusal
from node.core.state import Account, State
from proto.events import BalanceReason, TransferMade
from proto.ids import VENUE_ADDRESSES, ZERO_ADDRESS
from proto.intents import Transfer
from proto.ops import OpKind
from proto.reject import RejectCode


def check(state: State, account: Account, intent: Transfer) -> RejectCode | None:
    """Decide without touching `state`."""
    if intent.asset >= len(state.totals):
        return RejectCode.ASSET_UNKNOWN
    if intent.amount == 0:
        return RejectCode.AMOUNT_ZERO
    if intent.destination == ZERO_ADDRESS:
        return RejectCode.DESTINATION_ZERO
    if intent.destination == account.address:
        return RejectCode.DESTINATION_IS_SELF
    if intent.destination in VENUE_ADDRESSES:
        return RejectCode.ADDRESS_RESERVED
    if balance_of(account, intent.asset) < intent.amount:
        return RejectCode.BALANCE_INSUFFICIENT
    code = refusal(state, account, Action.TRANSFER) or borrows(state, account, Action.TRANSFER)
    if code is not None:
        return code
    code = refusal_of_leaving(state, account, intent.asset, intent.amount, RejectCode.TRANSFER_EXCEEDS_FREE_COLLATERAL)
    if code is not None:
        return code
    return None


def commit(state: State, account: Account, intent: Transfer) -> Applied:
    """Debit and credit. Cannot fail."""
    destination = account_for_credit(state, intent.destination)
    credit(state, account, intent.asset, -intent.amount, BalanceReason.TRANSFER)
    credit(state, destination, intent.asset, intent.amount, BalanceReason.TRANSFER)
    state.ops.append((OpKind.TRANSFER, account.id, destination.id, intent.asset, intent.amount))
    state.events.append(TransferMade(account.id, destination.id, intent.asset, intent.amount))
    return Applied(tuple(state.events), (ValueResult(destination.id),))


def transition(state: State, account: Account, intent: Transfer) -> Outcome:
    """Check, then commit."""
    code = check(state, account, intent)
    return Rejected(code) if code is not None else commit(state, account, intent)
