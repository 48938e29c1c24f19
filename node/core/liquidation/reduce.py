"""Step 2: reduce the largest position in the book, in slices, at no worse than the bankruptcy price; a fee to the insurance fund.

Above a notional a slice is a part of the position, and the next one waits, so that the book can recover. What nobody bids for above the
bankruptcy price is tried again soon.
"""

from typing import Final

from node.core.book import resting
from node.core.book.execute import execute
from node.core.book.match import plan
from node.core.liquidation import work
from node.core.liquidation.bankruptcy import liquidation_fee, quote_of
from node.core.liquidation.estate import Estate, pay
from node.core.num import clamp, div_ceil, div_floor
from node.core.state import LiquidateWork, Market, Order, Position, State
from proto.events import BalanceReason, CloseReason
from proto.ids import INSURANCE_ACCOUNT, AccountId, OrderId
from proto.intents import OrderType, SelfTrade, Side, TimeInForce
from proto.ops import OpKind
from proto.units import PPM, PRICE_MAX, Lots, Price

RETRY_MS: Final = 1_000  # When prices are unfit or the book has nobody at an acceptable price.


def reduce(state: State, item: LiquidateWork, estate: Estate) -> None:
    """One slice of the largest position with fit prices; of equals the lowest market."""
    rules = state.params.liquidation
    position = min(estate.fit, key=lambda p: (-abs(p.size) * state.markets[p.market].mark, p.market))
    market = state.markets[position.market]
    lots = abs(position.size)
    sliced = lots * market.mark > rules.slice_notional
    if sliced:
        lots = div_ceil(lots * rules.slice_ppm, PPM)
    filled = _trade_slice(state, estate, market, position, lots)
    if filled == 0:
        work.postpone(state, item, RETRY_MS)
    elif sliced:
        work.postpone(state, item, rules.slice_wait_ms)


def _trade_slice(state: State, estate: Estate, market: Market, position: Position, lots: int) -> int:
    """Sell or buy back up to `lots` in the book. Returns the lots traded."""
    side, sign = (Side.SELL, 1) if position.size > 0 else (Side.BUY, -1)
    quote = quote_of(estate, market, position, lots)
    price = div_ceil(quote, lots) if side == Side.SELL else div_floor(-quote, lots)
    leasts = _Leasts(estate, market, position)
    traded, paid = market_order(state, estate.account.id, market, side, lots, clamp(price, 1, PRICE_MAX))
    if traded == 0:
        return 0
    fee = liquidation_fee(sign * paid, leasts.least(traded), state.params.liquidation.fee_ppm)
    pay(state, estate, INSURANCE_ACCOUNT, fee, BalanceReason.LIQUIDATION_FEE)
    state.ops.append((OpKind.LIQUIDATION_STEP, estate.account.id, market.params.id, -sign * traded, fee))
    return traded


class _Leasts:
    """Bankruptcy quotes of a position as it was before the slice."""

    def __init__(self, estate: Estate, market: Market, position: Position) -> None:
        self._estate, self._market = estate, market
        self._before = Position(position.market, position.size, position.entry)

    def least(self, lots: int) -> int:
        """The quote for `lots`."""
        return quote_of(self._estate, self._market, self._before, lots)


def market_order(state: State, account: AccountId, market: Market, side: Side, lots: int, limit: int) -> tuple[int, int]:
    """An IOC reduce-only order of the venue's for an account, without taker fee. Returns lots and notional; (0, 0) used no order id."""
    order = Order(
        state.next_order, account, market.params.id, side, OrderType.MARKET, TimeInForce.IOC,
        reduce_only=True, self_trade=SelfTrade.EXPIRE_MAKER, price=Price(limit),
        size=Lots(lots), remaining=Lots(lots), client_id=0, time=state.time,
    )  # fmt: skip
    planned = plan(state, market, order, lots, state.params.limits.fills_per_input)
    traded = lots - planned.remaining
    if traded == 0:
        return 0, 0
    state.next_order = OrderId(order.id + 1)
    resting.announce_open(state, order)
    execute(state, state.accounts[account], market, order, planned, liquidation=True)
    reason = CloseReason.FILLED if order.remaining == 0 else CloseReason.IMMEDIATE_REMAINDER
    resting.announce_close(state, order, reason, rested=False)
    return traded, planned.quote
