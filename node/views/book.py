"""Price levels of one market, rebuilt from what orders did.

Invariants: a level exists only while an order rests there; lots and orders of a level are the sums over them; `keys` of a side ascend with
the best price last (the price for bids, its negative for asks).
"""

from bisect import bisect_left, insort
from typing import NamedTuple

from node.core.state import Market
from proto.events import CloseReason, OrderAmended, OrderClosed, OrderFilled, OrderRested
from proto.intents import Side


class LevelRow(NamedTuple):
    """Total of one price."""

    price: int
    lots: int
    orders: int


class Bbo(NamedTuple):
    """Best bid and offer; 0 where a side is empty."""

    bid: int
    bid_lots: int
    ask: int
    ask_lots: int


class BookView:
    """Both sides of one market. `changed` collects the levels touched since the last release."""

    __slots__ = ("_keys", "_levels", "changed")

    def __init__(self) -> None:
        self._levels: tuple[dict[int, list[int]], dict[int, list[int]]] = ({}, {})  # By side: price -> [lots, orders].
        self._keys: tuple[list[int], list[int]] = ([], [])
        self.changed: dict[tuple[int, int], None] = {}  # (side, price)

    def seed(self, market: Market) -> None:
        """Take the levels of the state's book."""
        for own in (market.bids, market.asks):
            side = own.side
            self._levels[side].clear()
            self._levels[side].update({level.price: [level.lots, level.orders] for level in own.levels.values()})
            self._keys[side][:] = own.keys
        self.changed.clear()

    def _move(self, side: int, price: int, lots: int, orders: int) -> None:
        levels = self._levels[side]
        level = levels.get(price)
        self.changed[side, price] = None
        if level is None:
            assert lots >= 0 < orders, "an order enters a new level"
            levels[price] = [lots, orders]
            key = price if side == Side.BUY else -price
            keys = self._keys[side]
            if not keys or key > keys[-1]:
                keys.append(key)
            else:
                insort(keys, key)
            return
        level[0] += lots
        level[1] += orders
        assert min(level) >= 0, "a level never owes"
        if level[1] == 0:
            assert level[0] == 0, "no lots without orders"
            del levels[price]
            key = price if side == Side.BUY else -price
            keys = self._keys[side]
            del keys[bisect_left(keys, key)]

    def rested(self, event: OrderRested) -> None:
        """An order joined its level."""
        self._move(event.side, event.price, event.remaining, 1)

    def filled(self, event: OrderFilled) -> None:
        """The maker's level shrank; its order leaves with its close."""
        self._move(1 - event.taker_side, event.price, -event.size, 0)

    def amended(self, event: OrderAmended) -> None:
        """A resting order changed price or size; one that trades at its new price leaves first and may rest again."""
        if not event.rests:
            self._move(event.side, event.old_price, -event.old_remaining, -1)
        elif event.price == event.old_price:
            self._move(event.side, event.price, event.remaining - event.old_remaining, 0)
        else:
            self._move(event.side, event.old_price, -event.old_remaining, -1)
            self._move(event.side, event.price, event.remaining, 1)

    def closed(self, event: OrderClosed) -> None:
        """A resting order left its level."""
        if event.rested:
            self._move(event.side, event.price, 0 if event.reason == CloseReason.FILLED else -event.remaining, -1)

    def bbo(self) -> Bbo:
        """Best prices with their lots."""
        (bids, asks), (bid_keys, ask_keys) = self._levels, self._keys
        bid = bid_keys[-1] if bid_keys else 0
        ask = -ask_keys[-1] if ask_keys else 0
        return Bbo(bid, bids[bid][0] if bid else 0, ask, asks[ask][0] if ask else 0)

    def level(self, side: int, price: int) -> LevelRow:
        """What rests at a price; zeros where nothing does."""
        found = self._levels[side].get(price)
        return LevelRow(price, found[0], found[1]) if found else LevelRow(price, 0, 0)

    def side(self, side: int, depth: int) -> list[LevelRow]:
        """The best `depth` levels of a side, best first (0: all)."""
        levels, keys = self._levels[side], self._keys[side]
        best = reversed(keys[-depth:] if depth else keys)
        return [LevelRow(abs(key), *levels[abs(key)]) for key in best]

    def grouped(self, side: int, depth: int, step: int) -> list[LevelRow]:
        """The best `depth` levels (0: all) put together at multiples of `step`: bids down, asks up."""
        found: list[LevelRow] = []
        levels, keys = self._levels[side], self._keys[side]
        for key in reversed(keys):
            price = abs(key)
            at = price // step * step if side == Side.BUY else -(-price // step) * step  # Away from the other side.
            lots, orders = levels[price]
            if found and found[-1].price == at:
                found[-1] = LevelRow(at, found[-1].lots + lots, found[-1].orders + orders)
            elif len(found) == depth > 0:
                break
            else:
                found.append(LevelRow(at, lots, orders))
        return found

    def size(self) -> int:
        """Number of levels on both sides."""
        return len(self._keys[0]) + len(self._keys[1])
