"""Canonical bytes: one string per value both ways, and every malformed variant refused with its own code."""

from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proto.canonical import DEPTH_MAX, NotCanonicalError, pack, unpack
from proto.frames import (
    FRAME_BYTES_MAX,
    ActionFrame,
    ClientFrame,
    FrameError,
    PingFrame,
    QueryFrame,
    ReportFrame,
    SubscribeFrame,
    UnsubscribeFrame,
    decode_client_frame,
    encode_client_frame,
)
from proto.inputs import Input, RecordError, decode_record, encode_record
from proto.intents import Intent, IntentError, decode_intent, encode_intent, intent_items
from proto.reject import RejectCode
from proto.units import TimeMs
from tests.proto.strategies import inputs, intents, reports, signatures, times
from tests.vectors import samples

NOT_CANONICAL: dict[str, bytes] = {
    "empty": b"", "not an array": b"\x01", "a map": b"\x80", "array of a map": b"\x91\x80", "nil": b"\x91\xc0",
    "float": b"\x91\xcb" + bytes(8), "single float": b"\x91\xca" + bytes(4), "ext": b"\x91\xd4\x05\x00",
    "empty ext": b"\x91\xc7\x00\x05", "timestamp": b"\x91\xd6\xff" + bytes(4), "wide int": b"\x91\xcc\x01",
    "wider int": b"\x91\xcf" + bytes(8), "signed wide": b"\x91\xd0\x01", "wide bytes": b"\x91\xc5\x00\x01\x00",
    "wide text": b"\x91\xd9\x01a", "wide array": b"\xdc\x00\x01\x01", "bad utf-8": b"\x91\xa1\xff",
    "surrogate": b"\x91\xa3\xed\xa0\x80", "trailing": b"\x91\x01\x00", "cut": b"\x92\x01", "reserved": b"\x91\xc1",
    "huge claim": b"\xdd\xff\xff\xff\xff", "huge bytes": b"\x91\xc6\xff\xff\xff\xff", "ext as root": b"\xd4\x05\x00",
    "too deep": b"\x91" * (DEPTH_MAX + 1) + b"\x01", "very deep": b"\x91" * 5_000 + b"\x01",
    "too long": b"\xdc\x10\x01" + b"\x01" * 4_097,
}  # fmt: skip


@pytest.mark.parametrize("name", NOT_CANONICAL)
def test_what_is_not_canonical_is_refused(name: str) -> None:
    data = NOT_CANONICAL[name]
    with pytest.raises(NotCanonicalError):
        unpack(data)
    with pytest.raises(RecordError):
        decode_record(data)
    with pytest.raises(IntentError) as action:
        decode_intent(data)
    assert action.value.code == RejectCode.ACTION_MALFORMED
    with pytest.raises(FrameError) as frame:
        decode_client_frame(data)
    assert frame.value.code == RejectCode.FRAME_MALFORMED


@given(st.binary(max_size=64))
def test_whatever_is_read_is_written_the_same(data: bytes) -> None:
    try:
        value = unpack(data)
    except NotCanonicalError:
        return
    assert pack(value) == data


@given(intents)
def test_intents_round_trip(intent: Intent) -> None:
    data = encode_intent(intent)
    assert decode_intent(data) == intent
    assert encode_intent(decode_intent(data)) == data


@given(times, inputs)
def test_records_round_trip(time: TimeMs, item: Input) -> None:
    assert decode_record(encode_record(time, item)) == (time, item)


ids = st.integers(0, 2**32 - 1)
texts = st.text(max_size=12)
client_frames: st.SearchStrategy[ClientFrame] = st.one_of(
    st.builds(ActionFrame, ids, st.binary(max_size=40), st.binary(max_size=70)),
    st.builds(QueryFrame, ids, texts, st.lists(st.integers(0, 99), max_size=3)),
    st.builds(SubscribeFrame, ids, texts, st.lists(texts, max_size=3), st.integers(0, 2**64 - 1)),
    st.builds(UnsubscribeFrame, ids),
    st.builds(PingFrame, ids),
    st.builds(ReportFrame, ids, reports),
)


@given(client_frames)
def test_client_frames_round_trip(frame: ClientFrame) -> None:
    assert decode_client_frame(encode_client_frame(frame)) == frame


@given(intents, st.data())
def test_one_wrong_field_is_refused_with_a_code(intent: Intent, data: st.DataObject) -> None:
    """Another type in any place is a refusal of the form, never another action and never an error of ours."""
    items = intent_items(intent)
    at = data.draw(st.integers(0, len(items) - 1))
    wrong: Any = data.draw(st.sampled_from([True, "7", b"\x01", [], -1, 2**64 - 1]))
    if type(wrong) is type(items[at]):
        return
    items[at] = wrong
    with pytest.raises(IntentError) as error:
        decode_intent(pack(items))
    assert error.value.code in {
        RejectCode.FIELD_WRONG_TYPE, RejectCode.FIELD_OUT_OF_RANGE, RejectCode.ACTION_MALFORMED, RejectCode.BATCH_EMPTY,
        RejectCode.ACTION_KIND_UNKNOWN,
    }  # fmt: skip


def changed(name: str, at: int, value: Any, inside: int | None = None) -> bytes:
    """A sample action with one element replaced; `inside`: in its nested order."""
    items = intent_items(samples.INTENTS[name])
    if inside is None:
        items[at] = value
    else:
        items[at][inside] = value
    return pack(items)


MALFORMED: list[tuple[str, bytes, RejectCode]] = [
    ("kind unknown", changed("CancelAll", 0, 99), RejectCode.ACTION_KIND_UNKNOWN),
    ("kind negative", changed("CancelAll", 0, -1), RejectCode.ACTION_KIND_UNKNOWN),
    ("kind is a boolean", changed("PlaceOrder", at=0, value=True), RejectCode.ACTION_MALFORMED),
    ("no fields", pack([5]), RejectCode.ACTION_MALFORMED),
    ("a field more", pack([*intent_items(samples.INTENTS["CancelAll"]), 0]), RejectCode.ACTION_MALFORMED),
    ("a field less", pack(intent_items(samples.INTENTS["Withdraw"])[:-1]), RejectCode.ACTION_MALFORMED),
    ("account too short", changed("CancelAll", 1, bytes(19)), RejectCode.FIELD_OUT_OF_RANGE),
    ("account as text", changed("CancelAll", 1, "0x00"), RejectCode.FIELD_WRONG_TYPE),
    ("nonce above 2^53", changed("CancelAll", 2, 2**53), RejectCode.FIELD_OUT_OF_RANGE),
    ("nonce negative", changed("CancelAll", 2, -1), RejectCode.FIELD_OUT_OF_RANGE),
    ("nonce a boolean", changed("CancelAll", at=2, value=True), RejectCode.FIELD_WRONG_TYPE),
    ("expiry above bound", changed("CancelAll", 3, 2**48), RejectCode.FIELD_OUT_OF_RANGE),
    ("market above u16", changed("CancelAll", 4, 2**16), RejectCode.FIELD_OUT_OF_RANGE),
    ("order not an array", changed("PlaceOrder", 4, 1), RejectCode.ACTION_MALFORMED),
    ("order too short", changed("PlaceOrder", 4, [1, 0]), RejectCode.ACTION_MALFORMED),
    ("side 2", changed("PlaceOrder", 4, 2, 1), RejectCode.FIELD_OUT_OF_RANGE),
    ("type 2", changed("PlaceOrder", 4, 2, 2), RejectCode.FIELD_OUT_OF_RANGE),
    ("time in force 4", changed("PlaceOrder", 4, 4, 3), RejectCode.FIELD_OUT_OF_RANGE),
    ("price above bound", changed("PlaceOrder", 4, 2**50, 4), RejectCode.FIELD_OUT_OF_RANGE),
    ("price negative", changed("PlaceOrder", 4, -1, 4), RejectCode.FIELD_OUT_OF_RANGE),
    ("size above bound", changed("PlaceOrder", 4, 2**40, 5), RejectCode.FIELD_OUT_OF_RANGE),
    ("reduce-only as 1", changed("PlaceOrder", 4, 1, 6), RejectCode.FIELD_WRONG_TYPE),
    ("client id too long", changed("PlaceOrder", 4, bytes(17), 7), RejectCode.FIELD_OUT_OF_RANGE),
    ("client id as integer", changed("PlaceOrder", 4, 5, 7), RejectCode.FIELD_WRONG_TYPE),
    ("self-trade 3", changed("PlaceOrder", 4, 3, 8), RejectCode.FIELD_OUT_OF_RANGE),
    ("batch not an array", changed("PlaceOrders", 4, 1), RejectCode.FIELD_WRONG_TYPE),
    ("batch empty", changed("PlaceOrders", 4, []), RejectCode.BATCH_EMPTY),
    ("batch of 51", changed("PlaceOrders", 4, [intent_items(samples.INTENTS["PlaceOrder"])[4]] * 51),
     RejectCode.BATCH_TOO_LARGE),
    ("amount above int64", changed("Withdraw", 6, 2**63), RejectCode.FIELD_OUT_OF_RANGE),
    ("asset above u16", changed("Transfer", 5, 2**16), RejectCode.FIELD_OUT_OF_RANGE),
    ("agent markets no array", changed("ApproveAgent", 8, 1), RejectCode.FIELD_WRONG_TYPE),
    ("agent market 0", changed("ApproveAgent", 8, [0]), RejectCode.FIELD_OUT_OF_RANGE),
    ("agent markets repeat", changed("ApproveAgent", 8, [1, 1]), RejectCode.FIELD_OUT_OF_RANGE),
    ("agent markets too many", changed("ApproveAgent", 8, list(range(1, 18))), RejectCode.FIELD_OUT_OF_RANGE),
    ("agent name too short", changed("ApproveAgent", 7, bytes(31)), RejectCode.FIELD_OUT_OF_RANGE),
    ("cancels not an array", changed("CancelOrders", 4, 1), RejectCode.FIELD_WRONG_TYPE),
    ("cancels of none", pack([*intent_items(samples.INTENTS["CancelOrders"])[:4], [], []]), RejectCode.BATCH_EMPTY),
    ("cancels of 51 ids", changed("CancelOrders", 4, [1] * 51), RejectCode.BATCH_TOO_LARGE),
    ("cancels of 49 and 2", changed("CancelOrders", 4, [1] * 49), RejectCode.BATCH_TOO_LARGE),
    ("cancel id above u64", changed("CancelOrders", 4, [-1]), RejectCode.FIELD_OUT_OF_RANGE),
    ("cancel client id short", changed("CancelOrders", 5, [bytes(15)]), RejectCode.FIELD_OUT_OF_RANGE),
    ("amends of none", changed("AmendOrders", 4, []), RejectCode.BATCH_EMPTY),
    ("amends of 51", changed("AmendOrders", 4, [[1, bytes(16), 1, 1]] * 51), RejectCode.BATCH_TOO_LARGE),
    ("amend too short", changed("AmendOrders", 4, [[1, bytes(16), 1]]), RejectCode.ACTION_MALFORMED),
    ("amend price a boolean", changed("AmendOrders", 4, [[1, bytes(16), True, 1]]), RejectCode.FIELD_WRONG_TYPE),
    ("grouping 4", changed("PlaceGroup", 4, 4), RejectCode.FIELD_OUT_OF_RANGE),
    ("grouping a boolean", changed("PlaceGroup", at=4, value=True), RejectCode.FIELD_WRONG_TYPE),
    ("group of none", pack([*intent_items(samples.INTENTS["PlaceGroup"])[:5], [], []]), RejectCode.BATCH_EMPTY),
    ("group orders no array", changed("PlaceGroup", 5, 1), RejectCode.FIELD_WRONG_TYPE),
    ("group of 51", changed("PlaceGroup", 6, [intent_items(samples.INTENTS["PlaceGroup"])[6][0]] * 51),
     RejectCode.BATCH_TOO_LARGE),
    ("group of 1 and 50", changed("PlaceGroup", 6, [intent_items(samples.INTENTS["PlaceGroup"])[6][0]] * 50),
     RejectCode.BATCH_TOO_LARGE),
    ("trigger no array", changed("PlaceGroup", 6, [1]), RejectCode.ACTION_MALFORMED),
    ("trigger too short", changed("PlaceGroup", 6, [[0, 1]]), RejectCode.ACTION_MALFORMED),
    ("trigger kind 2", changed("PlaceGroup", 6, [[2, 1, intent_items(samples.INTENTS["PlaceOrder"])[4]]]),
     RejectCode.FIELD_OUT_OF_RANGE),
    ("trigger level above bound", changed("PlaceGroup", 6, [[0, 2**50, intent_items(samples.INTENTS["PlaceOrder"])[4]]]),
     RejectCode.FIELD_OUT_OF_RANGE),
    ("trigger order too short", changed("PlaceGroup", 6, [[0, 1, [1]]]), RejectCode.ACTION_MALFORMED),
    ("twap side 2", changed("PlaceTwap", 5, 2), RejectCode.FIELD_OUT_OF_RANGE),
    ("twap size above bound", changed("PlaceTwap", 6, 2**40), RejectCode.FIELD_OUT_OF_RANGE),
    ("twap reduce-only as 1", changed("PlaceTwap", 7, 1), RejectCode.FIELD_WRONG_TYPE),
    ("twap seconds above u32", changed("PlaceTwap", 8, 2**32), RejectCode.FIELD_OUT_OF_RANGE),
    ("twap slippage above all", changed("PlaceTwap", 9, 10**6 + 1), RejectCode.FIELD_OUT_OF_RANGE),
    ("twap price a text", changed("PlaceTwap", 10, "1"), RejectCode.FIELD_WRONG_TYPE),
    ("twap id negative", changed("CancelTwap", 4, -1), RejectCode.FIELD_OUT_OF_RANGE),
    ("protection market above u16", changed("SetProtection", 4, 2**16), RejectCode.FIELD_OUT_OF_RANGE),
    ("protection window above u32", changed("SetProtection", 5, 2**32), RejectCode.FIELD_OUT_OF_RANGE),
    ("protection freeze negative", changed("SetProtection", 6, -1), RejectCode.FIELD_OUT_OF_RANGE),
    ("protection quantity above bound", changed("SetProtection", 7, 2**40), RejectCode.FIELD_OUT_OF_RANGE),
    ("protection delta a boolean", changed("SetProtection", at=8, value=True), RejectCode.FIELD_WRONG_TYPE),
    ("protection reset as text", changed("ResetProtection", 4, "1"), RejectCode.FIELD_WRONG_TYPE),
    ("name too short", changed("NameAccount", 4, bytes(31)), RejectCode.FIELD_OUT_OF_RANGE),
    ("name as text", changed("NameAccount", 4, "desk"), RejectCode.FIELD_WRONG_TYPE),
    ("scale of one", changed("PlaceScale", 6, 1), RejectCode.FIELD_OUT_OF_RANGE),
    ("scale of 51", changed("PlaceScale", 6, 51), RejectCode.FIELD_OUT_OF_RANGE),
    ("scale skew above bound", changed("PlaceScale", 7, 10**8 + 1), RejectCode.FIELD_OUT_OF_RANGE),
    ("scale last price above bound", changed("PlaceScale", 5, 2**50), RejectCode.FIELD_OUT_OF_RANGE),
    ("scale order too short", changed("PlaceScale", 4, [1]), RejectCode.ACTION_MALFORMED),
    ("sub-account above u32", changed("CreateSubAccount", 4, 2**32), RejectCode.FIELD_OUT_OF_RANGE),
]  # fmt: skip


@pytest.mark.parametrize(("name", "data", "code"), MALFORMED, ids=[row[0] for row in MALFORMED])
def test_malformed_actions_are_refused_with_their_code(name: str, data: bytes, code: RejectCode) -> None:
    with pytest.raises(IntentError) as error:
        decode_intent(data)
    assert error.value.code == code, name


BAD_FRAMES: list[tuple[str, bytes, RejectCode, int]] = [
    ("too large", b"\x00" * (FRAME_BYTES_MAX + 1), RejectCode.FRAME_TOO_LARGE, 0),
    ("no id", pack([5]), RejectCode.FRAME_MALFORMED, 0),
    ("id a boolean", pack([5, True]), RejectCode.FRAME_MALFORMED, 0),
    ("id above u32", pack([5, 2**32]), RejectCode.FRAME_MALFORMED, 0),
    ("id negative", pack([5, -1]), RejectCode.FRAME_MALFORMED, 0),
    ("kind of the node", pack([64, 9]), RejectCode.FRAME_KIND_UNKNOWN, 9),
    ("kind 0", pack([0, 9]), RejectCode.FRAME_KIND_UNKNOWN, 9),
    ("ping with a field", pack([5, 9, 1]), RejectCode.FRAME_MALFORMED, 9),
    ("action without signature", pack([1, 9, b""]), RejectCode.FRAME_MALFORMED, 9),
    ("action as text", pack([1, 9, "", b""]), RejectCode.FRAME_MALFORMED, 9),
    ("parting without signature", pack([8, 9, b""]), RejectCode.FRAME_MALFORMED, 9),
    ("parting as text", pack([8, 9, "", b""]), RejectCode.FRAME_MALFORMED, 9),
    ("query by bytes", pack([2, 9, b"account", []]), RejectCode.FRAME_MALFORMED, 9),
    ("query without list", pack([2, 9, "account", 1]), RejectCode.FRAME_MALFORMED, 9),
    ("after negative", pack([3, 9, "book", [], -1]), RejectCode.FRAME_MALFORMED, 9),
    ("after a boolean", pack([3, 9, "book", [], True]), RejectCode.FRAME_MALFORMED, 9),
    ("report without lines", pack([6, 9, 1, [], bytes(65)]), RejectCode.FRAME_MALFORMED, 9),
    ("report out of order", pack([6, 9, 1, [[2, 1, 0], [1, 1, 0]], bytes(65)]), RejectCode.FRAME_MALFORMED, 9),
    ("report with a repeat", pack([6, 9, 1, [[1, 1, 0], [1, 1, 0]], bytes(65)]), RejectCode.FRAME_MALFORMED, 9),
    ("report line too short", pack([6, 9, 1, [[1, 1]], bytes(65)]), RejectCode.FRAME_MALFORMED, 9),
    ("report signature short", pack([6, 9, 1, [[1, 1, 0]], bytes(64)]), RejectCode.FRAME_MALFORMED, 9),
]


@pytest.mark.parametrize(("name", "data", "code", "frame_id"), BAD_FRAMES, ids=[row[0] for row in BAD_FRAMES])
def test_bad_frames_are_refused_with_code_and_id(name: str, data: bytes, code: RejectCode, frame_id: int) -> None:
    with pytest.raises(FrameError) as error:
        decode_client_frame(data)
    assert (error.value.code, error.value.id) == (code, frame_id), name


BAD_RECORDS: dict[str, list[Any]] = {
    "no kind": [1], "time negative": [-1, 5], "time a boolean": [True, 5], "time above bound": [2**48, 5],
    "kind unknown": [1, 0], "kind a boolean": [1, True, 1, b"", bytes(65)], "tick with a field": [1, 5, 0],
    "work above bound": [1, 7, 257], "seal without number": [1, 8], "deposit amount": [1, 2, 0, bytes(20), 0, 2**63],
    "deposit owner": [1, 2, 0, bytes(21), 0, 1], "payload too long": [1, 3, 0, bytes(20), bytes(4_097)],
    "dialect unknown": [1, 1, 2, encode_intent(samples.INTENTS["CancelAll"]), bytes(65)],
    "action malformed": [1, 1, 1, b"\x90", bytes(65)], "action empty": [1, 1, 1, b"", bytes(65)],
    "signature short": [1, 1, 1, encode_intent(samples.INTENTS["CancelAll"]), bytes(64)],
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_RECORDS)
def test_bad_records_are_refused(name: str) -> None:
    with pytest.raises(RecordError):
        decode_record(pack(BAD_RECORDS[name]))


@given(signatures, st.binary(max_size=100))
def test_random_actions_never_break_the_reader(signature: bytes, action: bytes) -> None:
    try:
        decode_record(msgpack.packb([1, 1, 1, action, signature], use_bin_type=True))
    except RecordError:
        return
    assert encode_intent(decode_intent(action)) == action
