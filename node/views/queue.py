"""Resting orders of one market, one by one, in the order in which they trade: what the per-order feed shows.

Invariants: at each price the orders lie in their queue, first to trade first; whoever takes a snapshot and every change after it, in
order, holds the same queues. Nothing tells whose an order is.
"""

from enum import IntEnum, unique
from typing import NamedTuple

from node.core.state import Market
from proto.events import CloseReason, OrderAmended, OrderClosed, OrderFilled, OrderRested
from proto.intents import Side


@unique
class QueueChange(IntEnum):
    """What happened to an order's place."""

    ADDED = 0  # Behind all others at its price.
    FILLED = 1  # Traded; `lots` are left, none: it is gone.
    RESIZED = 2  # Its owner made it smaller; it kept its place.
    REMOVED = 3  # Cancelled, or on its way to another place.


class OrderChange(NamedTuple):
    """One change; `lots` are what rests after it."""

    kind: QueueChange
    order: int
    side: Side
    price: int
    lots: int


class QueueView:
    """Both sides of one market. `changes` collects those since the last release."""

    __slots__ = ("_levels", "changes")

    def __init__(self) -> None:
        self._levels: tuple[dict[int, dict[int, int]], dict[int, dict[int, int]]] = ({}, {})  # By side: price -> order -> lots.
        self.changes: list[OrderChange] = []

    def seed(self, market: Market) -> None:
        """Take the queues of the state's book."""
        for own in (market.bids, market.asks):
            levels = self._levels[own.side]
            levels.clear()
            for level in own.levels.values():
                queue = levels[level.price] = {}
                order = level.head
                while order is not None:
                    queue[order.id] = order.remaining
                    order = order.after
        self.changes.clear()

    def _add(self, order: int, side: Side, price: int, lots: int) -> None:
        self._levels[side].setdefault(price, {})[order] = lots
        self.changes.append(OrderChange(QueueChange.ADDED, order, side, price, lots))

    def _remove(self, kind: QueueChange, order: int, side: Side, price: int) -> None:
        levels = self._levels[side]
        queue = levels[price]
        del queue[order]
        if not queue:
            del levels[price]
        self.changes.append(OrderChange(kind, order, side, price, 0))

    def rested(self, event: OrderRested) -> None:
        """An order joined the end of its queue."""
        self._add(event.order, event.side, event.price, event.remaining)

    def filled(self, event: OrderFilled) -> None:
        """The maker has less, or has left: its close follows and adds nothing."""
        side = Side(1 - event.taker_side)
        if event.maker_remaining == 0:
            self._remove(QueueChange.FILLED, event.maker_order, side, event.price)
            return
        self._levels[side][event.price][event.maker_order] = event.maker_remaining
        change = OrderChange(QueueChange.FILLED, event.maker_order, side, event.price, event.maker_remaining)
        self.changes.append(change)

    def amended(self, event: OrderAmended) -> None:
        """A new size in place, or another place; one that trades at its new price leaves first and may rest again."""
        if event.rests and event.kept_priority:
            self._levels[event.side][event.price][event.order] = event.remaining
            change = OrderChange(QueueChange.RESIZED, event.order, event.side, event.price, event.remaining)
            self.changes.append(change)
            return
        self._remove(QueueChange.REMOVED, event.order, event.side, event.old_price)
        if event.rests:
            self._add(event.order, event.side, event.price, event.remaining)

    def closed(self, event: OrderClosed) -> None:
        """A resting order left."""
        if event.rested and event.reason != CloseReason.FILLED:
            self._remove(QueueChange.REMOVED, event.order, event.side, event.price)

    def side(self, side: int, depth: int) -> list[tuple[int, list[tuple[int, int]]]]:
        """The best `depth` prices of a side (0: all), best first, each with its queue of orders and lots."""
        levels = self._levels[side]
        prices = sorted(levels, reverse=side == Side.BUY)
        return [(price, list(levels[price].items())) for price in (prices[:depth] if depth else prices)]
