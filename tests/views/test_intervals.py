"""Candles of any interval: their bounds tile time, and they are put together from kept ones."""

import pytest

from node.views.intervals import BASES_S, DERIVED_S, INTERVALS_S, base_of, bounds, combine, rows_per_candle
from node.views.rows import CandleRow
from proto.ids import MarketId
from proto.units import Lots, MicroUsd, Price, TimeMs

MINUTE = 60_000


def candle(start: int, price: int) -> CandleRow:
    return CandleRow(
        MarketId(1), 60, TimeMs(start), Price(price), Price(price + 1), Price(price - 1), Price(price), Lots(1), MicroUsd(2), 3
    )  # fmt: skip


def test_candles_are_put_together() -> None:
    rows = [candle(0, 10), candle(MINUTE, 20), candle(4 * MINUTE, 5), candle(5 * MINUTE, 7), candle(11 * MINUTE, 8)]
    made = list(combine(rows, 300))
    assert [row.start for row in made] == [0, 5 * MINUTE, 10 * MINUTE]
    first = made[0]
    assert (first.open, first.high, first.low, first.close, first.volume, first.trades) == (10, 21, 4, 5, 3, 9)
    assert {row.interval_s for row in made} == {300}


@pytest.mark.parametrize("interval", INTERVALS_S.values(), ids=list(INTERVALS_S))
def test_bounds_tile_time(interval: int) -> None:
    time = 1_700_000_000_123
    for _ in range(30):
        start, end = bounds(interval, time)
        assert start <= time < end
        assert bounds(interval, end)[0] == end
        assert bounds(interval, start - 1)[1] == start
        assert start % (base_of(interval) * 1_000) == 0, "a kept candle never lies across two"
        time = end


def test_every_interval_is_made_of_one_that_is_kept() -> None:
    assert [interval for base in BASES_S for interval in DERIVED_S[base]] == sorted(INTERVALS_S.values())
    assert max(rows_per_candle(interval) for interval in INTERVALS_S.values()) == 31
