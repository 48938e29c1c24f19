"""One side of a price-time book: levels in a dict, their keys in a sorted list, orders of a level in a linked queue.

Invariants (a function of the resting orders alone, so a restored book equals the live one):
- inside a level orders stand in ascending priority; a level exists only while it has orders; `lots` and `orders` are its totals;
- `keys` ascend, the best price last.
Costs: best price O(1), add and remove O(log levels) plus a small memory move, queue operations O(1).
"""

from bisect import bisect_left, insort

from node.core.state import BookSide, Level, Order
from proto.intents import Side
from proto.units import Lots, Price


def key_of(side: Side, price: int) -> int:
    """Sort key of a price: larger is better."""
    return price if side == Side.BUY else -price


def best(side: BookSide) -> Level | None:
    """The level that trades first."""
    return side.levels[side.keys[-1]] if side.keys else None


def add(side: BookSide, order: Order) -> None:
    """Put an order behind all others at its price. Its priority must exceed theirs."""
    key = key_of(side.side, order.price)
    level = side.levels.get(key)
    if level is None:
        level = side.levels[key] = Level(order.price)
        if not side.keys or key > side.keys[-1]:
            side.keys.append(key)
        else:
            insort(side.keys, key)
    tail = level.tail
    assert tail is None or tail.priority < order.priority, "priority must grow"
    order.before, order.after = tail, None
    if tail is None:
        level.head = order
    else:
        tail.after = order
    level.tail = order
    level.lots += order.remaining
    level.orders += 1


def remove(side: BookSide, order: Order) -> None:
    """Take an order out of its queue, and its level out of the side if it was the last."""
    key = key_of(side.side, order.price)
    level = side.levels[key]
    before, after = order.before, order.after
    if before is None:
        level.head = after
    else:
        before.after = after
    if after is None:
        level.tail = before
    else:
        after.before = before
    order.before = order.after = None
    level.lots -= order.remaining
    level.orders -= 1
    if level.orders == 0:
        del side.levels[key]
        if side.keys[-1] == key:
            side.keys.pop()
        else:
            del side.keys[bisect_left(side.keys, key)]


def shrink(side: BookSide, order: Order, lots: int) -> None:
    """Take `lots` off an order's remaining size in place; its priority stays. Something must be left."""
    assert 0 < lots < order.remaining
    side.levels[key_of(side.side, order.price)].lots -= lots
    order.remaining = Lots(order.remaining - lots)


def impact_price(side: BookSide, notional: int) -> Price | None:
    """Average price of trading `notional` micro-USDC against this side now, rounded down; None where the side is too thin.

    Bounded by the levels it takes to fill `notional`.
    """
    left, lots = notional, 0
    for key in reversed(side.keys):
        level = side.levels[key]
        value = level.price * level.lots
        if value >= left:
            part = max(left // level.price, 1)  # Floor: at least one lot decides the price.
            return Price((notional - left + part * level.price) // (lots + part))
        left -= value
        lots += level.lots
    return None
