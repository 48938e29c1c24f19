"""The rules of one order, shared by placing alone, in a batch, and by amending.

`check_order` decides without writing and returns the lots, price and matching plan; `commit_order` carries them out and cannot refuse.
"""

from typing import NamedTuple

from node.core.book import resting
from node.core.book.execute import execute
from node.core.book.match import MatchPlan, crosses, plan, reducible
from node.core.book.protection import frozen
from node.core.margin.orders import only_reduces, order_surplus, reducing_is_sound, rests_on_stale_prices
from node.core.outcome import OrderResult, OrderState
from node.core.price.ladder import Action, is_any_stale, refusal
from node.core.price.mark import band
from node.core.price.status import refusal_of_orders
from node.core.state import Account, Market, Order, Position, State
from node.core.triggers.groups import settle
from proto.events import CloseReason, MarketStatus
from proto.ids import OrderId
from proto.intents import OrderSpec, OrderType, Side, TimeInForce
from proto.reject import RejectCode
from proto.units import POSITION_LOTS_MAX, Lots, MicroUsd, Price, tick_is_valid


class Accepted(NamedTuple):
    """What `check_order` found for an order that will be taken."""

    market: Market
    order: Order  # With the number it will have.
    plan: MatchPlan


class Meetings:
    """How many more resting orders one input may meet. A fill-or-kill order that is refused has met its makers all the same."""

    __slots__ = ("left",)

    def __init__(self, state: State) -> None:
        self.left = state.params.limits.fills_per_input


class Limit(NamedTuple):
    """The worst price an order takes. A class of its own: a RejectCode is an int too, and could not be told from a bare price."""

    price: int


def check_order(
    state: State, account: Account, spec: OrderSpec, meetings: Meetings, number: OrderId | None = None
) -> RejectCode | Accepted:
    """Every rule, in order of the codes' precedence: market, form, account limits, price, reduce-only, margin, matching.

    `number` is the order's id where it has one already: a trigger's.
    """
    market = state.markets.get(spec.market)
    if market is None:
        return RejectCode.MARKET_UNKNOWN
    code = refusal_of_orders(state, market)
    if code is not None:
        return code
    if spec.size == 0:
        return RejectCode.ORDER_SIZE_ZERO
    if 0 < spec.good_til <= state.time:
        return RejectCode.GOOD_TIL_PAST
    limit = limit_of(market, spec)
    if isinstance(limit, RejectCode):
        return limit
    price = limit.price
    code = _account_limits(state, account, market, spec)
    if code is not None:
        return code
    lots: int = spec.size
    if spec.reduce_only:
        lots = min(lots, reducible(state, account.id, market, spec.side))
        if lots == 0:
            return RejectCode.REDUCE_ONLY_WOULD_INCREASE
    elif price * lots < market.params.minimum_notional:
        return RejectCode.ORDER_BELOW_MINIMUM_NOTIONAL
    mine = account.positions.get(market.params.id)
    code = check_risk(state, account, market, mine, spec.side, lots, price, reduce_only=spec.reduce_only)
    if code is not None:
        return code
    order = Order(
        state.next_order if number is None else number, account.id, spec.market, spec.side, spec.order_type,
        spec.time_in_force, spec.reduce_only,
        spec.self_trade, Price(price), Lots(lots), Lots(lots), spec.client_id, state.time, spec.good_til,
    )  # fmt: skip
    return check_match(state, market, order, meetings)


def check_match(state: State, market: Market, order: Order, meetings: Meetings) -> RejectCode | Accepted:
    """Matching rules of the time in force, for an order that passed all others."""
    if not crosses(market, order.side, order.price):
        if order.time_in_force == TimeInForce.FOK:
            return RejectCode.FOK_NOT_FILLED
        return Accepted(market, order, MatchPlan(order.remaining))
    planned = plan(state, market, order, order.remaining, meetings.left)
    meetings.left -= len(planned.steps)
    if not planned.meets_nobody():
        if order.time_in_force == TimeInForce.POST_ONLY:
            return RejectCode.POST_ONLY_WOULD_TAKE
        if market.status == MarketStatus.POST_ONLY:
            return RejectCode.MARKET_POST_ONLY
    if order.time_in_force == TimeInForce.FOK and planned.remaining:
        return RejectCode.FOK_NOT_FILLED
    return Accepted(market, order, planned)


def limit_of(market: Market, spec: OrderSpec) -> Limit | RejectCode:
    """The order's limit: its own; for a market order no further than the edge of the band."""
    if spec.order_type == OrderType.LIMIT:
        return price_refusal(market, spec.price) or Limit(spec.price)
    if spec.time_in_force not in (TimeInForce.IOC, TimeInForce.FOK):
        return RejectCode.MARKET_ORDER_TIME_IN_FORCE
    if market.params.band_ppm == 0:
        return Limit(spec.price) if spec.price else RejectCode.MARKET_ORDER_NEEDS_BOUND
    low, high = band(market.mark, market.params.band_ppm)
    if spec.side == Side.BUY:
        return Limit(min(spec.price or high, high))
    return Limit(max(spec.price, low))


def price_refusal(market: Market, price: int) -> RejectCode | None:
    """Why a limit price cannot be taken, or None."""
    if price == 0:
        return RejectCode.ORDER_PRICE_ZERO
    if not tick_is_valid(price, market.params.size_decimals):
        return RejectCode.ORDER_PRICE_OFF_TICK
    if market.params.band_ppm:
        low, high = band(market.mark, market.params.band_ppm)
        if not low <= price <= high:
            return RejectCode.ORDER_PRICE_OUTSIDE_BAND
    return None


def _account_limits(state: State, account: Account, market: Market, spec: OrderSpec) -> RejectCode | None:
    if account.protections and not spec.reduce_only and frozen(state, account, spec.market):
        return RejectCode.PROTECTION_FROZEN
    if spec.client_id and spec.client_id in account.clients:
        return RejectCode.CLIENT_ID_IN_USE
    position = account.positions.get(market.params.id)
    in_market = position.orders if position is not None else 0
    if len(account.orders) >= state.params.limits.orders_per_account or in_market >= market.params.order_cap:
        return RejectCode.ORDER_LIMIT
    if position is None and len(account.positions) >= state.params.limits.positions_per_account:
        return RejectCode.POSITION_LIMIT
    return None


def check_risk(
    state: State,
    account: Account,
    market: Market,
    position: Position | None,
    side: Side,
    lots: int,
    price: int,
    *,
    reduce_only: bool,
) -> RejectCode | None:
    """Margin, open interest, position size and price freshness for `lots` more at `price`.

    `position` is the account's record in the market, without the order that this one replaces.
    """
    reduces = reduce_only or only_reduces(position, side, lots)
    if not reduces:
        code = refusal(state, account, Action.OPEN_RISK, market)
        if code is not None:
            return code
        size = position.size if position is not None else 0
        if position is not None:
            size = size + position.buy_lots if side == Side.BUY else size - position.sell_lots
        if abs(size) + lots > POSITION_LOTS_MAX:
            return RejectCode.POSITION_LIMIT
        if market.params.position_cap and (abs(size) + lots) * market.mark > market.params.position_cap:
            return RejectCode.POSITION_CAP
        cap = market.params.open_interest_cap
        if cap and (market.open_interest + lots) * market.mark > cap:
            return RejectCode.OPEN_INTEREST_CAP
    surplus = order_surplus(state, account, market, position, side, lots, price)
    if surplus >= 0:
        if not reduces and rests_on_stale_prices(state, account, surplus):
            return RejectCode.INDEX_STALE
        return None
    if reduces and reducing_is_sound(state, account, market, side, lots, price):
        return None
    return RejectCode.INDEX_STALE if is_any_stale(state, account, market) else RejectCode.MARGIN_INSUFFICIENT


def commit_order(state: State, account: Account, accepted: Accepted) -> OrderResult:
    """Take the order: match, then rest or close what is left. Cannot refuse."""
    market, order, planned = accepted
    state.next_order = OrderId(max(order.id + 1, state.next_order))
    resting.announce_open(state, order)
    return finish_order(state, account, market, order, planned)


def finish_order(state: State, account: Account, market: Market, order: Order, planned: MatchPlan) -> OrderResult:
    """Execute the plan of an order that does not rest now, then rest or close it; groups follow, now that no match is under way."""
    result = _finish(state, account, market, order, planned)
    settle(state)
    return result


def _finish(state: State, account: Account, market: Market, order: Order, planned: MatchPlan) -> OrderResult:
    lots = order.remaining
    if planned.steps:
        execute(state, account, market, order, planned, liquidation=False)
    filled = Lots(lots - order.remaining)
    quote = MicroUsd(planned.quote)
    if order.remaining == 0:
        resting.announce_close(state, order, CloseReason.FILLED, rested=False)
        return OrderResult(0, order.id, OrderState.FILLED, filled, Lots(0), quote)
    reason = planned.stopped
    if reason is None and order.time_in_force in (TimeInForce.IOC, TimeInForce.FOK):
        reason = CloseReason.IMMEDIATE_REMAINDER
    if reason is None and order.reduce_only and not reducible(state, account.id, market, order.side):
        reason = CloseReason.REDUCE_ONLY
    if reason is None:
        resting.rest(state, account, market, order)
        return OrderResult(0, order.id, OrderState.RESTING, filled, order.remaining, quote)
    resting.announce_close(state, order, reason, rested=False)
    return OrderResult(0, order.id, OrderState.CANCELLED, filled, order.remaining, quote)
