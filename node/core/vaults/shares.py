"""What shares of a vault are worth.

price = (equity + V) / (total shares + V), equity at the marks with all liabilities; V = 1 USDC and as many shares that nobody owns. Buying
rounds shares down, paying out rounds money down, so a share is never worth less because somebody came or went; and who first deposits
cannot make shares so dear that the next one's deposit rounds away: V would own nearly all that such a donation brings.
"""

from typing import Final

from node.core.ledger.money import touch_vault
from node.core.margin.account import health
from node.core.num import div_ceil, div_floor
from node.core.price.status import may_liquidate
from node.core.state import Account, State, Vault, touch_account
from proto.ids import share_asset
from proto.units import AssetUnits, MicroUsd
from proto.waterfall_events import VaultSharesChanged

VIRTUAL: Final = 1_000_000
"""Micro-USDC, and shares, that count as if they were always there."""


def equity_of(state: State, vault: Vault) -> int:
    """Account value at the marks; positive or negative, micro-USDC."""
    return health(state, state.accounts[vault.account])[0]


def prices_fit(state: State, vault: Vault) -> bool:
    """Whether every price that the vault is valued with is fresh and certain."""
    held = state.accounts[vault.account].positions
    return all(may_liquidate(state, state.markets[number]) for number, position in held.items() if position.size)


def shares_for(amount: int, equity: int, total: int) -> int:
    """Shares that `amount` micro-USDC buy, rounded down. `equity` >= 0."""
    return div_floor(amount * (total + VIRTUAL), equity + VIRTUAL)


def worth(shares: int, equity: int, total: int) -> int:
    """Micro-USDC that shares are worth, rounded down; 0 where the vault is in debt."""
    return div_floor(shares * max(equity + VIRTUAL, 0), total + VIRTUAL)


def shares_paid(amount: int, equity: int, total: int) -> int:
    """Shares that a payment of `amount` micro-USDC uses up, rounded up. `equity` > -V."""
    return div_ceil(amount * (total + VIRTUAL), equity + VIRTUAL)


def held_by(account: Account, vault: Vault) -> int:
    """Shares of an account."""
    return account.balances.get(share_asset(vault.id), 0)


def change_shares(state: State, vault: Vault, account: Account, shares: int, amount: int) -> None:
    """Add shares (or take them) for `amount` micro-USDC, which has moved or moves now."""
    asset, held = share_asset(vault.id), held_by(account, vault) + shares
    assert held >= 0, "check must precede commit"
    if held:
        account.balances[asset] = AssetUnits(held)
    else:
        account.balances.pop(asset, None)
    vault.total_shares += shares
    touch_account(state, account)
    touch_vault(state, vault)
    state.events.append(VaultSharesChanged(vault.id, account.id, shares, held, MicroUsd(amount)))
