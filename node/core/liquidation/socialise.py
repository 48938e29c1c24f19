"""Step 7, the last: a loss that nobody else bears is spread over one side of a market, per lot, by an index that positions settle lazily.

Invariant: the market's loss pool pays at once, and what positions owe by the index covers what it paid: index and each part round up.
"""

from node.core.ledger.money import loss_pool_add
from node.core.liquidation.estate import Estate, credit_estate
from node.core.num import div_ceil, div_floor
from node.core.state import Market, State, touch_market
from proto.events import BalanceReason
from proto.intents import Side
from proto.ops import OpKind
from proto.units import FUNDING_MAX, INDEX_SCALE, MicroUsd
from proto.waterfall_events import LossSocialised


def growth(amount: int, lots: int) -> int:
    """By how much the index grows for a loss of `amount` micro-USDC over `lots`, 1e-12 micro-USDC per lot, rounded up."""
    return div_ceil(amount * INDEX_SCALE, lots)


def spread(state: State, estate: Estate, market: Market, side: Side, amount: int) -> bool:
    """Have one side of a market bear a loss of the estate's. False: it cannot, for want of positions or of room in the index."""
    if amount <= 0:
        return True
    if market.open_interest == 0:
        return False
    index = market.long_loss_index if side == Side.BUY else market.short_loss_index
    index += growth(amount, market.open_interest)
    if index > FUNDING_MAX:
        return False
    if side == Side.BUY:
        market.long_loss_index = index
    else:
        market.short_loss_index = index
    touch_market(state, market)
    state.ops.append((OpKind.LOSS_SOCIALISED, estate.account.id, estate.market, market.params.id, side.value, amount, index))
    credit_estate(state, estate, amount, BalanceReason.SOCIALISED_LOSS)
    loss_pool_add(state, market, -amount)
    state.events.append(LossSocialised(estate.account.id, market.params.id, side, MicroUsd(amount), index))
    return True


def spread_over_both(state: State, estate: Estate, amount: int) -> bool:
    """A loss without a position: both sides of the market with the largest open interest bear half each."""
    market = max(state.markets.values(), key=lambda m: (m.open_interest * m.mark, -m.params.id))
    half = div_floor(amount, 2)
    return spread(state, estate, market, Side.BUY, half) and spread(state, estate, market, Side.SELL, amount - half)
