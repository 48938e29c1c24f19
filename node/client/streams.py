"""Subscriptions that survive disconnects, and mirrors that rebuild a book or an account from them."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

from node.client.answers import StreamEvent
from proto.frames import FrameKind


def plain(value: Any) -> Any:
    """A frame's value with wide integers, which travel as decimal text under these keys, turned into integers."""
    if isinstance(value, dict):
        return {key: int(item) if key in _WIDE and type(item) is str else plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


_WIDE = frozenset({
    "client_id", "quote", "fee", "pnl", "delta", "balance", "funding", "entry", "equity", "initial_margin",
    "maintenance_margin", "free_collateral", "notional", "initial_added", "taker_fee", "maker_fee", "unrealised_pnl",
    "funding_due", "value", "funding_index", "funding_rate", "buy_value", "sell_value", "bitmap", "net_inflow",
    "traded",
})  # fmt: skip


class Subscription:
    """Async iterator over a stream's snapshot and events, in order and without a gap.

    Where the reader is so slow that `held` events wait, later ones are let go and fetched again by number once it has caught up: nothing is
    lost as long as the node still has them, otherwise a snapshot comes.
    """

    def __init__(self, name: str, params: list[Any], held: int, resume: Callable[["Subscription"], None]) -> None:
        self.name = name
        self.params = params
        self.last_number = 0
        self.id = 0
        """Under which events of the current connection come; 0 while not subscribed."""
        self._held = held
        self._resume = resume
        self._events: deque[StreamEvent] = deque()
        self._ready = asyncio.Event()
        self._behind = False
        self._error: BaseException | None = None

    def take(self, items: list[Any]) -> None:
        """An EVENT or SNAPSHOT frame: `[kind, id, number, seq, time, (reason,) data]`."""
        if self._behind:
            return
        if len(self._events) >= self._held:
            self._behind = True
            return
        number, seq, time = items[2:5]
        if items[0] == FrameKind.SNAPSHOT:
            event = StreamEvent(number, seq, time, plain(items[6]), items[5])
        else:
            assert number == self.last_number + 1, "the node numbers without gaps"
            event = StreamEvent(number, seq, time, plain(items[5]))
        self.last_number = number
        self._events.append(event)
        self._ready.set()

    def fail(self, error: BaseException | None) -> None:
        """End the iteration: with an error, or quietly."""
        self._error = error or StopAsyncIteration()
        self._ready.set()

    def resumed(self) -> None:
        """Events flow again from `last_number` on."""
        self._behind = False

    def __aiter__(self) -> "Subscription":
        return self

    async def __anext__(self) -> StreamEvent:
        """The next event; waits for it as long as it takes."""
        while not self._events:
            if self._error is not None:
                raise self._error
            if self._behind:
                self._resume(self)
            self._ready.clear()
            await self._ready.wait()
        return self._events.popleft()


class BookMirror:
    """A book rebuilt from the `book` stream: price -> (lots, orders)."""

    def __init__(self) -> None:
        self.bids: dict[int, tuple[int, int]] = {}
        self.asks: dict[int, tuple[int, int]] = {}

    def apply(self, event: StreamEvent) -> None:
        """Take a snapshot or a delta."""
        if event.snapshot:
            self.bids.clear()
            self.asks.clear()
        for side, levels in ((self.bids, event.data["bids"]), (self.asks, event.data["asks"])):
            for price, lots, orders in levels:
                if orders:
                    side[price] = (lots, orders)
                else:
                    side.pop(price, None)

    def best_bid(self) -> int:
        """Highest bid; 0 where there is none."""
        return max(self.bids, default=0)

    def best_ask(self) -> int:
        """Lowest ask; 0 where there is none."""
        return min(self.asks, default=0)


class QueueMirror:
    """A book rebuilt order by order from `book_orders`. By side (0 bids, 1 asks): price -> order -> lots, first to trade first."""

    ADDED, FILLED, RESIZED, REMOVED = range(4)

    def __init__(self) -> None:
        self.sides: tuple[dict[int, dict[int, int]], dict[int, dict[int, int]]] = ({}, {})

    def apply(self, event: StreamEvent) -> None:
        """Take a snapshot or what an input changed."""
        if event.snapshot:
            for side, levels in zip(self.sides, (event.data["bids"], event.data["asks"]), strict=True):
                side.clear()
                side.update({price: dict(queue) for price, queue in levels})
            return
        for kind, order, side, price, lots in event.data["changes"]:
            levels = self.sides[side]
            if kind == self.ADDED:
                levels.setdefault(price, {})[order] = lots
            elif lots:
                levels[price][order] = lots
            else:
                del levels[price][order]
                if not levels[price]:
                    del levels[price]

    def best_first(self, side: int) -> list[tuple[int, list[tuple[int, int]]]]:
        """Prices of a side with their queues."""
        levels = self.sides[side]
        return [(price, list(levels[price].items())) for price in sorted(levels, reverse=side == 0)]


class RowMirror:
    """Rows by id, rebuilt from `orders`, `positions` or `balances`."""

    def __init__(self, key: str, gone: Callable[[dict[str, Any]], bool]) -> None:
        self.rows: dict[int, dict[str, Any]] = {}
        self._key = key
        self._gone = gone

    def apply(self, event: StreamEvent) -> None:
        """Take a snapshot or what an input changed."""
        if event.snapshot:
            self.rows.clear()
        for row in event.data:
            if self._gone(row):
                self.rows.pop(row[self._key], None)
            else:
                self.rows[row[self._key]] = row


def open_orders_mirror() -> RowMirror:
    """Open orders by id."""
    return RowMirror("id", lambda row: row["status"] != 0)


def positions_mirror() -> RowMirror:
    """Open positions by market."""
    return RowMirror("market", lambda row: row["position_size"] == 0)


def balances_mirror() -> RowMirror:
    """Balances by asset."""
    return RowMirror("asset", lambda row: False)
