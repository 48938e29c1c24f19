"""`novate feed` against a real node in another process."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from node.cli.feed import command
from node.lab.bench.flow import generate
from node.lab.feed.rows import Row
from tests.lab.flow_files import write_flow


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command, list(arguments))


def report(result: Result) -> dict[str, Any]:
    """The one object on stdout."""
    found: dict[str, Any] = json.loads(result.stdout)
    assert list(found) == [
        "commands", "checked", "matched", "mismatched", "refused", "seconds", "commands_per_second", "ack_ms",
    ]  # fmt: skip
    assert list(found["ack_ms"]) == ["p50", "p99", "max"]
    return found


def generated(count: int) -> list[Row]:
    """A short flow: a part of the resting book, then every kind of row."""
    rows, kept = generate(9_800), {}
    session = rows[8_800 : 8_800 + count]
    named = {row.order for row in session} | {fill.maker for row in session for fill in row.fills}
    kept = {row.order: row for row in rows[:8_800] if row.order in named}
    return [*kept.values(), *session]


def test_a_flow_of_every_kind_matches(tmp_path: Path) -> None:
    rows = generated(600)
    takes = sum(1 for row in rows if row.kind == "T")
    result = run(str(write_flow(tmp_path / "flow.csv", rows)), "--json")
    assert result.exit_code == 0, result.stderr
    found = report(result)
    assert (found["commands"], found["checked"], found["matched"]) == (len(rows), takes, takes)
    assert (found["mismatched"], found["refused"]) == (0, 0)
    assert takes > 10
    assert found["ack_ms"]["p50"] > 0


def test_wrong_records_and_refused_commands_are_counted(tmp_path: Path) -> None:
    rows = generated(300)
    at = next(at for at, row in enumerate(rows) if row.fills)
    first = rows[at].fills[0]
    rows[at] = rows[at]._replace(fills=(first._replace(maker=first.maker + 1_000_000), *rows[at].fills[1:]))
    rows.append(rows[-1]._replace(kind="X", order=9_999_999, fills=()))
    result = run(str(write_flow(tmp_path / "flow.csv", rows)), "--json")
    assert result.exit_code == 1, result.stderr
    found = report(result)
    assert found["refused"] == 1
    assert found["mismatched"] >= 1
    assert found["matched"] + found["mismatched"] == found["checked"]
    assert f"line {at + 2}, order {rows[at].order}: the record has" in result.stderr
    assert "X was refused, ORDER_UNKNOWN" in result.stderr


def test_the_recorded_day_matches_as_far_as_a_test_goes(shared_dir: Path) -> None:
    result = run(str(shared_dir / "data" / "es_mbo_head.csv.gz"), "--limit", "12000", "--json")
    assert result.exit_code == 0, result.stderr
    found = report(result)
    assert found["commands"] == 12_000
    assert found["checked"] == found["matched"] > 0


def test_bad_files_end_with_2_before_a_node_is_started(tmp_path: Path) -> None:
    path = write_flow(tmp_path / "flow.csv", generated(20))
    path.write_text(path.read_text() + "0,Q,1,B,1,1,\n")
    result = run(str(path), "--json")
    assert result.exit_code == 2
    assert "column kind" in json.loads(result.stdout)["error"]
    assert "column kind" in result.stderr
    assert run(str(tmp_path / "nowhere"), "--json").exit_code == 2


@pytest.mark.parametrize("url", ["ws://127.0.0.1:9/v1/ws"])
def test_a_node_that_is_not_there_ends_with_2(tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("node.lab.feed.program.CONNECT_S", 0.5)
    result = run(str(write_flow(tmp_path / "flow.csv", generated(5))), "--url", url, "--json")
    assert result.exit_code == 2
    assert "no Novate node answers" in result.stderr
