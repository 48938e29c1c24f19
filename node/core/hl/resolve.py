"""From the dialect's keys, assets and decimal texts to accounts, markets, price units and lots. Pure functions of the state.

The text is resolved when the input is applied, not when it is received: whoever re-executes the batch has the same text and the same
markets, and gets the same order.
"""

from dataclasses import replace

from node.core.state import Market, State
from proto.hl.actions import (
    HlCancel,
    HlCancelByCloid,
    HlL1Request,
    HlModify,
    HlOrder,
    HlPlace,
    HlRequest,
    HlScheduleCancel,
    HlTif,
    HlTwapCancel,
    HlTwapOrder,
    HlUpdateLeverage,
    HlUserRequest,
)
from proto.hl.decimals import scaled
from proto.ids import Address, MarketId, OrderId
from proto.intents import (
    AmendOrder,
    CancelByClientId,
    CancelOrder,
    CancelTwap,
    Intent,
    OrderSpec,
    OrderType,
    PlaceOrders,
    PlaceTwap,
    ScheduleCancel,
    SelfTrade,
    SetLeverage,
    Side,
    TimeInForce,
    TriggerKind,
    TriggerSpec,
)
from proto.reject import RejectCode
from proto.units import LOTS_MAX, PRICE_DECIMALS_MAX, PRICE_MAX, Lots, Ppm, Price, TimeMs

_TWAP_SLIPPAGE = Ppm(30_000)
_TIMES_IN_FORCE = {
    HlTif.GTC: TimeInForce.GTC,
    HlTif.IOC: TimeInForce.IOC,
    HlTif.ALO: TimeInForce.POST_ONLY,
    HlTif.FRONTEND_MARKET: TimeInForce.IOC,
}


def acted_for(state: State, intent: Intent | HlRequest, key: Address) -> Address:
    """The account that an action signed by `key` is about: the one it names; in this dialect, else, the one that the key stands for.

    An agent stands for its master. Where owners may use the dialect too, a key with an account of its own stands for that: approvals by
    others must not take an owner's orders elsewhere. Where only agents may, money sent to an agent's address must not take it from
    its master.
    """
    if not isinstance(intent, HlL1Request | HlUserRequest):
        return intent.account
    if isinstance(intent, HlL1Request) and intent.vault is not None:
        return intent.vault
    agent = state.agents.get(key)
    if agent is None or (state.params.dialects.hyperliquid_owners and key in state.by_address):
        return key
    return state.accounts[agent.account].address


def market_of(state: State, asset: int) -> Market | None:
    """Assets 0, 1, 2 … are the perpetuals in the order of their ids."""
    return state.markets.get(MarketId(asset + 1))


def member_spec(state: State, order: HlOrder) -> OrderSpec | TriggerSpec | RejectCode:
    """The typed order or trigger."""
    spec = order_spec(state, order)
    trigger = order.trigger
    if trigger is None or isinstance(spec, RejectCode):
        return spec
    decimals = state.markets[spec.market].params.size_decimals
    level = scaled(trigger.price, PRICE_DECIMALS_MAX - decimals)
    if level is None:
        return RejectCode.ORDER_PRICE_OFF_TICK
    if level > PRICE_MAX:
        return RejectCode.FIELD_OUT_OF_RANGE
    if trigger.is_market:
        spec = replace(spec, order_type=OrderType.MARKET, time_in_force=TimeInForce.IOC)
    return TriggerSpec(TriggerKind.TAKE_PROFIT if trigger.take_profit else TriggerKind.STOP, Price(level), spec)


def order_spec(state: State, order: HlOrder) -> OrderSpec | RejectCode:
    """The typed order; of a trigger, what it places. A resting order of the same account is what self-trade cancels, as clients of this
    dialect expect."""
    market = market_of(state, order.asset)
    if market is None:
        return RejectCode.MARKET_UNKNOWN
    decimals = market.params.size_decimals
    price, lots = scaled(order.price, PRICE_DECIMALS_MAX - decimals), scaled(order.size, decimals)
    if price is None:
        return RejectCode.ORDER_PRICE_OFF_TICK
    if lots is None:
        return RejectCode.ORDER_SIZE_OFF_LOT
    if price > PRICE_MAX:
        return RejectCode.FIELD_OUT_OF_RANGE
    if lots > LOTS_MAX:
        return RejectCode.FIELD_OUT_OF_RANGE
    return OrderSpec(
        market.params.id, Side.BUY if order.is_buy else Side.SELL, OrderType.LIMIT, _TIMES_IN_FORCE[order.tif], Price(price),
        Lots(lots), order.reduce_only, order.cloid, SelfTrade.EXPIRE_MAKER,
    )  # fmt: skip


def twap_intent(state: State, account: Address, request: HlL1Request, action: HlTwapOrder) -> PlaceTwap | RejectCode:
    """The typed time-sliced order, with the slippage that clients of this dialect expect."""
    market = market_of(state, action.asset)
    if market is None:
        return RejectCode.MARKET_UNKNOWN
    lots = scaled(action.size, market.params.size_decimals)
    if lots is None:
        return RejectCode.ORDER_SIZE_OFF_LOT
    if lots > LOTS_MAX:
        return RejectCode.FIELD_OUT_OF_RANGE
    return PlaceTwap(
        account, request.nonce, request.expires_after, market.params.id, Side.BUY if action.is_buy else Side.SELL, Lots(lots),
        action.reduce_only, action.minutes * 60, _TWAP_SLIPPAGE, Price(0),
    )  # fmt: skip


def trading_intents(state: State, account: Address, request: HlRequest) -> list[Intent] | None:
    """What an agent would have to be allowed to sign natively for this request; None where it is no trading action."""
    if isinstance(request, HlUserRequest):
        return None
    action, head = request.action, (account, request.nonce, request.expires_after)
    match action:
        case HlPlace():
            return [PlaceOrders(*head, _specs(state, action.orders))]
        case HlCancel():
            return [CancelOrder(*head, OrderId(oid)) for _, oid in action.cancels]
        case HlCancelByCloid():
            return [CancelByClientId(*head, cloid) for _, cloid in action.cancels]
        case HlModify():
            named = [target for target, _ in action.modifies]
            ends: list[Intent] = [
                AmendOrder(*head, OrderId(target.oid), target.cloid, Price(0), Lots(0)) for target in named
            ]
            return [*ends, PlaceOrders(*head, _specs(state, tuple(order for _, order in action.modifies)))]
        case HlUpdateLeverage():
            market = market_of(state, action.asset)
            listed = MarketId(0) if market is None else market.params.id
            return [SetLeverage(*head, listed, action.leverage, not action.is_cross)]
        case HlTwapOrder():
            twap = twap_intent(state, account, request, action)
            return [PlaceOrders(*head, ())] if isinstance(twap, RejectCode) else [twap]
        case HlTwapCancel():
            return [CancelTwap(*head, OrderId(action.twap_id))]
        case HlScheduleCancel():
            return [ScheduleCancel(*head, action.time or TimeMs(0))]
        case _:
            return None


def _specs(state: State, orders: tuple[HlOrder, ...]) -> tuple[OrderSpec, ...]:
    """Those orders that their markets can express; the others are refused one by one."""
    resolved = [order_spec(state, order) for order in orders]
    return tuple(spec for spec in resolved if not isinstance(spec, RejectCode))
