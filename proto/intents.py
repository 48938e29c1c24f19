"""Typed user intents of the native dialect and their canonical encoding.

Invariants:
- One frozen class per action; `Intent` closes the union. The same classes carry the other dialects' orders.
- Canonical bytes are a msgpack array `[kind, account, nonce, expiresAfter, field, ...]`; `decode` is strict: exact length, exact types
  (a boolean is not an integer), every bound of `proto.units` checked, and the same bytes come out of `encode`.
- `account` is the account acted for; who signed is recovered from the signature and checked by the core.
"""

from dataclasses import dataclass
from typing import Any, Final

from proto.canonical import NotCanonicalError, pack, unpack
from proto.fields import IntentError, fixed, u128, uint, wrong
from proto.ids import ADDRESS_BYTES, Address, AssetId, MarketId, OrderId
from proto.kinds import IntentKind
from proto.margin_intents import (
    MARGIN_INTENT_FIELDS,
    BuyCollateral,
    MarginIntent,
    SetLeverage,
    margin_intent_fields,
    read_margin_intent,
)
from proto.order_intents import (
    ORDER_INTENT_FIELDS,
    Amend,
    AmendOrders,
    CancelOrders,
    CancelTwap,
    NameAccount,
    OrderIntent,
    PlaceGroup,
    PlaceScale,
    PlaceTwap,
    ResetProtection,
    SetProtection,
    order_intent_fields,
    read_order_intent,
)
from proto.orders import (
    ORDERS_PER_BATCH_MAX,
    Grouping,
    OrderSpec,
    OrderType,
    SelfTrade,
    Side,
    TimeInForce,
    TriggerKind,
    TriggerSpec,
    order_items,
    read_order,
    read_orders,
)
from proto.reject import RejectCode
from proto.risk_intents import (
    RISK_INTENT_FIELDS,
    RiskIntent,
    TakeOver,
    VaultDeposit,
    VaultWithdraw,
    read_risk_intent,
    risk_intent_fields,
)
from proto.units import (
    AMOUNT_MAX,
    LOTS_MAX,
    NONCE_MAX,
    PRICE_MAX,
    TIME_MS_MAX,
    U16_MAX,
    U32_MAX,
    U64_MAX,
    AssetUnits,
    Lots,
    Price,
    TimeMs,
)

__all__ = [
    "AGENT_MARKETS_MAX",
    "NAME_BYTES",
    "ORDERS_PER_BATCH_MAX",
    "SCOPE_HYPERLIQUID",
    "SCOPE_REDUCE_ONLY",
    "SCOPE_TRADE",
    "Amend",
    "AmendOrder",
    "AmendOrders",
    "ApproveAgent",
    "BuyCollateral",
    "CancelAll",
    "CancelByClientId",
    "CancelOrder",
    "CancelOrders",
    "CancelTwap",
    "CreateSubAccount",
    "Grouping",
    "Intent",
    "IntentError",
    "IntentKind",
    "MarginIntent",
    "NameAccount",
    "OrderIntent",
    "OrderSpec",
    "OrderType",
    "PlaceGroup",
    "PlaceOrder",
    "PlaceOrders",
    "PlaceScale",
    "PlaceTwap",
    "ResetProtection",
    "RevokeAgent",
    "RiskIntent",
    "ScheduleCancel",
    "SelfTrade",
    "SetLeverage",
    "SetProtection",
    "Side",
    "TakeOver",
    "TimeInForce",
    "Transfer",
    "TriggerKind",
    "TriggerSpec",
    "VaultDeposit",
    "VaultWithdraw",
    "Withdraw",
    "decode_intent",
    "encode_intent",
    "intent_items",
    "intent_of",
    "market_word",
]  # fmt: skip

NAME_BYTES: Final = 32
AGENT_MARKETS_MAX: Final = 16  # Sixteen u16 fill the word that holds them.


@dataclass(frozen=True, slots=True)
class PlaceOrder:
    """Place one order."""

    account: Address
    nonce: int
    expires_after: TimeMs
    order: OrderSpec


@dataclass(frozen=True, slots=True)
class PlaceOrders:
    """Place up to 50 orders in one signed action; each succeeds or fails for itself, in order."""

    account: Address
    nonce: int
    expires_after: TimeMs
    orders: tuple[OrderSpec, ...]


@dataclass(frozen=True, slots=True)
class CancelOrder:
    """Cancel one open order by id."""

    account: Address
    nonce: int
    expires_after: TimeMs
    order_id: OrderId


@dataclass(frozen=True, slots=True)
class CancelByClientId:
    """Cancel one open order by its client id."""

    account: Address
    nonce: int
    expires_after: TimeMs
    client_id: int


@dataclass(frozen=True, slots=True)
class CancelAll:
    """Cancel every open order of the account in one market, or in all (market 0)."""

    account: Address
    nonce: int
    expires_after: TimeMs
    market: MarketId


@dataclass(frozen=True, slots=True)
class AmendOrder:
    """Change price and remaining size of an open order, named by id, or by client id where `order_id` is 0.

    `size` is the new *remaining* size. Ids survive. Queue priority is kept where only the size goes down at the same price.
    """

    account: Address
    nonce: int
    expires_after: TimeMs
    order_id: OrderId
    client_id: int
    price: Price
    size: Lots


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Debit an asset and append a claim that `destination` can make on L1 once the batch is final."""

    account: Address
    nonce: int
    expires_after: TimeMs
    destination: Address
    asset: AssetId
    amount: AssetUnits


@dataclass(frozen=True, slots=True)
class Transfer:
    """Move an asset to another account; an unknown destination becomes an account."""

    account: Address
    nonce: int
    expires_after: TimeMs
    destination: Address
    asset: AssetId
    amount: AssetUnits


@dataclass(frozen=True, slots=True)
class ApproveAgent:
    """Let `agent` sign trading actions for this account and its sub-accounts until `valid_until` (0 = until revoked)."""

    account: Address
    nonce: int
    expires_after: TimeMs
    agent: Address
    valid_until: TimeMs
    scope: int  # u64 bit set, see docs/PROTOCOL.md; bit 0: trade, 1: reduce-only orders alone, 2: in the Hyperliquid-compatible dialect.
    name: bytes  # 32 bytes, UTF-8 padded with zeros.
    markets: tuple[MarketId, ...] = ()  # Ascending, at most 16; empty = all.


@dataclass(frozen=True, slots=True)
class RevokeAgent:
    """Withdraw an agent's approval at once."""

    account: Address
    nonce: int
    expires_after: TimeMs
    agent: Address


@dataclass(frozen=True, slots=True)
class CreateSubAccount:
    """Create the account whose address derives from this account's address and `index`."""

    account: Address
    nonce: int
    expires_after: TimeMs
    index: int  # u32


@dataclass(frozen=True, slots=True)
class ScheduleCancel:
    """Cancel all that is open of the account at `time`, unless it is moved or cleared before: a dead man's switch. 0 clears it."""

    account: Address
    nonce: int
    expires_after: TimeMs
    time: TimeMs


Intent = (
    PlaceOrder
    | PlaceOrders
    | CancelOrder
    | CancelByClientId
    | AmendOrder
    | CancelAll
    | Withdraw
    | Transfer
    | ApproveAgent
    | RevokeAgent
    | CreateSubAccount
    | ScheduleCancel
    | OrderIntent
    | RiskIntent
    | MarginIntent
)

SCOPE_TRADE: Final = 1
SCOPE_REDUCE_ONLY: Final = 2
SCOPE_HYPERLIQUID: Final = 4  # Also by signatures of the Hyperliquid-compatible dialect, which bind no deployment.


def _markets(items: Any) -> tuple[MarketId, ...]:
    if type(items) is not list:
        raise wrong(RejectCode.FIELD_WRONG_TYPE, "markets must be an array")
    markets = [uint(item, U16_MAX, "market") for item in items]
    if len(markets) > AGENT_MARKETS_MAX or any(low >= high for low, high in zip([0, *markets], markets, strict=False)):
        raise wrong(RejectCode.FIELD_OUT_OF_RANGE, f"at most {AGENT_MARKETS_MAX} markets, ascending, from 1")
    return tuple(MarketId(market) for market in markets)


def market_word(markets: tuple[MarketId, ...]) -> bytes:
    """The markets as 16 u16 in one word, the rest zero: in an agent's leaf and operation."""
    return b"".join(market.to_bytes(2, "big") for market in markets).ljust(32, b"\0")


# Number of fields after [kind, account, nonce, expiresAfter].
_FIELDS: Final[dict[int, int]] = {
    IntentKind.PLACE_ORDER: 1, IntentKind.PLACE_ORDERS: 1, IntentKind.CANCEL_ORDER: 1, IntentKind.CANCEL_BY_CLIENT_ID: 1,
    IntentKind.CANCEL_ALL: 1, IntentKind.AMEND_ORDER: 4, IntentKind.WITHDRAW: 3, IntentKind.TRANSFER: 3,
    IntentKind.APPROVE_AGENT: 5, IntentKind.REVOKE_AGENT: 1, IntentKind.CREATE_SUB_ACCOUNT: 1,
    IntentKind.SCHEDULE_CANCEL: 1, **ORDER_INTENT_FIELDS, **MARGIN_INTENT_FIELDS, **RISK_INTENT_FIELDS,
}  # fmt: skip


def decode_intent(data: bytes) -> Intent:
    """The intent that `data` encodes canonically. Raises IntentError with the refusal's code."""
    try:
        items = unpack(data)
    except NotCanonicalError as error:
        raise wrong(RejectCode.ACTION_MALFORMED, str(error)) from None
    return intent_of(items)


def intent_of(items: list[Any]) -> Intent:
    """The intent in an unpacked canonical array. Raises IntentError."""
    if len(items) < 4 or type(items[0]) is not int:
        raise wrong(RejectCode.ACTION_MALFORMED, "an action is [kind, account, nonce, expiresAfter, ...]")
    kind = items[0]
    fields = _FIELDS.get(kind)
    if fields is None:
        raise wrong(RejectCode.ACTION_KIND_UNKNOWN, f"kind {kind}")
    if len(items) != 4 + fields:
        raise wrong(RejectCode.ACTION_MALFORMED, f"kind {kind} has {4 + fields} elements, not {len(items)}")
    account = Address(fixed(items[1], ADDRESS_BYTES, "account"))
    nonce = uint(items[2], NONCE_MAX, "nonce")
    expires = TimeMs(uint(items[3], TIME_MS_MAX, "expiresAfter"))
    if kind == IntentKind.PLACE_ORDER:
        return PlaceOrder(account, nonce, expires, read_order(items[4]))
    if kind == IntentKind.CANCEL_BY_CLIENT_ID:
        return CancelByClientId(account, nonce, expires, u128(items[4], "clientId"))
    if kind == IntentKind.CANCEL_ORDER:
        return CancelOrder(account, nonce, expires, OrderId(uint(items[4], U64_MAX, "orderId")))
    if kind == IntentKind.AMEND_ORDER:
        return AmendOrder(
            account, nonce, expires,
            OrderId(uint(items[4], U64_MAX, "orderId")), u128(items[5], "clientId"),
            Price(uint(items[6], PRICE_MAX, "price")), Lots(uint(items[7], LOTS_MAX, "size")),
        )  # fmt: skip
    if kind == IntentKind.PLACE_ORDERS:
        return PlaceOrders(account, nonce, expires, read_orders(items[4]))
    if kind == IntentKind.CANCEL_ALL:
        return CancelAll(account, nonce, expires, MarketId(uint(items[4], U16_MAX, "market")))
    return _rare_intent(kind, account, nonce, expires, items)


def _rare_intent(kind: int, account: Address, nonce: int, expires: TimeMs, items: list[Any]) -> Intent:
    """Actions that are not on the hot path."""
    if kind in ORDER_INTENT_FIELDS:
        return read_order_intent(kind, (account, nonce, expires), items[4:])
    if kind in MARGIN_INTENT_FIELDS:
        return read_margin_intent(kind, (account, nonce, expires), items[4:])
    if kind in RISK_INTENT_FIELDS:
        return read_risk_intent(kind, (account, nonce, expires), items[4:])
    if kind == IntentKind.SCHEDULE_CANCEL:
        return ScheduleCancel(account, nonce, expires, TimeMs(uint(items[4], TIME_MS_MAX, "time")))
    if kind == IntentKind.REVOKE_AGENT:
        return RevokeAgent(account, nonce, expires, Address(fixed(items[4], ADDRESS_BYTES, "agent")))
    if kind == IntentKind.CREATE_SUB_ACCOUNT:
        return CreateSubAccount(account, nonce, expires, uint(items[4], U32_MAX, "index"))
    if kind == IntentKind.APPROVE_AGENT:
        return ApproveAgent(
            account, nonce, expires,
            Address(fixed(items[4], ADDRESS_BYTES, "agent")), TimeMs(uint(items[5], TIME_MS_MAX, "validUntil")),
            uint(items[6], U64_MAX, "scope"), fixed(items[7], NAME_BYTES, "name"),
            _markets(items[8]),
        )  # fmt: skip
    destination = Address(fixed(items[4], ADDRESS_BYTES, "destination"))
    asset = AssetId(uint(items[5], U16_MAX, "asset"))
    amount = AssetUnits(uint(items[6], AMOUNT_MAX, "amount"))
    if kind == IntentKind.WITHDRAW:
        return Withdraw(account, nonce, expires, destination, asset, amount)
    assert kind == IntentKind.TRANSFER, "every kind in _FIELDS has an arm"
    return Transfer(account, nonce, expires, destination, asset, amount)


def intent_items(intent: Intent) -> list[Any]:
    """The array whose canonical bytes are signed over (field by field, as EIP-712) and sent."""
    head = [intent.account, intent.nonce, intent.expires_after]
    match intent:
        case PlaceOrder():
            return [int(IntentKind.PLACE_ORDER), *head, order_items(intent.order)]
        case PlaceOrders():
            return [int(IntentKind.PLACE_ORDERS), *head, [order_items(order) for order in intent.orders]]
        case CancelOrder():
            return [int(IntentKind.CANCEL_ORDER), *head, intent.order_id]
        case CancelByClientId():
            return [int(IntentKind.CANCEL_BY_CLIENT_ID), *head, intent.client_id.to_bytes(16, "big")]
        case AmendOrder():
            client_id = intent.client_id.to_bytes(16, "big")
            return [int(IntentKind.AMEND_ORDER), *head, intent.order_id, client_id, intent.price, intent.size]
        case CancelAll():
            return [int(IntentKind.CANCEL_ALL), *head, intent.market]
        case Withdraw():
            return [int(IntentKind.WITHDRAW), *head, intent.destination, intent.asset, intent.amount]
        case Transfer():
            return [int(IntentKind.TRANSFER), *head, intent.destination, intent.asset, intent.amount]
        case ApproveAgent():
            kind = int(IntentKind.APPROVE_AGENT)
            return [kind, *head, intent.agent, intent.valid_until, intent.scope, intent.name, intent.markets]
        case RevokeAgent():
            return [int(IntentKind.REVOKE_AGENT), *head, intent.agent]
        case CreateSubAccount():
            return [int(IntentKind.CREATE_SUB_ACCOUNT), *head, intent.index]
        case ScheduleCancel():
            return [int(IntentKind.SCHEDULE_CANCEL), *head, intent.time]
        case SetLeverage() | BuyCollateral():
            kind, *fields = margin_intent_fields(intent)
            return [kind, *head, *fields]
        case TakeOver() | VaultDeposit() | VaultWithdraw():
            kind, *fields = risk_intent_fields(intent)
            return [kind, *head, *fields]
        case _:
            kind, *fields = order_intent_fields(intent)
            return [kind, *head, *fields]


def encode_intent(intent: Intent) -> bytes:
    """Canonical bytes of an intent."""
    return pack(intent_items(intent))
