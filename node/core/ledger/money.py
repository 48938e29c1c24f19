"""Balances and their running totals.

Invariant: owed - owing is the sum of all balances (and pools) of an asset, at every moment; `entries` is the sum of entry notionals.
Every change of a balance goes through `credit`; every change of a pool through `pool_add`. Before negative cash moves it pays its interest.
"""

from node.core.num import div_ceil
from node.core.state import Account, AssetTotals, Market, State, Vault, touch_account, touch_market
from proto.events import BalanceChanged, BalanceReason
from proto.ids import INSURANCE_ACCOUNT, USDC, VENUE_ACCOUNTS, AssetId
from proto.ledger import Section
from proto.ops import OpKind
from proto.units import CASH_MAX, INDEX_SCALE, AssetUnits, MicroUsd


def _move(totals: AssetTotals, old: int, new: int) -> None:
    """Carry one balance's change into owed and owing."""
    if old >= 0:
        totals.owed -= old
    else:
        totals.owing += old
    if new >= 0:
        totals.owed += new
    else:
        totals.owing -= new


def balance_of(account: Account, asset: AssetId) -> AssetUnits:
    """Balance in asset units; USDC is the cash."""
    return AssetUnits(account.cash) if asset == USDC else account.balances.get(asset, AssetUnits(0))


def interest_due(state: State, account: Account) -> int:
    """Interest on negative cash that has not been paid yet, micro-USDC, rounded up. The venue's own accounts pay none."""
    if account.cash >= 0 or account.borrow_index == state.borrow_index or account.id in VENUE_ACCOUNTS:
        return 0
    return div_ceil(-account.cash * (state.borrow_index - account.borrow_index), INDEX_SCALE)


def settle_interest(state: State, account: Account) -> None:
    """Charge what negative cash owes since it last moved, to the insurance fund."""
    due = interest_due(state, account)
    if due:
        account.borrow_index = state.borrow_index
        state.ops.append((OpKind.INTEREST_SETTLED, account.id, due, state.borrow_index))
        credit(state, account, USDC, -due, BalanceReason.INTEREST)
        credit(state, state.accounts[INSURANCE_ACCOUNT], USDC, due, BalanceReason.INTEREST)


def credit(state: State, account: Account, asset: AssetId, delta: int, reason: BalanceReason) -> None:
    """Add `delta` (may be negative) to a balance. Only USDC may go below zero."""
    if delta == 0:
        return
    if asset == USDC:
        settle_interest(state, account)
        old: int = account.cash
        new = old + delta
        account.cash = MicroUsd(new)
        account.borrow_index = state.borrow_index if new < 0 else 0  # 0 where nothing is owed, so that such accounts stay as they are.
    else:
        old = account.balances.get(asset, 0)
        new = old + delta
        assert new >= 0, "check must precede commit"
        if new:
            account.balances[asset] = AssetUnits(new)
        else:
            del account.balances[asset]
    assert -CASH_MAX <= new <= CASH_MAX, "balance out of its leaf field"
    _move(state.totals[asset], old, new)
    touch_account(state, account)
    state.events.append(BalanceChanged(account.id, asset, AssetUnits(delta), AssetUnits(new), reason))


def pool_add(state: State, market: Market, delta: int) -> None:
    """Add to a market's funding pool: the counterparty of lazily settled funding."""
    old = market.funding_pool
    market.funding_pool = MicroUsd(old + delta)
    _move(state.totals[USDC], old, old + delta)
    touch_market(state, market)


def touch_vault(state: State, vault: Vault) -> None:
    """Mark a vault for the next seal."""
    state.touched[Section.VAULTS][vault.id] = None


def loss_pool_add(state: State, market: Market, delta: int) -> None:
    """Add to a market's loss pool: what it paid in advance for losses that positions bear together, and what these have paid back."""
    old = market.loss_pool
    market.loss_pool = MicroUsd(old + delta)
    _move(state.totals[USDC], old, old + delta)
    touch_market(state, market)
