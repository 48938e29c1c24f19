"""Intervals of candles, and candles of any interval put together from those that are kept (a minute, a quarter of an hour, an hour, a day).

An interval is named by its seconds; a calendar month, which has no fixed number of them, by MONTH_S. Weeks begin on Monday, days and months
at midnight UTC, all others at multiples of their length since the epoch.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Final

from node.views.rows import CandleRow
from proto.units import Lots, MicroUsd, TimeMs

MINUTE_S: Final = 60
QUARTER_S: Final = 900
HOUR_S: Final = 3_600
DAY_S: Final = 86_400
WEEK_S: Final = 604_800
MONTH_S: Final = 2_592_000
"""Stands for a calendar month, whatever its length."""
BASES_S: Final = (MINUTE_S, QUARTER_S, HOUR_S, DAY_S)
"""Intervals whose candles are kept."""
INTERVALS_S: Final[dict[str, int]] = {
    "1m": 60, "3m": 180, "5m": 300, "15m": 900, "30m": 1_800, "1h": HOUR_S, "2h": 7_200, "4h": 14_400, "8h": 28_800,
    "12h": 43_200, "1d": DAY_S, "3d": 259_200, "1w": WEEK_S, "1M": MONTH_S,
}  # fmt: skip
DERIVED_S: Final[dict[int, tuple[int, ...]]] = {
    base: tuple(
        seconds
        for seconds in INTERVALS_S.values()
        if max(known for known in BASES_S if known <= seconds) == base
    )
    for base in BASES_S
}
"""Intervals made of each kept one, itself included."""
_MONDAY_MS: Final = 4 * 86_400_000  # The epoch began on a Thursday.
_DAYS_OF_MONTH_MAX: Final = 31


def base_of(seconds: int) -> int:
    """The kept interval that one is made of."""
    return max(known for known in BASES_S if known <= seconds)


def bounds(seconds: int, time: int) -> tuple[int, int]:
    """Begin and end, in ms, of the candle that contains `time`."""
    if seconds == MONTH_S:
        day = datetime.fromtimestamp(time // 1_000, UTC)
        begin = datetime(day.year, day.month, 1, tzinfo=UTC)
        end = datetime(day.year + day.month // 12, day.month % 12 + 1, 1, tzinfo=UTC)
        return int(begin.timestamp()) * 1_000, int(end.timestamp()) * 1_000
    length = seconds * 1_000
    shift = _MONDAY_MS if seconds == WEEK_S else 0
    start = time - (time - shift) % length
    return start, start + length


def rows_per_candle(seconds: int) -> int:
    """Kept candles that make one, at most."""
    length = _DAYS_OF_MONTH_MAX * DAY_S if seconds == MONTH_S else seconds
    return length // base_of(seconds)


def joined(earlier: CandleRow, later: CandleRow) -> CandleRow:
    """Two candles of one bucket as one, with the first's start and interval."""
    return earlier._replace(
        high=max(earlier.high, later.high), low=min(earlier.low, later.low), close=later.close,
        volume=Lots(earlier.volume + later.volume), quote=MicroUsd(earlier.quote + later.quote),
        trades=earlier.trades + later.trades,
    )  # fmt: skip


def widened(row: CandleRow, seconds: int) -> CandleRow:
    """A kept candle as the only one of a longer interval so far."""
    return row._replace(interval_s=seconds, start=TimeMs(bounds(seconds, row.start)[0]))


def combine(rows: Iterable[CandleRow], seconds: int) -> Iterator[CandleRow]:
    """Candles of an interval, oldest first, from kept ones in order."""
    made: CandleRow | None = None
    end = 0
    for row in rows:
        if made is not None and row.start < end:
            made = joined(made, row)
            continue
        if made is not None:
            yield made
        end = bounds(seconds, row.start)[1]
        made = widened(row, seconds)
    if made is not None:
        yield made
