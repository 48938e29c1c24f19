"""Pages neither skip nor repeat a row, in either direction, by cursor and by time, while rows keep coming."""

import random

import pytest

from node.core.genesis import genesis_state
from node.store.table import Table
from node.views.history import HistoryRow, HistoryView, PageQuery
from node.views.rows import Cursor, HistoryKind, OrderRow, TradeRow
from node.views.venue import Views
from proto.ids import AccountId, MarketId, Seq
from proto.intents import Side
from proto.units import Lots, Price, TimeMs
from tests.sequencer.venue import PARAMS
from tests.views.trace import memory_table, new_views, steps, write

KINDS = list(HistoryKind)


@pytest.fixture
def traded(seed: int) -> tuple[Views, Table]:
    table = memory_table()
    views = new_views(table)
    views.seed(genesis_state(PARAMS))
    for _, step in steps(seed, 500):
        views.apply(*step)
        if step.seq % 50 == 0:
            write(views, table)
    write(views, table)
    return views, table


def walk(views: Views, kind: HistoryKind, owner: int, query: PageQuery) -> list[HistoryRow]:
    """All pages, one after the other."""
    rows: list[HistoryRow] = []
    while True:
        page = views.history.page(kind, owner, query)
        assert len(page.rows) <= query.limit
        rows.extend(page.rows)
        if page.after is None:
            return rows
        query = query._replace(cursor=page.after)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_pages_of_any_size_join_to_the_whole(kind: HistoryKind, traded: tuple[Views, Table], seed: int) -> None:
    views, _ = traded
    rng = random.Random(seed)
    for owner in range(1, 7):
        whole = views.history.page(kind, owner, PageQuery(limit=100_000)).rows
        for limit in (1, 2, 7, rng.randint(3, 60)):
            assert walk(views, kind, owner, PageQuery(limit=limit)) == whole
            assert walk(views, kind, owner, PageQuery(limit=limit, newest_first=False)) == whole[::-1]


def time_of(row: HistoryRow) -> int:
    """When a row came into its history."""
    return row.last_time if isinstance(row, OrderRow) else row.time


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_time_bounds_are_exact(kind: HistoryKind, traded: tuple[Views, Table], seed: int) -> None:
    views, _ = traded
    rng = random.Random(seed)
    for owner in range(1, 7):
        whole = views.history.page(kind, owner, PageQuery(limit=100_000)).rows
        if not whole:
            continue
        oldest, newest = time_of(whole[-1]), time_of(whole[0])
        for _ in range(20):
            start, stop = sorted(rng.randint(oldest - 50, newest + 50) for _ in range(2))
            expected = [row for row in whole if start <= time_of(row) < stop]
            for newest_first in (True, False):
                query = PageQuery(5, newest_first, None, start, stop)
                assert walk(views, kind, owner, query) == (expected if newest_first else expected[::-1])


def test_new_rows_do_not_disturb_a_walk(seed: int) -> None:
    table = memory_table()
    history = HistoryView(table)
    rng = random.Random(seed)
    seq = 0

    def append(count: int) -> None:
        nonlocal seq
        for _ in range(count):
            seq += rng.randint(1, 3)
            history.tick(seq, 1_000 * seq)
            for position in range(rng.randint(1, 3)):
                row = TradeRow(
                    Seq(seq),
                    position,
                    TimeMs(1_000 * seq),
                    MarketId(1),
                    0,
                    Price(1),
                    Lots(1),
                    Side.BUY,
                    liquidation=False,
                    maker=AccountId(3),
                    taker=AccountId(4),
                )
                history.add(HistoryKind.TRADES, 1, row)
        table.put_batch(history.take_rows())

    append(30)
    before = history.page(HistoryKind.TRADES, 1, PageQuery(limit=1_000)).cursors
    seen: list[Cursor] = []
    cursor: Cursor | None = None
    while True:  # Backwards: exactly what was there when the walk began.
        page = history.page(HistoryKind.TRADES, 1, PageQuery(limit=4, cursor=cursor))
        seen.extend(page.cursors)
        append(2)
        if page.after is None:
            break
        cursor = page.after
    assert seen == before
    forward: list[Cursor] = []
    cursor = None
    for _ in range(60):  # Forwards: everything, and what comes later with it.
        page = history.page(HistoryKind.TRADES, 1, PageQuery(limit=4, newest_first=False, cursor=cursor))
        forward.extend(page.cursors)
        cursor = page.cursors[-1] if page.cursors else cursor
        if len(forward) < 120:
            append(1)
    assert (
        forward
        == history.page(HistoryKind.TRADES, 1, PageQuery(limit=1_000, newest_first=False)).cursors[: len(forward)]
    )
    assert len(forward) > len(before)
