"""What the sequencer tells Prometheus. Updated once per cycle, not per input."""

from collections import Counter as Tally
from collections.abc import Sequence
from typing import Final

from node.core.outcome import Rejected
from node.ops.metrics import LATENCY_SECONDS, Metrics
from node.sequencer.released import ReleasedInput
from node.store.headers import BatchHeader
from proto.ledger import SYSTEM_ASSET_WORDS, asset_totals

_SIZES: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000)


class SequencerGauges:
    """Counters and gauges of the writer."""

    def __init__(self, metrics: Metrics) -> None:
        self._inputs = metrics.counter("inputs", "Durable inputs by kind.", ["kind"])
        self._rejected = metrics.counter("inputs_rejected", "Durable inputs that the rules refused, by code.", ["code"])
        self._seq = metrics.gauge("seq", "Number of the newest durable input.")
        self._waiting = metrics.gauge("inbox_inputs", "Inputs that wait for their number.")
        self._cycle = metrics.histogram("cycle_inputs", "Inputs per journal write.", _SIZES)
        self._write = metrics.histogram(
            "journal_write_seconds", "Journal write, synced, and head witness.", LATENCY_SECONDS
        )
        self._seal = metrics.histogram("seal_seconds", "From a SealTick to its durable header.", LATENCY_SECONDS)
        self._batches = metrics.counter("batches_sealed", "Sealed batches of this process.")
        self._batch = metrics.gauge("batch_sealed_id", "Newest sealed batch.")
        self._ops = metrics.gauge("batch_ops", "Operations of the newest sealed batch.")
        self._bytes = metrics.gauge("batch_bytes", "Body bytes of the newest sealed batch.")
        self._totals = metrics.gauge("ledger_units", "Running totals at the newest seal, in ledger units.", ["asset", "total"])
        self._wall_error = metrics.gauge("wall_clock_ahead_ms", "How far the wall clock is ahead of the stamps.")

    def cycle(self, inputs: Sequence[ReleasedInput], waiting: int, seconds: float, wall_error_ms: int) -> None:
        """A cycle became durable."""
        for kind, number in Tally(type(released.item).__name__ for released in inputs).items():
            self._inputs.labels(kind).inc(number)
        refused = Tally(released.outcome.code for released in inputs if isinstance(released.outcome, Rejected))
        for code, number in refused.items():
            self._rejected.labels(code.name).inc(number)
        self._seq.set(inputs[-1].seq)
        self._waiting.set(waiting)
        self._cycle.observe(len(inputs))
        self._write.observe(seconds)
        self._wall_error.set(wall_error_ms)

    def sealed(self, header: BatchHeader, seconds: float) -> None:
        """A batch became durable."""
        self._batches.inc()
        self._batch.set(header.batch_id)
        self._ops.set(header.ops_count)
        self._bytes.set(header.body_bytes)
        self._seal.observe(seconds)
        for asset, totals in enumerate(asset_totals(header.roots.system)):
            for name, value in zip(SYSTEM_ASSET_WORDS, totals, strict=True):
                self._totals.labels(str(asset), name).set(value)
