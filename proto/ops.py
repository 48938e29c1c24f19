"""Operation records: every change to the ledger, as fixed-width records that decode totally.

A record is 128 bytes: one byte of kind, the kind's fields big-endian in order, zeros to the end. `opsRoot` of a commitment is the list root
over a batch's records: the steps that a dispute singles out.
Invariants:
- `decode_op` returns a value for every 128 bytes (`Op(None, ())` where no kind fits), so no record is undecidable on L1.
- Field widths hold every bound in `proto.units`; encoding asserts them.
"""

import struct
from enum import IntEnum, unique
from typing import Any, Final, NamedTuple

OP_BYTES: Final = 128


@unique
class OpKind(IntEnum):
    """First byte of a record."""

    CLOCK = 1
    ACCOUNT_OPENED = 2
    NONCE_USED = 3
    AGENT_SET = 4
    AGENT_REMOVED = 5
    DEPOSIT = 6
    QUEUE_ITEM = 7
    WITHDRAWAL = 8
    TRANSFER = 9
    ORDER_OPENED = 10
    ORDER_CHANGED = 11
    ORDER_CLOSED = 12
    FILL = 13
    FUNDING_SETTLED = 14
    PRICE_SET = 15
    FUNDING_SET = 16
    LIQUIDATION_STEP = 17
    MARKET_STATUS_SET = 19
    VENUE_SET = 20
    INTEREST_SETTLED = 21
    BORROW_INDEX_SET = 22
    ASSET_PRICED = 23
    COLLATERAL_SOLD = 24
    POSITION_MOVED = 30
    CASH_MOVED = 31
    ASSET_MOVED = 32
    LOSS_SOCIALISED = 33
    LOSS_SETTLED = 34
    VAULT_DEPOSIT = 35
    VAULT_LEAVING = 36
    VAULT_PAID = 37
    TAKEN_OVER = 38
    FRACTIONS_SET = 40
    TRIGGER_PLACED = 45
    TRIGGER_FIRED = 46
    TRIGGER_CLOSED = 47
    TWAP_PLACED = 48
    TWAP_SLICED = 49
    TWAP_CLOSED = 50


# Field codes: B u8, H u16, I u32, Q u64, q i64, A address, W bytes32, U u128, S i128.
_LAYOUTS: Final[dict[OpKind, tuple[str, tuple[str, ...]]]] = {
    OpKind.CLOCK: ("QQ", ("seq", "time")),
    OpKind.ACCOUNT_OPENED: ("IAI", ("account", "owner", "master")),
    OpKind.NONCE_USED: ("IAQ", ("account", "signer", "nonce")),
    OpKind.AGENT_SET: ("IAQQWW", ("account", "agent", "valid_until", "scope", "name", "markets")),
    OpKind.AGENT_REMOVED: ("IA", ("account", "agent")),
    OpKind.DEPOSIT: ("QIHQ", ("queue_index", "account", "asset", "amount")),
    OpKind.QUEUE_ITEM: ("QAH", ("queue_index", "sender", "code")),
    OpKind.WITHDRAWAL: ("QIHQA", ("index", "account", "asset", "amount", "destination")),
    OpKind.TRANSFER: ("IIHQ", ("source", "destination", "asset", "amount")),
    OpKind.ORDER_OPENED: ("QIHBBBBQQUQ", (
        "order", "account", "market", "side", "order_type", "time_in_force", "flags", "price", "size", "client_id",
        "good_til")),
    OpKind.ORDER_CHANGED: ("QQQQI", ("order", "price", "remaining", "priority", "slot")),
    OpKind.ORDER_CLOSED: ("QBQ", ("order", "reason", "remaining")),
    OpKind.FILL: ("QQIIHBQQSS", (
        "maker_order", "taker_order", "maker", "taker", "market", "taker_side", "price", "size", "maker_fee", "taker_fee")),
    OpKind.FUNDING_SETTLED: ("IHSS", ("account", "market", "payment", "funding_index")),
    OpKind.PRICE_SET: ("HQQ", ("market", "index_price", "mark_price")),
    OpKind.FUNDING_SET: ("HqS", ("market", "rate", "funding_index")),
    OpKind.LIQUIDATION_STEP: ("IHSS", ("account", "market", "size", "fee")),
    OpKind.MARKET_STATUS_SET: ("HB", ("market", "status")),
    OpKind.VENUE_SET: ("W", ("venue_root",)),
    OpKind.INTEREST_SETTLED: ("ISS", ("account", "interest", "borrow_index")),
    OpKind.BORROW_INDEX_SET: ("S", ("borrow_index",)),
    OpKind.ASSET_PRICED: ("HQ", ("asset", "price")),
    OpKind.COLLATERAL_SOLD: ("IIHQQ", ("account", "buyer", "asset", "amount", "paid")),
    OpKind.POSITION_MOVED: ("IIHqS", ("giver", "taker", "market", "size", "quote")),
    OpKind.CASH_MOVED: ("IHISB", ("account", "estate", "other", "amount", "reason")),
    OpKind.ASSET_MOVED: ("IIHSB", ("giver", "taker", "asset", "amount", "reason")),
    OpKind.LOSS_SOCIALISED: ("IHHBSU", ("account", "estate", "market", "side", "amount", "loss_index")),
    OpKind.LOSS_SETTLED: ("IHSU", ("account", "market", "payment", "loss_index")),
    OpKind.VAULT_DEPOSIT: ("HIQU", ("vault", "account", "amount", "shares")),
    OpKind.VAULT_LEAVING: ("HIUQ", ("vault", "account", "shares", "time")),
    OpKind.VAULT_PAID: ("HIUS", ("vault", "account", "shares", "amount")),
    OpKind.TAKEN_OVER: ("IHIQIS", ("account", "estate", "bidder", "share", "price_ppm", "bid")),
    OpKind.FRACTIONS_SET: ("HII", ("market", "initial_vol_ppm", "maintenance_vol_ppm")),
    OpKind.TRIGGER_PLACED: ("QIHBBBBBBQQQUQQQ", (
        "order", "account", "market", "side", "kind", "order_type", "time_in_force", "flags", "grouping", "level", "price",
        "size", "client_id", "good_til", "group", "parent")),
    OpKind.TRIGGER_FIRED: ("QH", ("order", "market")),
    OpKind.TRIGGER_CLOSED: ("QBH", ("order", "reason", "code")),
    OpKind.TWAP_PLACED: ("QIHBQBIIQ", (
        "twap", "account", "market", "side", "size", "reduce_only", "seconds", "slippage", "price")),
    OpKind.TWAP_SLICED: ("QQQH", ("twap", "order", "size", "code")),
    OpKind.TWAP_CLOSED: ("QBQ", ("twap", "reason", "filled")),
}  # fmt: skip

_CODES: Final = {"A": "20s", "W": "32s", "U": "16s", "S": "16s"}


class _Layout(NamedTuple):
    packer: struct.Struct
    wide: tuple[tuple[int, bool], ...]  # Positions of 128-bit fields in (kind, *fields), and whether signed.
    used: int


def _layout(codes: str) -> _Layout:
    body = ">B" + "".join(_CODES.get(code, code) for code in codes)
    used = struct.calcsize(body)
    wide = tuple((at + 1, code == "S") for at, code in enumerate(codes) if code in "US")
    return _Layout(struct.Struct(body + f"{OP_BYTES - used}x"), wide, used)


_PACKERS: Final = {int(kind): _layout(codes) for kind, (codes, _) in _LAYOUTS.items()}
OpTuple = tuple[Any, ...]
"""An operation as the core records it: `(kind, field, ...)` in the layout's order."""


class Op(NamedTuple):
    """A decoded operation; `kind` is None where the bytes are no operation."""

    kind: OpKind | None
    fields: tuple[tuple[str, Any], ...]


def encode_op(op: OpTuple) -> bytes:
    """The 128 bytes of an operation."""
    layout = _PACKERS[op[0]]
    if layout.wide:
        values = list(op)
        for at, signed in layout.wide:
            values[at] = values[at].to_bytes(16, "big", signed=signed)
        return layout.packer.pack(*values)
    return layout.packer.pack(*op)


def decode_op(data: bytes) -> Op:
    """Total over 128-byte strings: whatever is not the encoding of an operation decodes to `Op(None, ())`."""
    assert len(data) == OP_BYTES
    layout = _PACKERS.get(data[0])
    if layout is None or any(data[layout.used :]):
        return Op(None, ())
    values = list(layout.packer.unpack(data))
    for at, signed in layout.wide:
        values[at] = int.from_bytes(values[at], "big", signed=signed)
    kind = OpKind(values[0])
    return Op(kind, tuple(zip(_LAYOUTS[kind][1], values[1:], strict=True)))
