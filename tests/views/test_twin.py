"""After every input the views show what the state holds; rebuilt by replay they are equal, wherever the writes were cut."""

import random
from typing import Any

from node.core.genesis import genesis_state
from node.core.ledger.positions import loss_due
from node.core.margin.account import position_value
from node.core.state import Account, Level, State
from node.views.history import PageQuery
from node.views.intervals import INTERVALS_S, bounds, combine
from node.views.rows import HistoryKind
from node.views.venue import Views
from proto.ids import USDC, MarketId
from proto.intents import Side
from tests.sequencer.venue import PARAMS
from tests.views.trace import Step, memory_table, new_views, steps, write

BTC = MarketId(1)


def present(views: Views) -> dict[str, Any]:
    """Everything the views show of the present."""
    return {
        "books": {number: (book.side(Side.BUY, 0), book.side(Side.SELL, 0)) for number, book in views.books.items()},
        "orders": {number: views.orders.open[number] for number in sorted(views.orders.open)},
        "accounts": {
            number: (views.accounts.balances(number), views.accounts.positions(number)) for number in range(1, 10)
        },
        "tickers": views.tickers.rows,
        "seq": views.seq,
    }


def queue_of(level: Level) -> list[tuple[int, int]]:
    """Orders and lots at a price, first to trade first."""
    found: list[tuple[int, int]] = []
    order = level.head
    while order is not None:
        found.append((order.id, order.remaining))
        order = order.after
    return found


def worth(state: State, account: Account) -> int:
    """Value without haircuts: equity of the USDC part, and other assets at their index; socialised losses count once they are settled."""
    other = 0
    for asset, amount in account.balances.items():
        params = PARAMS.assets[asset]
        price = state.indices[params.index].price if params.index else 0
        other += amount * price // 10**params.decimals
    held = 0
    for number, row in account.positions.items():
        if row.size:
            market = state.markets[number]
            held += position_value(row, market) + loss_due(row, market)
    return int(account.cash + other + held)


def agree(views: Views, state: State) -> None:
    """Compare the views with the state, entry by entry."""
    for market_id, market in state.markets.items():
        for own in (market.bids, market.asks):
            best_first = [own.levels[key] for key in reversed(own.keys)]
            expected = [(level.price, level.lots, level.orders) for level in best_first]
            assert [tuple(row) for row in views.books[market_id].side(own.side, 0)] == expected
            assert views.queues[market_id].side(own.side, 0) == [(level.price, queue_of(level)) for level in best_first]
        row = views.tickers.rows[market_id]
        assert (row.mark, row.index_price, row.status) == (market.mark, market.index_price, market.status)
        assert (row.open_interest, row.funding_rate) == (market.open_interest, market.funding_rate)
        assert row.index_status == state.indices[market.params.index].status
        assert row.last_price == market.premium.last_trade
    assert views.orders.open.keys() == state.orders.keys()
    for order in state.orders.values():
        open_ = views.orders.open[order.id]
        assert (open_.price, open_.remaining, open_.client_id) == (order.price, order.remaining, order.client_id)
        assert open_.filled + open_.remaining == open_.size
    for number, account in state.accounts.items():
        balances = {row.asset: row.balance for row in views.accounts.balances(number)}
        assert balances == {USDC: account.cash, **account.balances}
        assert views.measure(number)[0] == worth(state, account)
        positions = {row.market: (row.size, row.entry) for row in views.accounts.positions(number)}
        assert positions == {p.market: (p.size, p.entry) for p in account.positions.values() if p.size}


def test_views_follow_the_state_after_every_input(seed: int) -> None:
    views = new_views(memory_table())
    views.seed(genesis_state(PARAMS))
    for state, step in steps(seed, 600):
        views.apply(*step)
        agree(views, state)


def test_restart_anywhere_gives_equal_views(seed: int) -> None:
    rng = random.Random(seed)
    straight_table, cut_table = memory_table(), memory_table()
    straight, cut = new_views(straight_table), new_views(cut_table)
    straight.seed(genesis_state(PARAMS))
    cut.seed(genesis_state(PARAMS))
    since_seal: list[Step] = []
    for state, step in steps(seed, 500):
        straight.apply(*step)
        cut.apply(*step)
        since_seal.append(step)
        chance = rng.random()
        if chance < 0.05:
            write(cut, cut_table)
        if chance < 0.01:  # The rows of a sealed state are on disk with it.
            since_seal.clear()
        elif chance > 0.97:  # A crash: what was not written is lost, and replayed from the last seal.
            cut = new_views(cut_table)
            for earlier in since_seal:
                cut.apply(*earlier)
            cut.seed(state)
        if chance > 0.9:
            assert present(cut) == present(straight)
    write(straight, straight_table)
    write(cut, cut_table)
    # Rows of the time index and samples fall elsewhere where a restart made a new beginning; all others are the same bytes.
    rows = [[row for row in table.scan() if row[0][:1] not in b"np"] for table in (straight_table, cut_table)]
    assert rows[0] == rows[1]


def test_an_input_counts_once(seed: int) -> None:
    table = memory_table()
    views = new_views(table)
    views.seed(genesis_state(PARAMS))
    for _, step in steps(seed, 200):
        views.apply(*step)
        before = present(views)
        views.apply(*step)
        assert present(views) == before
    write(views, table)
    assert views.take_rows()[1] == []


def all_rows(views: Views, kind: HistoryKind, owner: int) -> list[Any]:
    """A whole history, oldest first."""
    rows: list[Any] = list(views.history.page(kind, owner, PageQuery(limit=100_000, newest_first=False)).rows)
    return rows


def test_histories_add_up(seed: int) -> None:
    table = memory_table()
    views = new_views(table)
    views.seed(genesis_state(PARAMS))
    final = genesis_state(PARAMS)
    for _, step in steps(seed, 800, final):
        views.apply(*step)
    write(views, table)
    for number, account in final.accounts.items():
        assert (
            sum(row.delta for row in all_rows(views, HistoryKind.LEDGER, number) if row.asset == USDC) == account.cash
        )
        fills = [fill for fill in all_rows(views, HistoryKind.FILLS, number) if fill.market == BTC]
        held = account.positions.get(BTC)
        assert sum(fill.size if fill.side == Side.BUY else -fill.size for fill in fills) == (held.size if held else 0)
    for market in final.markets:
        trades = all_rows(views, HistoryKind.TRADES, market)
        assert trades, "the trace trades"
        for interval in INTERVALS_S.values():
            candles = views.candles.page(market, interval, 0, 2**48, 10_000)
            assert sum(candle.volume for candle in candles) == sum(trade.size for trade in trades)
            assert sum(candle.trades for candle in candles) == len(trades)
            assert (candles[0].open, candles[-1].close) == (trades[0].price, trades[-1].price)
            assert max(candle.high for candle in candles) == max(trade.price for trade in trades)
            assert min(candle.low for candle in candles) == min(trade.price for trade in trades)
            assert views.candles.current(market, interval) == candles[-1]
            assert all(row.start == bounds(interval, row.start)[0] for row in candles)
            assert candles == list(combine(views.candles.page(market, 60, 0, 2**48, 10_000), interval))
