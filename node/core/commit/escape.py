"""What an account gets when the venue has ended: the arithmetic of the escape contract, from the same state.

* USDC = cash less the interest that a negative balance owes + Σ cross (size x mark - entry - funding due - loss due)
  + Σ isolated max(0, the same + its cash) + shares of vaults. Funding, loss and interest due round up: against the account.
* Below zero, the deficit is covered from the account's collateral in the order of asset ids, at the price in the system words: units taken
  round up, what they cover rounds down.
Invariant: equal to `Worth.sol` and `Escape.sol` on every state (tests/l1/contracts/test_escape.py).
"""

from typing import NamedTuple

from node.core.num import div_ceil
from node.core.state import Account, Market, Position, State
from proto.ids import SHARES, VENUE_ACCOUNTS
from proto.units import RATE_SCALE


class Worth(NamedTuple):
    """Ledger units by asset, in the order of ids: what is claimed, and what of the collateral covers a deficit."""

    amounts: tuple[int, ...]
    seized: tuple[int, ...]


class Pool(NamedTuple):
    """An asset after the last claim: what the ledger had (deposited less withdrawn), its price, what was claimed and seized."""

    available: int
    price: int
    whole: int
    claimed: int
    seized: int


def worth(state: State, account: Account) -> Worth:
    """What an account claims."""
    amounts = [0] * len(state.totals)
    usdc = settled_cash(account.cash, account.borrow_index, state.borrow_index)
    for number in sorted(account.positions):
        position = account.positions[number]
        if position.size:
            usdc += _position_worth(position, state.markets[number])
    for asset, amount in account.balances.items():
        if asset < SHARES:
            amounts[asset] += amount
            continue
        vault = next(vault for vault in state.vaults.values() if SHARES | vault.id == asset)
        whole = worth(state, state.accounts[vault.account]).amounts
        for at in range(1, len(amounts)):
            amounts[at] += whole[at] * amount // vault.total_shares
        usdc += whole[0] * amount // vault.total_shares
    seized = [0] * len(amounts)
    if usdc >= 0:
        amounts[0] = usdc
        return Worth(tuple(amounts), tuple(seized))
    deficit = -usdc
    for at in range(1, len(amounts)):
        whole_unit = 10 ** state.params.assets[at].decimals
        seized[at], deficit = cover(deficit, amounts[at], state.totals[at].price, whole_unit)
        amounts[at] -= seized[at]
    return Worth(tuple(amounts), tuple(seized))


def settled_cash(cash: int, borrow_index: int, global_index: int) -> int:
    """Cash less the interest that it owes since its index; interest rounds up."""
    if cash >= 0:
        return cash
    return cash - div_ceil(-cash * (global_index - borrow_index), RATE_SCALE)


def _position_worth(position: Position, market: Market) -> int:
    loss_index = market.long_loss_index if position.size > 0 else market.short_loss_index
    funding = div_ceil(position.size * (market.funding_index - position.funding_index), RATE_SCALE)
    loss = div_ceil(abs(position.size) * (loss_index - position.loss_index), RATE_SCALE)
    value = position.size * market.mark - position.entry - funding - loss
    return max(0, value + position.isolated_cash) if position.isolated else value


def cover(deficit: int, amount: int, price: int, whole: int) -> tuple[int, int]:
    """(units taken, deficit left) of covering micro-USDC from `amount` units at `price` micro-USDC per `whole` units."""
    if deficit == 0 or price == 0:
        return 0, deficit
    needed = div_ceil(deficit * whole, price)
    if needed <= amount:
        return needed, 0
    return amount, max(0, deficit - amount * price // whole)  # What the units cover rounds down.


def due(claimed: tuple[int, ...], pools: tuple[Pool, ...]) -> tuple[int, ...]:
    """What a claim is paid, per asset; rounds down. Pro rata where the asset is short; where USDC is, a part of what was seized too."""
    shortage = max(0, pools[0].claimed - pools[0].available)
    rest = [0, *(min(p.seized, max(0, p.available - p.claimed)) for p in pools[1:])]
    worth_of_rest = sum(units * pool.price // pool.whole for units, pool in zip(rest, pools, strict=True))
    paid = []
    for units, amount, pool in zip(rest, claimed, pools, strict=True):
        part = amount if pool.claimed <= pool.available else amount * pool.available // pool.claimed
        if shortage and units:
            shared = units if worth_of_rest <= shortage else units * shortage // worth_of_rest
            part += shared * claimed[0] // pools[0].claimed
        paid.append(part)
    return tuple(paid)


def can_claim(account: Account) -> bool:
    """Whether somebody has this account's key: the venue's own have none."""
    return account.id not in VENUE_ACCOUNTS
