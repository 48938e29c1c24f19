"""What the gateway tells Prometheus. The hot path counts in plain integers; they reach the registry when the page is asked for."""

from collections import Counter as Tally
from typing import Final

from node.ops.metrics import LATENCY_SECONDS, Metrics
from proto.reject import RejectCode

_SIGNERS_MAX: Final = 100_000


class GatewayGauges:
    """Counters and gauges of the gateway."""

    def __init__(self, metrics: Metrics) -> None:
        self.actions = 0
        self.orders = 0
        self.reports = 0
        self.queries = 0
        self.frames_out = 0
        self.refused: Tally[RejectCode] = Tally()
        self.dropped: Tally[str] = Tally()
        self._signers: dict[bytes, None] = {}  # Bounded: the figure is "at least" beyond that.
        self._published: Tally[str] = Tally()
        self._totals = {
            "actions": metrics.counter("gateway_actions", "Signed actions whose signature held."),
            "orders": metrics.counter("gateway_orders", "Orders in those actions."),
            "reports": metrics.counter("gateway_reports", "Price reports whose signature held."),
            "queries": metrics.counter("gateway_queries", "Queries over WebSocket and HTTP."),
            "frames_out": metrics.counter("gateway_frames_out", "Frames handed to connections that are closed now."),
        }
        self._refused = metrics.counter("gateway_refused", "Refusals before the stamp, by code.", ["code"])
        self._dropped = metrics.counter("gateway_dropped", "Connections that the node closed, by reason.", ["reason"])
        self._connections = metrics.gauge("gateway_connections", "Open connections.")
        self._distinct = metrics.gauge("gateway_signers", "Distinct recovered signers of actions since the start.")
        self._verifying = metrics.gauge("gateway_verifying", "Actions whose signature waits to be checked.")
        self._streams = metrics.gauge("gateway_streams", "Live streams.")
        self._stream_bytes = metrics.gauge("gateway_stream_bytes", "Bytes in the rings of streams.")
        self.ack = metrics.histogram("gateway_ack_seconds", "From reading an action to its answer.", LATENCY_SECONDS)

    def signed_by(self, signer: bytes) -> None:
        """Remember a signer."""
        if signer not in self._signers and len(self._signers) < _SIGNERS_MAX:
            self._signers[signer] = None

    def publish(self, connections: int, verifying: int, streams: tuple[int, int]) -> None:
        """Bring the registry up to date."""
        for name, counter in self._totals.items():
            value = getattr(self, name)
            counter.inc(value - self._published[name])
            self._published[name] = value
        for code, number in self.refused.items():
            self._refused.labels(code.name).inc(number)
        self.refused.clear()
        for reason, number in self.dropped.items():
            self._dropped.labels(reason).inc(number)
        self.dropped.clear()
        self._connections.set(connections)
        self._distinct.set(len(self._signers))
        self._verifying.set(verifying)
        self._streams.set(streams[0])
        self._stream_bytes.set(streams[1])
