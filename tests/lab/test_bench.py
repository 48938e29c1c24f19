"""Measurements measure what they say, on small amounts; no figure is judged here."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from node.cli.bench import command
from node.gateway.outbox import websocket_frame
from node.lab.bench import batch, devnet, engine, readers, reads, risk, store, streams
from node.lab.bench.flow import find_recorded, generate, load_flow
from node.lab.bench.machine import file_system_type, measure_file_system, refuse_memory
from node.lab.bench.measure import BenchError, Latencies, Setting, latencies_of, rate_result
from node.lab.bench.measure import Result as Figure
from node.lab.bench.prepared import open_prepared, prepare
from node.lab.bench.venue import START, Signed, Venue
from node.lab.percentiles import median, percentile
from node.lab.stress.paths import make_path
from proto.frames import FrameKind, encode_node_frame
from tests.lab.flow_files import write_flow


class SilentTransport(asyncio.WriteTransport):
    """Takes everything, sends nothing."""

    aborted = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Forget it."""

    def abort(self) -> None:
        """Remember it."""
        self.aborted = True


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command, list(arguments))


@pytest.fixture
def flow(tmp_path: Path) -> Path:
    """A short flow in a file."""
    return write_flow(tmp_path / "flow.csv", generate(700))


@pytest.fixture
def setting(tmp_path: Path, flow: Path) -> Setting:
    """One run, in a directory that is on a disk or the test skips."""
    try:
        refuse_memory(tmp_path)
    except BenchError as error:
        pytest.skip(str(error))
    return Setting(tmp_path, flow, 1, lambda text: None)


def test_percentiles() -> None:
    values = [float(value) for value in range(100, 0, -1)]
    assert [percentile(values, part) for part in (0.0, 0.5, 0.99, 0.999, 1.0)] == [1.0, 50.0, 99.0, 100.0, 100.0]
    assert (percentile([], 0.5), percentile([7.0], 0.5), median([3.0, 1.0, 2.0])) == (0.0, 7.0, 2.0)
    assert latencies_of(values) == Latencies(50.0, 99.0, 100.0)


def test_a_figure_as_json() -> None:
    assert rate_result("x", 10, "y/s", [1.0, 4.0, 2.0]).as_json() == {
        "name": "x",
        "value": 5.0,
        "unit": "y/s",
        "seconds": 7.0,
    }
    shown = Figure("x", 1.23456, "ms", 2.0, Latencies(1.0, 2.0, 3.0), "note").as_json()
    assert list(shown) == ["name", "value", "unit", "p50_ms", "p99_ms", "p999_ms", "seconds", "note"]


def test_the_command_prints_one_report(flow: Path) -> None:
    result = run("engine", "verify", "tick", "--runs", "1", "--flow", str(flow), "--json")
    assert result.exit_code == 0, result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    assert list(found) == ["machine", "commit", "filesystem", "results"]
    assert list(found["filesystem"]) == ["type", "directory", "syncs_per_second"]
    assert [figure["name"] for figure in found["results"]] == ["engine", "verify", "tick"]
    assert all(figure["value"] > 0 and figure["seconds"] > 0 for figure in found["results"])
    assert "flow.csv" in found["results"][0]["note"]


def test_end_to_end_runs_against_a_node_in_another_process(setting: Setting, flow: Path) -> None:
    result = run("e2e", "--runs", "1", "--flow", str(flow), "--dir", str(setting.directory), "--json")
    assert result.exit_code == 0, result.stderr
    figure = json.loads(result.stdout)["results"][0]
    assert figure["unit"] == "actions/s"
    assert 0 < figure["p50_ms"] <= figure["p99_ms"] <= figure["p999_ms"]


@pytest.mark.timeout(300)
def test_a_watcher_runs_over_a_posted_history(setting: Setting, flow: Path) -> None:
    result = run("watch", "--runs", "1", "--flow", str(flow), "--dir", str(setting.directory), "--json")
    assert result.exit_code == 0, result.stderr
    figure = json.loads(result.stdout)["results"][0]
    assert figure["value"] > 0
    assert "2,1" in figure["note"]  # Three rounds of 700 rows, and what goes around them.


def test_usage_errors_end_with_2(tmp_path: Path) -> None:
    for arguments in (
        (),
        ("nonsense",),
        ("engine", "--all"),
        ("engine", "--runs", "0"),
        ("engine", "--flow", "nowhere"),
    ):
        assert run(*arguments).exit_code == 2
    bad = tmp_path / "bad.csv"
    bad.write_text("hello\n")
    result = run("engine", "--flow", str(bad), "--json")
    assert result.exit_code == 2
    assert "column time_us" in json.loads(result.stdout)["error"]
    assert "column time_us" in result.stderr


def test_without_a_recorded_flow_the_note_says_so(tmp_path: Path) -> None:
    assert find_recorded(tmp_path / "checkout") is None
    assert "generated" in load_flow(None).name
    data = tmp_path / "elsewhere" / "data"
    data.mkdir(parents=True)
    (data / "es_mbo_head.csv.gz").touch()
    assert find_recorded(tmp_path / "checkout") == data / "es_mbo_head.csv.gz"


def test_the_generated_flow_is_accepted_to_the_last_row() -> None:
    assert engine.bench_engine(Setting(Path(), None, 1, lambda text: None)).value > 0


def test_memory_file_systems_are_refused(tmp_path: Path) -> None:
    shared = Path("/dev/shm")
    if file_system_type(shared) != "tmpfs":
        pytest.skip("no memory file system at /dev/shm")
    with pytest.raises(BenchError, match="tmpfs"):
        refuse_memory(shared)
    result = run("start", "--dir", str(shared), "--json")
    assert result.exit_code == 2
    assert measure_file_system(tmp_path).syncs_per_second > 0


def test_a_seal_and_a_recovery_are_measured(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "_ACCOUNTS", 500)
    monkeypatch.setattr(engine, "_TOUCHED", 50)
    figure = engine.bench_root(setting)
    assert figure.latencies is not None
    assert figure.latencies.p50_ms > 0
    recovery = store.bench_recovery(setting)
    assert (recovery.unit, recovery.note) == ("inputs/s", "flow.csv")


async def test_memory_and_start_are_measured_on_real_nodes(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "_ACCOUNTS", 10_000)
    memory = await store.bench_memory(setting)
    assert memory.value > 10
    start = await store.bench_start(setting)
    assert start.value > 0
    assert list(setting.directory.glob("novate-*")) == []


def test_a_prepared_store_comes_back_sealed_or_not(tmp_path: Path) -> None:
    venue = Venue()
    inputs = [*venue.opening(signed=True)]
    for key, intent in venue.intents(load_flow(None)._replace(rows=generate(600)), START):
        inputs.append(Signed(venue.sign(key, intent), key.address))
    roots = []
    for sealed in (False, True):
        count = prepare(tmp_path / str(sealed), Venue(), inputs, sealed=sealed)
        opened = open_prepared(tmp_path / str(sealed), Venue())
        assert opened.recovered.machine.seq == count == len(inputs) + sealed
        assert opened.recovered.replayed == (0 if sealed else len(inputs))
        assert opened.shelf.views.seq == count
        roots.append({order.client_id: order.remaining for order in opened.recovered.machine.state.orders.values()})
        opened.store.close()
    assert roots[0] == roots[1] != {}


async def test_streams_reach_every_reader_of_a_real_node(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    everybody = streams.CROWD.readers

    def few(venue: Venue, market: int) -> list[tuple[int, list[readers.Wanted]]]:
        return [(2, wanted) for _, wanted in everybody(venue, market)]

    monkeypatch.setattr(streams, "CROWD", streams.CROWD._replace(readers=few))
    figure = await streams.bench_crowd(setting)
    assert figure.unit == "events/s"
    assert figure.value > 0
    assert "4 connections x 10 subscriptions" in figure.note
    assert "none dropped, no gap, 0 snapshots" in figure.note


def test_a_reader_counts_gaps_and_says_why_it_was_dropped() -> None:
    seen = readers.Seen()
    reader = readers.Reader(seen, [readers.Wanted("trades", [1])])
    head = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"
    transport = SilentTransport()
    reader.connection_made(transport)
    frames = [
        encode_node_frame((FrameKind.SNAPSHOT.value, 1, 7, 1, 1, "requested", [])),
        encode_node_frame((FrameKind.EVENT.value, 1, 8, 1, 1, ["x" * 200])),
        encode_node_frame((FrameKind.EVENT.value, 1, 10, 1, 1, [])),
        encode_node_frame((FrameKind.CLOSING.value, 0, 9004, "READER_TOO_SLOW", "why")),
    ]
    stream = head + b"".join(websocket_frame(frame) for frame in frames)
    for at in range(len(stream)):  # However the network cuts it.
        reader.data_received(stream[at : at + 1])
    assert (seen.events, seen.gaps, seen.anew, reader.subscribed.is_set()) == (2, 1, 0, True)
    reader.connection_lost(None)
    assert seen.dropped == ["9004 READER_TOO_SLOW why"]
    assert transport.aborted


async def test_a_batch_is_measured_against_one_order(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "ROUNDS", 5)
    figure = await batch.bench_batch(setting)
    assert figure.unit == "x one order"
    assert figure.value > 0


async def test_orders_are_measured_beside_reads(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reads, "PART_S", 0.25)
    figure = await reads.bench_reads(setting)
    assert figure.unit == "x alone"
    assert "reads/s" in figure.note


def test_questions_are_what_bots_ask() -> None:
    kinds = [question["type"] for question in reads.questions()]
    assert len(kinds) == 100
    assert len(set(kinds)) == 7


async def test_a_devnet_is_measured_to_its_first_fill(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devnet, "RUN_S", 3.0)
    figure = await devnet.bench_devnet(setting)
    assert (figure.name, figure.unit) == ("devnet", "s")
    assert 0 < figure.value < figure.seconds
    assert "all verified; the watcher was at most" in figure.note


def test_risk_figures_on_small_amounts(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    small = risk.RiskSizes(positions=60, markets=3, ticks=5, accounts=12)
    monkeypatch.setattr(risk, "SIZES", small)
    mark = risk.bench_mark(setting)
    assert (mark.unit, "60 positions, 3 markets" in mark.note) == ("ms", True)
    short = make_path("flash", 1)
    monkeypatch.setattr(risk, "_recorded_path", lambda: (short._replace(bars=short.bars[:30]), "a short path"))
    assert "12 accounts, 30 bars twice" in risk.bench_stress(setting).note
