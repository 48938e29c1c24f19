"""One unit of paying out shares that were given back, when the delay is over.

They are worth what the vault is worth now: until they are paid they are at risk like all others. What margin needs stays in the vault: if
there is too little free, as many shares are paid as there is money for, and the rest waits while the vault unwinds.
"""

from typing import Final

from node.core.ledger.money import credit
from node.core.liquidation import work
from node.core.margin.account import summary
from node.core.state import LeaveWork, State
from node.core.vaults.shares import change_shares, equity_of, prices_fit, shares_paid, worth
from proto.events import BalanceReason
from proto.ids import ALL_MARKETS, USDC
from proto.ops import OpKind

RETRY_MS: Final = 1_000  # When prices are unfit.
SHORT_MS: Final = 10_000  # When there is no money free.


def unit(state: State, item: LeaveWork) -> None:
    """Pay what can be paid."""
    vault = state.vaults[item.vault]
    money, account = state.accounts[vault.account], state.accounts[item.account]
    if not prices_fit(state, vault):
        work.postpone(state, item, RETRY_MS)
        return
    equity, total = equity_of(state, vault), vault.total_shares
    due = worth(item.shares, equity, total)
    paid = min(due, summary(state, money).free)
    in_need = equity < 0 or (money.id, ALL_MARKETS) in state.liquidating
    if in_need or (due and paid <= 0):
        work.postpone(state, item, SHORT_MS)
        return
    shares = item.shares if paid == due else shares_paid(paid, equity, total)
    credit(state, money, USDC, -paid, BalanceReason.VAULT)
    credit(state, account, USDC, paid, BalanceReason.VAULT)
    change_shares(state, vault, account, -shares, paid)
    state.ops.append((OpKind.VAULT_PAID, vault.id, account.id, shares, paid))
    item.shares -= shares
    if item.shares:
        work.postpone(state, item, SHORT_MS)
    else:
        work.finish(state, item)
