"""How numbers, ids and hashes look: decimal text that always has a dot, no padding, no exponent; lower-case hex."""

from functools import lru_cache
from typing import Any, Final

from node.views.rows import OrderRow, OrderStatus
from proto.events import CloseReason
from proto.hl.reading import cloid_text
from proto.intents import Grouping, OrderType, Side, TimeInForce, TriggerKind
from proto.reject import RejectCode
from proto.units import PRICE_DECIMALS_MAX

USD_DECIMALS: Final = 6
RATE_DECIMALS: Final = 12
_TEXTS_MAX: Final = 50_000  # Prices and sizes of books come again and again.
_TIFS: Final = {
    TimeInForce.GTC: "Gtc",
    TimeInForce.IOC: "Ioc",
    TimeInForce.FOK: "Ioc",
    TimeInForce.POST_ONLY: "Alo",
}
ENDS: Final = {
    CloseReason.FILLED: "filled",
    CloseReason.USER_CANCELLED: "canceled",
    CloseReason.IMMEDIATE_REMAINDER: "canceled",
    CloseReason.SELF_TRADE: "selfTradeCanceled",
    CloseReason.REDUCE_ONLY: "reduceOnlyCanceled",
    CloseReason.LIQUIDATION: "liquidatedCanceled",
    CloseReason.MATCH_LIMIT: "canceled",
    CloseReason.MARKET_CLOSED: "delistedCanceled",
    CloseReason.EXPIRED: "canceled",
    CloseReason.SCHEDULED_CANCEL: "scheduledCancel",
    CloseReason.CAP_REACHED: "openInterestCapCanceled",
    CloseReason.TRIGGER_REFUSED: "rejected",
    CloseReason.PARENT_ENDED: "canceled",
    CloseReason.SIBLING_FILLED: "siblingFilledCanceled",
    CloseReason.POSITION_CLOSED: "reduceOnlyCanceled",
    CloseReason.PROTECTION: "canceled",
    CloseReason.CAP_REACHED: "openInterestCapCanceled",
}
REFUSALS: Final = {
    RejectCode.MARGIN_INSUFFICIENT: "perpMarginRejected",
    RejectCode.REDUCE_ONLY_WOULD_INCREASE: "reduceOnlyRejected",
    RejectCode.ORDER_BELOW_MINIMUM_NOTIONAL: "minTradeNtlRejected",
    RejectCode.POST_ONLY_WOULD_TAKE: "badAloPxRejected",
    RejectCode.ORDER_PRICE_OUTSIDE_BAND: "oracleRejected",
    RejectCode.OPEN_INTEREST_CAP: "positionIncreaseAtOpenInterestCapRejected",
    RejectCode.POSITION_LIMIT: "perpMaxPositionRejected",
}


@lru_cache(maxsize=_TEXTS_MAX)
def fixed(value: int, decimals: int) -> str:
    """A scaled integer as decimal text with at least one decimal."""
    digits = str(abs(value)).rjust(decimals + 1, "0")
    whole, part = (digits[:-decimals], digits[-decimals:]) if decimals else (digits, "")
    sign = "-" if value < 0 else ""
    return f"{sign}{whole}.{part.rstrip('0') or '0'}"


def usd(value: int) -> str:
    """Micro-USDC."""
    return fixed(value, USD_DECIMALS)


def rate(value: int) -> str:
    """A rate in 1e-12."""
    return fixed(value, RATE_DECIMALS)


def price(value: int, size_decimals: int) -> str:
    """A price in the market's price unit."""
    return fixed(value, PRICE_DECIMALS_MAX - size_decimals)


def side(value: int) -> str:
    """`B` bids or buys, `A` asks or sells."""
    return "B" if value == Side.BUY else "A"


def input_hash(seq: int) -> str:
    """What stands for a transaction hash: the number of the input, as 32 bytes. `/v1/receipts/{seq}` has its receipt."""
    return f"0x{seq:064x}"


def order_status(row: OrderRow) -> str:
    """The closed vocabulary that clients know."""
    if row.status == OrderStatus.OPEN:
        return "triggered" if row.fired and not row.rested else "open"
    if row.code:
        return REFUSALS.get(RejectCode(row.code), "rejected")
    if row.reason == CloseReason.IMMEDIATE_REMAINDER and not row.filled:
        return "iocCancelRejected"
    return ENDS[row.reason]


def order_object(row: OrderRow, coin: str, size_decimals: int) -> dict[str, Any]:
    """An order as open-order lists and order updates show it."""
    shown: dict[str, Any] = {
        "coin": coin, "side": side(row.side), "limitPx": price(row.price, size_decimals),
        "sz": fixed(0 if row.status == OrderStatus.FILLED else row.remaining, size_decimals), "oid": row.id,
        "timestamp": row.time, "origSz": fixed(row.size, size_decimals),
    }  # fmt: skip
    if row.client_id:
        shown["cloid"] = cloid_text(row.client_id)
    if row.reduce_only:
        shown["reduceOnly"] = True
    return shown


def frontend_order(row: OrderRow, coin: str, size_decimals: int) -> dict[str, Any]:
    """An order with everything a web page shows."""
    kind, waits = "Market" if row.order_type == OrderType.MARKET else "Limit", bool(row.trigger)
    if waits:
        kind = f"{'Stop' if row.trigger_kind == TriggerKind.STOP else 'Take Profit'} {kind}"
    rises = (row.trigger_kind == TriggerKind.STOP) == (row.side == Side.BUY)
    level = price(row.trigger, size_decimals)
    return {
        **order_object(row, coin, size_decimals),
        "triggerCondition": f"Price {'above' if rises else 'below'} {level}" if waits else "N/A", "isTrigger": waits,
        "triggerPx": level, "children": [], "isPositionTpsl": row.grouping == Grouping.POSITION,
        "reduceOnly": row.reduce_only, "orderType": kind, "tif": None if waits else _TIFS[row.time_in_force],
        "cloid": cloid_text(row.client_id) if row.client_id else None,
    }  # fmt: skip


def status_object(row: OrderRow, coin: str, size_decimals: int) -> dict[str, Any]:
    """An order with where it stands, as order status and history show it."""
    return {
        "order": frontend_order(row, coin, size_decimals), "status": order_status(row), "statusTimestamp": row.last_time,
    }  # fmt: skip
