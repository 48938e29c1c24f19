"""Logs are JSON lines with fields and without secrets."""

import io
import json
import logging
from collections.abc import Iterator

import pytest

from node.ops.logs import configure_logs, room_log


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    stream = io.StringIO()
    configure_logs("info", stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)


def test_a_line_is_one_object_with_its_fields(lines: io.StringIO) -> None:
    room_log("sequencer").info("batch sealed", batch=3, root=b"\x01\x02", late=False)
    line = json.loads(lines.getvalue())
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "info", "room": "sequencer", "event": "batch sealed", "batch": 3, "root": "0x0102", "late": False,
    }  # fmt: skip


def test_fields_cannot_replace_the_head(lines: io.StringIO) -> None:
    room_log("x").warning("event", level="fake")
    assert json.loads(lines.getvalue())["level"] == "warning"


def test_below_the_level_nothing_is_written(lines: io.StringIO) -> None:
    room_log("x").debug("quiet")
    logging.getLogger("library").info("chatty")
    assert lines.getvalue() == ""


def test_a_traceback_stays_in_its_line(lines: io.StringIO) -> None:
    try:
        int("boom")
    except ValueError:
        logging.getLogger("library").exception("failed")
    (line,) = lines.getvalue().splitlines()
    assert "boom" in json.loads(line)["traceback"]


@pytest.mark.parametrize("name", ["secret", "private_key", "password", "mnemonic"])
def test_secrets_are_refused_by_name(lines: io.StringIO, name: str) -> None:
    with pytest.raises(AssertionError, match=name):
        room_log("x").error("event", **{name: "value"})
