"""One bounded unit of bringing an account back above maintenance.

In order: stop if it is healthy; wait while prices are unfit; cancel its orders; hand it to the insurance fund if too little equity is left;
else reduce its largest position in the book at no worse than the bankruptcy price, in slices, a fee to the insurance fund.
"""

from node.core.book import resting
from node.core.book.execute import execute
from node.core.book.match import plan
from node.core.ledger.guards import deficit_seen
from node.core.ledger.money import credit
from node.core.liquidation import work
from node.core.liquidation.bankruptcy import bankruptcy_quote, liquidation_fee
from node.core.liquidation.takeover import cover_shortfall, take_over
from node.core.margin.account import health
from node.core.margin.tiers import requirement
from node.core.num import clamp, div_ceil, div_floor
from node.core.price.status import may_liquidate
from node.core.state import Account, LiquidateWork, Market, Order, Position, State
from node.core.transitions.ending import end, has_open, matching
from proto.events import BalanceReason, CloseReason, LiquidationEnded
from proto.ids import ALL_MARKETS, INSURANCE_ACCOUNT, USDC, OrderId
from proto.intents import OrderType, SelfTrade, Side, TimeInForce
from proto.ops import OpKind
from proto.units import PPM, PRICE_MAX, Lots, MicroUsd, Price

RETRY_MS = 1_000  # When prices are unfit or the book has nobody at an acceptable price.


def step(state: State, at: int, item: LiquidateWork) -> None:
    """Work one unit on the queued liquidation at position `at`."""
    account = state.accounts[item.account]
    equity, maintenance = health(state, account)
    if equity < 0:
        deficit_seen(state)
    held = [position for position in account.positions.values() if position.size]
    if equity >= maintenance:
        _end(state, at, account, equity, maintenance)
    elif not held and not has_open(account, ALL_MARKETS):
        cover_shortfall(state, account)
        _end(state, at, account, 0, 0)
    elif not all(may_liquidate(state, state.markets[position.market]) for position in held):
        work.postpone(state, at, item, RETRY_MS)
    elif has_open(account, ALL_MARKETS):
        cancel_some(state, account)
    elif equity * PPM < maintenance * state.params.liquidation.takeover_ppm:
        take_over(state, account)
        _end(state, at, account, 0, 0)
    else:
        _reduce(state, at, item, account, held, equity, maintenance)


def _end(state: State, at: int, account: Account, equity: int, maintenance: int) -> None:
    work.finish(state, at)
    state.events.append(LiquidationEnded(account.id, MicroUsd(equity), MicroUsd(maintenance)))


def cancel_some(state: State, account: Account) -> None:
    """Cancel the oldest that the account has open, as many as one unit may."""
    for item in matching(account, ALL_MARKETS, state.next_order)[: state.params.limits.cancels_per_input]:
        end(state, account, item, CloseReason.LIQUIDATION)


def _reduce(
    state: State, at: int, item: LiquidateWork, account: Account, held: list[Position], equity: int, maintenance: int
) -> None:
    limits = state.params.liquidation
    position = min(held, key=lambda p: (-abs(p.size) * state.markets[p.market].mark, p.market))
    market = state.markets[position.market]
    lots = abs(position.size)
    sliced = lots * market.mark > limits.slice_notional
    if sliced:
        lots = div_ceil(lots * limits.slice_ppm, PPM)
    filled = _trade_slice(state, account, market, position, lots, equity, maintenance)
    if filled == 0:
        work.postpone(state, at, item, RETRY_MS)
    elif sliced:
        work.postpone(state, at, item, limits.slice_wait_ms)


def _trade_slice(
    state: State, account: Account, market: Market, position: Position, lots: int, equity: int, maintenance: int
) -> int:
    """Sell or buy back up to `lots` in the book at no worse than the bankruptcy price. Returns the lots traded."""
    side, sign = (Side.SELL, 1) if position.size > 0 else (Side.BUY, -1)
    held = abs(position.size)
    before = requirement(market.maintenance, held * market.mark)

    def bankruptcy(part: int) -> int:
        after = requirement(market.maintenance, (held - part) * market.mark)
        return bankruptcy_quote(-sign * part * market.mark, equity, before - after, maintenance)

    quote = bankruptcy(lots)
    price = div_ceil(quote, lots) if side == Side.SELL else div_floor(-quote, lots)
    order = Order(
        state.next_order, account.id, market.params.id, side, OrderType.MARKET, TimeInForce.IOC,
        reduce_only=True, self_trade=SelfTrade.EXPIRE_MAKER, price=Price(clamp(price, 1, PRICE_MAX)),
        size=Lots(lots), remaining=Lots(lots), client_id=0, time=state.time,
    )  # fmt: skip
    planned = plan(state, market, order, lots, state.params.limits.fills_per_input)
    filled = lots - planned.remaining
    if filled == 0:
        return 0
    state.next_order = OrderId(order.id + 1)
    resting.announce_open(state, order)
    least = bankruptcy(filled)
    execute(state, account, market, order, planned, liquidation=True)
    resting.announce_close(
        state, order, CloseReason.FILLED if order.remaining == 0 else CloseReason.IMMEDIATE_REMAINDER, rested=False
    )
    fee = liquidation_fee(sign * planned.quote, least, state.params.liquidation.fee_ppm)
    credit(state, account, USDC, -fee, BalanceReason.LIQUIDATION_FEE)
    credit(state, state.accounts[INSURANCE_ACCOUNT], USDC, fee, BalanceReason.LIQUIDATION_FEE)
    state.ops.append((OpKind.LIQUIDATION_STEP, account.id, market.params.id, -sign * filled, fee))
    return filled
