"""Metrics in the Prometheus text format; the only place that imports prometheus_client.

A registry belongs to a node object, not to the process, so that tests and the laboratory can run several nodes at once.
No label may hold an address, a key or anything a client chooses: labels are closed lists.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, start_http_server
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

__all__ = ["CONTENT_TYPE", "LATENCY_SECONDS", "Counter", "Gauge", "Histogram", "Metrics"]

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST
PREFIX: Final = "novate"
LATENCY_SECONDS: Final = (
    0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075, 0.1, 0.2, 0.5, 1.0, 5.0,
)  # fmt: skip
"""Buckets for anything a trader waits for."""


class Metrics:
    """One node's registry. Names get the prefix `novate_`."""

    def __init__(self, *, process: bool = False) -> None:
        """`process` adds memory, CPU, file handles and garbage collection of this process."""
        self._registry = CollectorRegistry()
        if process:
            ProcessCollector(registry=self._registry)
            PlatformCollector(registry=self._registry)
            GCCollector(registry=self._registry)

    def counter(self, name: str, text: str, labels: Sequence[str] = ()) -> Counter:
        """A number that only grows; `_total` is appended to its name."""
        return Counter(name, text, labels, namespace=PREFIX, registry=self._registry)

    def gauge(self, name: str, text: str, labels: Sequence[str] = ()) -> Gauge:
        """A number that goes up and down."""
        return Gauge(name, text, labels, namespace=PREFIX, registry=self._registry)

    def histogram(
        self, name: str, text: str, buckets: Sequence[float] = LATENCY_SECONDS, labels: Sequence[str] = ()
    ) -> Histogram:
        """A distribution over fixed buckets."""
        return Histogram(name, text, labels, namespace=PREFIX, registry=self._registry, buckets=buckets)

    def render(self) -> bytes:
        """What `/metrics` answers."""
        return generate_latest(self._registry)

    @contextmanager
    def served(self, host: str, port: int) -> Iterator[int]:
        """Answer `GET /metrics` on a port of its own (0: any free one, which is given) while the context is open. Raises OSError."""
        server, thread = start_http_server(port, host, self._registry)
        try:
            yield server.server_port
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    def value(self, name: str, labels: dict[str, str] | None = None) -> float | None:
        """One sample, by its full name; None where there is none yet."""
        return self._registry.get_sample_value(name, labels or {})
