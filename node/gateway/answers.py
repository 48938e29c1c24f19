"""Frames that answer an action, and how refusals are worded."""

from typing import Any

from node.core.outcome import Applied, OrderResult, Rejected
from node.gateway.admission import Refused
from node.gateway.ports import Released
from proto.frames import FrameKind, encode_node_frame, refusal_items


def result_items(result: Any) -> list[int]:
    """`[code, order id, state, filled, remaining, quote]` of an order, `[value]` of anything else."""
    if type(result) is OrderResult:
        return [result.code, result.order, result.state, result.filled, result.remaining, result.quote]
    return [result.value]


def released_frame(frame_id: int, released: Released) -> bytes:
    """`[ACK, id, seq, time, results]`, or the refusal that was stamped."""
    match released.outcome:
        case Applied(results=results):
            items = [result_items(result) for result in results]
            return encode_node_frame((FrameKind.ACK.value, frame_id, released.seq, released.time, items))
        case Rejected(code=code):
            return encode_node_frame(refusal_items(frame_id, released.seq, code))


def refusal_frame(frame_id: int, refused: Refused) -> bytes:
    """A refusal before the stamp: seq 0."""
    return encode_node_frame(refusal_items(frame_id, 0, refused.code, refused.detail, refused.retry_after_ms))


def reply_frame(frame_id: int, seq: int, value: Any) -> bytes:
    """`[REPLY, id, seq, value]`."""
    return encode_node_frame((FrameKind.REPLY.value, frame_id, seq, value))
