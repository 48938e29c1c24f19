"""The golden vectors: what the code writes is what the files say, and no kind of message is without a vector."""

import json
from pathlib import Path
from typing import Any

import pytest

from proto.batch import decode_body, encode_body
from proto.frames import FrameKind, decode_client_frame, decode_node_frame
from proto.inputs import Dialect, InputKind, UserAction, decode_record
from proto.intents import IntentKind, decode_intent
from proto.ops import OpKind, decode_op
from proto.signing.secp256k1 import recover
from tests.vectors import make, samples

FOLDER = Path(make.__file__).parent / "proto"


def stored(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_text())


@pytest.mark.parametrize("name", make.FILES)
def test_code_writes_what_the_vectors_say(name: str) -> None:
    assert make.text_of(name) == (FOLDER / f"{name}.json").read_text(), (
        "python -m tests.vectors.make, and a new version"
    )


def test_every_vector_file_has_a_maker() -> None:
    assert sorted(path.stem for path in FOLDER.iterdir()) == sorted(make.FILES)


def test_every_action_kind_has_a_vector() -> None:
    rows = stored("intents")["actions"]
    assert {bytes.fromhex(row["canonical"])[1] for row in rows} == {kind.value for kind in IntentKind}
    for row, intent in zip(rows, samples.INTENTS.values(), strict=True):
        assert decode_intent(bytes.fromhex(row["canonical"])) == intent
        assert recover(bytes.fromhex(row["digest"]), bytes.fromhex(row["signature"])) == samples.KEY.address


def test_every_input_kind_has_a_vector() -> None:
    rows = stored("inputs")["records"]
    decoded = [decode_record(bytes.fromhex(row["record"])) for row in rows]
    assert [item for _, item in decoded] == list(samples.INPUTS.values())
    assert len(InputKind) == len({type(item) for _, item in decoded})
    assert {item.dialect for _, item in decoded if isinstance(item, UserAction)} == {*Dialect}


def test_every_operation_kind_has_a_vector() -> None:
    rows = stored("ops")
    assert [row["name"] for row in rows] == [kind.name for kind in OpKind]
    for row, op in zip(rows, samples.OPS.values(), strict=True):
        decoded = decode_op(bytes.fromhex(row["bytes"]))
        assert (decoded.kind, *(value for _, value in decoded.fields)) == op


def test_every_frame_kind_has_a_vector() -> None:
    frames = stored("frames")
    assert [row["name"] for row in frames["client"] + frames["node"]] == [kind.name for kind in FrameKind]
    for row, frame in zip(frames["client"], samples.CLIENT_FRAMES.values(), strict=True):
        assert decode_client_frame(bytes.fromhex(row["bytes"])) == frame
    for row in frames["node"]:
        assert decode_node_frame(bytes.fromhex(row["bytes"]))[0] == FrameKind[row["name"]]


def test_body_vector_reads_back() -> None:
    data = bytes.fromhex(stored("batch")["body"])
    assert decode_body(data) == samples.BODY
    assert encode_body(decode_body(data)) == data
