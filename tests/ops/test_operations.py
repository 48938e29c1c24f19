"""Clock, health, metrics and progress."""

import io

from node.ops.clock import FakeClock, SystemClock
from node.ops.health import Health
from node.ops.metrics import Metrics
from node.ops.progress import ProgressLine


def test_a_fake_clock_moves_when_told() -> None:
    clock = FakeClock(1_000)
    clock.advance(5)
    clock.step_wall(-3)
    assert (clock.wall_ns(), clock.monotonic_ns()) == (1_002_000_000, 5_000_000)


def test_the_system_clock_never_goes_back() -> None:
    clock = SystemClock()
    assert clock.monotonic_ns() <= clock.monotonic_ns()
    assert clock.wall_ns() > 1_600_000_000 * 10**9


def test_readiness_names_who_complains() -> None:
    health, trouble = Health(), ["The disk is slow."]
    health.add("sequencer", lambda: None)
    health.add("store", lambda: trouble[0] if trouble else None)
    assert health.readiness() == (False, {"store": "The disk is slow."})
    trouble.clear()
    assert health.readiness() == (True, {})


def test_registries_do_not_share_numbers() -> None:
    first, second = Metrics(), Metrics()
    first.counter("things", "Things.", ["kind"]).labels("a").inc(2)
    second.counter("things", "Things.", ["kind"])
    assert first.value("novate_things_total", {"kind": "a"}) == 2
    assert second.value("novate_things_total", {"kind": "a"}) is None
    assert b'novate_things_total{kind="a"} 2.0' in first.render()


def test_process_metrics_are_there_when_asked() -> None:
    assert b"process_resident_memory_bytes" in Metrics(process=True).render()
    assert b"process_resident_memory_bytes" not in Metrics().render()


def test_progress_is_told_once_a_second() -> None:
    stream, clock = io.StringIO(), FakeClock(0)
    progress = ProgressLine(stream, clock)
    for done in range(0, 4_000, 100):
        progress("replay journal", done, 10_000)
        clock.advance(100)
    lines = stream.getvalue().splitlines()
    assert lines[0] == "replay journal: 1,000 of 10,000 (10 %), 1,000/s, 9 s left"
    assert len(lines) == 3


def test_short_work_stays_silent() -> None:
    stream = io.StringIO()
    ProgressLine(stream, FakeClock(0))("load state", 0, 0)
    assert stream.getvalue() == ""
