"""Progress of long work for a person: one line on stderr, at most once a second."""

import sys
from typing import Final, TextIO

from node.ops.clock import Clock, SystemClock

_PERIOD_NS: Final = 1_000_000_000


class ProgressLine:
    """Call it as often as convenient with (stage, done, total); a total of 0 means unknown."""

    def __init__(self, stream: TextIO | None = None, clock: Clock | None = None) -> None:
        self._stream = stream or sys.stderr
        self._clock = clock or SystemClock()
        self._stage = ""
        self._started_ns = 0
        self._printed_ns = 0

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Print where a second has passed since the last line; work that ends sooner stays silent."""
        now_ns = self._clock.monotonic_ns()
        if stage != self._stage:
            self._stage, self._started_ns, self._printed_ns = stage, now_ns, now_ns
        if now_ns - self._printed_ns < _PERIOD_NS:
            return
        self._printed_ns = now_ns
        per_second = done * _PERIOD_NS // (now_ns - self._started_ns)
        part = f" of {total:,} ({100 * done // total} %)" if total else ""
        left = f", {(total - done) // per_second:,} s left" if total and per_second else ""
        print(f"{stage}: {done:,}{part}, {per_second:,}/s{left}", file=self._stream, flush=True)
