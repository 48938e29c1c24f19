"""Actions on several orders at once, and on orders that wait: batches, scales, groups of triggers.

Each is a class of the union in proto.intents and has an arm in `read_order_intent` and in `order_intent_fields`.
"""

from dataclasses import dataclass
from typing import Any, Final

from proto.fields import CLIENT_ID_BYTES, array, fixed, flag, rows, u128, uint, wrong
from proto.ids import Address, MarketId, OrderId
from proto.kinds import IntentKind
from proto.orders import (
    ORDERS_PER_BATCH_MAX,
    Grouping,
    OrderSpec,
    Side,
    TriggerSpec,
    order_items,
    read_order,
    read_trigger,
    trigger_items,
)
from proto.reject import RejectCode
from proto.units import LOTS_MAX, PPM, PRICE_MAX, U16_MAX, U32_MAX, U64_MAX, Lots, Ppm, Price, TimeMs

ACCOUNT_NAME_BYTES: Final = 32
SCALE_ORDERS_MIN: Final = 2
SKEW_PPM_MAX: Final = 100 * PPM


@dataclass(frozen=True, slots=True)
class CancelOrders:
    """Cancel up to 50 open orders or triggers, named by id or by client id; each has a result of its own, ids first."""

    account: Address
    nonce: int
    expires_after: TimeMs
    order_ids: tuple[OrderId, ...]
    client_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Amend:
    """One change of a batch; the nested EIP-712 struct `Amend`, with the fields of AmendOrder."""

    order_id: OrderId
    client_id: int
    price: Price
    size: Lots


@dataclass(frozen=True, slots=True)
class AmendOrders:
    """Amend up to 50 open orders in one signed action; each succeeds or fails for itself, in order."""

    account: Address
    nonce: int
    expires_after: TimeMs
    amends: tuple[Amend, ...]


@dataclass(frozen=True, slots=True)
class PlaceScale:
    """Place `count` orders from the price of `order` to `last_price`. `order.size` is what they have together.

    `skew` is the last order's size as a part of the first's, in ppm: 1,000,000 makes them equal.
    """

    account: Address
    nonce: int
    expires_after: TimeMs
    order: OrderSpec
    last_price: Price
    count: int
    skew: Ppm


@dataclass(frozen=True, slots=True)
class PlaceGroup:
    """Place orders and triggers that may depend on each other: up to 50 together, orders first."""

    account: Address
    nonce: int
    expires_after: TimeMs
    grouping: Grouping
    orders: tuple[OrderSpec, ...]
    triggers: tuple[TriggerSpec, ...]


@dataclass(frozen=True, slots=True)
class PlaceTwap:
    """Trade `size` lots in equal slices over `seconds`, each at most `slippage` from the mark and no worse than `price` (0: no bound)."""

    account: Address
    nonce: int
    expires_after: TimeMs
    market: MarketId
    side: Side
    size: Lots
    reduce_only: bool
    seconds: int
    slippage: Ppm
    price: Price


@dataclass(frozen=True, slots=True)
class CancelTwap:
    """End a time-sliced order at once."""

    account: Address
    nonce: int
    expires_after: TimeMs
    twap_id: OrderId


@dataclass(frozen=True, slots=True)
class SetProtection:
    """Guard the account's quotes in a market: in any window of `window_ms`, at most `quantity` lots traded and `delta` lots net.

    What reaches a bound (0: none) cancels the account's orders there, reduce-only ones excepted, and refuses new ones for `freeze_ms` (0:
    until it is reset). A window of 0 takes the protection away.
    """

    account: Address
    nonce: int
    expires_after: TimeMs
    market: MarketId
    window_ms: int
    freeze_ms: int
    quantity: int
    delta: int


@dataclass(frozen=True, slots=True)
class ResetProtection:
    """Begin a new window in a market at once, and take orders there again."""

    account: Address
    nonce: int
    expires_after: TimeMs
    market: MarketId


@dataclass(frozen=True, slots=True)
class NameAccount:
    """Give the account a name, for people: 32 bytes, UTF-8 padded with zeros."""

    account: Address
    nonce: int
    expires_after: TimeMs
    name: bytes


OrderIntent = (
    CancelOrders
    | AmendOrders
    | PlaceScale
    | PlaceGroup
    | PlaceTwap
    | CancelTwap
    | SetProtection
    | ResetProtection
    | NameAccount
)

ORDER_INTENT_FIELDS: Final[dict[int, int]] = {
    IntentKind.CANCEL_ORDERS: 2, IntentKind.AMEND_ORDERS: 1, IntentKind.PLACE_SCALE: 4, IntentKind.PLACE_GROUP: 3,
    IntentKind.PLACE_TWAP: 7, IntentKind.CANCEL_TWAP: 1, IntentKind.SET_PROTECTION: 5, IntentKind.RESET_PROTECTION: 1,
    IntentKind.NAME_ACCOUNT: 1,
}  # fmt: skip


_GROUPINGS: Final = tuple(Grouping)
_SIDES: Final = tuple(Side)


def _list(value: Any, name: str) -> list[Any]:
    """An array that may be empty."""
    return value if value == [] else rows(value, ORDERS_PER_BATCH_MAX, name)


def _of_batch(first: int, second: int, name: str) -> None:
    """Two arrays are one batch."""
    if first + second == 0:
        raise wrong(RejectCode.BATCH_EMPTY, f"no {name}")
    if first + second > ORDERS_PER_BATCH_MAX:
        raise wrong(RejectCode.BATCH_TOO_LARGE, f"{first + second} {name}")


def _amend(items: Any) -> Amend:
    order_id, client_id, price, size = array(items, 4, "an amend")
    return Amend(
        OrderId(uint(order_id, U64_MAX, "orderId")), u128(client_id, "clientId"), Price(uint(price, PRICE_MAX, "price")),
        Lots(uint(size, LOTS_MAX, "size")),
    )  # fmt: skip


def _cancels(head: tuple[Address, int, TimeMs], items: list[Any]) -> CancelOrders:
    ids, clients = _list(items[0], "orderIds"), _list(items[1], "clientIds")
    _of_batch(len(ids), len(clients), "cancels")
    return CancelOrders(
        *head, tuple(OrderId(uint(item, U64_MAX, "orderId")) for item in ids), tuple(u128(item, "clientId") for item in clients)
    )  # fmt: skip


def _group(head: tuple[Address, int, TimeMs], items: list[Any]) -> PlaceGroup:
    grouping = _GROUPINGS[uint(items[0], 3, "grouping")]
    orders, triggers = _list(items[1], "orders"), _list(items[2], "triggers")
    _of_batch(len(orders), len(triggers), "orders")
    return PlaceGroup(
        *head, grouping, tuple(read_order(item) for item in orders), tuple(read_trigger(item) for item in triggers)
    )


def read_order_intent(kind: int, head: tuple[Address, int, TimeMs], items: list[Any]) -> OrderIntent:
    """The action of a kind in ORDER_INTENT_FIELDS from its fields, as many as it has. Raises IntentError."""
    match kind:
        case IntentKind.CANCEL_ORDERS:
            return _cancels(head, items)
        case IntentKind.AMEND_ORDERS:
            return AmendOrders(*head, tuple(_amend(item) for item in rows(items[0], ORDERS_PER_BATCH_MAX, "amends")))
        case IntentKind.PLACE_SCALE:
            count = uint(items[2], ORDERS_PER_BATCH_MAX, "count")
            if count < SCALE_ORDERS_MIN:
                raise wrong(
                    RejectCode.FIELD_OUT_OF_RANGE, f"count must be in {SCALE_ORDERS_MIN}..{ORDERS_PER_BATCH_MAX}"
                )
            last, skew = Price(uint(items[1], PRICE_MAX, "lastPrice")), Ppm(uint(items[3], SKEW_PPM_MAX, "skew"))
            return PlaceScale(*head, read_order(items[0]), last, count, skew)
        case IntentKind.PLACE_GROUP:
            return _group(head, items)
        case IntentKind.PLACE_TWAP:
            return PlaceTwap(
                *head, MarketId(uint(items[0], U16_MAX, "market")), _SIDES[uint(items[1], 1, "side")],
                Lots(uint(items[2], LOTS_MAX, "size")), flag(items[3], "reduceOnly"), uint(items[4], U32_MAX, "seconds"),
                Ppm(uint(items[5], PPM, "slippage")), Price(uint(items[6], PRICE_MAX, "price")),
            )  # fmt: skip
        case IntentKind.SET_PROTECTION:
            return SetProtection(
                *head, MarketId(uint(items[0], U16_MAX, "market")), uint(items[1], U32_MAX, "windowMs"),
                uint(items[2], U32_MAX, "freezeMs"), uint(items[3], LOTS_MAX, "quantity"), uint(items[4], LOTS_MAX, "delta"),
            )  # fmt: skip
        case IntentKind.RESET_PROTECTION:
            return ResetProtection(*head, MarketId(uint(items[0], U16_MAX, "market")))
        case IntentKind.NAME_ACCOUNT:
            return NameAccount(*head, fixed(items[0], ACCOUNT_NAME_BYTES, "name"))
        case _:
            assert kind == IntentKind.CANCEL_TWAP, "every kind in ORDER_INTENT_FIELDS has an arm"
            return CancelTwap(*head, OrderId(uint(items[0], U64_MAX, "twapId")))


def order_intent_fields(intent: OrderIntent) -> list[Any]:
    """Kind and fields, without the three common ones."""
    match intent:
        case CancelOrders():
            clients = [client_id.to_bytes(CLIENT_ID_BYTES, "big") for client_id in intent.client_ids]
            return [IntentKind.CANCEL_ORDERS.value, list(intent.order_ids), clients]
        case AmendOrders():
            amends = [
                [row.order_id, row.client_id.to_bytes(CLIENT_ID_BYTES, "big"), row.price, row.size]
                for row in intent.amends
            ]
            return [IntentKind.AMEND_ORDERS.value, amends]
        case PlaceScale():
            return [
                IntentKind.PLACE_SCALE.value, order_items(intent.order), intent.last_price, intent.count, intent.skew,
            ]  # fmt: skip
        case PlaceGroup():
            return [
                IntentKind.PLACE_GROUP.value, int(intent.grouping), [order_items(order) for order in intent.orders],
                [trigger_items(trigger) for trigger in intent.triggers],
            ]  # fmt: skip
        case PlaceTwap():
            return [
                IntentKind.PLACE_TWAP.value, intent.market, int(intent.side), intent.size, intent.reduce_only,
                intent.seconds, intent.slippage, intent.price,
            ]  # fmt: skip
        case CancelTwap():
            return [IntentKind.CANCEL_TWAP.value, intent.twap_id]
        case SetProtection():
            bounds = [intent.window_ms, intent.freeze_ms, intent.quantity, intent.delta]
            return [IntentKind.SET_PROTECTION.value, intent.market, *bounds]
        case ResetProtection():
            return [IntentKind.RESET_PROTECTION.value, intent.market]
        case NameAccount():
            return [IntentKind.NAME_ACCOUNT.value, intent.name]
