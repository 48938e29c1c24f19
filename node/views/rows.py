"""Rows of the views: types, their bytes, and the keys they lie under.

Keys (big-endian; one table for all views):
    "m" 'seq'                                  last input contained, u64
    "n" u64 time                               first seq at or after that time, one row per second
    "o" u64 order                              the order as it stands or ended
    "h" u32 account, u64 seq, u32 position     order id of an order that ended there
    "f" u32 account, u64 seq, u32 position     fill of the account
    "e" u64 order, u64 seq, u32 position       (no value) the fills of an order; its account is in the order's row
    "t" u32 market, u64 seq, u32 position      trade
    "l" u32 account, u64 seq, u32 position     change of a balance
    "g" u32 account, u64 seq, u32 position     funding payment
    "x" u32 account, u64 seq, u32 position     transfer, once for each side
    "r" u32 market, u64 seq, u32 position      funding rate
    "w" u32 account, u64 seq, u32 position     beginning or end of a time-sliced order
    "c" u32 market, u32 interval s, u64 start  candle
    "b" u64 batch                              batch and its way through settlement
    "d" u64 last seq                           u64 id of the batch that ends there
    "u" u32 account                            net inflow and volume since the beginning
    "q" u32 account                            requests since the beginning, u64
    "k" u32 account, u16 market                funding paid: ever, since opened, since changed
    "a" u16 asset                              its index, decimals and price
    "p" u32 account, u8 span, u64 time         what the account was worth

`position` is the event's place among the events of its input, so (seq, position) names an event for ever and pages continue from it.
Values are msgpack arrays in field order; an integer beyond 64 bits is decimal text.
"""

from dataclasses import dataclass, fields
from enum import IntEnum, unique
from operator import attrgetter
from struct import Struct
from typing import Any, Final, NamedTuple

import msgpack

from proto.events import BalanceReason, CloseReason
from proto.ids import AccountId, AssetId, MarketId, OrderId, Seq
from proto.intents import Grouping, OrderSpec, OrderType, SelfTrade, Side, TimeInForce, TriggerKind
from proto.units import AssetUnits, Lots, MicroUsd, Ppm, Price, TimeMs

SEQ_KEY: Final = b"mseq"
TIME_PREFIX: Final = b"n"
ORDER_PREFIX: Final = b"o"
CANDLE_PREFIX: Final = b"c"
BATCH_PREFIX: Final = b"b"
BATCH_END_PREFIX: Final = b"d"
ORDER_FILL_PREFIX: Final = b"e"
TOTALS_PREFIX: Final = b"u"
REQUESTS_PREFIX: Final = b"q"
SAMPLES_PREFIX: Final = b"p"
ASSET_PREFIX: Final = b"a"
FUNDINGS_PREFIX: Final = b"k"


_HISTORY_KEY: Final = Struct(">BIQI")
_ORDER_FILL_KEY: Final = Struct(">QQI")


class Cursor(NamedTuple):
    """Where an event happened: pages go on after one."""

    seq: int
    position: int


@unique
class HistoryKind(IntEnum):
    """Histories that are paged; the value is the first byte of their keys."""

    ORDERS = ord("h")
    FILLS = ord("f")
    TRADES = ord("t")
    LEDGER = ord("l")
    FUNDING = ord("g")
    TRANSFERS = ord("x")
    RATES = ord("r")
    TWAPS = ord("w")


@unique
class OrderStatus(IntEnum):
    """Where an order stands."""

    OPEN = 0
    FILLED = 1
    CANCELLED = 2


class TradeRow(NamedTuple):
    """One trade, as everybody may see it."""

    seq: Seq
    position: int
    time: TimeMs
    market: MarketId
    trade: int
    price: Price
    size: Lots
    taker_side: Side
    liquidation: bool
    maker: AccountId
    taker: AccountId


class FillRow(NamedTuple):
    """One side of a trade. `fee` is what the account paid, `pnl` what it realised, `remaining` what was left of the order,
    `start` the position before it."""

    seq: Seq
    position: int
    time: TimeMs
    account: AccountId
    market: MarketId
    trade: int
    order: OrderId
    client_id: int
    side: Side
    price: Price
    size: Lots
    is_taker: bool
    fee: MicroUsd
    pnl: MicroUsd
    remaining: Lots
    liquidation: bool
    start: Lots
    twap: OrderId = OrderId(0)  # The time-sliced order that placed it.


class LedgerRow(NamedTuple):
    """One change of a balance, and the balance after it."""

    seq: Seq
    position: int
    time: TimeMs
    account: AccountId
    asset: AssetId
    delta: AssetUnits
    balance: AssetUnits
    reason: BalanceReason


class FundingRow(NamedTuple):
    """One funding payment; negative: the account paid."""

    seq: Seq
    position: int
    time: TimeMs
    account: AccountId
    market: MarketId
    size: Lots
    amount: MicroUsd


class TransferRow(NamedTuple):
    """An asset moved from one account to another."""

    seq: Seq
    position: int
    time: TimeMs
    source: AccountId
    destination: AccountId
    asset: AssetId
    amount: AssetUnits


class TwapRow(NamedTuple):
    """A time-sliced order as it began (`reason` FILLED, nothing filled) or as it ended."""

    seq: Seq
    position: int
    time: TimeMs
    account: AccountId
    twap: OrderId
    market: MarketId
    side: Side
    size: Lots
    reduce_only: bool
    seconds: int
    slippage: Ppm
    price: Price
    start: TimeMs
    filled: Lots
    quote: MicroUsd
    running: bool
    reason: CloseReason


class RateRow(NamedTuple):
    """A market's funding rate, 1e-12 per hour."""

    seq: Seq
    position: int
    time: TimeMs
    market: MarketId
    rate: int


class CandleRow(NamedTuple):
    """Trades of one interval: `volume` in lots, `quote` in micro-USDC. Intervals without trades have no candle."""

    market: MarketId
    interval_s: int
    start: TimeMs
    open: Price
    high: Price
    low: Price
    close: Price
    volume: Lots
    quote: MicroUsd
    trades: int


@dataclass(slots=True)
class OrderRow:
    """An order from acceptance to its end. `size` = filled + remaining: an amend changes it. `quote` is Σ price x lots of its fills."""

    id: OrderId
    account: AccountId
    market: MarketId
    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    price: Price
    size: Lots
    remaining: Lots
    filled: Lots
    quote: MicroUsd
    client_id: int
    reduce_only: bool
    self_trade: SelfTrade
    good_til: TimeMs
    status: OrderStatus
    reason: CloseReason  # Means something once the order is not open.
    seq: Seq  # Of acceptance.
    time: TimeMs
    last_seq: Seq  # Of the last change.
    last_time: TimeMs
    rested: bool
    trigger: Price = Price(0)  # Mark at which it fires, or fired; 0: it never waited.
    trigger_kind: TriggerKind = TriggerKind.STOP
    fired: bool = False
    grouping: Grouping = Grouping.NONE
    group: OrderId = OrderId(0)
    parent: OrderId = OrderId(0)
    code: int = 0  # Refusal of the order that a trigger would have placed.


_order_fields = attrgetter(*(item.name for item in fields(OrderRow)))


def order_row(order: OrderId, account: AccountId, spec: OrderSpec, seq: Seq, time: TimeMs) -> OrderRow:
    """The row of an order that was accepted just now."""
    return OrderRow(
        order, account, spec.market, spec.side, spec.order_type, spec.time_in_force, spec.price, spec.size, spec.size, Lots(0),
        MicroUsd(0), spec.client_id, spec.reduce_only, spec.self_trade, spec.good_til, OrderStatus.OPEN, CloseReason.FILLED, seq,
        time, seq, time, rested=False,
    )  # fmt: skip


def _wide(value: Any) -> Any:
    if isinstance(value, int):
        return str(value)
    raise TypeError(f"{type(value).__name__} in a row")


def encode_row(row: tuple[Any, ...]) -> bytes:
    """Value bytes of a row."""
    packed: bytes = msgpack.packb(row, default=_wide)
    return packed


def decode_row(data: bytes) -> list[Any]:
    """Fields of a row: integers, booleans, byte strings."""
    return [int(item) if type(item) is str else item for item in msgpack.unpackb(data)]


def encode_order(row: OrderRow) -> bytes:
    """Value bytes of an order."""
    return encode_row(_order_fields(row))


def decode_order(data: bytes) -> OrderRow:
    """The order in `data`."""
    row = OrderRow(*decode_row(data))
    row.side, row.order_type, row.time_in_force = (
        Side(row.side),
        OrderType(row.order_type),
        TimeInForce(row.time_in_force),
    )
    row.self_trade, row.status, row.reason = SelfTrade(row.self_trade), OrderStatus(row.status), CloseReason(row.reason)
    row.trigger_kind, row.grouping = TriggerKind(row.trigger_kind), Grouping(row.grouping)
    return row


def decode_trade(data: bytes) -> TradeRow:
    """The trade in `data`."""
    row = TradeRow(*decode_row(data))
    return row._replace(taker_side=Side(row.taker_side))


def decode_fill(data: bytes) -> FillRow:
    """The fill in `data`."""
    row = FillRow(*decode_row(data))
    return row._replace(side=Side(row.side))


def decode_ledger(data: bytes) -> LedgerRow:
    """The balance change in `data`."""
    row = LedgerRow(*decode_row(data))
    return row._replace(reason=BalanceReason(row.reason))


def decode_funding(data: bytes) -> FundingRow:
    """The funding payment in `data`."""
    return FundingRow(*decode_row(data))


def decode_transfer(data: bytes) -> TransferRow:
    """The transfer in `data`."""
    return TransferRow(*decode_row(data))


def decode_twap(data: bytes) -> TwapRow:
    """The time-sliced order in `data`."""
    row = TwapRow(*decode_row(data))
    return row._replace(side=Side(row.side), reason=CloseReason(row.reason))


def decode_rate(data: bytes) -> RateRow:
    """The funding rate in `data`."""
    return RateRow(*decode_row(data))


def decode_candle(data: bytes) -> CandleRow:
    """The candle in `data`."""
    return CandleRow(*decode_row(data))


def history_key(kind: HistoryKind, owner: int, seq: int, position: int) -> bytes:
    """Key of a paged row of an account or market."""
    return _HISTORY_KEY.pack(kind, owner, seq, position)


def cursor_of(key: bytes) -> Cursor:
    """Seq and position in the last 12 bytes of a history key."""
    return Cursor(int.from_bytes(key[-12:-4], "big"), int.from_bytes(key[-4:], "big"))


def order_key(order: int) -> bytes:
    """Key of an order's row."""
    return ORDER_PREFIX + order.to_bytes(8, "big")


def order_fill_key(order: int, seq: int, position: int) -> bytes:
    """Key that says: this order has a fill there."""
    return ORDER_FILL_PREFIX + _ORDER_FILL_KEY.pack(order, seq, position)


def candle_key(market: int, interval_s: int, start: int) -> bytes:
    """Key of a candle."""
    return CANDLE_PREFIX + market.to_bytes(4, "big") + interval_s.to_bytes(4, "big") + start.to_bytes(8, "big")


def time_key(time: int) -> bytes:
    """Key of the time index."""
    return TIME_PREFIX + time.to_bytes(8, "big")
