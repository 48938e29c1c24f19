"""Step 4: who is too far behind is closed out. The backstop vault takes positions within its limits, the insurance fund what it cannot.

A position is handed over at its bankruptcy quote: at the mark, with its part of the equity that is left, which is what the taker earns.
Afterwards cash and collateral follow. The order in which losses are borne: a shortfall of the estate is the insurance fund's (step 5), then
that of those on the other side (steps 6 and 7), never the vault's; what a position loses after it was taken is the taker's alone.
"""

from node.core.ledger.handover import hand_over
from node.core.ledger.money import credit, settle_interest
from node.core.liquidation import deleverage, unwind, work
from node.core.liquidation.bankruptcy import quote_of
from node.core.liquidation.estate import Estate, estate_of
from node.core.liquidation.insurance import cover
from node.core.liquidation.reduce import RETRY_MS
from node.core.margin.account import summary
from node.core.margin.afterwards import Arrival, summary_after
from node.core.margin.tiers import requirement
from node.core.state import Account, LiquidateWork, Position, State
from proto.events import AccountTakenOver, BalanceReason
from proto.ids import ALL_MARKETS, BACKSTOP_ACCOUNT, INSURANCE_ACCOUNT, SHARES, USDC, AccountId, AssetId
from proto.ops import OpKind
from proto.units import PPM, Lots, MicroUsd
from proto.waterfall_events import PositionTakenOver


def may_serve(state: State, estate: Estate) -> bool:
    """Whether the vault is there for this estate: it is not itself what is liquidated, nor in need."""
    return estate.account.id != BACKSTOP_ACCOUNT and (BACKSTOP_ACCOUNT, ALL_MARKETS) not in state.liquidating


def close_out(state: State, item: LiquidateWork, estate: Estate) -> bool:
    """One unit for an estate without open orders. True: nothing of it is left."""
    missing = max(-estate.equity, 0)
    if missing:
        missing = cover(state, estate, missing)
        estate = estate_of(state, estate.account, estate.market)
    limit = _Limit(state, estate)
    for position in estate.fit:
        taker = limit.taker(position, shortfall=missing > 0)
        if taker is None:
            deleverage.begin(state, item, position.market)
            return False
        take(state, estate, position, taker)
    left = estate_of(state, estate.account, estate.market)
    if left.held:
        work.postpone(state, item, RETRY_MS)  # Prices of these are unfit.
        return False
    return settle_rest(state, left, BACKSTOP_ACCOUNT if may_serve(state, left) else INSURANCE_ACCOUNT)


class _Limit:
    """What the takers may still take of one estate in one unit."""

    def __init__(self, state: State, estate: Estate) -> None:
        self._state, self._estate = state, estate
        self._most = 0  # Initial requirement that the vault may still take on.
        if may_serve(state, estate):
            worth = summary(state, state.accounts[BACKSTOP_ACCOUNT]).equity
            self._most = max(worth, 0) * state.params.liquidation.vault_account_ppm // PPM  # Floor.

    def taker(self, position: Position, *, shortfall: bool) -> AccountId | None:
        """Vault, fund, or nobody: where a shortfall is left those on the other side come in."""
        if shortfall:
            return None
        market = self._state.markets[position.market]
        needs = requirement(market.initial_ppm, abs(position.size) * market.mark)
        if needs <= self._most and self._fits(position, BACKSTOP_ACCOUNT):
            self._most -= needs
            return BACKSTOP_ACCOUNT
        return INSURANCE_ACCOUNT if self._fits(position, INSURANCE_ACCOUNT) else None

    def _fits(self, position: Position, taker: AccountId) -> bool:
        state = self._state
        market = state.markets[position.market]
        quote = quote_of(self._estate, market, position, abs(position.size))
        account = state.accounts[taker]
        if position.market not in account.positions and len(account.positions) >= state.params.limits.positions_per_account:
            return False
        after = summary_after(state, account, [Arrival(position.market, position.size, quote)], 0)
        return after.surplus >= 0


def take(state: State, estate: Estate, position: Position, taker: AccountId) -> None:
    """Hand a whole position over at its bankruptcy quote."""
    market, size = state.markets[position.market], position.size
    quote = quote_of(estate, market, position, abs(size))
    hand_over(state, estate.account, state.accounts[taker], market, size, quote)
    state.events.append(
        PositionTakenOver(estate.account.id, estate.market, taker, market.params.id, Lots(size), MicroUsd(quote))
    )
    unwind.begin(state, taker)


def settle_rest(state: State, estate: Estate, heir: AccountId) -> bool:
    """Give cash and collateral of an estate without positions to whoever took it over. Vault shares stay: they are no collateral."""
    account, other = estate.account, state.accounts[heir]
    if estate.market != ALL_MARKETS:
        return True
    settle_interest(state, account)
    cash = account.cash
    move(state, account, other, USDC, cash)
    for asset in sorted(account.balances):
        if asset < SHARES:
            move(state, account, other, asset, account.balances[asset])
    state.events.append(AccountTakenOver(account.id, heir, cash))
    return True


def move(state: State, giver: Account, taker: Account, asset: AssetId, amount: int) -> None:
    """Move an asset between two accounts because one is taken over."""
    if amount == 0:
        return
    credit(state, giver, asset, -amount, BalanceReason.TAKEOVER)
    credit(state, taker, asset, amount, BalanceReason.TAKEOVER)
    state.ops.append((OpKind.ASSET_MOVED, giver.id, taker.id, asset, amount, BalanceReason.TAKEOVER.value))

