"""Following a file's own book: who owns an order, what publishers report, how much money is needed; and judging fills."""

from collections.abc import Iterator
from typing import Any

from node.lab.bench.flow import generate
from node.lab.feed.flow import FlowBook, needs, survey
from node.lab.feed.rows import Fill, Row
from node.lab.feed.verdict import Mismatch, Verdicts
from proto.intents import Side
from proto.units import Ppm

TICK = 1_000_000


def row(
    kind: str, order: int, side: Side = Side.BUY, price: int = 0, size: int = 0, *fills: Fill, time: int = 0
) -> Row:
    return Row(order + 1, time, kind, order, side, price, size, fills)


def test_the_index_is_the_middle_of_the_files_book() -> None:
    book = FlowBook(10)
    assert book.index_price() == 0
    book.follow(row("A", 1, Side.BUY, 100, 2))
    assert book.index_price() == 100 * TICK  # One side alone.
    book.follow(row("A", 2, Side.SELL, 103, 2))
    assert book.index_price() == 203 * TICK // 2
    book.follow(row("A", 3, Side.BUY, 101, 1))
    assert book.index_price() == 102 * TICK
    book.follow(row("M", 3, Side.BUY, 99, 1))
    book.follow(row("R", 1, Side.BUY, 100, 1))
    assert book.index_price() == 203 * TICK // 2
    book.follow(row("T", 4, Side.SELL, 100, 1, Fill(1, 100, 1)))
    assert book.index_price() == 101 * TICK  # 99 and 103.
    book.follow(row("X", 3))
    assert book.index_price() == 100 * TICK  # No bid: the last trade.
    book.follow(row("A", 5, Side.BUY, 110, 1))
    assert book.index_price() == 100 * TICK  # Crossed: the last trade.


def test_orders_spread_over_maker_accounts_by_open_count() -> None:
    book = FlowBook(2)
    assert [book.follow(row("A", number, Side.BUY, 100, 2)) for number in (1, 2, 3, 4, 5)] == [0, 0, 1, 1, 2]
    assert book.follow(row("M", 4, Side.BUY, 99, 2)) == 1
    assert book.follow(row("X", 1)) == 0
    assert book.follow(row("A", 6, Side.BUY, 98, 1)) == 0  # The first account has room again.
    book.follow(row("T", 7, Side.SELL, 99, 2, Fill(4, 99, 2)))
    assert book.follow(row("A", 8, Side.BUY, 98, 1)) == 1  # So has the second, since its order was filled.
    assert book.follow(row("X", 77)) == 0  # Unknown: to be refused.
    assert book.makers == 3


def test_a_survey_counts_and_the_needs_cover_everything() -> None:
    rows = [
        row("A", 1, Side.BUY, 100, 2),
        row("A", 2, Side.SELL, 104, 3),
        row("M", 1, Side.BUY, 101, 5, time=9),
        row("T", 3, Side.BUY, 104, 1, Fill(2, 104, 1), time=9),
    ]
    found = survey(rows, 100)
    assert (found.rows, found.takes, found.opening, found.ticks_max) == (4, 1, 102 * TICK, 104)
    assert (found.maker_lots, found.taker_lots) == ([10], 1)
    amounts = needs(found, TICK, Ppm(600))
    assert amounts.makers[0] > 10 * 104 * TICK
    assert amounts.taker > 104 * TICK


def test_a_generated_flow_is_the_same_every_time_and_consistent() -> None:
    rows = generate(12_000)
    assert rows == generate(12_000)
    alive: dict[int, int] = {}
    for item in rows:
        if item.kind == "A":
            assert item.order not in alive
        elif item.kind == "T":
            for fill in item.fills:
                alive[fill.maker] -= fill.size
                if not alive[fill.maker]:
                    del alive[fill.maker]
            continue
        else:
            assert item.order in alive
        if item.kind == "X":
            del alive[item.order]
        else:
            alive[item.order] = item.size
    assert {item.kind for item in rows} == {"A", "X", "R", "M", "T"}


def verdicts() -> tuple[Verdicts, list[Mismatch]]:
    found: list[Mismatch] = []
    return Verdicts(TICK, found.append), found


def fill(position: int, maker: int, price: int, size: int, seq: int = 50) -> dict[str, Any]:
    return {"seq": seq, "position": position, "client_id": maker, "price": price * TICK, "size": size}


TAKE = row("T", 9, Side.BUY, 104, 5, Fill(1, 103, 2), Fill(2, 103, 1), Fill(3, 104, 2))


def events(*inputs: int) -> Iterator[list[dict[str, Any]]]:
    """The fills of TAKE, sent as each of these inputs, as two maker accounts see them: one event each for all that was durable together."""
    yield [row for seq in inputs for row in (fill(1, 1, 103, 2, seq), fill(7, 3, 104, 2, seq))]
    yield [fill(4, 2, 103, 1, seq) for seq in inputs]


def test_fills_match_whichever_comes_first() -> None:
    judge, missed = verdicts()
    judge.acknowledged(TAKE, 50, 5)
    for event in events(50):
        assert (judge.matched, judge.waiting) == (0, 1)
        judge.fills_seen(event)
    for event in events(51):
        judge.fills_seen(event)
    judge.acknowledged(TAKE, 51, 5)
    assert (judge.matched, judge.mismatched, judge.waiting, missed) == (2, 0, 0, [])


def test_fills_of_several_inputs_in_one_event_are_told_apart() -> None:
    judge, missed = verdicts()
    judge.acknowledged(TAKE, 60, 5)
    judge.acknowledged(TAKE, 61, 5)
    for event in events(60, 61):
        judge.fills_seen(event)
    assert (judge.matched, judge.mismatched, judge.waiting, missed) == (2, 0, 0, [])


def test_an_order_without_fills_matches_at_once() -> None:
    judge, missed = verdicts()
    judge.acknowledged(row("T", 9, Side.BUY, 104, 5), 50, 0)
    judge.acknowledged(TAKE, 51, 0)
    assert (judge.matched, judge.mismatched) == (1, 1)
    assert missed == [Mismatch(TAKE, ())]


def test_maker_price_size_and_order_all_count() -> None:
    right = [fill(1, 1, 103, 2), fill(2, 2, 103, 1), fill(3, 3, 104, 2)]
    for wrong in (
        [fill(1, 7, 103, 2), *right[1:]],
        [fill(1, 1, 102, 2), *right[1:]],
        [fill(1, 1, 103, 1), fill(2, 2, 103, 2), right[2]],
        [fill(2, 1, 103, 2), fill(1, 2, 103, 1), right[2]],
        [fill(1, 1, 103, 5)],
    ):
        judge, missed = verdicts()
        judge.acknowledged(TAKE, 50, 5)
        judge.fills_seen(wrong)
        assert (judge.matched, judge.mismatched, judge.waiting) == (0, 1, 0)
        assert "line 10, order 9: the record has 1:103:2;2:103:1;3:104:2, the node " in str(missed[0])


def test_refused_orders_and_missing_fills_are_mismatches() -> None:
    judge, missed = verdicts()
    judge.refused(TAKE)
    judge.acknowledged(TAKE, 50, 5)
    judge.fills_seen(next(events(50)))
    judge.fills_seen([fill(1, 1, 103, 2, 49)])  # Of a row that is nobody's business.
    judge.passed_over(49, 2)
    judge.give_up()
    assert (judge.mismatched, judge.waiting) == (2, 0)
    assert missed == [Mismatch(TAKE, None)] * 2
