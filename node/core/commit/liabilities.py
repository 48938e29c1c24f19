"""Who is owed what, as leaves of sum trees: one tree per collateral asset, over the accounts and pools of one sealed state.

A holder is an account or a market's pools. Invariants:
- The totals of a tree are the running totals of the state it was made from (owed, owing, entries), which L1 opens at every post: who leaves
  a holder out, or makes one smaller, has a tree whose totals are not those.
- A balance stands with its sign: what is owed to a holder and what it owes are apart, and nobody's deficit makes another's claim smaller.
"""

from collections.abc import Iterable
from enum import IntEnum, unique
from typing import NamedTuple

from node.core.commit.forest import LeafRow
from node.core.commit.leaves import decode_account, decode_market_into
from node.core.genesis import new_market
from node.core.params import Params
from node.core.state import Account, Market
from proto.hashing import address_word, word
from proto.ids import USDC, ZERO_ADDRESS, AccountId, Address, AssetId, MarketId
from proto.ledger import Section
from proto.sum_tree import NOTHING, SumNode, Sums, SumTree, sum_leaf


@unique
class HolderKind(IntEnum):
    """What holds."""

    ACCOUNT = 0
    MARKET_POOLS = 1


class Holder(NamedTuple):
    """One leaf of an asset's tree. `address` is zero for pools."""

    kind: HolderKind
    id: int
    address: Address
    sums: Sums

    def leaf(self, asset: int) -> SumNode:
        """Its node: content = asset, kind, id, address as words."""
        return sum_leaf(holder_content(asset, self.kind, self.id, self.address), self.sums)


class AssetTree(NamedTuple):
    """The holders of one asset, in leaf order, and their tree."""

    holders: tuple[Holder, ...]
    tree: SumTree


def holder_content(asset: int, kind: int, number: int, address: Address) -> bytes:
    """What a leaf says beside its sums."""
    return word(asset) + word(kind) + word(number) + address_word(address)


def signed_sums(amount: int, entries: int = 0) -> Sums:
    """One balance: owed where it is positive, owing where it is negative."""
    return Sums(max(amount, 0), max(-amount, 0), entries)


def liabilities(params: Params, rows: Iterable[LeafRow]) -> tuple[AssetTree, ...]:
    """Per asset of the parameters, the tree over the sealed leaves `rows`; sections other than accounts and markets are passed over."""
    accounts: list[Account] = []
    markets: list[Market] = []
    by_id = {market.id: market for market in params.markets}
    for row in rows:
        if not row.leaf:
            continue
        if row.section is Section.ACCOUNTS:
            accounts.append(decode_account(AccountId(row.key), row.leaf, row.aux))
        elif row.section is Section.MARKETS and MarketId(row.key) in by_id:
            market = new_market(by_id[MarketId(row.key)])
            decode_market_into(market, row.leaf)
            markets.append(market)
    accounts.sort(key=lambda account: account.id)
    markets.sort(key=lambda market: market.params.id)
    return tuple(_tree(asset.id, accounts, markets) for asset in params.assets)


def _tree(asset: AssetId, accounts: list[Account], markets: list[Market]) -> AssetTree:
    holders: list[Holder] = []
    for account in accounts:
        sums = account_sums(account, asset)
        if sums != NOTHING:
            holders.append(Holder(HolderKind.ACCOUNT, account.id, account.address, sums))
    if asset == USDC:
        holders.extend(
            Holder(HolderKind.MARKET_POOLS, market.params.id, ZERO_ADDRESS, pool_sums(market)) for market in markets
        )
    return AssetTree(tuple(holders), SumTree([holder.leaf(asset) for holder in holders]))


def account_sums(account: Account, asset: AssetId) -> Sums:
    """What an account is owed and owes of an asset; of USDC also isolated cash and the entries of its positions."""
    if asset != USDC:
        return signed_sums(account.balances.get(asset, 0))
    sums = signed_sums(account.cash)
    for position in account.positions.values():
        sums = sums.plus(signed_sums(position.isolated_cash, position.entry))
    return sums


def pool_sums(market: Market) -> Sums:
    """What a market's pools hold for, or advanced to, those who have not settled yet."""
    return signed_sums(market.funding_pool).plus(signed_sums(market.loss_pool))
