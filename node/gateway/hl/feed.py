"""Who listens to what, and what they are sent.

What happens (trades, fills, orders, best prices, payments) goes out with the cycle that made it durable. What changes all the time
(books, mids, contexts, the running candle) goes out at most every half second, and only where somebody listens.
"""

import asyncio
from typing import Any, Final, NamedTuple, Protocol

from node.gateway.hl import fmt, rows
from node.gateway.hl.coins import Coins
from node.gateway.hl.info import Info
from node.gateway.hl.past import OUTSIDE, interval_of
from node.gateway.hl.portraits import bbo_object
from node.gateway.hl.strict_json import write
from node.gateway.shelf import Shelf
from node.views.rows import FillRow, FundingRow, LedgerRow, OrderRow, TradeRow, TransferRow

PERIOD_S: Final = 0.5


class Topic(NamedTuple):
    """A subscription as the feed knows it: channel, market or user, and what else tells two of a kind apart."""

    kind: str
    owner: int = 0
    user: str = ""  # Lower-case address; an address may get its account later.
    interval: str = ""
    figures: int | None = None
    mantissa: int | None = None


class Reader(Protocol):
    """A connection."""

    def send(self, text: bytes) -> None:
        """Send one message; never blocks."""
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
            text = message(channel, data)
            for reader in readers:
                reader.send(text)

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
                elif isinstance(row, LedgerRow) and row.reason in OUTSIDE:
                    self._ledger(row.account, row)
                elif isinstance(row, TransferRow):
                    self._ledger(row.source, row)
                    self._ledger(row.destination, row)
        for market in self._coins.markets:
            self._best(market.id)

    def _orders(self, changed: list[OrderRow]) -> None:
        for account, found in _grouped(changed).items():
            topic = Topic("orderUpdates", user=self._info.past.address_of(account))
            if topic in self._readers:
                self._send(topic, "orderUpdates", [self._update(row) for row in found])

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
            self._send(topic, "bbo", self.best(market))

    def best(self, market: int) -> dict[str, Any]:
        """Best bid and offer of a market now."""
        decimals = self._coins.decimals(market)
        return bbo_object(self._views.books[market], self._coins.name(market), decimals, self._views.time)

    # --- every half second ------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Push what changes all the time, until cancelled."""
        last: dict[Topic, Any] = {}
        while True:
            await asyncio.sleep(PERIOD_S)
            last = {topic: seen for topic, seen in last.items() if topic in self._readers}
            contexts: list[dict[str, Any]] | None = None
            for topic in list(self._readers):
                if topic.kind == "activeAssetCtx" and contexts is None:
                    contexts = await self._info.contexts()
                seen = self._mark(topic)
                if seen is not None and last.get(topic) != seen:
                    last[topic] = seen
                    data = await self.present(topic, contexts)
                    if data is not None:
                        self._send(topic, topic.kind, data)

    def _mark(self, topic: Topic) -> Any:
        """What must have changed for another push; None for what goes out with each cycle."""
        if topic.kind == "candle":
            return self._views.candles.current(topic.owner, interval_of(topic.interval))
        return self._views.time if topic.kind in ("l2Book", "allMids", "activeAssetCtx") else None

    async def present(self, topic: Topic, contexts: list[dict[str, Any]] | None) -> Any:
        """What a topic shows now; None where there is nothing to show, or where it shows only what happens."""
        match topic.kind:
            case "l2Book":
                return self._info.book(topic.owner, topic.figures, topic.mantissa)
            case "bbo":
                return self.best(topic.owner)
            case "allMids":
                return {"mids": self._info.mids()}
            case "activeAssetCtx":
                shown = contexts if contexts is not None else await self._info.contexts()
                return {"coin": self._coins.name(topic.owner), "ctx": shown[topic.owner - 1]}
            case "candle":
                return self._info.past.running_candle(topic.owner, topic.interval)
            case _:
                return None


def _grouped(found: list[Any]) -> dict[int, list[Any]]:
    """Rows by account, in order."""
    grouped: dict[int, list[Any]] = {}
    for row in found:
        grouped.setdefault(row.account, []).append(row)
    return grouped
