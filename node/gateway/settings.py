"""Operator settings of the gateway. None of them can change a result, only who is served how fast."""

from dataclasses import dataclass, field
from pathlib import Path

from node.views.streams import StreamLimits
from proto.frames import FRAME_BYTES_MAX
from proto.units import U16_MAX


@dataclass(frozen=True, slots=True)
class LimitSettings:
    """What one peer may ask. 0 switches a rate off (a benchmark's node, a private network)."""

    weight_per_minute: int = 1_200
    """Per network address: order 1, batch 1 + n/40, read 2 to 20."""
    frames_per_minute: int = 30_000
    """Messages read from one connection, pings too; beyond this it is read more slowly."""
    budget_actions: int = 10_000
    """Orders and cancels an account may send before it has traded; each USDC traded adds one. Cancels have twice that."""
    budget_wait_ms: int = 10_000
    """With the budget spent, one action per so many milliseconds; cancels of open orders always pass."""
    refusals_burst: int = 1_000
    """Stamped refusals a signer may cause at once: they cost journal and L1 space. Room for a maker whose post-only quotes race."""
    refusals_per_second: int = 10
    connections: int = 2_000
    connections_per_address: int = 200
    subscriptions: int = 1_000
    """Per connection."""
    in_flight: int = 10_000
    """Unanswered frames per connection; beyond this the node stops reading from it."""
    in_flight_bytes: int = 1024 * 1024
    """Bytes of those frames, likewise."""
    verifying: int = 20_000
    """Actions of all connections whose signatures wait to be checked."""
    slow_actions_per_second: int = 200
    """What is admitted in all while too many batches wait for L1."""


@dataclass(frozen=True, slots=True)
class HlSettings:
    """The Hyperliquid-compatible dialect. Who may sign in it is a protocol parameter, not a setting."""

    enabled: bool = True
    """Serve /info, /exchange and /ws at the root."""


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """Where to listen and how much to hold."""

    host: str = "127.0.0.1"
    port: int = 8080
    """0: any free port."""
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    """Both or neither. Without TLS the node belongs behind a proxy that has it."""
    message_bytes_max: int = 2 * FRAME_BYTES_MAX
    """A WebSocket message above the frame bound is refused; one above this closes the connection."""
    heartbeat_s: float = 15.0
    send_high_bytes: int = 256 * 1024
    """Unsent bytes in a connection's transport above which the node holds back."""
    send_held_bytes: int = 4 * 1024 * 1024
    """Held-back bytes above which the reader is too slow and is dropped."""
    stall_ms: int = 10_000
    """How long answers to queries wait for a connection to take what was sent before."""
    close_ms: int = 5_000
    """What a dropped reader has left to take its last frame."""
    query_ms: int = 10_000
    """A query that takes longer is refused: the disk or the writer is stuck."""
    history_days: int = 400
    """Histories and candles under an hour that are older are forgotten; 0: never. Longer candles stay."""
    verify_batch: int = 64
    """Signatures per trip to the worker thread."""
    limits: LimitSettings = field(default_factory=LimitSettings)
    hl: HlSettings = field(default_factory=HlSettings)
    streams: StreamLimits = field(default_factory=StreamLimits)

    def __post_init__(self) -> None:
        """Refuse settings that contradict each other."""
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("gateway.tls_certificate and gateway.tls_key: give both or neither")
        if not 0 <= self.port <= U16_MAX:
            raise ValueError(f"gateway.port: at most {U16_MAX}")
        if self.message_bytes_max <= FRAME_BYTES_MAX:
            raise ValueError(f"gateway.message_bytes_max: above the frame bound of {FRAME_BYTES_MAX}")
        if (
            min(
                self.verify_batch,
                self.limits.in_flight,
                self.limits.in_flight_bytes,
                self.limits.verifying,
                self.limits.connections,
            )
            < 1
        ):
            raise ValueError("gateway: bounds must be positive")
