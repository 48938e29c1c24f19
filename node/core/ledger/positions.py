"""Positions: lazy funding, and what a fill does to size, entry and cash.

Invariants:
- Σ size over accounts is zero in every market; Σ entry moves only by what realised profit takes out.
- cash never moves by notional: reducing q of s realises q x price - trunc(entry x q / s), and the rest of the entry stays, so no
  unit is lost.
- Funding and socialised losses settle before a position's size changes. A payer's payment rounds up and a receiver's down; the pool keeps
  the dust.
"""

from node.core.ledger.money import credit, loss_pool_add, pool_add
from node.core.num import div_ceil, div_trunc
from node.core.state import Account, Market, Position, State, touch_account, touch_market
from proto.events import BalanceReason, FundingPaid, PositionChanged
from proto.ids import USDC, MarketId
from proto.ops import OpKind
from proto.units import INDEX_SCALE, POSITION_LOTS_MAX, RATE_SCALE, Lots, MicroUsd


def position_in(account: Account, market: MarketId) -> Position:
    """The account's record for a market, made on first need."""
    position = account.positions.get(market)
    if position is None:
        setting = account.settings.get(market)
        isolated = setting is not None and setting.isolated
        position = account.positions[market] = Position(market, isolated=isolated)
    return position


def drop_if_empty(account: Account, position: Position) -> None:
    """Forget a record with neither size nor open orders."""
    if position.size == 0 and position.orders == 0:
        del account.positions[position.market]


def funding_due(position: Position, market: Market) -> int:
    """Unsettled payment in micro-USDC (positive: the account pays), rounded up: against the account."""
    if position.size == 0 or position.funding_index == market.funding_index:
        return 0
    return div_ceil(position.size * (market.funding_index - position.funding_index), RATE_SCALE)


def settle_funding(state: State, account: Account, position: Position, market: Market) -> None:
    """Bring the position to the market's funding index, paying to or from the market's pool."""
    if position.funding_index == market.funding_index:
        return
    payment = funding_due(position, market)
    position.funding_index = market.funding_index
    if position.size == 0:
        return
    touch_account(state, account)
    state.ops.append((OpKind.FUNDING_SETTLED, account.id, market.params.id, payment, market.funding_index))
    if payment:
        credit(state, account, USDC, -payment, BalanceReason.FUNDING)
        pool_add(state, market, payment)
        state.events.append(FundingPaid(account.id, market.params.id, position.size, MicroUsd(-payment)))


def loss_index_of(market: Market, size: int) -> int:
    """The loss index of a position's side."""
    return market.long_loss_index if size > 0 else market.short_loss_index


def loss_due(position: Position, market: Market) -> int:
    """The position's part of losses that its side bears together and it has not paid yet, micro-USDC, rounded up."""
    if position.size == 0:
        return 0
    grown = loss_index_of(market, position.size) - position.loss_index
    return div_ceil(abs(position.size) * grown, INDEX_SCALE) if grown else 0


def settle_losses(state: State, account: Account, position: Position, market: Market) -> None:
    """Pay the position's part into the market's loss pool, which paid it in advance."""
    if position.size == 0:
        return
    payment = loss_due(position, market)
    if payment == 0:
        return
    position.loss_index = loss_index_of(market, position.size)
    touch_account(state, account)
    state.ops.append((OpKind.LOSS_SETTLED, account.id, market.params.id, payment, position.loss_index))
    credit(state, account, USDC, -payment, BalanceReason.SOCIALISED_LOSS)
    loss_pool_add(state, market, payment)


def settle(state: State, account: Account, position: Position, market: Market) -> None:
    """Bring the position to the market's funding and loss indices."""
    settle_funding(state, account, position, market)
    settle_losses(state, account, position, market)


def trade(state: State, account: Account, market: Market, signed_lots: int, price: int) -> MicroUsd:
    """Change a position by `signed_lots` (buy > 0) at `price`. Returns the profit realised, already in cash."""
    return trade_for(state, account, market, signed_lots, signed_lots * price)


def trade_for(state: State, account: Account, market: Market, signed_lots: int, quote: int) -> MicroUsd:
    """Change a position by `signed_lots` (buy > 0) for `quote` (paid > 0) together. Returns the profit realised, already in cash.

    Of entry and quote what belongs to the lots closed is truncated towards zero; the remainders stay with what is left of the position.
    """
    position = position_in(account, market.params.id)
    settle(state, account, position, market)
    size, entry = position.size, position.entry
    new_size = size + signed_lots
    pnl = 0
    if size == 0 or (size > 0) == (signed_lots > 0):
        new_entry = entry + quote
    elif abs(signed_lots) <= abs(size):
        entry_closed = div_trunc(entry * abs(signed_lots), abs(size))
        pnl = -quote - entry_closed
        new_entry = entry - entry_closed
    else:
        quote_closed = div_trunc(quote * abs(size), abs(signed_lots))
        pnl = -quote_closed - entry
        new_entry = quote - quote_closed
    assert -POSITION_LOTS_MAX <= new_size <= POSITION_LOTS_MAX, "position out of its leaf field"
    position.size = Lots(new_size)
    position.entry = MicroUsd(new_entry)
    if (size > 0) != (new_size > 0) or size == 0:
        position.loss_index = loss_index_of(market, new_size)
    state.totals[USDC].entries += new_entry - entry
    opened = max(new_size, 0) - max(size, 0)
    if opened:
        market.open_interest = Lots(market.open_interest + opened)
        touch_market(state, market)
    touch_account(state, account)
    if pnl:
        credit(state, account, USDC, pnl, BalanceReason.TRADE)
    state.events.append(PositionChanged(account.id, market.params.id, position.size, position.entry))
    return MicroUsd(pnl)
