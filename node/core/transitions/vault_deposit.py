"""Buy shares of a vault with free cash, at what they are worth now."""

from node.core.ledger.money import credit
from node.core.margin.account import summary
from node.core.outcome import Applied, Outcome, Rejected, ValueResult
from node.core.state import Account, State
from node.core.vaults.shares import change_shares, equity_of, prices_fit, shares_for
from proto.events import BalanceReason
from proto.ids import ALL_MARKETS, USDC
from proto.intents import VaultDeposit
from proto.ops import OpKind
from proto.reject import RejectCode
from proto.units import CASH_MAX


def check(state: State, account: Account, intent: VaultDeposit) -> RejectCode | int:
    """Decide without touching `state`. Returns the shares bought."""
    vault = state.vaults.get(intent.vault)
    if vault is None:
        return RejectCode.VAULT_UNKNOWN
    if intent.amount < state.params.liquidation.vault_minimum:
        return RejectCode.VAULT_DEPOSIT_TOO_SMALL
    if account.cash < intent.amount:
        return RejectCode.BALANCE_INSUFFICIENT
    if summary(state, account).free < intent.amount:
        return RejectCode.TRANSFER_EXCEEDS_FREE_COLLATERAL
    if not prices_fit(state, vault):
        return RejectCode.VAULT_PRICES_UNFIT
    equity = equity_of(state, vault)
    if equity < 0 or (vault.account, ALL_MARKETS) in state.liquidating:
        return RejectCode.VAULT_CLOSED
    shares = shares_for(intent.amount, equity, vault.total_shares)
    if vault.total_shares + shares > CASH_MAX:
        return RejectCode.VAULT_CLOSED
    return shares if shares else RejectCode.VAULT_DEPOSIT_TOO_SMALL


def transition(state: State, account: Account, intent: VaultDeposit) -> Outcome:
    """Check, then commit. The result is the number of shares."""
    found = check(state, account, intent)
    if isinstance(found, RejectCode):
        return Rejected(found)
    vault, shares = state.vaults[intent.vault], found
    credit(state, account, USDC, -intent.amount, BalanceReason.VAULT)
    credit(state, state.accounts[vault.account], USDC, intent.amount, BalanceReason.VAULT)
    change_shares(state, vault, account, shares, intent.amount)
    state.ops.append((OpKind.VAULT_DEPOSIT, vault.id, account.id, intent.amount, shares))
    return Applied(tuple(state.events), (ValueResult(shares),))
