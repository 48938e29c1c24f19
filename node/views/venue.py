"""All views of the venue behind one door: `apply` takes released inputs in order, `take_rows` gives what must go to disk.

Life: construct (reads how far the disk is) → `apply` every input that recovery replays (what the disk has already is passed over) → `seed`
with the recovered state → `apply` every released input. Before `seed` only histories, orders and candles grow; what shows the present is
taken from the state by `seed` and kept up to date from then on.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from node.core.num import div_ceil
from node.core.state import State
from node.views import describe
from node.views.accounts import AccountView, BalanceRow, PositionRow
from node.views.batches import BatchView
from node.views.book import Bbo, BookView
from node.views.candles import CandleView
from node.views.directory import Directory
from node.views.fundings import FundingSumsView
from node.views.history import AddedRow, HistoryView, PageQuery
from node.views.intervals import DERIVED_S
from node.views.orders import OrderView
from node.views.portfolio import PortfolioView
from node.views.queue import QueueView
from node.views.rows import (
    SEQ_KEY,
    FillRow,
    FundingRow,
    HistoryKind,
    LedgerRow,
    OrderRow,
    RateRow,
    TradeRow,
    TransferRow,
    TwapRow,
)
from node.views.streams import StreamHub, StreamKey, StreamLimits, StreamName
from node.views.table import OrderedTable
from node.views.tickers import TickerView
from node.views.totals import TotalsView
from node.views.worth import AssetPrices
from proto.events import (
    AccountOpened,
    AgentApproved,
    BalanceChanged,
    BalanceReason,
    CloseReason,
    Event,
    FundingPaid,
    FundingRateSet,
    IndexSet,
    MarketStatusChanged,
    MarkSet,
    OrderAccepted,
    OrderAmended,
    OrderClosed,
    OrderFilled,
    OrderRested,
    PositionChanged,
    TransferMade,
    TriggerArmed,
    TriggerClosed,
    TriggerFired,
    TriggerPlaced,
    TwapClosed,
    TwapPlaced,
    TwapSliced,
)
from proto.ids import OrderId, Seq
from proto.intents import Side
from proto.units import RATE_SCALE, Lots, MicroUsd, TimeMs

_Handler = Callable[[Any], None]
OUTSIDE: Final = frozenset({BalanceReason.DEPOSIT, BalanceReason.WITHDRAWAL, BalanceReason.TRANSFER, BalanceReason.VAULT})
"""What moves a balance and is neither profit nor loss."""
NEWEST_TRADES: Final = 50
"""Trades of a market that are at hand without the disk."""


class ViewsOutOfStepError(Exception):
    """The rows on disk do not fit the inputs: they lag behind the replay's start, or lead the state. Delete and rebuild them."""


class Views:
    """Everything readable. `seq` and `time` are of the last input contained."""

    def __init__(self, table: OrderedTable, limits: StreamLimits) -> None:
        stored = table.get(SEQ_KEY)
        self.seq = Seq(int.from_bytes(stored, "big") if stored else 0)
        self.time = TimeMs(0)
        self.live = False
        self.orders = OrderView(table)
        self.history = HistoryView(table)
        self.candles = CandleView(table)
        self.batches = BatchView(table)
        self.books: dict[int, BookView] = {}
        self.queues: dict[int, QueueView] = {}
        self.newest_trades: dict[int, deque[TradeRow]] = {}
        """Of each market, oldest first; what traded before the start is in the history."""
        self.tickers = TickerView()
        self.accounts = AccountView()
        self.directory = Directory()
        self.totals = TotalsView(table)
        self.fundings = FundingSumsView(table)
        self.portfolio = PortfolioView(table, self.measure)
        self.hub = StreamHub(limits)
        self.tape: list[AddedRow] | None = None
        """Rows of released inputs in the order of events, for whoever takes them after each cycle; None: nobody does."""
        self.order_tape: list[OrderRow] | None = None
        """Copies of orders as they came into the book, changed there or ended, likewise."""
        self._position = 0
        self._sizes: dict[tuple[int, int], int] = {}  # Positions that the input being applied has changed.
        self._slice = (OrderId(0), OrderId(0))  # The newest slice's order, and the time-sliced order that placed it.
        self._written_seq = self.seq
        self._changes: dict[StreamKey, dict[Any, Any]] = {}  # Since the last release, for streams that are wanted.
        self.prices = AssetPrices(table)
        self._bbos: dict[int, Bbo] = {}
        self._candle_keys: dict[tuple[int, int], tuple[StreamKey, ...]] = {}
        self._handlers: dict[type[Any], _Handler] = {
            OrderAccepted: self._order_accepted, OrderRested: self._order_rested, OrderAmended: self._order_amended,
            OrderFilled: self._order_filled, OrderClosed: self._order_closed, BalanceChanged: self._balance_changed,
            PositionChanged: self._position_changed, FundingPaid: self._funding_paid,
            TransferMade: self._transfer_made, FundingRateSet: self._rate_set,
            AccountOpened: self.directory.opened, AgentApproved: self.directory.approved,
            TriggerPlaced: self._trigger_placed, TriggerArmed: self._trigger_armed, TriggerFired: self._trigger_fired,
            TriggerClosed: self._trigger_closed, TwapPlaced: self._twap_placed, TwapSliced: self._twap_sliced,
            TwapClosed: self._twap_closed,
        }  # fmt: skip
        self._ticker_handlers: dict[type[Any], _Handler] = {
            IndexSet: self._index_set, MarkSet: self.tickers.mark_set,
            MarketStatusChanged: self.tickers.status_changed,
        }  # fmt: skip

        self._replay_handlers: dict[type[Any], _Handler] = {IndexSet: self._price_set}

    def seed(self, state: State) -> None:
        """Take the present from the recovered state, at the seq that was applied last. Raises ViewsOutOfStepError."""
        if self.seq != state.seq:
            raise ViewsOutOfStepError(f"views contain input {self.seq}, the state {state.seq}")
        self.time = state.time
        self.orders.seed(state)
        self.tickers.seed(state)
        self.accounts.seed(state)
        for number, market in state.markets.items():
            book = self.books[number] = BookView()
            book.seed(market)
            queues = self.queues[number] = QueueView()
            queues.seed(market)
            self._bbos[number] = book.bbo()
            self.newest_trades[number] = deque(self._last_trades(number), NEWEST_TRADES)
            for base, intervals in DERIVED_S.items():
                keys = (StreamKey(StreamName.CANDLES, number, interval) for interval in intervals)
                self._candle_keys[number, base] = tuple(keys)
        self.prices.seed(state)
        self.directory.seed(state)
        self.portfolio.begin(state.time)
        self.candles.changed.clear()
        self.live = True

    def _last_trades(self, market: int) -> list[TradeRow]:
        page = self.history.page(HistoryKind.TRADES, market, PageQuery(limit=NEWEST_TRADES))
        return [row for row in reversed(page.rows) if isinstance(row, TradeRow)]

    def apply(self, seq: Seq, time: TimeMs, events: tuple[Event, ...]) -> None:
        """Take one input's events; an input that is contained already changes nothing. Raises ViewsOutOfStepError."""
        if seq <= self.seq:
            return
        if seq != self.seq + 1:
            raise ViewsOutOfStepError(f"views contain input {self.seq}, the next to apply is {seq}")
        self.seq, self.time = seq, time
        self.history.tick(seq, time)
        if not events:
            return
        if self._sizes:
            self._sizes.clear()
        handlers, tickers = self._handlers, self._ticker_handlers if self.live else self._replay_handlers
        for position, event in enumerate(events):
            kind = type(event)
            handler = handlers.get(kind) or tickers.get(kind)
            if handler is not None:
                self._position = position
                handler(event)
        if self.live:
            self.portfolio.tick(time, self.accounts.holders)

    def release(self) -> None:
        """Show what was applied since the last call: once a cycle, as all of it becomes durable at once."""
        if self.live:
            self._publish()

    def _note(self, name: StreamName, owner: int, key: Any, value: Any) -> None:
        """Remember a change for a stream; the last value under `key` within a release counts."""
        if self.hub.is_silent:
            return
        stream = StreamKey(name, owner)
        if self.hub.wants(stream):
            self._changes.setdefault(stream, {})[key] = value

    def _add(self, kind: HistoryKind, owner: int, row: AddedRow) -> None:
        """Append a row to a history, and to the tape where somebody takes it."""
        self.history.add(kind, owner, row)
        if self.tape is not None:
            self.tape.append(row)

    def _tape_order(self, row: OrderRow) -> None:
        if self.order_tape is not None:
            self.order_tape.append(replace(row))

    def _order_accepted(self, event: OrderAccepted) -> None:
        row = self.orders.accepted(event, self.seq, self.time)
        self._note(StreamName.ORDERS, row.account, row.id, row)

    def _order_rested(self, event: OrderRested) -> None:
        row = self.orders.rested(event, self.seq, self.time)
        if row is not None:
            self._tape_order(row)
            self._note(StreamName.ORDERS, row.account, row.id, row)
        if self.live:
            self.books[event.market].rested(event)
            self.queues[event.market].rested(event)

    def _order_amended(self, event: OrderAmended) -> None:
        row = self.orders.amended(event, self.seq, self.time)
        if row is not None:
            self._tape_order(row)
            self._note(StreamName.ORDERS, row.account, row.id, row)
        if self.live:
            self.books[event.market].amended(event)
            self.queues[event.market].amended(event)

    def _order_closed(self, event: OrderClosed) -> None:
        row = self.orders.closed(event, self.seq, self.time)
        if row is not None:
            self.history.add_ended_order(row, self._position)
            self._tape_order(row)
            self._note(StreamName.ORDERS, row.account, row.id, row)
        if self.live:
            self.books[event.market].closed(event)
            self.queues[event.market].closed(event)

    def _trigger_placed(self, event: TriggerPlaced) -> None:
        self._order_moved(self.orders.waits(event, self.seq, self.time))

    def _trigger_armed(self, event: TriggerArmed) -> None:
        self._order_moved(self.orders.armed(event, self.seq, self.time))

    def _trigger_fired(self, event: TriggerFired) -> None:
        self._order_moved(self.orders.fired(event, self.seq, self.time))

    def _trigger_closed(self, event: TriggerClosed) -> None:
        row = self.orders.dropped(event, self.seq, self.time)
        if row is not None:
            self.history.add_ended_order(row, self._position)
        self._order_moved(row)

    def _twap_placed(self, event: TwapPlaced) -> None:
        row = TwapRow(
            self.seq, self._position, self.time, event.account, event.twap, event.market, event.side, event.size,
            event.reduce_only, event.seconds, event.slippage, event.price, self.time, Lots(0), MicroUsd(0), running=True,
            reason=CloseReason.FILLED,
        )  # fmt: skip
        self._add(HistoryKind.TWAPS, event.account, row)

    def _twap_sliced(self, event: TwapSliced) -> None:
        self._slice = (event.order, event.twap)

    def _twap_closed(self, event: TwapClosed) -> None:
        row = TwapRow(
            self.seq, self._position, self.time, event.account, event.twap, event.market, event.side, event.size,
            event.reduce_only, event.seconds, event.slippage, event.price, event.start, event.filled, event.quote, running=False,
            reason=event.reason,
        )  # fmt: skip
        self._add(HistoryKind.TWAPS, event.account, row)

    def _order_moved(self, row: OrderRow | None) -> None:
        if row is not None:
            self._tape_order(row)
            self._note(StreamName.ORDERS, row.account, row.id, row)

    def _order_filled(self, event: OrderFilled) -> None:
        seq, time, at = self.seq, self.time, self._position
        trade = TradeRow(
            seq, at, time, event.market, event.trade, event.price, event.size, event.taker_side, event.liquidation,
            event.maker, event.taker,
        )  # fmt: skip
        self._add(HistoryKind.TRADES, event.market, trade)
        if self.live:
            self.newest_trades[event.market].append(trade)
        self._note(StreamName.TRADES, event.market, (seq, at), trade)
        maker_side = Side(1 - event.taker_side)
        bought = event.size if event.taker_side == Side.BUY else -event.size
        maker_start = Lots(self._sizes[event.maker, event.market] + bought)
        taker_start = Lots(self._sizes[event.taker, event.market] - bought)
        for fill in (
            FillRow(
                seq, at, time, event.maker, event.market, event.trade, event.maker_order, event.maker_client_id, maker_side,
                event.price, event.size, is_taker=False, fee=event.maker_fee, pnl=event.maker_pnl,
                remaining=event.maker_remaining, liquidation=event.liquidation, start=maker_start,
            ),
            FillRow(
                seq, at, time, event.taker, event.market, event.trade, event.taker_order, event.taker_client_id,
                event.taker_side, event.price, event.size, is_taker=True, fee=event.taker_fee, pnl=event.taker_pnl,
                remaining=event.taker_remaining, liquidation=event.liquidation, start=taker_start,
                twap=self._slice[1] if event.taker_order == self._slice[0] else OrderId(0),
            ),
        ):  # fmt: skip
            self._add(HistoryKind.FILLS, fill.account, fill)
            self.history.add_order_fill(fill)
            self._note(StreamName.FILLS, fill.account, (seq, at), fill)
            row = self.orders.filled(fill.order, event, fill.remaining, seq, time)
            if row is not None:
                if row.rested and row.remaining:
                    self._tape_order(row)
                self._note(StreamName.ORDERS, row.account, row.id, row)
        quote = event.price * event.size
        self.totals.traded(event.maker, quote)
        self.totals.traded(event.taker, quote)
        self.candles.traded(event.market, time, event.price, event.size)
        if self.live:
            self.books[event.market].filled(event)
            self.queues[event.market].filled(event)
            self.tickers.traded(event.market, event.price)

    def _balance_changed(self, event: BalanceChanged) -> None:
        row = LedgerRow(
            self.seq, self._position, self.time, event.account, event.asset, event.delta, event.balance, event.reason
        )
        self._add(HistoryKind.LEDGER, event.account, row)
        self._note(StreamName.BALANCES, event.account, event.asset, BalanceRow(event.asset, event.balance))
        if self.live:
            self.accounts.balance_changed(event)
            self.portfolio.touched(event.account)
        if event.reason in OUTSIDE:
            self.totals.flowed(event.account, self.prices.flow(event.account, event.asset, event.delta))

    def _position_changed(self, event: PositionChanged) -> None:
        self._sizes[event.account, event.market] = event.size
        self.fundings.changed(event.account, event.market, event.size)
        if self.live:
            longs = self.accounts.position_changed(event, self.tickers.rows[event.market].funding_index)
            self.portfolio.touched(event.account)
            if longs:
                self.tickers.longs_changed(event.market, longs)
        row = PositionRow(event.market, event.size, event.entry)
        self._note(StreamName.POSITIONS, event.account, event.market, row)

    def _funding_paid(self, event: FundingPaid) -> None:
        row = FundingRow(self.seq, self._position, self.time, event.account, event.market, event.size, event.amount)
        self._add(HistoryKind.FUNDING, event.account, row)
        self.fundings.paid(event.account, event.market, event.amount)
        if self.live:
            self.accounts.funding_settled(event.account, event.market, self.tickers.rows[event.market].funding_index)
        self._note(StreamName.FUNDING, event.account, (self.seq, self._position), row)

    def _transfer_made(self, event: TransferMade) -> None:
        row = TransferRow(
            self.seq, self._position, self.time, event.source, event.destination, event.asset, event.amount
        )
        self.history.add(HistoryKind.TRANSFERS, event.source, row)
        self._add(HistoryKind.TRANSFERS, event.destination, row)

    def _rate_set(self, event: FundingRateSet) -> None:
        row = RateRow(self.seq, self._position, self.time, event.market, event.rate)
        self._add(HistoryKind.RATES, event.market, row)
        if self.live:
            self.tickers.funding_set(event)

    def _price_set(self, event: IndexSet) -> None:
        self.prices.index_set(event)
        for account, amount in self.prices.late:
            self.totals.flowed(account, amount)
        self.prices.late.clear()

    def _index_set(self, event: IndexSet) -> None:
        self._price_set(event)
        self.tickers.index_set(event)

    def measure(self, account: int) -> tuple[int, int, int]:
        """Value of an account at marks and index prices without haircuts, net inflow and volume since the beginning, micro-USDC."""
        value = sum(self.prices.worth(row.asset, row.balance) for row in self.accounts.balances(account))
        for position, settled in self.accounts.funded(account):
            ticker = self.tickers.rows[position.market]
            due = div_ceil(position.size * (ticker.funding_index - settled), RATE_SCALE)
            value += position.size * ticker.mark - position.entry - due
        return value, self.totals.inflow(account), self.totals.volume(account)

    def _publish(self) -> None:
        """Hand the changes since the last release to the streams, one event per stream."""
        hub, seq, time = self.hub, self.seq, self.time
        for stream, rows in self._changes.items():
            hub.publish(stream, seq, time, [_DESCRIBE[stream.name](row) for row in rows.values()])
        self._changes.clear()
        for market, book in self.books.items():
            if book.changed or self.queues[market].changes:
                self._publish_book(market, book)
        for market in self.tickers.changed:
            key = StreamKey(StreamName.TICKER, market)
            if hub.wants(key):
                hub.publish(key, seq, time, describe.ticker_map(self.tickers.rows[market]))
        self.tickers.changed.clear()
        for market, base in () if hub.is_silent else self.candles.changed:
            for key in self._candle_keys[market, base]:
                candle = self.candles.current(market, key.interval_s) if hub.wants(key) else None
                if candle is not None:
                    hub.publish(key, seq, time, describe.candle_map(candle))
        self.candles.changed.clear()

    def _publish_book(self, market: int, book: BookView) -> None:
        key = StreamKey(StreamName.BOOK, market)
        if book.changed and self.hub.wants(key):
            self.hub.publish(key, self.seq, self.time, describe.book_delta(market, book))
        book.changed.clear()
        queues, key = self.queues[market], StreamKey(StreamName.BOOK_ORDERS, market)
        if queues.changes and self.hub.wants(key):
            self.hub.publish(key, self.seq, self.time, describe.queues_delta(market, queues))
        queues.changes.clear()
        bbo = book.bbo()
        if bbo != self._bbos[market]:
            self._bbos[market] = bbo
            key = StreamKey(StreamName.BBO, market)
            if self.hub.wants(key):
                self.hub.publish(key, self.seq, self.time, describe.bbo_map(market, bbo))

    def snapshot(self, key: StreamKey) -> Any:
        """What a stream's subscriber starts from. Fills, trades and funding start empty: the past is in the histories."""
        match key.name:
            case StreamName.BOOK:
                return describe.book_map(key.owner, self.books[key.owner], 0)
            case StreamName.BOOK_ORDERS:
                return describe.queues_map(key.owner, self.queues[key.owner], 0)
            case StreamName.BBO:
                return describe.bbo_map(key.owner, self._bbos[key.owner])
            case StreamName.TICKER:
                return describe.ticker_map(self.tickers.rows[key.owner])
            case StreamName.CANDLES:
                candle = self.candles.current(key.owner, key.interval_s)
                return None if candle is None else describe.candle_map(candle)
            case StreamName.ORDERS:
                return [describe.order_map(row) for row in self.orders.of_account(key.owner)]
            case StreamName.POSITIONS:
                return [describe.position_map(row) for row in self.accounts.positions(key.owner)]
            case StreamName.BALANCES:
                return [describe.balance_map(row) for row in self.accounts.balances(key.owner)]
            case StreamName.TRADES | StreamName.FILLS | StreamName.FUNDING:
                return []

    def take_rows(self) -> tuple[Seq, list[tuple[bytes, bytes]]]:
        """All rows that changed since the last call, with the seq they stand for: to be written at once, in order of the calls."""
        rows = self.history.take_rows() + self.orders.take_rows() + self.candles.take_rows() + self.batches.take_rows()
        rows += self.totals.take_rows() + self.fundings.take_rows() + self.portfolio.take_rows() + self.prices.take_rows()
        if rows or self.seq != self._written_seq:
            rows.append((SEQ_KEY, self.seq.to_bytes(8, "big")))
        self._written_seq = self.seq
        return self.seq, rows


_DESCRIBE: dict[StreamName, Callable[[Any], Any]] = {
    StreamName.TRADES: describe.trade_map,
    StreamName.FILLS: describe.fill_map,
    StreamName.ORDERS: describe.order_map,
    StreamName.POSITIONS: describe.position_map,
    StreamName.BALANCES: describe.balance_map,
    StreamName.FUNDING: describe.funding_map,
}
