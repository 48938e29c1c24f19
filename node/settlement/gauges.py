"""What settlement tells Prometheus."""

from node.ops.metrics import Metrics


class SettlementGauges:
    """Gauges, set after each look at L1."""

    def __init__(self, metrics: Metrics) -> None:
        self._head = metrics.gauge("l1_block", "Newest L1 block that settlement has read.")
        self._tip = metrics.gauge("batch_posted_id", "Newest batch that L1 has.")
        self._final = metrics.gauge("batch_final_id", "Newest batch whose challenge window is over.")
        self._backlog = metrics.gauge("batch_backlog", "Sealed batches that L1 does not have.")
        self._deposits = metrics.gauge("deposits_pending", "Deposits on L1 that are not credited yet.")
        self._held_up = metrics.gauge(
            "posting_held_up", "Number of the refusal that holds posting up; from 6720 on L1 itself; 0: none."
        )
        self._reorgs = metrics.counter("l1_reorgs", "Reorganisations of L1 that were seen.")

    def looked(self, head: int, tip: int, final: int, deposits: int) -> None:
        """L1 was read."""
        self._head.set(head)
        self._tip.set(tip)
        self._final.set(final)
        self._deposits.set(deposits)

    def posting(self, backlog: int, refusal: int) -> None:
        """The poster made a round."""
        self._backlog.set(backlog)
        self._held_up.set(refusal)

    def reorganised(self) -> None:
        """L1 dropped blocks."""
        self._reorgs.inc()
