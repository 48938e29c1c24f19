"""Give shares of a vault back: they are paid after the vault's delay, by work (node.core.vaults.leave). One withdrawal at a time."""

from node.core.liquidation import work
from node.core.outcome import Applied, Outcome, Rejected, ValueResult
from node.core.state import Account, LeaveWork, State
from node.core.vaults.shares import held_by
from proto.intents import VaultWithdraw
from proto.ops import OpKind
from proto.reject import RejectCode
from proto.units import TimeMs
from proto.waterfall_events import VaultLeaving


def check(state: State, account: Account, intent: VaultWithdraw) -> RejectCode | None:
    """Decide without touching `state`."""
    vault = state.vaults.get(intent.vault)
    if vault is None:
        return RejectCode.VAULT_UNKNOWN
    if intent.shares == 0:
        return RejectCode.AMOUNT_ZERO
    if held_by(account, vault) < intent.shares:
        return RejectCode.VAULT_SHARES_INSUFFICIENT
    if (account.id, vault.id) in state.leaving:
        return RejectCode.VAULT_WITHDRAWAL_PENDING
    return None


def transition(state: State, account: Account, intent: VaultWithdraw) -> Outcome:
    """Check, then commit. The result is the time from which it is paid."""
    code = check(state, account, intent)
    if code is not None:
        return Rejected(code)
    due = TimeMs(state.time + state.params.liquidation.vault_delay_ms)
    work.add(state, LeaveWork(account.id, intent.vault, intent.shares, due))
    state.ops.append((OpKind.VAULT_LEAVING, intent.vault, account.id, intent.shares, due))
    state.events.append(VaultLeaving(intent.vault, account.id, intent.shares, due))
    return Applied(tuple(state.events), (ValueResult(due),))
