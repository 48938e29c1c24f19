"""Who listens to what, and what they are sent.

What happens (trades, fills, orders, best prices, payments) goes out with the cycle that made it durable. How things stand goes out by
the clock, and only where somebody listens: of markets at most every half second, of users every second or two, changed or not,
because clients wait for the next one.
"""

import asyncio
from typing import Any, Final, Protocol

from node.gateway.hl import fmt, rows, twaps
from node.gateway.hl.coins import Coins
from node.gateway.hl.info import Info
from node.gateway.hl.past import interval_of, is_outside
from node.gateway.hl.standing import NEED_CONTEXTS, Contexts, Standing
from node.gateway.hl.strict_json import write
from node.gateway.hl.topics import STANDING, Topic
from node.gateway.outbox import TEXT, websocket_frame
from node.gateway.ports import ReadRefusedError
from node.gateway.shelf import Shelf
from node.views.rows import FillRow, FundingRow, LedgerRow, OrderRow, OrderStatus, TradeRow, TransferRow, TwapRow
from proto.events import CloseReason

PERIOD_S: Final = 0.5
_USERS_PER_READ: Final = 16
_MOVING: Final = ("l2Book", "allMids", "activeAssetCtx", "allDexsAssetCtxs", "assetCtxs", "fastAssetCtxs")
_BY_USER: Final = (
    CloseReason.USER_CANCELLED, CloseReason.FILLED, CloseReason.IMMEDIATE_REMAINDER, CloseReason.MATCH_LIMIT,
)  # fmt: skip
"""Ends that are an order's own."""


class Reader(Protocol):
    """A connection."""

    def send_wrapped(self, frame: bytes) -> None:
        """Send one message in WebSocket form; never blocks."""
        ...


def message(channel: str, data: Any) -> bytes:
    """A message of a channel."""
    return write({"channel": channel, "data": data})


class Feed:
    """All subscriptions of the dialect."""

    def __init__(self, info: Info, coins: Coins, shelf: Shelf) -> None:
        self._info = info
        self._coins = coins
        self._views = shelf.views
        self._readers: dict[Topic, dict[Reader, None]] = {}
        self._bbos: dict[int, Any] = {}
        self._standing = Standing(info, coins, shelf.views)
        shelf.followers.append(self._cycle)

    def add(self, topic: Topic, reader: Reader) -> bool:
        """Listen; False where the reader does already."""
        readers = self._readers.setdefault(topic, {})
        if reader in readers:
            return False
        readers[reader] = None
        if self._views.tape is None:
            self._views.tape = []
            self._views.order_tape = []
        return True

    def remove(self, topic: Topic, reader: Reader) -> bool:
        """Listen no more; False where the reader did not."""
        readers = self._readers.get(topic, {})
        if reader not in readers:
            return False
        del readers[reader]
        if not readers:
            del self._readers[topic]
        if not self._readers:
            self._views.tape = None
            self._views.order_tape = None
        return True

    def _send(self, topic: Topic, channel: str, data: Any) -> None:
        readers = self._readers.get(topic)
        if readers:
            frame = websocket_frame(message(channel, data), TEXT)
            for reader in readers:
                reader.send_wrapped(frame)

    # --- with each cycle --------------------------------------------------------------------------------------------------

    def _cycle(self) -> None:
        views = self._views
        if views.tape is None or views.order_tape is None:
            return
        tape, views.tape = views.tape, []
        changed, views.order_tape = views.order_tape, []
        if changed:
            self._orders(changed)
        if tape:
            self._happened(
                [row for row in tape if isinstance(row, TradeRow)], [r for r in tape if isinstance(r, FillRow)]
            )
            for row in tape:
                if isinstance(row, FundingRow):
                    self._funding(row)
                elif isinstance(row, LedgerRow) and is_outside(row):
                    self._ledger(row.account, row)
                elif isinstance(row, TwapRow):
                    self._twap(row)
                elif isinstance(row, TransferRow):
                    self._ledger(row.source, row)
                    self._ledger(row.destination, row)
        for market in self._coins.markets:
            self._best(market.id)

    def _orders(self, changed: list[OrderRow]) -> None:
        for account, found in _grouped(changed).items():
            user = self._info.past.address_of(account)
            topic, history = Topic("orderUpdates", user=user), Topic("userHistoricalOrders", user=user)
            if topic in self._readers:
                self._send(topic, "orderUpdates", [self._update(row) for row in found])
            if history in self._readers:
                shown = [self._info.past.status(row) for row in found]
                self._send(history, history.kind, {"user": user, "orderHistory": shown})
            self._cancelled(user, [row for row in found if row.status == OrderStatus.CANCELLED])

    def _cancelled(self, user: str, ended: list[OrderRow]) -> None:
        """Orders that somebody else than their owner took out."""
        rows = [row for row in ended if row.reason not in _BY_USER]
        if not rows:
            return
        shown = [{"coin": self._coins.name(row.market), "oid": row.id} for row in rows]
        self._send(Topic("user", user=user), "user", {"nonUserCancel": shown})
        notes = Topic("notification", user=user)
        if notes in self._readers:
            for row in rows:
                why = fmt.order_status(row)
                self._send(notes, notes.kind, {"notification": f"{self._coins.name(row.market)} order {row.id}: {why}"})

    def _update(self, row: OrderRow) -> dict[str, Any]:
        shown = fmt.order_object(row, self._coins.name(row.market), self._coins.decimals(row.market))
        return {"order": shown, "status": fmt.order_status(row), "statusTimestamp": row.last_time}

    def _happened(self, trades: list[TradeRow], fills: list[FillRow]) -> None:
        for market in self._coins.markets:
            topic = Topic("trades", market.id)
            if topic in self._readers:
                shown = [self._info.past.trade(row) for row in trades if row.market == market.id]
                if shown:
                    self._send(topic, "trades", shown)
        for account, found in _grouped(fills).items():
            user = self._info.past.address_of(account)
            events, listed = Topic("user", user=user), Topic("userFills", user=user)
            if events in self._readers or listed in self._readers:
                shown = [rows.fill_object(row, self._coins) for row in found]
                self._send(events, "user", {"fills": shown})
                self._send(listed, "userFills", {"user": user, "fills": shown})
            self._slices(user, [row for row in found if row.twap])

    def _slices(self, user: str, fills: list[FillRow]) -> None:
        """Trades of time-sliced orders."""
        topic, events = Topic("userTwapSliceFills", user=user), Topic("user", user=user)
        if fills and (topic in self._readers or events in self._readers):
            shown = [twaps.slice_fill(row, self._coins) for row in fills]
            self._send(topic, topic.kind, {"user": user, "twapSliceFills": shown})
            self._send(events, "user", {"twapSliceFills": shown})

    def _twap(self, row: TwapRow) -> None:
        """A time-sliced order began or ended."""
        user = self._info.past.address_of(row.account)
        shown = [twaps.history_object(row, self._coins, user)]
        self._send(Topic("userTwapHistory", user=user), "userTwapHistory", {"user": user, "history": shown})
        self._send(Topic("user", user=user), "user", {"twapHistory": shown})

    def _funding(self, row: FundingRow) -> None:
        shown = rows.funding_object(row, self._coins, self._views.tickers.rows[row.market].funding_rate)
        del shown["type"]
        payment = {"time": row.time, **shown}
        user = self._info.past.address_of(row.account)
        self._send(Topic("user", user=user), "user", {"funding": payment})
        self._send(Topic("userFundings", user=user), "userFundings", {"user": user, "fundings": [payment]})

    def _ledger(self, account: int, row: LedgerRow | TransferRow) -> None:
        past = self._info.past
        topic = Topic("userNonFundingLedgerUpdates", user=past.address_of(account))
        if topic in self._readers:
            update = {"user": topic.user, "nonFundingLedgerUpdates": [past.update(row)]}
            self._send(topic, topic.kind, update)

    def _best(self, market: int) -> None:
        topic = Topic("bbo", market)
        if topic not in self._readers:
            self._bbos.pop(market, None)
            return
        bbo = self._views.books[market].bbo()
        if self._bbos.get(market) != bbo:
            self._bbos[market] = bbo
            self._send(topic, "bbo", self._standing.best(market))

    # --- again and again --------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Push how things stand, until cancelled."""
        last: dict[Topic, Any] = {}
        turn = 0
        while True:
            await asyncio.sleep(PERIOD_S)
            turn += 1
            last = {topic: seen for topic, seen in last.items() if topic in self._readers}
            try:
                await self._push(last, turn)
            except (ReadRefusedError, TimeoutError):
                continue  # The writer is busy, or stopping: the next turn shows more.

    async def _push(self, last: dict[Topic, Any], turn: int) -> None:
        topics = list(self._readers)
        due = [topic for topic in topics if topic.kind in STANDING and turn % (2 * STANDING[topic.kind]) == 0]
        moved = [topic for topic in topics if (seen := self._mark(topic)) is not None and last.get(topic) != seen]
        contexts = await self.contexts([*due, *moved])
        for topic in moved:
            last[topic] = self._mark(topic)
            data = self._standing.of_market(topic, contexts)
            if data is not None:
                self._send(topic, topic.kind, data)
        for at in range(0, len(due), _USERS_PER_READ):  # In parts: the writer goes on between them.
            part = due[at : at + _USERS_PER_READ]
            for topic, data in zip(part, await self.of_users(part, contexts), strict=True):
                self._send(topic, topic.kind, data)

    async def contexts(self, topics: list[Topic]) -> Contexts:
        """Contexts of all markets, where one of the topics needs them."""
        if any(topic.kind in NEED_CONTEXTS for topic in topics):
            return await self._info.contexts()
        return []

    async def of_users(self, topics: list[Topic], contexts: Contexts) -> list[Any]:
        """What topics of users show, all at one moment."""
        show = self._standing.of_user
        shown: list[Any] = await self._info.read(lambda state: [show(state, topic, contexts) for topic in topics])
        return shown

    def _mark(self, topic: Topic) -> Any:
        """What must have changed for another push; None for what is not pushed by the clock."""
        if topic.kind == "candle":
            return self._views.candles.current(topic.owner, interval_of(topic.interval))
        return self._views.time if topic.kind in _MOVING else None

    async def present(self, topic: Topic) -> Any:
        """What a topic shows now; None where there is nothing to show, or where it shows only what happens."""
        contexts = await self.contexts([topic])
        if topic.kind in STANDING:
            return (await self.of_users([topic], contexts))[0]
        return self._standing.of_market(topic, contexts)


def _grouped(found: list[Any]) -> dict[int, list[Any]]:
    """Rows by account, in order."""
    grouped: dict[int, list[Any]] = {}
    for row in found:
        grouped.setdefault(row.account, []).append(row)
    return grouped
