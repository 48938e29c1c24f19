"""What guards the venue, for Prometheus: prices, statuses and breakers, fractions, the gate.

Taken from the state at start, then from the events of durable inputs.
"""

from collections.abc import Callable, Sequence
from typing import Any

from node.core.outcome import Applied
from node.core.state import State
from node.ops.metrics import Metrics
from node.sequencer.released import ReleasedInput
from proto.events import (
    BreakerCause,
    CloseReason,
    IndexSet,
    MarketStatusChanged,
    OrderClosed,
    PublisherRevoked,
    VolatilitySet,
    WithdrawalsGated,
)

_MS_PER_S = 1_000


class GuardGauges:
    """Gauges of what the rules decided about prices and money."""

    def __init__(self, metrics: Metrics) -> None:
        self._status = metrics.gauge(
            "market_status", "0 open, 1 post-only, 2 cancel-only, 3 halted, 4 settled.", ["market"]
        )
        self._breakers = metrics.counter("breakers", "Entries into a status by cause.", ["market", "cause"])
        self._index = metrics.gauge("index_status", "0 fresh, 1 uncertain, 2 stale, 3 missing.", ["index"])
        self._publishers = metrics.gauge("index_publishers", "Publishers whose reports form the index.", ["index"])
        self._fraction = metrics.gauge(
            "market_fraction_ppm", "Margin fraction that forecast volatility asks for.", ["market", "kind"]
        )
        self._gated = metrics.gauge("withdrawals_gated_until_seconds", "End of the newest gate, Unix time; 0: never closed.")
        self._revoked = metrics.gauge("publishers_revoked", "Publishers whose key was revoked.")
        self._capped = metrics.counter("orders_capped", "Resting orders cancelled because their fill would pass a cap.")
        self._handlers: dict[type[Any], Callable[[Any], None]] = {
            MarketStatusChanged: self._status_changed, IndexSet: self._index_set, VolatilitySet: self._volatility_set,
            WithdrawalsGated: self._gate_closed, PublisherRevoked: lambda _: self._revoked.inc(), OrderClosed: self._closed,
        }  # fmt: skip

    def seed(self, state: State) -> None:
        """The present of a recovered state."""
        for number, market in state.markets.items():
            self._status.labels(str(number)).set(market.status)
            self._volatility_set(VolatilitySet(number, market.initial_vol_ppm, market.maintenance_vol_ppm))
        for name, index in state.indices.items():
            self._index_set(IndexSet(name, index.price, index.confidence, index.status, index.publishers))
        seen = state.guards.deficit_seen
        self._gated.set((seen + state.params.withdrawals.gate_ms) / _MS_PER_S if seen else 0)
        self._revoked.set(len(state.guards.revoked))

    def take(self, inputs: Sequence[ReleasedInput]) -> None:
        """The events of a cycle that became durable."""
        handlers = self._handlers
        for released in inputs:
            outcome = released.outcome
            if type(outcome) is Applied:
                for event in outcome.events:
                    handler = handlers.get(type(event))
                    if handler is not None:
                        handler(event)

    def _status_changed(self, event: MarketStatusChanged) -> None:
        self._status.labels(str(event.market)).set(event.status)
        if event.cause != BreakerCause.NONE:
            self._breakers.labels(str(event.market), event.cause.name.lower()).inc()

    def _index_set(self, event: IndexSet) -> None:
        self._index.labels(str(event.index_id)).set(event.status)
        self._publishers.labels(str(event.index_id)).set(event.publishers)

    def _volatility_set(self, event: VolatilitySet) -> None:
        self._fraction.labels(str(event.market), "initial").set(event.initial_ppm)
        self._fraction.labels(str(event.market), "maintenance").set(event.maintenance_ppm)

    def _gate_closed(self, event: WithdrawalsGated) -> None:
        self._gated.set(event.until / _MS_PER_S)

    def _closed(self, event: OrderClosed) -> None:
        if event.reason == CloseReason.CAP_REACHED:
            self._capped.inc()
