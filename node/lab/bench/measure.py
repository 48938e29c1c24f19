"""What a measurement is, and how it is taken: several runs, the median of them, garbage collection as the node sets it.

The node freezes what start-up built and collects rarely; a measurement in this process does the same, so that it neither pays for another
measurement's objects nor flatters the node.
"""

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from node.lab.percentiles import median, percentile
from node.ops.collector import collect_rarely, freeze_what_is

_DIGITS: Final = 3


class BenchError(Exception):
    """The measurement cannot be taken here; the message says why."""


@dataclass(frozen=True, slots=True)
class Latencies:
    """Order statistics of single operations, milliseconds."""

    p50_ms: float
    p99_ms: float
    p999_ms: float


@dataclass(frozen=True, slots=True)
class Result:
    """One figure. `seconds`: how long the measured work took in all runs together; `note`: what a reader must know."""

    name: str
    value: float
    unit: str
    seconds: float
    latencies: Latencies | None = None
    note: str = ""

    def as_json(self) -> dict[str, Any]:
        """One element of `results`."""
        shown: dict[str, Any] = {"name": self.name, "value": round(self.value, _DIGITS), "unit": self.unit}
        if self.latencies is not None:
            shown["p50_ms"] = round(self.latencies.p50_ms, _DIGITS)
            shown["p99_ms"] = round(self.latencies.p99_ms, _DIGITS)
            shown["p999_ms"] = round(self.latencies.p999_ms, _DIGITS)
        shown["seconds"] = round(self.seconds, _DIGITS)
        if self.note:
            shown["note"] = self.note
        return shown


@dataclass(frozen=True, slots=True)
class Setting:
    """What all measurements share."""

    directory: Path
    """On a real disk; each measurement works below it and leaves nothing."""
    flow: Path | None
    """A recorded order flow; None: a generated one of the same mix."""
    runs: int
    say: Callable[[str], None]


def latencies_of(milliseconds: Sequence[float]) -> Latencies:
    """Order statistics of durations."""
    return Latencies(*(percentile(milliseconds, part) for part in (0.5, 0.99, 0.999)))


def rate_result(name: str, count: int, unit: str, seconds: Sequence[float], note: str = "") -> Result:
    """`count` operations per run, as a rate: the median of the runs."""
    return Result(name, count / median(seconds), unit, sum(seconds), note=note)


@contextmanager
def collector_as_in_the_node() -> Iterator[None]:
    """Collect now, freeze what is there, and collect rarely until the context ends."""
    threshold = gc.get_threshold()
    freeze_what_is()
    collect_rarely()
    try:
        yield
    finally:
        gc.set_threshold(*threshold)
        gc.unfreeze()
