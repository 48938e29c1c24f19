"""Settings of one publisher process."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class PublisherSettings:
    """Where to report, how often, and how this publisher differs from others."""

    url: str
    """The node's native WebSocket."""
    report_ms: int = 500
    """Reports carry multiples of this as their time, so that publishers speak of the same moments."""
    noise_ppm: int = 20
    """Standard deviation of this publisher's own error: real sources never agree to the last digit. 0: none."""
    confidence_ppm: int = 50
    """Half-width that each price claims."""
    answer_ms: int = 2_000
    """A node that takes longer to answer a report is not waited for."""
    backoff_max_ms: int = 1_000
    """Between attempts to reach the node; below its staleness bound, so that a restarted node has prices soon."""
    lost_ms: int = 10_000
    """Without a connection for so long, everything about it is made anew."""

    def __post_init__(self) -> None:
        """Refuse settings that contradict each other."""
        if min(self.report_ms, self.answer_ms, self.backoff_max_ms, self.lost_ms) < 1:
            raise ValueError("periods and timeouts must be positive")
        if not 0 <= self.noise_ppm <= 10_000 or not 0 <= self.confidence_ppm <= 1_000_000:
            raise ValueError("noise_ppm must be in 0..10,000 and confidence_ppm in 0..1,000,000")
