"""The order book that the file describes, followed row by row without matching: who owns each order, and where the market stands.

It decides three things for the replay, each a function of the rows so far and of the order cap alone:
- the maker account of an order: the lowest-numbered one that has fewer than `order_cap` orders open by the file's own account (its fills
  and cancels) at that row. An order stays with its account; a row that names an order which is not open goes to account 0, to be refused;
- the price that publishers would report: the middle of best bid and offer; while a side is missing or they cross, the last trade, or the
  side there is;
- how much money each account can need at most (`Survey`).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from typing import Final, NamedTuple

from node.lab.feed.rows import ADD, CANCEL, TAKE, Row
from proto.intents import Side
from proto.units import MICRO_USD_PER_USD, PPM, MicroPrice, MicroUsd, Ppm

_HALF_TICK: Final = MICRO_USD_PER_USD // 2


@dataclass(slots=True)
class _Open:
    """An open order."""

    maker: int
    side: Side
    price_ticks: int
    size: int


class _Best:
    """Best price of one side: lots by price, and a heap that may name prices which are gone."""

    def __init__(self, sign: int) -> None:
        self._sign = sign
        self._lots: dict[int, int] = {}
        self._heap: list[int] = []

    def change(self, price_ticks: int, lots: int) -> None:
        """Add lots (or take away, where negative) at a price."""
        before = self._lots.get(price_ticks, 0)
        after = before + lots
        if after > 0:
            self._lots[price_ticks] = after
            if before == 0:
                heappush(self._heap, self._sign * price_ticks)
        elif before:
            del self._lots[price_ticks]
            if len(self._heap) > 2 * len(self._lots) + 1_000:
                self._heap = [self._sign * price for price in self._lots]
                heapify(self._heap)

    def price(self) -> int:
        """The best price in ticks; 0: nothing rests here."""
        while self._heap:
            price = self._sign * self._heap[0]
            if price in self._lots:
                return price
            heappop(self._heap)
        return 0


class FlowBook:
    """Follows the file."""

    def __init__(self, order_cap: int) -> None:
        self._order_cap = order_cap
        self._orders: dict[int, _Open] = {}
        self._open_counts: list[int] = [0]
        self._sides = {Side.BUY: _Best(-1), Side.SELL: _Best(1)}
        self._last_ticks = 0

    @property
    def makers(self) -> int:
        """Maker accounts in use."""
        return len(self._open_counts)

    def follow(self, row: Row) -> int:
        """Take one row in; the number of the maker account that it belongs to (0 for aggressive orders)."""
        if row.kind == ADD:
            return self._add(row)
        if row.kind == TAKE:
            self._take(row)
            return 0
        order = self._orders.get(row.order)
        if order is None:
            return 0
        maker = order.maker
        self._sides[order.side].change(order.price_ticks, -order.size)
        if row.kind == CANCEL:
            self._close(row.order)
        else:
            order.price_ticks, order.size = row.price_ticks, row.size
            self._sides[order.side].change(order.price_ticks, order.size)
        return maker

    def _add(self, row: Row) -> int:
        known = self._orders.get(row.order)
        if known is not None:
            return known.maker  # Its number is in use: the node will refuse it.
        maker = next((at for at, count in enumerate(self._open_counts) if count < self._order_cap), None)
        if maker is None:
            maker = len(self._open_counts)
            self._open_counts.append(0)
        self._open_counts[maker] += 1
        self._orders[row.order] = _Open(maker, row.side, row.price_ticks, row.size)
        self._sides[row.side].change(row.price_ticks, row.size)
        self._last_ticks = self._last_ticks or row.price_ticks
        return maker

    def _take(self, row: Row) -> None:
        self._last_ticks = row.fills[-1].price_ticks if row.fills else self._last_ticks or row.price_ticks
        for fill in row.fills:
            order = self._orders.get(fill.maker)
            if order is None:
                continue
            lots = min(fill.size, order.size)
            order.size -= lots
            self._sides[order.side].change(order.price_ticks, -lots)
            if order.size == 0:
                self._close(fill.maker)

    def _close(self, number: int) -> None:
        self._open_counts[self._orders.pop(number).maker] -= 1

    def index_price(self) -> MicroPrice:
        """What a publisher would report now, micro-USDC; 0 before the first price."""
        bid, ask = self._sides[Side.BUY].price(), self._sides[Side.SELL].price()
        if 0 < bid < ask:
            return MicroPrice((bid + ask) * _HALF_TICK)
        return MicroPrice(self._last_ticks * MICRO_USD_PER_USD)


@dataclass(slots=True)
class Survey:
    """What a first pass over the file finds out before anything is sent."""

    rows: int = 0
    takes: int = 0
    opening: MicroPrice = MicroPrice(0)
    """Index price once the resting book of the first moment stands."""
    ticks_max: int = 0
    maker_lots: list[int] = field(default_factory=lambda: [0])
    """Σ of sizes that ever came from each maker account: more than it can ever hold or have open."""
    taker_lots: int = 0


class Needs(NamedTuple):
    """Micro-USDC to deposit: for each maker account, and for the taker."""

    makers: tuple[MicroUsd, ...]
    taker: MicroUsd


def survey(rows: Iterable[Row], order_cap: int) -> Survey:
    """Read everything once."""
    book, found = FlowBook(order_cap), Survey()
    first_time = None
    for row in rows:
        maker = book.follow(row)
        found.rows += 1
        found.ticks_max = max(found.ticks_max, row.price_ticks)
        if row.kind == TAKE:
            found.takes += 1
            found.taker_lots += row.size
        else:
            while maker >= len(found.maker_lots):
                found.maker_lots.append(0)
            found.maker_lots[maker] += row.size
        first_time = row.time_us if first_time is None else first_time
        if row.time_us == first_time or not found.opening:
            found.opening = book.index_price()
    return found


def needs(found: Survey, unit: int, fee_ppm: Ppm) -> Needs:
    """Deposits that no order of the file can exhaust; `unit`: price units of one tick.

    Requirement, loss against the mark and realised loss are each at most Σ lots x the highest price (the mark stays within 10 % of it);
    every lot pays the fee twice at most.
    """
    per_lot = 4 * found.ticks_max * unit * (PPM + 2 * fee_ppm) // PPM + 1
    floor = 1_000 * MICRO_USD_PER_USD
    return Needs(
        tuple(MicroUsd(floor + lots * per_lot) for lots in found.maker_lots),
        MicroUsd(floor + found.taker_lots * per_lot),
    )
