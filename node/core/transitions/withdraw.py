"""Debit an asset and append a claim that the destination can make on L1 once the batch is final.

Invariant: a withdrawal's leaf is written once and never changes; cash never leaves while margin needs it or the venue's guards keep it.
"""

from node.core.ledger.guards import fits, is_gated, spend
from node.core.ledger.money import balance_of, credit
from node.core.margin.leaving import refusal_of_leaving
from node.core.outcome import Applied, Outcome, Rejected, ValueResult
from node.core.price.ladder import Action, borrows, refusal
from node.core.state import Account, State
from proto.events import BalanceReason, WithdrawalRequested
from proto.ids import ZERO_ADDRESS
from proto.intents import Withdraw
from proto.ledger import withdrawal_words
from proto.ops import OpKind
from proto.reject import RejectCode


def check(state: State, account: Account, intent: Withdraw) -> RejectCode | None:
    """Decide without touching `state`."""
    if intent.asset >= len(state.totals):
        return RejectCode.ASSET_UNKNOWN
    if intent.amount == 0:
        return RejectCode.AMOUNT_ZERO
    if intent.destination == ZERO_ADDRESS:
        return RejectCode.DESTINATION_ZERO
    if balance_of(account, intent.asset) < intent.amount:
        return RejectCode.BALANCE_INSUFFICIENT
    if is_gated(state):
        return RejectCode.WITHDRAWALS_GATED
    code = refusal(state, account, Action.WITHDRAW) or borrows(state, account, Action.WITHDRAW)
    if code is not None:
        return code
    code = refusal_of_leaving(state, account, intent.asset, intent.amount, RejectCode.WITHDRAWAL_EXCEEDS_FREE_COLLATERAL)
    if code is not None:
        return code
    if not fits(state, intent.asset, intent.amount):
        return RejectCode.WITHDRAWAL_LIMIT
    return None


def commit(state: State, account: Account, intent: Withdraw) -> Applied:
    """Debit and append. Cannot fail."""
    index = state.withdrawal_count
    state.withdrawal_count = index + 1
    spend(state, intent.asset, intent.amount)
    credit(state, account, intent.asset, -intent.amount, BalanceReason.WITHDRAWAL)
    state.totals[intent.asset].withdrawn += intent.amount
    leaf = withdrawal_words(index, account.id, intent.destination, intent.asset, intent.amount)
    state.withdrawals.append((index, leaf))
    state.ops.append((OpKind.WITHDRAWAL, index, account.id, intent.asset, intent.amount, intent.destination))
    state.events.append(WithdrawalRequested(index, account.id, intent.destination, intent.asset, intent.amount))
    return Applied(tuple(state.events), (ValueResult(index),))


def transition(state: State, account: Account, intent: Withdraw) -> Outcome:
    """Check, then commit."""
    code = check(state, account, intent)
    return Rejected(code) if code is not None else commit(state, account, intent)
