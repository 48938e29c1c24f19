"""Candles of one minute, one hour and one day, made of trades; a candle begins with its first trade.

Only the newest candle of each market and interval is in memory; all are on disk.
"""

from typing import Final

from node.views.rows import CandleRow, candle_key, decode_candle, encode_row
from node.views.table import OrderedTable
from proto.ids import MarketId
from proto.units import Lots, MicroUsd, Price, TimeMs

INTERVALS_S: Final = (60, 3_600, 86_400)


class CandleView:
    """The newest candles. `dirty` are those whose bytes on disk are old; `changed` belongs to the input being applied."""

    __slots__ = ("_current", "_table", "changed", "dirty")

    def __init__(self, table: OrderedTable) -> None:
        self._table = table
        self._current: dict[tuple[int, int], CandleRow | None] = {}
        self.dirty: dict[bytes, CandleRow] = {}
        self.changed: dict[tuple[int, int], None] = {}

    def current(self, market: int, interval_s: int) -> CandleRow | None:
        """The newest candle, or None where there was never a trade."""
        key = (market, interval_s)
        if key not in self._current:
            rows = self._table.scan(
                candle_key(market, interval_s, 0), candle_key(market, interval_s, 2**63), reverse=True
            )
            newest = next(iter(rows), None)
            self._current[key] = None if newest is None else decode_candle(newest[1])
        return self._current[key]

    def traded(self, market: MarketId, time: TimeMs, price: Price, size: Lots) -> None:
        """Count a trade in the candle of each interval."""
        quote = price * size
        for interval in INTERVALS_S:
            start = time - time % (interval * 1_000)
            row = self.current(market, interval)
            if row is None or row.start != start:
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

    def take_rows(self) -> list[tuple[bytes, bytes]]:
        """Rows to write, each candle as it is now."""
        rows: list[tuple[bytes, bytes]] = [(key, encode_row(row)) for key, row in self.dirty.items()]
        self.dirty.clear()
        return rows

    def page(self, market: int, interval_s: int, start: int, stop: int, limit: int) -> list[CandleRow]:
        """Candles with start <= time < stop, oldest first, at most the newest `limit` of them."""
        rows = self._table.scan(
            candle_key(market, interval_s, start), candle_key(market, interval_s, stop), reverse=True
        )
        found: list[CandleRow] = []
        for _, value in rows:
            if len(found) == limit:
                break
            found.append(decode_candle(value))
        return found[::-1]
