"""The time that inputs are stamped with: milliseconds, never decreasing, steady when the wall clock jumps.

Invariants:
- Between two stamps of one process time advances by the monotonic time between them, corrected by at most one part in
  `SLEW_PARTS` towards the wall clock. A wall clock that steps is followed slowly; it never makes a jump.
- No stamp is below the last one journaled, nor above the bound that L1 sets (a batch from the future would be refused there).
"""

from typing import Final

from node.ops.clock import NS_PER_MS, Clock
from proto.units import TIME_MS_MAX, TimeMs

SLEW_PARTS: Final = 16


class Stamper:
    """Gives the time of the next input."""

    def __init__(self, clock: Clock, last: TimeMs) -> None:
        """`last`: the newest journaled time. Only here, where no monotonic time connects, may time leap to the wall clock."""
        self._clock = clock
        self._monotonic_ns = clock.monotonic_ns()
        self._time_ns = max(clock.wall_ns(), last * NS_PER_MS)
        self._last = last
        self._at_most = TimeMs(TIME_MS_MAX)

    def bound(self, at_most: TimeMs) -> None:
        """No later stamps than this until a new bound is set (but never below what was given already)."""
        self._at_most = at_most

    def now(self) -> TimeMs:
        """The stamp for what is applied now."""
        monotonic_ns = self._clock.monotonic_ns()
        elapsed_ns = max(0, monotonic_ns - self._monotonic_ns)
        self._monotonic_ns = monotonic_ns
        due_ns = self._time_ns + elapsed_ns
        slew_ns = elapsed_ns // SLEW_PARTS
        self._time_ns = due_ns + min(slew_ns, max(-slew_ns, self._clock.wall_ns() - due_ns))
        self._last = max(self._last, TimeMs(min(self._time_ns // NS_PER_MS, self._at_most)))
        return self._last

    def wall_error_ms(self) -> int:
        """How far the wall clock is ahead of the stamps; for metrics and alarms."""
        return (self._clock.wall_ns() - self._time_ns) // NS_PER_MS
