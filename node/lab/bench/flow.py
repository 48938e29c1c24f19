"""The order flow that measurements run on: a recorded one, or a generated one with the same mix, made the same way every time.

The generated flow follows a plain price-time book of its own, so that, as on record, every row names an order that is open
and every aggressive order meets what rests. Mix after a resting book of 8,800 orders, in parts: 43 add, 26 cancel, 23 replace,
3 reduce, 6 aggressive.
"""

import random
from collections import OrderedDict
from pathlib import Path
from typing import Final, NamedTuple

from node.lab.bench.measure import BenchError
from node.lab.feed.rows import ADD, CANCEL, REDUCE, REPLACE, TAKE, FeedFileError, Fill, Row, read_rows
from proto.intents import Side

_RECORDED: Final = "es_mbo_head.csv.gz"
_SEED: Final = 20_231_225
_RESTING: Final = 8_800
_ROWS: Final = 27_700
_MIDDLE: Final = 19_200
_SPREAD_TICKS: Final = 300
_MIX: Final = ((ADD, 43), (CANCEL, 26), (REPLACE, 23), (REDUCE, 3), (TAKE, 6))


class Flow(NamedTuple):
    """Rows, and what they are."""

    rows: tuple[Row, ...]
    name: str


def find_recorded(root: Path) -> Path | None:
    """The recorded flow in a `data` directory beside the checkout `root`, or None."""
    return next(iter(sorted(root.parent.glob(f"*/data/{_RECORDED}"))), None)


def load_flow(path: Path | None) -> Flow:
    """The recorded flow in `path`, or the generated one. Raises BenchError."""
    if path is None:
        return Flow(generate(_ROWS), "a generated flow; no recorded one is here")
    try:
        return Flow(tuple(read_rows(path)), path.name)
    except FeedFileError as error:
        raise BenchError(str(error)) from error


class _Resting(NamedTuple):
    side: Side
    price: int
    size: int


class _Maker:
    """Makes rows, and keeps the book they lead to: per side and price, orders first to trade first."""

    def __init__(self, random_: random.Random) -> None:
        self._random = random_
        self._orders: dict[int, _Resting] = {}
        self._numbers: list[int] = []  # Of open orders, in no order: for a uniform choice in constant time.
        self._places: dict[int, int] = {}
        self._queues: dict[tuple[Side, int], OrderedDict[int, None]] = {}
        self._last = 0
        self.rows: list[Row] = []

    def add(self, time_us: int) -> None:
        """A new resting order."""
        self._last += 1
        side = Side(self._random.randrange(2))
        resting = _Resting(side, self._price(side), 1 + self._random.randrange(8))
        self._emit(time_us, ADD, self._last, resting)
        self._places[self._last] = len(self._numbers)
        self._numbers.append(self._last)
        self._rest(self._last, resting)

    def cancel(self, time_us: int) -> None:
        """An open order goes."""
        number = self._choose()
        self.rows.append(Row(0, time_us, CANCEL, number, Side.BUY, 0, 0, ()))
        self._remove(number)

    def replace(self, time_us: int) -> None:
        """An open order moves to another price."""
        number = self._choose()
        old = self._orders[number]
        price = self._price(old.side)
        resting = _Resting(old.side, price, old.size + (price == old.price))
        self._emit(time_us, REPLACE, number, resting)
        del self._queues[old.side, old.price][number]
        self._rest(number, resting)

    def reduce(self, time_us: int) -> None:
        """An open order of more than one lot becomes smaller."""
        number = self._choose()
        old = self._orders[number]
        if old.size == 1:
            self.cancel(time_us)
            return
        self._orders[number] = old._replace(size=old.size - 1)
        self._emit(time_us, REDUCE, number, self._orders[number])

    def take(self, time_us: int) -> None:
        """An aggressive order of a few lots meets the best price."""
        side = Side(self._random.randrange(2))
        against = Side(1 - side)
        prices = [price for (rests, price), queue in self._queues.items() if rests == against and queue]
        price = max(prices) if against == Side.BUY else min(prices)
        wanted, fills = 1 + self._random.randrange(4), []
        left = wanted
        for number in list(self._queues[against, price]):
            if left == 0:
                break
            resting = self._orders[number]
            lots = min(left, resting.size)
            fills.append(Fill(number, price, lots))
            left -= lots
            if lots == resting.size:
                self._remove(number)
            else:
                self._orders[number] = resting._replace(size=resting.size - lots)
        self._last += 1
        self.rows.append(Row(0, time_us, TAKE, self._last, side, price, wanted, tuple(fills)))

    def _price(self, side: Side) -> int:
        """Near the middle more often than far from it, never across."""
        distance = 1 + int(_SPREAD_TICKS * self._random.random() ** 3)
        return _MIDDLE - distance if side == Side.BUY else _MIDDLE + distance

    def _emit(self, time_us: int, kind: str, number: int, resting: _Resting) -> None:
        self.rows.append(Row(0, time_us, kind, number, resting.side, resting.price, resting.size, ()))

    def _rest(self, number: int, resting: _Resting) -> None:
        self._orders[number] = resting
        self._queues.setdefault((resting.side, resting.price), OrderedDict())[number] = None

    def _choose(self) -> int:
        return self._numbers[self._random.randrange(len(self._numbers))]

    def _remove(self, number: int) -> None:
        resting = self._orders.pop(number)
        del self._queues[resting.side, resting.price][number]
        place, last = self._places.pop(number), self._numbers.pop()
        if last != number:
            self._numbers[place] = last
            self._places[last] = place


def generate(count: int) -> tuple[Row, ...]:
    """The first `count` rows of the generated flow."""
    random_ = random.Random(_SEED)
    maker = _Maker(random_)
    makes = {ADD: maker.add, CANCEL: maker.cancel, REPLACE: maker.replace, REDUCE: maker.reduce, TAKE: maker.take}
    kinds, weights = [kind for kind, _ in _MIX], [weight for _, weight in _MIX]
    while len(maker.rows) < min(_RESTING, count):
        maker.add(0)
    while len(maker.rows) < count:
        makes[random_.choices(kinds, weights)[0]](1_000 * len(maker.rows))
    return tuple(row._replace(line=at + 2) for at, row in enumerate(maker.rows))
