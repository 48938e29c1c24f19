"""Candles of all usual intervals, put together from those that are kept (a minute, an hour, a day)."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from node.views.rows import CandleRow
from proto.hl.reading import HlMalformedError
from proto.units import Lots, MicroUsd, TimeMs

INTERVALS_S: Final[dict[str, int]] = {
    "1m": 60, "3m": 180, "5m": 300, "15m": 900, "30m": 1_800, "1h": 3_600, "2h": 7_200, "4h": 14_400, "8h": 28_800,
    "12h": 43_200, "1d": 86_400, "3d": 259_200, "1w": 604_800, "1M": 0,
}  # fmt: skip
CANDLES_MAX: Final = 5_000
_MONDAY_MS: Final = 4 * 86_400_000  # The epoch began on a Thursday.
_WEEK_S: Final = 604_800


def base_of(interval: str) -> int:
    """Seconds of the kept candles that an interval is made of. Raises HlMalformedError."""
    seconds = INTERVALS_S.get(interval)
    if seconds is None:
        raise HlMalformedError("unknown interval")
    if seconds == 0 or seconds >= 86_400:
        return 86_400
    return 3_600 if seconds >= 3_600 else 60


def bounds(interval: str, time: int) -> tuple[int, int]:
    """Begin and end, in ms, of the candle that contains `time`. Weeks begin on Monday, months on their first, UTC."""
    seconds = INTERVALS_S[interval]
    if seconds == 0:
        day = datetime.fromtimestamp(time // 1_000, UTC)
        begin = datetime(day.year, day.month, 1, tzinfo=UTC)
        end = datetime(day.year + day.month // 12, day.month % 12 + 1, 1, tzinfo=UTC)
        return int(begin.timestamp()) * 1_000, int(end.timestamp()) * 1_000
    length = seconds * 1_000
    shift = _MONDAY_MS if seconds == _WEEK_S else 0
    start = time - (time - shift) % length
    return start, start + length


def rows_per_candle(interval: str) -> int:
    """Kept candles that make one, at most."""
    seconds = INTERVALS_S[interval] or 31 * 86_400
    return seconds // base_of(interval)


def combine(rows: list[CandleRow], interval: str) -> Iterator[tuple[CandleRow, int]]:
    """Candles of `interval` with their ends, oldest first, from kept ones in order."""
    made: CandleRow | None = None
    end = 0
    for row in rows:
        if made is not None and row.start < end:
            made = made._replace(
                high=max(made.high, row.high), low=min(made.low, row.low), close=row.close,
                volume=Lots(made.volume + row.volume), quote=MicroUsd(made.quote + row.quote),
                trades=made.trades + row.trades,
            )  # fmt: skip
            continue
        if made is not None:
            yield made, end
        start, end = bounds(interval, row.start)
        made = row._replace(start=TimeMs(start))
    if made is not None:
        yield made, end
