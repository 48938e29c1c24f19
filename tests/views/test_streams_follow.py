"""What the streams say, put together again, is what the views show: every stream, after every input."""

from typing import Any

import msgpack

from node.core.genesis import genesis_state
from node.views import describe
from node.views.history import PageQuery
from node.views.rows import HistoryKind
from node.views.streams import EventBytes, StreamKey, StreamName
from tests.sequencer.venue import PARAMS
from tests.views.trace import memory_table, new_views, steps, write

ACCOUNTS = range(4, 8)
MARKETS = (1, 2)
OF_ACCOUNT = (StreamName.ORDERS, StreamName.FILLS, StreamName.POSITIONS, StreamName.BALANCES, StreamName.FUNDING)


class Follower:
    """Decodes the events of one stream; a listener like any connection."""

    def __init__(self, key: StreamKey, number: int, snapshot: Any) -> None:
        self.key = key
        self.number = number
        self.newest: Any = snapshot
        self.rows: list[Any] = list(snapshot) if isinstance(snapshot, list) else []

    def offer(self, subscription: int, event: EventBytes) -> None:
        """Take an event; numbers have no gaps."""
        kind, own, number, _, _, data = msgpack.unpackb(event.frame(subscription))
        assert (kind, own, number) == (68, subscription, self.number + 1)
        self.number = number
        self.newest = data
        if isinstance(data, list):
            self.rows.extend(data)


def wire(value: Any) -> Any:
    """A value as a client reads it."""
    return msgpack.unpackb(msgpack.packb(value, default=str))


def test_streams_tell_what_the_views_show(seed: int) -> None:
    table = memory_table()
    views = new_views(table)
    views.seed(genesis_state(PARAMS))
    keys = [
        StreamKey(name, market) for market in MARKETS for name in (StreamName.TRADES, StreamName.BBO, StreamName.TICKER)
    ]
    keys += [StreamKey(StreamName.CANDLES, market, 60) for market in MARKETS]
    keys += [StreamKey(name, account) for account in ACCOUNTS for name in OF_ACCOUNT]
    followers: dict[StreamKey, Follower] = {}
    for number, key in enumerate(keys):
        follower = followers[key] = Follower(key, 0, wire(views.snapshot(key)))
        assert views.hub.subscribe(key, follower, number, 0, 0)[:2] == (0, "requested")
    for _, step in steps(seed, 500):
        views.apply(*step)
        views.release()
        for market in MARKETS:
            bbo = wire(describe.bbo_map(market, views.books[market].bbo()))
            assert followers[StreamKey(StreamName.BBO, market)].newest == bbo
            ticker = wire(describe.ticker_map(views.tickers.rows[market]))
            assert followers[StreamKey(StreamName.TICKER, market)].newest == ticker
            candle = views.candles.current(market, 60)
            shown = None if candle is None else wire(describe.candle_map(candle))
            assert followers[StreamKey(StreamName.CANDLES, market, 60)].newest == shown
    write(views, table)
    kinds = {
        StreamName.FILLS: HistoryKind.FILLS,
        StreamName.TRADES: HistoryKind.TRADES,
        StreamName.FUNDING: HistoryKind.FUNDING,
    }
    for key, follower in followers.items():
        if key.name in kinds:
            rows = views.history.page(kinds[key.name], key.owner, PageQuery(limit=100_000, newest_first=False)).rows
            assert follower.rows == [wire(describe.history_map(row)) for row in rows]
            assert rows or key.name == StreamName.FUNDING
        elif key.name in (StreamName.POSITIONS, StreamName.BALANCES, StreamName.ORDERS):
            name = {StreamName.POSITIONS: "market", StreamName.BALANCES: "asset", StreamName.ORDERS: "id"}[key.name]
            final = {row[name]: row for row in follower.rows}
            present = wire(views.snapshot(key))
            gone = [row for row in final.values() if row.get("position_size") == 0 or row.get("status")]
            assert {row[name]: row for row in present if row.get("balance") != 0} == {
                number: row for number, row in final.items() if row not in gone and row.get("balance") != 0
            }


def test_snapshots_after_the_fact_equal_those_that_followed(seed: int) -> None:
    views = new_views(memory_table())
    views.seed(genesis_state(PARAMS))
    state = genesis_state(PARAMS)
    for _, step in steps(seed, 300, state):
        views.apply(*step)
        views.release()
    late = new_views(memory_table())
    late.seq = views.seq
    late.seed(state)
    for market in MARKETS:
        for name in (StreamName.BOOK, StreamName.BBO, StreamName.TICKER):
            key = StreamKey(name, market)
            assert wire(late.snapshot(key)) == wire(views.snapshot(key))
    for account in ACCOUNTS:
        for name in (StreamName.POSITIONS, StreamName.BALANCES):
            key = StreamKey(name, account)
            assert wire(late.snapshot(key)) == wire(views.snapshot(key))
