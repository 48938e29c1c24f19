"""What an order is, as it is signed: the nested structs that actions carry, and their canonical arrays."""

from dataclasses import dataclass
from enum import IntEnum, unique
from typing import Any, Final

from proto.fields import array, flag, rows, u128, uint
from proto.ids import MarketId
from proto.units import LOTS_MAX, PRICE_MAX, TIME_MS_MAX, U16_MAX, Lots, Price, TimeMs

ORDERS_PER_BATCH_MAX: Final = 50


@unique
class Side(IntEnum):
    """Direction of an order."""

    BUY = 0
    SELL = 1


@unique
class OrderType(IntEnum):
    """How the price field is read."""

    LIMIT = 0
    MARKET = 1  # `price` is the worst acceptable price; 0 means the market's band.


@unique
class TimeInForce(IntEnum):
    """What happens to what does not trade at once."""

    GTC = 0
    IOC = 1
    FOK = 2
    POST_ONLY = 3


@unique
class SelfTrade(IntEnum):
    """Which order is cancelled where an order would meet one of its own account. Chosen by the incoming order."""

    EXPIRE_MAKER = 0
    EXPIRE_TAKER = 1
    EXPIRE_BOTH = 2


@dataclass(frozen=True, slots=True)
class OrderSpec:
    """One order as signed; the nested EIP-712 struct `Order`."""

    market: MarketId
    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    price: Price
    size: Lots
    reduce_only: bool
    client_id: int  # u128; 0 = none. Unique among the account's open orders.
    self_trade: SelfTrade
    good_til: TimeMs = TimeMs(0)  # From this time on it trades no more; 0 = never ends by time.


@unique
class TriggerKind(IntEnum):
    """Which way the mark has to go. A stop goes against its side's interest: a buy stop waits above the mark, a sell stop below."""

    STOP = 0
    TAKE_PROFIT = 1


@unique
class Grouping(IntEnum):
    """What the members of a group are to each other."""

    NONE = 0  # Nothing: each stands for itself.
    CHILDREN = 1  # The first is the parent; the others wait for its fills, and cancel one another.
    POSITION = 2  # They close a position, live as long as it does, and cancel one another.
    PAIR = 3  # Whichever trades first cancels the other.


@dataclass(frozen=True, slots=True)
class TriggerSpec:
    """An order that waits for the mark to reach `level`; the nested EIP-712 struct `Trigger`."""

    kind: TriggerKind
    level: Price
    order: OrderSpec  # Size 0 in a group on a position: all of it.

    @property
    def above(self) -> bool:
        """Whether it waits for the mark to rise."""
        return (self.kind == TriggerKind.STOP) == (self.order.side == Side.BUY)


_SIDES: Final = tuple(Side)
_TYPES: Final = tuple(OrderType)
_TIFS: Final = tuple(TimeInForce)
_STPS: Final = tuple(SelfTrade)
_KINDS: Final = tuple(TriggerKind)


def read_order(items: Any) -> OrderSpec:
    """The order in its array. Raises IntentError."""
    market, side, kind, tif, price, size, reduce_only, client_id, stp, good_til = array(items, 10, "an order")
    return OrderSpec(
        MarketId(uint(market, U16_MAX, "market")),
        _SIDES[uint(side, 1, "side")],
        _TYPES[uint(kind, 1, "orderType")],
        _TIFS[uint(tif, 3, "timeInForce")],
        Price(uint(price, PRICE_MAX, "price")),
        Lots(uint(size, LOTS_MAX, "size")),
        flag(reduce_only, "reduceOnly"),
        u128(client_id, "clientId"),
        _STPS[uint(stp, 2, "selfTrade")],
        TimeMs(uint(good_til, TIME_MS_MAX, "goodTil")),
    )


def order_items(order: OrderSpec) -> list[Any]:
    """The array of an order."""
    return [
        order.market, int(order.side), int(order.order_type), int(order.time_in_force), order.price, order.size,
        order.reduce_only, order.client_id.to_bytes(16, "big"), int(order.self_trade), order.good_til,
    ]  # fmt: skip


def read_orders(items: Any) -> tuple[OrderSpec, ...]:
    """The orders of a batch. Raises IntentError."""
    return tuple(read_order(item) for item in rows(items, ORDERS_PER_BATCH_MAX, "orders"))


def read_trigger(items: Any) -> TriggerSpec:
    """The trigger in its array. Raises IntentError."""
    kind, level, order = array(items, 3, "a trigger")
    return TriggerSpec(_KINDS[uint(kind, 1, "kind")], Price(uint(level, PRICE_MAX, "level")), read_order(order))


def trigger_items(trigger: TriggerSpec) -> list[Any]:
    """The array of a trigger."""
    return [int(trigger.kind), trigger.level, order_items(trigger.order)]
