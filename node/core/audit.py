"""Conservation, stated as a function: recount everything and compare with the running totals.

Laws, per asset:
1. owed - owing is the sum of all balances, isolated cash and pools; entries is the sum of all entry notionals.
2. owed - owing - entries + withdrawn == deposited: unrealised profit sums to -entries, so what L1 escrows covers what is owed.
Per market: sizes sum to zero, long sizes to the open interest; the funding pool covers every unsettled payment, and unsettled losses cover
what the loss pool paid in advance. Per vault: balances of
shares sum to the total.
"""

from node.core.ledger.positions import funding_due, loss_due
from node.core.state import Market, State
from proto.ids import SHARES, USDC, share_asset


class AuditError(Exception):
    """Money appeared or vanished: the node must stop, not continue."""


def _require(left: int, right: int, what: str) -> None:
    if left != right:
        raise AuditError(f"{what}: {left} != {right}")


def audit_totals(state: State) -> None:
    """Law 2 on the running totals, O(assets)."""
    for number, totals in enumerate(state.totals):
        held = totals.owed - totals.owing - totals.entries + totals.withdrawn
        _require(held, totals.deposited, f"asset {number}: owed - owing - entries + withdrawn == deposited")


def audit(state: State) -> None:
    """Recount all accounts and markets. Raises AuditError naming the law that is broken."""
    audit_totals(state)
    owed = [0] * len(state.totals)
    owing = [0] * len(state.totals)
    entries = 0
    sizes = dict.fromkeys(state.markets, 0)
    longs = dict.fromkeys(state.markets, 0)
    unsettled = dict.fromkeys(state.markets, 0)
    losses = dict.fromkeys(state.markets, 0)
    shares = {share_asset(number): 0 for number in state.vaults}
    for account in state.accounts.values():
        owed[USDC] += max(account.cash, 0)
        owing[USDC] += max(-account.cash, 0)
        for asset, amount in account.balances.items():
            if amount <= 0:
                raise AuditError(f"account {account.id}: balance {amount} of asset {asset}")
            if asset >= SHARES:
                shares[asset] += amount
            else:
                owed[asset] += amount
        for market_id, position in account.positions.items():
            owed[USDC] += max(position.isolated_cash, 0)
            owing[USDC] += max(-position.isolated_cash, 0)
            entries += position.entry
            sizes[market_id] += position.size
            longs[market_id] += max(position.size, 0)
            unsettled[market_id] += funding_due(position, state.markets[market_id])
            losses[market_id] += loss_due(position, state.markets[market_id])
    for market_id, market in state.markets.items():
        for pool in (market.funding_pool, market.loss_pool):
            owed[USDC] += max(pool, 0)
            owing[USDC] += max(-pool, 0)
        if market.loss_pool + losses[market_id] < 0:
            raise AuditError(f"{market.params.name}: {losses[market_id]} owed do not cover the loss pool {market.loss_pool}")
        _audit_market(market, sizes[market_id], longs[market_id], unsettled[market_id])
    for number, totals in enumerate(state.totals):
        _require(owed[number], totals.owed, f"asset {number}: owed")
        _require(owing[number], totals.owing, f"asset {number}: owing")
    _require(entries, state.totals[USDC].entries, "entries")
    for vault_id, vault in state.vaults.items():
        _require(shares[share_asset(vault_id)], vault.total_shares, f"vault {vault_id}: shares")


def _audit_market(market: Market, sizes: int, longs: int, unsettled: int) -> None:
    name = market.params.name
    _require(sizes, 0, f"{name}: sizes sum to zero")
    _require(longs, market.open_interest, f"{name}: open interest")
    if market.funding_pool + unsettled < 0:
        raise AuditError(f"{name}: funding pool {market.funding_pool} does not cover {-unsettled}")
