"""What the waterfall shows: portfolios that anybody may take over now, and a vault with its holders' terms."""

from typing import Any

from node.core.liquidation.auction import largest_share, price_after, reward_for
from node.core.liquidation.estate import estate_of
from node.core.state import Account, LiquidateWork, State, Vault
from node.core.vaults.shares import equity_of, prices_fit, worth
from proto.ids import SHARES, VaultId


def auctions_portrait(state: State, limit: int) -> list[dict[str, Any]]:
    """Open takeovers, the longest open first: what one would get at this moment. Share 0: prices are unfit, or there is nothing to gain."""
    items = sorted(state.liquidating.values(), key=lambda item: (item.since, item.account, item.market))
    return [_auction(state, item) for item in items[:limit]]


def _auction(state: State, item: LiquidateWork) -> dict[str, Any]:
    rules, account = state.params.liquidation, state.accounts[item.account]
    estate = estate_of(state, account, item.market)
    price = price_after(state.time - item.since, rules)
    reserved = max(min(item.reserved, estate.equity), 0)
    share = 0
    if estate.held and len(estate.fit) == len(estate.held):
        surplus = estate.equity - estate.maintenance
        share = largest_share(estate.equity, surplus, reserved, price, rules.takeover_buffer_ppm)
    return {
        "account": account.id, "address": account.address, "estate": item.market, "since": item.since, "price_ppm": price,
        "largest_share": share, "reward": reward_for(estate.equity, reserved, price, share), "equity": estate.equity,
        "maintenance_margin": estate.maintenance,
        "positions": [{"market": held.market, "position_size": held.size, "mark": state.markets[held.market].mark}
            for held in estate.held],
    }  # fmt: skip


def vault_portrait(state: State, vault: Vault) -> dict[str, Any]:
    """Shares, what they are worth, and who waits to be paid."""
    equity, total = equity_of(state, vault), vault.total_shares
    leaving = sorted((item.not_before, item.account) for key, item in state.leaving.items() if key[1] == vault.id)
    return {
        "vault": vault.id, "address": state.accounts[vault.account].address, "total_shares": total, "equity": equity,
        "worth_of_all": worth(total, equity, total), "open": prices_fit(state, vault) and equity >= 0,
        "delay_ms": state.params.liquidation.vault_delay_ms, "minimum": state.params.liquidation.vault_minimum,
        "leaving": len(leaving), "next_payment": leaving[0][0] if leaving else 0,
    }  # fmt: skip


def shares_portrait(state: State, account: Account) -> list[dict[str, Any]]:
    """Shares of vaults that an account holds, what they are worth now, and what of them waits to be paid."""
    rows = []
    for asset in sorted(number for number in account.balances if number >= SHARES):
        vault = state.vaults[VaultId(asset - SHARES)]
        pending, held = state.leaving.get((account.id, vault.id)), account.balances[asset]
        rows.append(
            {
                "vault": vault.id, "shares": held, "value": worth(held, equity_of(state, vault), vault.total_shares),
                "leaving": pending.shares if pending else 0, "paid_from": pending.not_before if pending else 0,
            }
        )  # fmt: skip
    return rows
