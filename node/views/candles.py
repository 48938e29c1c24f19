"""Candles made of trades; a candle begins with its first trade. Kept are those of a minute, a quarter, an hour and a day; all others are
put together from them (node.views.intervals).

Only the newest candle of each market and interval is in memory; the kept ones are on disk. Invariant: what `current` shows of a longer
interval is what `page` would put together from the kept rows, the newest included.
"""

from node.views.intervals import BASES_S, DERIVED_S, base_of, bounds, combine, joined, rows_per_candle, widened
from node.views.rows import CandleRow, candle_key, decode_candle, encode_row
from node.views.table import OrderedTable
from proto.ids import MarketId
from proto.units import TIME_MS_MAX, Lots, MicroUsd, Price, TimeMs


class CandleView:
    """The newest candles. `dirty` are those whose bytes on disk are old; `changed` (kept ones) since the last release."""

    __slots__ = ("_closed", "_current", "_table", "changed", "dirty")

    def __init__(self, table: OrderedTable) -> None:
        self._table = table
        self._current: dict[tuple[int, int], CandleRow | None] = {}
        self._closed: dict[tuple[int, int], CandleRow | None] = {}
        """Of the running candle of a longer interval: what lies before the newest kept candle. Only where somebody asked."""
        self.dirty: dict[bytes, CandleRow] = {}
        self.changed: dict[tuple[int, int], None] = {}

    def current(self, market: int, interval_s: int) -> CandleRow | None:
        """The newest candle, or None where there was never a trade."""
        base = base_of(interval_s)
        newest = self._newest(market, base)
        if newest is None or interval_s == base:
            return newest
        key = (market, interval_s)
        if key not in self._closed:
            self._closed[key] = self._before(newest, interval_s)
        closed = self._closed[key]
        return widened(newest, interval_s) if closed is None else joined(closed, newest)

    def _newest(self, market: int, base: int) -> CandleRow | None:
        key = (market, base)
        if key not in self._current:
            rows = self._table.scan(candle_key(market, base, 0), candle_key(market, base, 2**63), reverse=True)
            newest = next(iter(rows), None)
            self._current[key] = None if newest is None else decode_candle(newest[1])
        return self._current[key]

    def _before(self, newest: CandleRow, interval_s: int) -> CandleRow | None:
        """The running candle of an interval without its newest kept one, from disk and from what is not written yet."""
        market, base = newest.market, newest.interval_s
        begin, stop = max(bounds(interval_s, newest.start)[0], 0), newest.start
        found: dict[bytes, CandleRow] = {
            key: decode_candle(value)
            for key, value in self._table.scan(candle_key(market, base, begin), candle_key(market, base, stop))
        }
        unwritten = self.dirty.items()
        found.update(item for item in unwritten if item[1][:2] == (market, base) and begin <= item[1].start < stop)
        return next(combine((found[key] for key in sorted(found)), interval_s), None)

    def traded(self, market: MarketId, time: TimeMs, price: Price, size: Lots) -> None:
        """Count a trade in the kept candle of each length."""
        quote = price * size
        for interval in BASES_S:
            start = time - time % (interval * 1_000)
            row = self._newest(market, interval)
            if row is None or row.start != start:
                if row is not None:
                    self._close(row, start)
                row = CandleRow(
                    market, interval, TimeMs(start), price, price, price, price, Lots(size), MicroUsd(quote), 1
                )  # fmt: skip
            else:
                row = CandleRow(
                    market, interval, row.start, row.open, row.high if row.high >= price else price,
                    row.low if row.low <= price else price, price, Lots(row.volume + size), MicroUsd(row.quote + quote),
                    row.trades + 1,
                )  # fmt: skip
            self._current[market, interval] = row
            self.dirty[candle_key(market, interval, start)] = row
            self.changed[market, interval] = None

    def _close(self, ended: CandleRow, next_start: int) -> None:
        """A kept candle ended: it belongs to what is closed of longer ones, or those end with it."""
        for interval in DERIVED_S[ended.interval_s]:
            key = (ended.market, interval)
            if key not in self._closed:
                continue
            if next_start >= bounds(interval, ended.start)[1]:
                self._closed[key] = None
                continue
            closed = self._closed[key]
            self._closed[key] = widened(ended, interval) if closed is None else joined(closed, ended)

    def take_rows(self) -> list[tuple[bytes, bytes]]:
        """Rows to write, each candle as it is now."""
        rows: list[tuple[bytes, bytes]] = [(key, encode_row(row)) for key, row in self.dirty.items()]
        self.dirty.clear()
        return rows

    def page(self, market: int, interval_s: int, start: int, stop: int, limit: int) -> list[CandleRow]:
        """Candles on disk whose start lies in start <= time < stop, oldest first, at most the newest `limit` of them."""
        base, per_candle = base_of(interval_s), rows_per_candle(interval_s)
        begin = max(bounds(interval_s, start)[0], 0) if start else 0
        if begin < start:
            begin = bounds(interval_s, start)[1]
        last = bounds(interval_s, min(stop, TIME_MS_MAX) - 1)[1] if 0 < stop < TIME_MS_MAX else stop
        rows = self._table.scan(candle_key(market, base, begin), candle_key(market, base, last), reverse=True)
        found: list[CandleRow] = []
        for _, value in rows:
            if len(found) == (limit + 1) * per_candle:
                break
            found.append(decode_candle(value))
        return list(combine(reversed(found), interval_s))[-limit:] if limit else []
