"""WebSocket frames of the native protocol: msgpack arrays in binary messages.

Client to node: `[kind, id, ...]`, canonical; `id` is the client's correlation id (u32), echoed in whatever answers it.
Node to client: `[kind, id, ...]`; values may hold maps with text keys, nil, and amounts; an integer beyond 64 bits is decimal text.
Frames are transport only: what is signed is the action inside (proto.signing).
"""

from dataclasses import dataclass
from enum import IntEnum, unique
from typing import Any, Final

import msgpack

from proto.canonical import NotCanonicalError, pack, unpack
from proto.inputs import OracleReport, RecordError, RevokePublisher, report_of, revocation_of
from proto.reject import RETRY_CAN_HELP, SENTENCES, RejectCode
from proto.units import U32_MAX, U64_MAX

FRAME_BYTES_MAX: Final = 65_536


@unique
class FrameKind(IntEnum):
    """First element of a frame. Below 64: client to node."""

    ACTION = 1
    QUERY = 2
    SUBSCRIBE = 3
    UNSUBSCRIBE = 4
    PING = 5
    REPORT = 6
    REVOKE_PUBLISHER = 7
    PARTING = 8
    HELLO = 64
    ACK = 65
    REFUSAL = 66
    REPLY = 67
    EVENT = 68
    PONG = 69
    CLOSING = 70
    SNAPSHOT = 71
    UNSUBSCRIBED = 72


@dataclass(frozen=True, slots=True)
class ActionFrame:
    """A signed action; `action` is decoded later, so that its refusal can carry the id."""

    id: int
    action: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class QueryFrame:
    """A question about state; the answer shows durable state only."""

    id: int
    name: str
    params: list[Any]


@dataclass(frozen=True, slots=True)
class SubscribeFrame:
    """Open a numbered stream; `after` is the last number seen (0: start with a snapshot). `id` names the subscription."""

    id: int
    stream: str
    params: list[Any]
    after: int


@dataclass(frozen=True, slots=True)
class UnsubscribeFrame:
    """Close the subscription `id`."""

    id: int


@dataclass(frozen=True, slots=True)
class PingFrame:
    """Answered by PONG with the node's time."""

    id: int


@dataclass(frozen=True, slots=True)
class ReportFrame:
    """A publisher's signed price report."""

    id: int
    report: OracleReport


@dataclass(frozen=True, slots=True)
class RevokePublisherFrame:
    """A publisher's signed vote to revoke a publisher's key."""

    id: int
    vote: RevokePublisher


@dataclass(frozen=True, slots=True)
class PartingFrame:
    """A signed CancelAll to be sequenced when this connection ends; both fields empty: what was left before is taken back."""

    id: int
    action: bytes
    signature: bytes


ClientFrame = (
    ActionFrame
    | PartingFrame
    | RevokePublisherFrame
    | QueryFrame
    | SubscribeFrame
    | UnsubscribeFrame
    | PingFrame
    | ReportFrame
)


class FrameError(ValueError):
    """The frame cannot be read; `id` is the correlation id if that much could be read, else 0."""

    def __init__(self, code: RejectCode, detail: str, frame_id: int = 0) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.id = frame_id


def decode_client_frame(data: bytes) -> ClientFrame:
    """The client frame in `data`. Raises FrameError."""
    if len(data) > FRAME_BYTES_MAX:
        raise FrameError(RejectCode.FRAME_TOO_LARGE, f"{len(data)} bytes, at most {FRAME_BYTES_MAX}")
    try:
        items = unpack(data)
    except NotCanonicalError as error:
        raise FrameError(RejectCode.FRAME_MALFORMED, str(error)) from None
    if len(items) < 2 or type(items[0]) is not int or type(items[1]) is not int or not 0 <= items[1] <= U32_MAX:
        raise FrameError(RejectCode.FRAME_MALFORMED, "a frame is [kind, id, ...] with a 32-bit id")
    kind, frame_id = items[0], items[1]
    if kind in (FrameKind.ACTION, FrameKind.PARTING):
        if len(items) != 4 or type(items[2]) is not bytes or type(items[3]) is not bytes:
            raise FrameError(RejectCode.FRAME_MALFORMED, f"kind {kind} is [{kind}, id, action, signature]", frame_id)
        made = ActionFrame if kind == FrameKind.ACTION else PartingFrame
        return made(frame_id, items[2], items[3])
    if kind == FrameKind.QUERY:
        if len(items) != 4 or type(items[2]) is not str or type(items[3]) is not list:
            raise FrameError(RejectCode.FRAME_MALFORMED, "a query frame is [2, id, name, params]", frame_id)
        return QueryFrame(frame_id, items[2], items[3])
    if kind == FrameKind.SUBSCRIBE:
        if len(items) != 5 or type(items[2]) is not str or type(items[3]) is not list or type(items[4]) is not int:
            raise FrameError(
                RejectCode.FRAME_MALFORMED, "a subscribe frame is [3, id, stream, params, after]", frame_id
            )
        if not 0 <= items[4] <= U64_MAX:
            raise FrameError(RejectCode.FRAME_MALFORMED, "after must be in 0..2^64-1", frame_id)
        return SubscribeFrame(frame_id, items[2], items[3], items[4])
    if kind == FrameKind.REPORT:
        try:
            return ReportFrame(frame_id, report_of(items[2:]))
        except RecordError as error:
            raise FrameError(RejectCode.FRAME_MALFORMED, str(error), frame_id) from None
    if kind == FrameKind.REVOKE_PUBLISHER:
        try:
            return RevokePublisherFrame(frame_id, revocation_of(items[2:]))
        except RecordError as error:
            raise FrameError(RejectCode.FRAME_MALFORMED, str(error), frame_id) from None
    if kind not in (FrameKind.UNSUBSCRIBE, FrameKind.PING):
        raise FrameError(RejectCode.FRAME_KIND_UNKNOWN, f"kind {kind}", frame_id)
    if len(items) != 2:
        raise FrameError(RejectCode.FRAME_MALFORMED, f"kind {kind} is [kind, id]", frame_id)
    return UnsubscribeFrame(frame_id) if kind == FrameKind.UNSUBSCRIBE else PingFrame(frame_id)


def encode_client_frame(frame: ClientFrame) -> bytes:
    """Canonical bytes of a client frame."""
    match frame:
        case ActionFrame():
            return pack([FrameKind.ACTION.value, frame.id, frame.action, frame.signature])
        case PartingFrame():
            return pack([FrameKind.PARTING.value, frame.id, frame.action, frame.signature])
        case QueryFrame():
            return pack([FrameKind.QUERY.value, frame.id, frame.name, frame.params])
        case SubscribeFrame():
            return pack([FrameKind.SUBSCRIBE.value, frame.id, frame.stream, frame.params, frame.after])
        case UnsubscribeFrame():
            return pack([FrameKind.UNSUBSCRIBE.value, frame.id])
        case PingFrame():
            return pack([FrameKind.PING.value, frame.id])
        case RevokePublisherFrame():
            vote = frame.vote
            return pack([FrameKind.REVOKE_PUBLISHER.value, frame.id, vote.publisher, vote.time, vote.signature])
        case ReportFrame():
            lines = [[line.index, line.price, line.confidence] for line in frame.report.prices]
            return pack([FrameKind.REPORT.value, frame.id, frame.report.time, lines, frame.report.signature])


def _wide(value: Any) -> Any:
    """msgpack calls this for integers beyond 64 bits: decimal text."""
    if isinstance(value, int):
        return str(value)
    raise TypeError(f"{type(value).__name__} in a frame")


def encode_node_frame(items: list[Any] | tuple[Any, ...]) -> bytes:
    """Bytes of a node frame `(kind, id, ...)`."""
    packed: bytes = msgpack.packb(items, use_bin_type=True, default=_wide)
    return packed


def decode_node_frame(data: bytes) -> list[Any]:
    """A node frame as a list. Raises ValueError where it is not one."""
    items = msgpack.unpackb(data, raw=False, strict_map_key=True)
    if type(items) is not list or len(items) < 2:
        raise ValueError("not a node frame")
    return items


def refusal_items(frame_id: int, seq: int, code: RejectCode, detail: str = "", retry_after_ms: int = 0) -> list[Any]:
    """`[REFUSAL, id, seq, code, name, sentence, detail, retry can help, retry after ms]`; seq 0: it was never sequenced."""
    name, sentence = code.name, SENTENCES[code]
    retry = RETRY_CAN_HELP[code]
    return [FrameKind.REFUSAL.value, frame_id, seq, code.value, name, sentence, detail, retry, retry_after_ms]
