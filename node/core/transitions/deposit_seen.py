"""Credit a deposit that the L1 queue holds, deep enough to count.

Invariants: queue items are consumed in order, each once (`queue_cursor`), and `queue_hash` is the hash chain that the contract keeps.
A deposit's owner becomes an account; money is never refused.
"""

from node.core.ledger.accounts import account_for_credit
from node.core.ledger.money import credit
from node.core.outcome import Applied, Outcome, Rejected, ValueResult
from node.core.state import State
from proto.batch import deposit_item_hash, next_queue_hash
from proto.events import BalanceReason, DepositCredited
from proto.inputs import DepositSeen
from proto.ops import OpKind
from proto.reject import RejectCode


def check(state: State, deposit: DepositSeen) -> RejectCode | None:
    """Decide without touching `state`. L1 has refused zero amounts, zero owners and unknown assets already."""
    if deposit.index != state.queue_cursor:
        return RejectCode.QUEUE_OUT_OF_ORDER
    if deposit.asset >= len(state.totals):
        return RejectCode.ASSET_UNKNOWN
    if deposit.amount == 0:
        return RejectCode.AMOUNT_ZERO
    return None


def transition(state: State, deposit: DepositSeen) -> Outcome:
    """Check, then commit."""
    code = check(state, deposit)
    if code is not None:
        return Rejected(code)
    item = deposit_item_hash(deposit.index, deposit.owner, deposit.asset, deposit.amount)
    state.queue_hash = next_queue_hash(state.queue_hash, item)
    state.queue_cursor = deposit.index + 1
    account = account_for_credit(state, deposit.owner)
    credit(state, account, deposit.asset, deposit.amount, BalanceReason.DEPOSIT)
    state.totals[deposit.asset].deposited += deposit.amount
    state.ops.append((OpKind.DEPOSIT, deposit.index, account.id, deposit.asset, deposit.amount))
    state.events.append(DepositCredited(deposit.index, account.id, deposit.asset, deposit.amount))
    return Applied(tuple(state.events), (ValueResult(account.id),))
