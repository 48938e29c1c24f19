"""Reading a metrics page back: samples, labels, sums, percentiles."""

from pathlib import Path

import pytest

from node.lab.devnet.numbers import parse_samples
from node.lab.devnet.summary import Summary
from node.lab.devnet.tally import Watched, read_watched
from node.lab.devnet.validators import Validators
from node.ops.metrics import Metrics


def page() -> str:
    """What a node would answer."""
    metrics = Metrics()
    metrics.gauge("depth", "A gauge.").set(7)
    refused = metrics.counter("refused", "A counter with labels.", ["code"])
    refused.labels("ONE").inc(2)
    refused.labels("TWO").inc(3)
    wait = metrics.histogram("wait_seconds", "A histogram.", (0.001, 0.01, 0.1))
    for value in [0.0005] * 50 + [0.005] * 40 + [0.05] * 9 + [5.0]:
        wait.observe(value)
    metrics.histogram("idle_seconds", "Nothing observed.", (0.001,))
    return metrics.render().decode()


def test_samples_are_found_by_name_and_summed_over_labels() -> None:
    samples = parse_samples(page())
    assert samples.one("novate_depth") == 7
    assert samples.one("novate_missing", -1) == -1
    assert samples.total("novate_refused_total") == 5


@pytest.mark.parametrize(
    ("part", "seconds"), [(0.25, 0.0005), (0.5, 0.001), (0.9, 0.01), (0.945, 0.055), (0.99, 0.1), (1.0, 0.1)]
)
def test_percentiles_lie_on_a_line_inside_their_bucket(part: float, seconds: float) -> None:
    assert parse_samples(page()).percentile("novate_wait_seconds", part) == pytest.approx(seconds)


def test_a_histogram_without_samples_has_no_percentiles() -> None:
    assert parse_samples(page()).percentile("novate_idle_seconds", 0.5) == 0
    assert parse_samples("").percentile("novate_idle_seconds", 0.5) == 0


def test_the_watchers_file_is_read_and_may_be_missing(tmp_path: Path) -> None:
    file = tmp_path / "watcher.json"
    assert read_watched(file) == Watched(0, agrees=True)
    validators = Validators(tmp_path, 2)
    assert validators.read() == Watched(0, agrees=True)
    file.write_text('{"batch": 7, "agrees": true, "attested": 7}')
    (tmp_path / "watcher-2.json").write_text('{"batch": 6, "agrees": true, "attested": 5}')
    assert validators.read() == Watched(6, agrees=True, attested=5)
    (tmp_path / "watcher-2.json").write_text('{"batch": 6, "agrees": false, "attested": 6, "disagreement": "batch 7"}')
    assert validators.read() == Watched(6, agrees=False, disagreement="batch 7", attested=6)
    file.write_text('{"batch": 5, "last_seq": 9, "tip": 6, "agrees": false, "disagreement": "batch 6"}')
    assert read_watched(file) == Watched(5, agrees=False, disagreement="batch 6")


def test_a_summary_is_good_only_if_everything_held() -> None:
    def summary(*, verified: bool, audit: bool) -> Summary:
        return Summary(
            orders=1, fills=1, batches_sealed=3, batches_posted=3, batches_verified=3, batches_final=1,
            verified_all=verified, audit=audit, seconds=2.00049, ack_p50_ms=1.23456, ack_p99_ms=9.87654,
            rpc="http://127.0.0.1:1", contract="0x00", chain_id=31337, ports={"http": 1, "l1": 2},
        )  # fmt: skip

    assert summary(verified=True, audit=True).good
    assert not summary(verified=False, audit=True).good
    assert not summary(verified=True, audit=False).good
    assert summary(verified=True, audit=True).to_json() == {
        "orders": 1, "fills": 1, "batches_sealed": 3, "batches_posted": 3, "batches_verified": 3, "batches_final": 1,
        "verified_all": True, "audit": True, "seconds": 2.0, "ack_ms": {"p50": 1.235, "p99": 9.877},
        "l1": {"rpc": "http://127.0.0.1:1", "contract": "0x00", "chain_id": 31337}, "ports": {"http": 1, "l1": 2},
        "validators": 1,
        "attested": 0,
    }  # fmt: skip
