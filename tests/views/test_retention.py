"""Old rows are forgotten: exactly those, oldest first, in bounded steps, and pages have no holes."""

import random

from node.core.genesis import genesis_state
from node.store.table import Table
from node.views.history import PageQuery
from node.views.intervals import DAY_S, HOUR_S, MINUTE_S
from node.views.portfolio import Span, sample_key
from node.views.retention import STEP_ROWS, Horizon, stale_keys
from node.views.rows import HistoryKind, OrderRow, candle_key, encode_row
from node.views.venue import Views
from tests.sequencer.venue import PARAMS
from tests.views.trace import memory_table, new_views, steps, write


def traded(seed: int) -> tuple[Views, Table]:
    """A venue's rows on disk."""
    table = memory_table()
    views = new_views(table)
    views.seed(genesis_state(PARAMS))
    for _, step in steps(seed, 1_500):
        views.apply(*step)
    write(views, table)
    return views, table


def forget(table: Table, horizon: Horizon) -> int:
    """Delete what is stale; returns how many rows."""
    count = 0
    for keys in stale_keys(table, horizon):
        assert len(keys) <= 10 * STEP_ROWS
        table.delete_batch(keys)
        count += len(keys)
    return count


def whole(views: Views, kind: HistoryKind, owner: int) -> list[object]:
    """A history, newest first."""
    return list(views.history.page(kind, owner, PageQuery(limit=100_000)).rows)


def test_histories_lose_their_oldest_rows_and_nothing_else(seed: int) -> None:
    views, table = traded(seed)
    before = {(kind, owner): whole(views, kind, owner) for kind in HistoryKind for owner in range(1, 8)}
    middle = views.time - 20_000
    assert forget(table, Horizon(middle, views.time)) > 100
    for (kind, owner), rows in before.items():
        left = whole(views, kind, owner)
        assert left == rows[: len(left)], "a page walked backwards ends early and has no hole"
        for row in rows[len(left) :]:
            assert (row.last_time if isinstance(row, OrderRow) else row.time) < middle  # type: ignore[attr-defined]
        for row in left:
            if isinstance(row, OrderRow) and row.filled and row.time >= middle:
                assert sum(fill.size for fill in views.history.fills_of_order(row, 1_000)) == row.filled
    assert forget(table, Horizon(middle, views.time)) == 0
    for row in views.orders.open.values():
        assert views.orders.find(row.id) is row, "open orders stay"
    assert before[HistoryKind.TRADES, 1] != whole(views, HistoryKind.TRADES, 1)


def test_short_candles_and_samples_go_by_their_own_age(seed: int) -> None:
    table, day, now = memory_table(), 86_400_000, 1_000 * 86_400_000
    rng = random.Random(seed)
    times = [rng.randrange(now) for _ in range(300)]
    row = encode_row((1,))
    for interval in (MINUTE_S, HOUR_S, DAY_S):
        table.put_batch([(candle_key(2, interval, time), row) for time in times])
    for span in Span:
        table.put_batch([(sample_key(9, span, time), row) for time in times])
    forget(table, Horizon(now - 400 * day, now))
    young = sorted(time for time in times if time >= now - 400 * day)
    kept = [int.from_bytes(key[-8:], "big") for key, _ in table.scan(candle_key(2, MINUTE_S, 0), candle_key(2, MINUTE_S, 2**63))]
    assert kept == young
    for interval in (HOUR_S, DAY_S):
        assert len(list(table.scan(candle_key(2, interval, 0), candle_key(2, interval, 2**63)))) == len(set(times))
    for span, days in ((Span.DAY, 2), (Span.WEEK, 14), (Span.MONTH, 60), (Span.ALL, 10**6)):
        rows = [int.from_bytes(key[-8:], "big") for key, _ in table.scan(sample_key(9, span, 0), sample_key(9, span, 2**63))]
        assert rows == sorted({time for time in times if time >= now - days * day or time == max(times)})
