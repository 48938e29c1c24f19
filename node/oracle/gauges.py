"""What a publisher tells Prometheus. Labels are what its operator configured: indices and sources, no keys, no addresses."""

from node.ops.metrics import Metrics


class OracleGauges:
    """Counters and gauges of one publisher process."""

    def __init__(self, metrics: Metrics) -> None:
        self._reports = metrics.counter(
            "oracle_reports", "Reports by what became of them: accepted, or the refusal's name.", ["outcome"]
        )
        self._connected = metrics.gauge("oracle_node_connected", "1 while the node answers.")
        self._price = metrics.gauge("oracle_price_usd", "Price that the newest report carries.", ["index"])
        self._used = metrics.gauge(
            "oracle_sources_used", "Sources behind that price; 0: the index is left out.", ["index"]
        )
        self._up = metrics.gauge("oracle_source_up", "1 while a source has a price.", ["index", "source"])
        self._failures = metrics.counter(
            "oracle_source_failures", "Questions to a venue without a usable answer.", ["index", "source"]
        )

    def report(self, outcome: str, *, answered: bool) -> None:
        """A report was taken, refused, or could not be sent."""
        self._reports.labels(outcome).inc()
        self._connected.set(answered)

    def source(self, index: int, label: str, *, up: bool) -> None:
        """Whether a source had a price for the newest report."""
        self._up.labels(str(index), label).set(up)

    def source_failed(self, index: int, label: str) -> None:
        """A venue gave no usable answer."""
        self._failures.labels(str(index), label).inc()

    def price(self, index: int, micro: int, used: int) -> None:
        """What is reported, micro-USDC, and from how many sources."""
        self._used.labels(str(index)).set(used)
        if used:
            self._price.labels(str(index)).set(micro / 1_000_000)
