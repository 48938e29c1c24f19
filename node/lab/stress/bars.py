"""Price bars from a file: open, high, low, close, read strictly, so that a bad row is named and never played.

The file is CSV, plain or gzipped. A first line of names is optional and may name the columns in any order; without one they are
timestamp, open, high, low, close and, if there is a sixth, volume, which is not used. Timestamps are ISO 8601 (UTC where they do not
say) or seconds, milliseconds or microseconds since the epoch, and must rise.
"""

import csv
import gzip
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

from proto.units import MICRO_PRICE_MAX, MICRO_USD_PER_USD

BARS_MAX: Final = 2_000_000  # Almost four years of minutes; bounds what a wrong file can do to the machine.
DEPTH_FULL: Final = 1_000_000
MINUTE_MS: Final = 60_000
_DAY_MS: Final = 86_400_000
_GZIP: Final = b"\x1f\x8b"
_NAMES: Final = ("open", "high", "low", "close")
_TIMES: Final = ("timestamp", "time", "date", "datetime", "open_time")
_SECONDS_MAX: Final = 10**11  # A larger number of seconds would be beyond the year 5000: it is milliseconds.
_MILLISECONDS_MAX: Final = 10**14


class BarsError(Exception):
    """The file cannot be played; the message names the line and what is wrong with it."""


class Bar(NamedTuple):
    """One interval. Prices in micro-USDC per whole unit of the underlying."""

    open: int
    high: int
    low: int
    close: int
    fed: bool = True
    """Whether publishers report in it."""
    depth_ppm: int = DEPTH_FULL
    """How much of their usual size makers offer."""


class PricePath(NamedTuple):
    """Bars of one length, played back to back."""

    name: str
    start_ms: int
    interval_ms: int
    bars: Sequence[Bar]


class _Columns(NamedTuple):
    time: int
    prices: tuple[int, int, int, int]
    width: int


def read_bars(path: Path) -> PricePath:
    """The path in a file. Gaps between bars are closed up: what counts is the usual spacing. Raises BarsError."""
    try:
        with path.open("rb") as raw:
            opened = gzip.open if raw.read(2) == _GZIP else open
        with opened(path, "rt", encoding="utf-8", newline="") as lines:
            times, bars = _parse(lines)
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise BarsError(f"{path} cannot be read: {error}") from None
    except BarsError as error:
        raise BarsError(f"{path}, {error}") from None
    spacings = sorted(after - before for before, after in pairwise(times))
    interval = spacings[len(spacings) // 2] if spacings else MINUTE_MS
    if interval > _DAY_MS:
        raise BarsError(f"{path}: bars of more than a day cannot be played")
    return PricePath(path.name, times[0], interval, bars)


def _parse(lines: Iterable[str]) -> tuple[list[int], list[Bar]]:
    times: list[int] = []
    bars: list[Bar] = []
    columns: _Columns | None = None
    for number, row in _rows(lines):
        if columns is None:
            columns = _columns(number, row)
            if not _is_price(row[columns.prices[0]]):
                continue  # The line of names.
        if len(row) < columns.width:
            raise BarsError(f"line {number}: {len(row)} columns, expected at least {columns.width}")
        time = _time(number, row[columns.time])
        if times and time <= times[-1]:
            raise BarsError(f"line {number}: its time {row[columns.time]!r} is not after that of the bar before")
        if len(bars) >= BARS_MAX:
            raise BarsError(f"line {number}: more than {BARS_MAX:,} bars")
        times.append(time)
        bars.append(_bar(number, [row[at] for at in columns.prices]))
    if not bars:
        raise BarsError("line 1: no bars; a row is timestamp,open,high,low,close,volume")
    return times, bars


def _rows(lines: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(lines)
    for row in reader:
        if row:
            yield reader.line_num, row


def _columns(number: int, row: list[str]) -> _Columns:
    """Where things are, by names if the first line has some."""
    names = [name.strip().lower().lstrip("\ufeff") for name in row]
    if all(name in names for name in _NAMES):
        time = next((names.index(name) for name in _TIMES if name in names), None)
        if time is None:
            raise BarsError(f"line {number}: no column is named {', '.join(_TIMES)}")
        first, high, low, last = (names.index(name) for name in _NAMES)
        return _Columns(time, (first, high, low, last), 1 + max(time, first, high, low, last))
    if len(row) < 5 or not _is_price(row[1]):
        raise BarsError(f"line {number}: a row is timestamp,open,high,low,close,volume")
    return _Columns(0, (1, 2, 3, 4), 5)


def _is_price(text: str) -> bool:
    try:
        return Decimal(text).is_finite()
    except InvalidOperation:
        return False


def _time(number: int, text: str) -> int:
    """Milliseconds since the epoch."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        return _iso_time(number, text)
    if not value.is_finite() or value < 0:
        raise BarsError(f"line {number}: {text[:40]!r} is not a time")
    if value < _SECONDS_MAX:
        return int(value * 1_000)
    return int(value) if value < _MILLISECONDS_MAX else int(value / 1_000)


def _iso_time(number: int, text: str) -> int:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise BarsError(f"line {number}: {text[:40]!r} is not a time; ISO 8601 or seconds since 1970 are") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp() * 1_000)


def _bar(number: int, texts: list[str]) -> Bar:
    first, high, low, last = (_price(number, text) for text in texts)
    if not low <= min(first, last) <= max(first, last) <= high:
        raise BarsError(
            f"line {number}: open {texts[0]} and close {texts[3]} must lie between low {texts[2]} and high {texts[1]}"
        )
    return Bar(first, high, low, last)


def _price(number: int, text: str) -> int:
    try:
        value = Decimal(text) * MICRO_USD_PER_USD
    except InvalidOperation:
        raise BarsError(f"line {number}: {text[:40]!r} is not a price") from None
    if not value.is_finite() or not 1 <= value <= MICRO_PRICE_MAX:
        raise BarsError(f"line {number}: price {text[:40]} is out of range: above 0, below 72 billion")
    return int(value)
