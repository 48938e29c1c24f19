"""Settings of a client."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """How patient a client is and how much it holds."""

    connect_s: float = 10.0
    answer_s: float = 30.0
    """An answer that takes longer: OutcomeUnknownError."""
    backoff_s: float = 0.1
    backoff_max_s: float = 5.0
    heartbeat_s: float = 15.0
    events_held: int = 10_000
    """Events per subscription that the reader has not taken yet; beyond this the rest is fetched again once it has."""
    message_bytes_max: int = 64 * 1024 * 1024
    """Snapshots of deep books are large."""
