"""A recorded price path: bars from a CSV file, `timestamp,open,high,low,close,volume`, plain or gzipped.

Bars are played in file order, one per second times the speed, whatever their timestamps say; inside a bar the price walks in straight lines
from open to high to low to close. Before the start the first open stands, after the end the last close.
"""

import csv
import gzip
import math
from array import array
from collections.abc import Iterable, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Final, TextIO

from node.oracle.source import SourceInvalid
from proto.units import MICRO_PRICE_MAX, MICRO_USD_PER_USD, MicroPrice, TimeMs

COLUMNS: Final = ["timestamp", "open", "high", "low", "close", "volume"]
BARS_MAX: Final = 10_000_000  # 320 MB of prices; bounds what a wrong file can do to the machine.
_FIELDS: Final = 4  # open, high, low, close.
_LEGS: Final = 3  # open to high, high to low, low to close.


def read_bars(path: Path) -> Sequence[int]:
    """Open, high, low, close of each bar in micro-USDC, one after the other. Raises SourceInvalid naming the line."""
    try:
        with _open(path) as file:
            return _parse(path, file)
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise SourceInvalid(f"{path}: {error}") from None


def _open(path: Path) -> TextIO:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8", newline="")
    return path.open(encoding="utf-8", newline="")


def _parse(path: Path, lines: Iterable[str]) -> Sequence[int]:
    rows = csv.reader(lines)
    if next(rows, []) != COLUMNS:
        raise SourceInvalid(f"{path}: the first line must be {','.join(COLUMNS)}")
    bars = array("q")
    for number, row in enumerate(rows, 2):
        if len(row) != len(COLUMNS):
            raise SourceInvalid(f"{path}, line {number}: {len(row)} columns, expected {len(COLUMNS)}")
        if len(bars) >= BARS_MAX * _FIELDS:
            raise SourceInvalid(f"{path}: more than {BARS_MAX} bars")
        first, high, low, last = (_micro(path, number, text) for text in row[1:5])
        if not low <= min(first, last) <= max(first, last) <= high:
            raise SourceInvalid(f"{path}, line {number}: open and close must lie between low and high")
        bars.extend((first, high, low, last))
    if not bars:
        raise SourceInvalid(f"{path}: no bars")
    return bars


def _micro(path: Path, number: int, text: str) -> int:
    try:
        value = Decimal(text) * MICRO_USD_PER_USD
    except InvalidOperation:
        raise SourceInvalid(f"{path}, line {number}: {text[:40]!r} is not a price") from None
    if not value.is_finite() or not 1 <= value <= MICRO_PRICE_MAX:
        raise SourceInvalid(f"{path}, line {number}: price {text[:40]} is out of range")
    return int(value)


class BarSource:
    """Plays one file."""

    def __init__(self, bars: Sequence[int], start: TimeMs, speed: float) -> None:
        """The first bar begins at `start`; `speed` bars are played per second."""
        if not (math.isfinite(speed) and speed > 0):
            raise SourceInvalid(f"price speed {speed} must be above 0")
        assert bars
        assert len(bars) % _FIELDS == 0
        self._bars = bars
        self._start = start
        self._speed = speed

    async def price(self, time: TimeMs) -> MicroPrice:
        """The path at `time`, rounded down to a micro-USDC."""
        played = max(0.0, (time - self._start) / 1_000 * self._speed)
        bar = int(played)
        if bar * _FIELDS >= len(self._bars):
            return MicroPrice(self._bars[-1])
        walked = (played - bar) * _LEGS
        leg = int(walked)
        begin, end = self._bars[bar * _FIELDS + leg], self._bars[bar * _FIELDS + leg + 1]
        return MicroPrice(begin + math.floor((end - begin) * (walked - leg)))
