"""Carrying out a matching plan: positions, fees, fills, closes.

Invariant: nothing here can refuse; each fill moves the same lots and the same notional on both sides, and the fees that both pay are what
insurance fund, backstop vault and treasury receive.
"""

from node.core.book import resting
from node.core.book.match import MatchPlan, PlannedFill
from node.core.ledger.money import credit
from node.core.ledger.positions import trade
from node.core.ledger.volume import traded
from node.core.num import div_ceil, div_floor
from node.core.state import Account, Market, Order, State, touch_market
from proto.events import BalanceReason, CloseReason, OrderFilled
from proto.ids import BACKSTOP_ACCOUNT, INSURANCE_ACCOUNT, TREASURY_ACCOUNT, USDC
from proto.intents import Side
from proto.ops import OpKind
from proto.units import PPM, Lots, MicroUsd


def fee_of(notional: int, rate_ppm: int) -> MicroUsd:
    """Fee in micro-USDC: rounded up, so against who pays and, for a rebate, against who receives."""
    return MicroUsd(div_ceil(notional * rate_ppm, PPM))


def execute(
    state: State, account: Account, market: Market, order: Order, plan: MatchPlan, *, liquidation: bool
) -> None:
    """Do what the plan says for the incoming `order`, which does not rest at this moment."""
    for step in plan.steps:
        maker = step.maker
        if isinstance(step, PlannedFill):
            _fill(state, account, market, order, maker, step.lots, liquidation=liquidation)
        else:
            resting.close(state, state.accounts[maker.account], market, maker, step.reason)


def _fill(
    state: State, account: Account, market: Market, order: Order, maker: Order, lots: Lots, *, liquidation: bool
) -> None:
    maker_account = state.accounts[maker.account]
    price, signed = maker.price, lots if order.side == Side.BUY else -lots
    notional = price * lots
    taker_fee = MicroUsd(0) if liquidation else fee_of(notional, traded(state, account, notional)[0])
    maker_fee = fee_of(notional, traded(state, maker_account, notional)[1])
    order.remaining = Lots(order.remaining - lots)
    if lots == maker.remaining:
        resting.take_out(state, maker_account, market, maker)
        maker.remaining = Lots(0)
    else:
        resting.reduce(state, maker_account, market, maker, lots)
    taker_pnl = trade(state, account, market, signed, price)
    maker_pnl = trade(state, maker_account, market, -signed, price)
    credit(state, account, USDC, -taker_fee, BalanceReason.FEE)
    credit(state, maker_account, USDC, -maker_fee, BalanceReason.FEE)
    share_fees(state, taker_fee + maker_fee)
    trade_id = state.next_trade
    state.next_trade = trade_id + 1
    market.premium.last_trade = price
    touch_market(state, market)
    state.ops.append(
        (
            OpKind.FILL,
            maker.id,
            order.id,
            maker.account,
            account.id,
            order.market,
            order.side.value,
            price,
            lots,
            maker_fee,
            taker_fee,
        )
    )
    state.events.append(
        OrderFilled(
            trade_id, order.market, price, lots, order.side, maker.id, order.id, maker.account, account.id,
            maker.client_id, order.client_id, maker.remaining, order.remaining, maker_fee, taker_fee, maker_pnl, taker_pnl,
            liquidation,
        )
    )  # fmt: skip
    if maker.remaining == 0:
        resting.announce_close(state, maker, CloseReason.FILLED, rested=True)
    _forget_flat(maker_account, maker)
    _forget_flat(account, order)


def _forget_flat(account: Account, order: Order) -> None:
    position = account.positions.get(order.market)
    if position is not None and position.size == 0 and position.orders == 0:
        del account.positions[order.market]


def share_fees(state: State, amount: int) -> None:
    """Give collected fees to insurance fund and backstop vault (shares rounded down) and treasury (the rest, or a net rebate)."""
    if amount == 0:
        return
    fees = state.params.fees
    insurance = div_floor(max(amount, 0) * fees.insurance_ppm, PPM)
    backstop = div_floor(max(amount, 0) * fees.backstop_ppm, PPM)
    credit(state, state.accounts[INSURANCE_ACCOUNT], USDC, insurance, BalanceReason.FEE)
    credit(state, state.accounts[BACKSTOP_ACCOUNT], USDC, backstop, BalanceReason.FEE)
    credit(state, state.accounts[TREASURY_ACCOUNT], USDC, amount - insurance - backstop, BalanceReason.FEE)
