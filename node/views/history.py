"""Paged histories: fills, trades, ended orders, balance changes, funding payments.

A page is a stretch of (seq, position) in one direction. Rows are only ever appended with growing (seq, position), so walking by the
returned cursor neither skips nor repeats a row, whatever happens in between.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from node.views.rows import (
    ORDER_FILL_PREFIX,
    TIME_PREFIX,
    Cursor,
    FillRow,
    FundingRow,
    HistoryKind,
    LedgerRow,
    OrderRow,
    RateRow,
    TradeRow,
    TransferRow,
    TwapRow,
    cursor_of,
    decode_fill,
    decode_funding,
    decode_ledger,
    decode_order,
    decode_rate,
    decode_trade,
    decode_transfer,
    decode_twap,
    encode_row,
    history_key,
    order_fill_key,
    order_key,
    time_key,
)
from node.views.table import OrderedTable
from proto.units import U32_MAX, U64_MAX

PAGE_ROWS_MAX: Final = 500
TIME_INDEX_MS: Final = 1_000  # One row of the time index per so many milliseconds.

HistoryRow = OrderRow | FillRow | TradeRow | LedgerRow | FundingRow | TransferRow | RateRow | TwapRow
AddedRow = TradeRow | FillRow | LedgerRow | FundingRow | TransferRow | RateRow | TwapRow
_DECODERS: Final[dict[HistoryKind, Callable[[bytes], HistoryRow]]] = {
    HistoryKind.FILLS: decode_fill,
    HistoryKind.TRADES: decode_trade,
    HistoryKind.LEDGER: decode_ledger,
    HistoryKind.FUNDING: decode_funding,
    HistoryKind.TRANSFERS: decode_transfer,
    HistoryKind.RATES: decode_rate,
    HistoryKind.TWAPS: decode_twap,
}


class PageQuery(NamedTuple):
    """Which rows: after `cursor` in the asked direction, with start <= time < stop."""

    limit: int = 100
    newest_first: bool = True
    cursor: Cursor | None = None
    start: int = 0
    stop: int = 2**48


class Page(NamedTuple):
    """Rows in the asked direction, and where the next page goes on (None: there is no more now)."""

    rows: list[HistoryRow]
    cursors: list[Cursor]
    after: Cursor | None


class HistoryView:
    """Append-only rows; `_pending` are those not yet handed to the writer."""

    __slots__ = ("_pending", "_table", "_time_next")

    def __init__(self, table: OrderedTable) -> None:
        self._table = table
        self._pending: dict[bytes, bytes] = {}
        newest = next(iter(table.scan(time_key(0), time_key(U64_MAX), reverse=True)), None)
        self._time_next = 0 if newest is None else int.from_bytes(newest[0][1:], "big") + TIME_INDEX_MS

    def tick(self, seq: int, time: int) -> None:
        """Index the time of an input, now and then."""
        if time >= self._time_next:
            self._pending[time_key(time)] = seq.to_bytes(8, "big")
            self._time_next = time + TIME_INDEX_MS

    def add(self, kind: HistoryKind, owner: int, row: AddedRow) -> None:
        """Append a row."""
        self._pending[history_key(kind, owner, row.seq, row.position)] = encode_row(row)

    def add_order_fill(self, row: FillRow) -> None:
        """Remember that the order has this fill."""
        self._pending[order_fill_key(row.order, row.seq, row.position)] = b""

    def add_ended_order(self, row: OrderRow, position: int) -> None:
        """Append an order to its account's history."""
        self._pending[history_key(HistoryKind.ORDERS, row.account, row.last_seq, position)] = row.id.to_bytes(8, "big")

    def take_rows(self) -> list[tuple[bytes, bytes]]:
        """Rows to write."""
        rows = list(self._pending.items())
        self._pending.clear()
        return rows

    def page(self, kind: HistoryKind, owner: int, query: PageQuery) -> Page:
        """One page of what is on disk. The caller makes sure that the limit is at most PAGE_ROWS_MAX."""
        first, last = self._bounds(query)
        if query.cursor is not None:
            if query.newest_first:
                last = min(last, query.cursor)
            else:
                first = max(first, Cursor(query.cursor.seq, query.cursor.position + 1))
        keys = (history_key(kind, owner, *first), history_key(kind, owner, *last))
        rows: list[HistoryRow] = []
        cursors: list[Cursor] = []
        for key, value in self._table.scan(*keys, reverse=query.newest_first):
            row = self._order(value) if kind == HistoryKind.ORDERS else _DECODERS[kind](value)
            if row is None:
                continue
            time = row.last_time if isinstance(row, OrderRow) else row.time
            if not query.start <= time < query.stop:
                continue
            if len(rows) == query.limit:
                return Page(rows, cursors, cursors[-1])
            rows.append(row)
            cursors.append(cursor_of(key))
        return Page(rows, cursors, None)

    def _order(self, value: bytes) -> OrderRow | None:
        """None: it was forgotten since the scan began."""
        data = self._table.get(order_key(int.from_bytes(value, "big")))
        return None if data is None else decode_order(data)

    def _bounds(self, query: PageQuery) -> tuple[Cursor, Cursor]:
        """Cursors that enclose the asked times; the index is coarse, so rows at the edges are still judged one by one."""
        first, last = Cursor(0, 0), Cursor(U64_MAX, U32_MAX)
        before = next(self._times(0, query.start + 1, reverse=True), None)
        if before is not None:
            first = Cursor(before, 0)
        after = next(self._times(query.stop, U64_MAX, reverse=False), None)
        if after is not None:
            last = Cursor(after, 0)
        return first, last

    def _times(self, start: int, stop: int, *, reverse: bool) -> Iterator[int]:
        assert time_key(0)[:1] == TIME_PREFIX
        for _, value in self._table.scan(time_key(start), time_key(stop), reverse=reverse):
            yield int.from_bytes(value, "big")

    def fills_of_order(self, row: OrderRow, limit: int) -> list[FillRow]:
        """The order's fills on disk, oldest first."""
        start, stop = order_fill_key(row.id, 0, 0), ORDER_FILL_PREFIX + (row.id + 1).to_bytes(8, "big")
        found: list[FillRow] = []
        for key, _ in self._table.scan(start, stop):
            if len(found) == limit:
                break
            data: Any = self._table.get(history_key(HistoryKind.FILLS, row.account, *cursor_of(key)))
            if data is not None:
                found.append(decode_fill(data))
        return found
