"""The last step of the first waterfall: the insurance fund takes an account over, or covers what it cannot pay.

Invariant: everything that leaves the account arrives at the fund: cash, sizes and entries are moved, not revalued, so no unit is created.
"""

from node.core.ledger.money import credit
from node.core.ledger.positions import position_in, settle_funding
from node.core.state import Account, Position, State, touch_account, touch_market
from proto.events import AccountTakenOver, BalanceReason, PositionChanged
from proto.ids import INSURANCE_ACCOUNT, USDC
from proto.ops import OpKind
from proto.units import Lots, MicroUsd


def take_over(state: State, account: Account) -> None:
    """Move all positions and the cash of an account without open orders to the insurance fund."""
    assert not account.orders, "orders are cancelled first"
    fund = state.accounts[INSURANCE_ACCOUNT]
    for number in sorted(account.positions):
        position = account.positions[number]
        settle_funding(state, account, position, state.markets[number])
        _move(state, account, fund, position)
    cash = account.cash
    credit(state, account, USDC, -cash, BalanceReason.TAKEOVER)
    credit(state, fund, USDC, cash, BalanceReason.TAKEOVER)
    state.ops.append((OpKind.ACCOUNT_TAKEN_OVER, account.id, fund.id, cash))
    state.events.append(AccountTakenOver(account.id, fund.id, cash))


def _move(state: State, account: Account, fund: Account, position: Position) -> None:
    """Add one position to the fund's; where they cancel out, what is left of the entries becomes cash."""
    market = state.markets[position.market]
    mine = position_in(fund, position.market)
    settle_funding(state, fund, mine, market)
    before = max(mine.size, 0) + max(position.size, 0)
    mine.size, mine.entry = Lots(mine.size + position.size), MicroUsd(mine.entry + position.entry)
    market.open_interest = Lots(market.open_interest + max(mine.size, 0) - before)
    del account.positions[position.market]
    state.events.append(PositionChanged(account.id, position.market, Lots(0), MicroUsd(0)))
    if mine.size == 0:
        realised = -mine.entry
        state.totals[USDC].entries += realised
        mine.entry = MicroUsd(0)
        credit(state, fund, USDC, realised, BalanceReason.TAKEOVER)
        if mine.orders == 0:
            del fund.positions[position.market]
    state.events.append(PositionChanged(fund.id, position.market, mine.size, mine.entry))
    touch_market(state, market)
    touch_account(state, account)
    touch_account(state, fund)


def cover_shortfall(state: State, account: Account) -> None:
    """Pay the negative cash of an account without positions from the insurance fund."""
    missing = -account.cash
    assert missing > 0
    credit(state, state.accounts[INSURANCE_ACCOUNT], USDC, -missing, BalanceReason.SHORTFALL_COVERED)
    credit(state, account, USDC, missing, BalanceReason.SHORTFALL_COVERED)
    state.ops.append((OpKind.ACCOUNT_TAKEN_OVER, account.id, INSURANCE_ACCOUNT, -missing))
