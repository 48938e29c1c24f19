"""Everything that can be sequenced, one frozen class per kind, closed by `Input`, and its canonical record.

Invariants:
- The same bytes are in the journal and in the batch: `record = pack([time_ms, kind, field, ...])`; the sequence number follows from the
  position.
- User inputs keep dialect, canonical action bytes (which hold account, nonce and expiry) and signature, so that anyone can recover the
  signer again. Operator inputs are a closed list that reports facts (prices, L1 events, time).
- Decoding is total over bytes: it returns an input or raises RecordError.
"""

from dataclasses import dataclass
from enum import IntEnum, unique
from typing import Any, Final, NamedTuple

from proto.canonical import NotCanonicalError, pack, unpack
from proto.hl.actions import HlL1Request, HlRequest, HlUserRequest
from proto.hl.reading import HlMalformedError
from proto.hl.wire import decode_l1_request, decode_user_request, encode_request
from proto.ids import ADDRESS_BYTES, Address, AssetId, IndexId, Seq
from proto.intents import Intent, IntentError, decode_intent, encode_intent
from proto.units import AMOUNT_MAX, MICRO_PRICE_MAX, TIME_MS_MAX, U16_MAX, U64_MAX, AssetUnits, MicroPrice, TimeMs

SIGNATURE_BYTES: Final = 65  # r ‖ s ‖ v, v = 27 or 28.
INDICES_PER_REPORT_MAX: Final = 64
QUEUE_PAYLOAD_BYTES_MAX: Final = 4_096
WORK_UNITS_MAX: Final = 256


@unique
class Dialect(IntEnum):
    """Which signing scheme and which canonical bytes a user input has."""

    NATIVE = 1
    HL_L1 = 2
    HL_USER = 3


@unique
class InputKind(IntEnum):
    """Second element of a record."""

    USER_ACTION = 1
    DEPOSIT_SEEN = 2
    QUEUE_ITEM_SEEN = 3
    ORACLE_REPORT = 4
    SAMPLE_TICK = 5
    FUNDING_TICK = 6
    WORK_TICK = 7
    SEAL_TICK = 8
    REVOKE_PUBLISHER = 9


class Stamp(NamedTuple):
    """What the sequencer gives an input once: its number and its time. The core knows no other time."""

    seq: Seq
    time: TimeMs


@dataclass(frozen=True, slots=True)
class UserAction:
    """A signed intent. `action` is the canonical encoding of `intent`, kept because it is what was received (or, in the other dialects,
    what the received text says)."""

    dialect: Dialect
    action: bytes
    signature: bytes
    intent: Intent | HlRequest


@dataclass(frozen=True, slots=True)
class DepositSeen:
    """A deposit in the L1 queue, deep enough to count. `index` is its place in the queue, from 0."""

    index: int
    owner: Address
    asset: AssetId
    amount: AssetUnits


@dataclass(frozen=True, slots=True)
class QueueItemSeen:
    """An action sent on L1 by an account's owner; msg.sender is the authority. Malformed payloads are consumed as no-ops."""

    index: int
    sender: Address
    payload: bytes


@dataclass(frozen=True, slots=True)
class IndexPrice:
    """One line of a report."""

    index: IndexId
    price: MicroPrice
    confidence: MicroPrice  # Half-width the publisher claims, micro-USDC.


@dataclass(frozen=True, slots=True)
class OracleReport:
    """One publisher's signed prices at `time`, ordered by index id without repeats."""

    time: TimeMs
    prices: tuple[IndexPrice, ...]
    signature: bytes


@dataclass(frozen=True, slots=True)
class RevokePublisher:
    """A publisher's signed vote to revoke a publisher's key; its own at once, another's with most of the others."""

    publisher: Address
    time: TimeMs
    signature: bytes


@dataclass(frozen=True, slots=True)
class SampleTick:
    """Every few seconds: judge index freshness, recompute marks, sample premiums."""


@dataclass(frozen=True, slots=True)
class FundingTick:
    """Every hour: turn the averaged premium into the funding index."""


@dataclass(frozen=True, slots=True)
class WorkTick:
    """Drain at most `units` units of the work queue."""

    units: int


@dataclass(frozen=True, slots=True)
class SealTick:
    """Last input of batch `batch_id`."""

    batch_id: int


Input = (
    UserAction | OracleReport | RevokePublisher | DepositSeen | QueueItemSeen | WorkTick | SampleTick | FundingTick | SealTick
)  # fmt: skip


class RecordError(ValueError):
    """The bytes are not a record."""


def encode_record(time: TimeMs, item: Input) -> bytes:
    """The journal's and the batch's bytes for one stamped input."""
    fields: list[Any]
    match item:
        case UserAction():
            fields = [InputKind.USER_ACTION.value, item.dialect.value, item.action, item.signature]
        case OracleReport():
            fields = [
                InputKind.ORACLE_REPORT.value,
                item.time,
                [[p.index, p.price, p.confidence] for p in item.prices],
                item.signature,
            ]
        case RevokePublisher():
            fields = [InputKind.REVOKE_PUBLISHER.value, item.publisher, item.time, item.signature]
        case DepositSeen():
            fields = [InputKind.DEPOSIT_SEEN.value, item.index, item.owner, item.asset, item.amount]
        case QueueItemSeen():
            fields = [InputKind.QUEUE_ITEM_SEEN.value, item.index, item.sender, item.payload]
        case WorkTick():
            fields = [InputKind.WORK_TICK.value, item.units]
        case SampleTick():
            fields = [InputKind.SAMPLE_TICK.value]
        case FundingTick():
            fields = [InputKind.FUNDING_TICK.value]
        case SealTick():
            fields = [InputKind.SEAL_TICK.value, item.batch_id]
    return pack([time, *fields])


def decode_record(data: bytes) -> tuple[TimeMs, Input]:
    """Stamp time and input of a record. Raises RecordError."""
    try:
        items = unpack(data)
        return _decode(items)
    except (NotCanonicalError, IntentError, HlMalformedError) as error:
        raise RecordError(str(error)) from None


def _uint(value: Any, bound: int) -> int:
    if type(value) is not int or not 0 <= value <= bound:
        raise RecordError(f"not an integer in 0..{bound}")
    return value


def _bytes(value: Any, least: int, most: int) -> bytes:
    if type(value) is not bytes or not least <= len(value) <= most:
        raise RecordError(f"not {least}..{most} bytes")
    return value


_LENGTHS: Final[dict[int, int]] = {
    InputKind.USER_ACTION: 5, InputKind.DEPOSIT_SEEN: 6, InputKind.QUEUE_ITEM_SEEN: 5, InputKind.ORACLE_REPORT: 5,
    InputKind.SAMPLE_TICK: 2, InputKind.FUNDING_TICK: 2, InputKind.WORK_TICK: 3, InputKind.SEAL_TICK: 3,
    InputKind.REVOKE_PUBLISHER: 5,
}  # fmt: skip


def _decode(items: list[Any]) -> tuple[TimeMs, Input]:
    if len(items) < 2 or type(items[1]) is not int:
        raise RecordError("a record is [time, kind, ...]")
    time, kind = TimeMs(_uint(items[0], TIME_MS_MAX)), items[1]
    if _LENGTHS.get(kind) != len(items):
        raise RecordError(f"kind {kind} with {len(items)} elements")
    if kind == InputKind.USER_ACTION:
        return time, _user_action(items)
    if kind == InputKind.ORACLE_REPORT:
        return time, report_of(items[2:])
    if kind == InputKind.REVOKE_PUBLISHER:
        return time, revocation_of(items[2:])
    if kind == InputKind.DEPOSIT_SEEN:
        return time, DepositSeen(
            _uint(items[2], U64_MAX),
            Address(_bytes(items[3], ADDRESS_BYTES, ADDRESS_BYTES)),
            AssetId(_uint(items[4], U16_MAX)),
            AssetUnits(_uint(items[5], AMOUNT_MAX)),
        )
    if kind == InputKind.QUEUE_ITEM_SEEN:
        sender = Address(_bytes(items[3], ADDRESS_BYTES, ADDRESS_BYTES))
        return time, QueueItemSeen(_uint(items[2], U64_MAX), sender, _bytes(items[4], 0, QUEUE_PAYLOAD_BYTES_MAX))
    if kind == InputKind.WORK_TICK:
        return time, WorkTick(_uint(items[2], WORK_UNITS_MAX))
    if kind == InputKind.SEAL_TICK:
        return time, SealTick(_uint(items[2], U64_MAX))
    return time, SampleTick() if kind == InputKind.SAMPLE_TICK else FundingTick()


def _user_action(items: list[Any]) -> UserAction:
    action = _bytes(items[3], 1, 2**16)
    signature = _bytes(items[4], SIGNATURE_BYTES, SIGNATURE_BYTES)
    dialect = items[2] if type(items[2]) is int else 0
    if dialect == Dialect.NATIVE:
        return UserAction(Dialect.NATIVE, action, signature, decode_intent(action))
    if dialect == Dialect.HL_L1:
        return UserAction(Dialect.HL_L1, action, signature, decode_l1_request(action))
    if dialect == Dialect.HL_USER:
        return UserAction(Dialect.HL_USER, action, signature, decode_user_request(action))
    raise RecordError("unknown dialect")


def report_of(items: list[Any]) -> OracleReport:
    """The report in `[time, [[index, price, confidence], ...], signature]`. Raises RecordError."""
    if len(items) != 3 or type(items[1]) is not list or not 1 <= len(items[1]) <= INDICES_PER_REPORT_MAX:
        raise RecordError("a report is [time, [[index, price, confidence], ...], signature]")
    lines: list[IndexPrice] = []
    for line in items[1]:
        if type(line) is not list or len(line) != 3:
            raise RecordError("a report line is [index, price, confidence]")
        lines.append(
            IndexPrice(
                IndexId(_uint(line[0], U16_MAX)),
                MicroPrice(_uint(line[1], MICRO_PRICE_MAX)),
                MicroPrice(_uint(line[2], MICRO_PRICE_MAX)),
            )
        )
        if len(lines) > 1 and lines[-2].index >= lines[-1].index:
            raise RecordError("report lines are ordered by index, without repeats")
    signature = _bytes(items[2], SIGNATURE_BYTES, SIGNATURE_BYTES)
    return OracleReport(TimeMs(_uint(items[0], TIME_MS_MAX)), tuple(lines), signature)


def revocation_of(items: list[Any]) -> RevokePublisher:
    """The vote in `[publisher, time, signature]`. Raises RecordError."""
    if len(items) != 3:
        raise RecordError("a revocation is [publisher, time, signature]")
    publisher = Address(_bytes(items[0], ADDRESS_BYTES, ADDRESS_BYTES))
    signature = _bytes(items[2], SIGNATURE_BYTES, SIGNATURE_BYTES)
    return RevokePublisher(publisher, TimeMs(_uint(items[1], TIME_MS_MAX)), signature)


def user_action(intent: Intent, signature: bytes) -> UserAction:
    """A native user input from a typed intent and its signature."""
    return UserAction(Dialect.NATIVE, encode_intent(intent), signature, intent)


def hl_action(request: HlRequest, signature: bytes) -> UserAction:
    """A user input of the Hyperliquid-compatible dialect."""
    match request:
        case HlL1Request():
            return UserAction(Dialect.HL_L1, encode_request(request), signature, request)
        case HlUserRequest():
            return UserAction(Dialect.HL_USER, encode_request(request), signature, request)
