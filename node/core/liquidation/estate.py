"""What is liquidated as one: an account's cross portfolio (market 0), or one isolated position with its own cash.

Prices that are unfit (node.core.price.status) liquidate nobody: a position in such a market counts at its last mark and needs no margin,
and it is not touched. An asset without a fresh price counts once more in doubt: it protects from liquidation only while it could make up
for what is missing. The others are judged all the same, so that one dead market does not shield an account for ever.
"""

from typing import NamedTuple

from node.core.ledger.money import credit
from node.core.margin.account import health, position_value
from node.core.margin.collateral import unpriced_worth
from node.core.margin.fractions import maintenance_requirement
from node.core.price.status import may_liquidate
from node.core.state import Account, Market, Position, State
from proto.events import BalanceReason
from proto.ids import ALL_MARKETS, USDC, AccountId, MarketId
from proto.ops import OpKind
from proto.units import PPM


class Estate(NamedTuple):
    """A portfolio as it stands now. Amounts in micro-USDC."""

    account: Account
    market: MarketId  # 0: the cross portfolio.
    held: tuple[Position, ...]  # With a size, by market.
    fit: tuple[Position, ...]  # Those whose prices may liquidate.
    equity: int  # Collateral at its weight.
    maintenance: int  # Of all that is held.
    judged: int  # Of what has fit prices: what equity is held against.
    doubt: int = 0  # What assets without a fresh, certain price count for; they may be worth as much again.

    def is_healthy(self) -> bool:
        """Not below maintenance."""
        return self.equity + self.doubt >= self.judged

    def is_behind(self, line_ppm: int) -> bool:
        """Below a part of maintenance."""
        return (self.equity + self.doubt) * PPM < self.judged * line_ppm


def estate_of(state: State, account: Account, market: MarketId) -> Estate:
    """The portfolio of an account, or its isolated position in `market` with nothing held where there is none."""
    if market == ALL_MARKETS:
        held = [account.positions[number] for number in sorted(account.positions)]
        held = [position for position in held if position.size and not position.isolated]
        equity, _ = health(state, account)
    else:
        mine = account.positions.get(market)
        held = [mine] if mine is not None and mine.size and mine.isolated else []
        equity = sum(position.isolated_cash + position_value(position, state.markets[market]) for position in held)
    fit = [position for position in held if may_liquidate(state, state.markets[position.market])]
    maintenance = sum(maintenance_of(state.markets[position.market], abs(position.size)) for position in held)
    judged = sum(maintenance_of(state.markets[position.market], abs(position.size)) for position in fit)
    doubt = unpriced_worth(state, account) if market == ALL_MARKETS else 0
    return Estate(account, market, tuple(held), tuple(fit), equity, maintenance, judged, doubt)


def maintenance_of(market: Market, lots: int) -> int:
    """Maintenance requirement of a position of `lots` at the mark."""
    return maintenance_requirement(market, lots * market.mark)


def pay(state: State, estate: Estate, other: AccountId, amount: int, reason: BalanceReason) -> None:
    """Move USDC from the estate to the cross balance of another account; negative: the other way."""
    if amount == 0:
        return
    credit_estate(state, estate, -amount, reason)
    credit(state, state.accounts[other], USDC, amount, reason)
    state.ops.append((OpKind.CASH_MOVED, estate.account.id, estate.market, other, amount, reason.value))


def credit_estate(state: State, estate: Estate, amount: int, reason: BalanceReason) -> None:
    """Add to the estate's cash."""
    credit(state, estate.account, USDC, amount, reason)
