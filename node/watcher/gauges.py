"""What a watcher tells Prometheus."""

from node.ops.metrics import Metrics
from node.watcher.report import Disagreement
from node.watcher.validator import Attestation


class WatcherGauges:
    """A listener of the watcher."""

    def __init__(self, metrics: Metrics) -> None:
        self._verified = metrics.gauge("watch_verified_batch", "Newest batch that was re-executed and is right.")
        self._seq = metrics.gauge("watch_verified_seq", "Its last input.")
        self._lag = metrics.gauge("watch_lag_batches", "Batches on L1 that are not verified yet.")
        self._attested = metrics.gauge("watch_attested_batch", "Newest batch that this validator has signed.")
        self._alarm = metrics.gauge("watch_alarm_batch", "Batch that is wrong; 0: none.")
        self._alarms = metrics.counter("watch_alarms", "Batches that were found to be wrong.")
        self._withheld = metrics.counter("watch_attestations_withheld", "Batches that the key's record forbade to sign.")
        self._trouble = metrics.counter("watch_l1_trouble", "Times that L1 was away or contradicted itself.")

    def verified(self, batch_id: int, last_seq: int, tip: int) -> None:
        """A batch is right."""
        self._verified.set(batch_id)
        self._seq.set(last_seq)
        self._lag.set(max(0, tip - batch_id))
        self._alarm.set(0)

    def attested(self, attestation: Attestation) -> None:
        """A batch was signed."""
        self._attested.set(attestation.batch_id)

    def withheld(self, _reason: str) -> None:
        """A batch that is right was not signed."""
        self._withheld.inc()

    def trouble(self, _reason: str) -> None:
        """L1 is away."""
        self._trouble.inc()

    def disagreed(self, found: Disagreement) -> None:
        """The alarm."""
        self._alarm.set(found.batch_id)
        self._alarms.inc()
