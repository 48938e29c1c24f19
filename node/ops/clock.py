"""The two clocks of a machine, behind a Protocol so that tests own time."""

import time
from typing import Final, Protocol

NS_PER_MS: Final = 1_000_000


class Clock(Protocol):
    """Wall time may step in either direction; monotonic time never goes back and has no meaning by itself."""

    def wall_ns(self) -> int:
        """Nanoseconds since the Unix epoch, as the machine believes."""
        ...

    def monotonic_ns(self) -> int:
        """Nanoseconds since some moment of this process."""
        ...


class SystemClock:
    """The machine's clocks."""

    def wall_ns(self) -> int:
        """Nanoseconds since the Unix epoch."""
        return time.time_ns()

    def monotonic_ns(self) -> int:
        """Nanoseconds of CLOCK_MONOTONIC, which the operating system slews but never steps."""
        return time.monotonic_ns()


class FakeClock:
    """A clock that moves when it is told to."""

    def __init__(self, wall_ms: int, monotonic_ms: int = 0) -> None:
        self._wall_ns = wall_ms * NS_PER_MS
        self._monotonic_ns = monotonic_ms * NS_PER_MS

    def wall_ns(self) -> int:
        """Nanoseconds since the Unix epoch."""
        return self._wall_ns

    def monotonic_ns(self) -> int:
        """Nanoseconds since the clock was made."""
        return self._monotonic_ns

    def advance(self, ms: int) -> None:
        """Let time pass."""
        assert ms >= 0
        self._wall_ns += ms * NS_PER_MS
        self._monotonic_ns += ms * NS_PER_MS

    def step_wall(self, ms: int) -> None:
        """Set the wall clock forward or back, as an operator or a time daemon may."""
        self._wall_ns += ms * NS_PER_MS
