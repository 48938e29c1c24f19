"""Orders enter and leave the book together with everything that mirrors them.

Invariant: a resting order is in `state.orders`, its account's `orders` and `clients`, its level's queue, its leaf slot, and the
open-order totals of its account's position record; an order that does not rest is in none of them.
"""

from heapq import heappop, heappush

from node.core.book import expiry
from node.core.book import side as sides
from node.core.book.match import own
from node.core.ledger.positions import drop_if_empty, position_in
from node.core.state import Account, Market, Order, Position, State
from proto.events import CloseReason, OrderAccepted, OrderClosed, OrderRested
from proto.ids import Slot
from proto.intents import OrderSpec, Side
from proto.ledger import Section
from proto.ops import OpKind
from proto.units import Lots, Price


def count_open(position: Position, order: Order, sign: int) -> None:
    """Add (sign 1) or take off (-1) what is left of an order to the open-order totals."""
    position.orders += sign
    lots = sign * order.remaining
    if order.reduce_only:
        if order.side == Side.BUY:
            position.reduce_buys += lots
        else:
            position.reduce_sells += lots
    elif order.side == Side.BUY:
        position.buy_lots += lots
        position.buy_value += lots * order.price
    else:
        position.sell_lots += lots
        position.sell_value += lots * order.price


def _take_slot(state: State) -> Slot:
    """The lowest free leaf slot."""
    if state.free_slots:
        return Slot(heappop(state.free_slots))
    slot = state.order_slots
    state.order_slots = slot + 1
    return Slot(slot)


def _enqueue(state: State, market: Market, order: Order) -> None:
    order.priority = state.next_priority
    state.next_priority += 1
    sides.add(own(market, order.side), order)


def rest(state: State, account: Account, market: Market, order: Order) -> None:
    """Put what is left of a new order into the book."""
    order.slot = _take_slot(state)
    _enqueue(state, market, order)
    state.orders[order.id] = order
    state.slots[order.slot] = order
    account.orders[order.id] = order
    if order.client_id:
        account.clients[order.client_id] = order
    count_open(position_in(account, order.market), order, 1)
    if order.good_til:
        expiry.add(state, order)
    state.touched[Section.ORDERS][order.slot] = None
    state.risk.stale[account.id] = None
    state.ops.append((OpKind.ORDER_CHANGED, order.id, order.price, order.remaining, order.priority, order.slot))
    state.events.append(
        OrderRested(order.id, account.id, order.market, order.side, order.price, order.remaining, order.client_id)
    )


def requeue(state: State, account: Account, market: Market, order: Order, price: int, remaining: int) -> None:
    """Move a resting order to the back of the queue at `price` with `remaining` lots."""
    position = account.positions[order.market]
    count_open(position, order, -1)
    sides.remove(own(market, order.side), order)
    order.price, order.remaining = Price(price), Lots(remaining)
    _enqueue(state, market, order)
    count_open(position, order, 1)
    state.touched[Section.ORDERS][order.slot] = None
    state.ops.append((OpKind.ORDER_CHANGED, order.id, order.price, order.remaining, order.priority, order.slot))


def reduce(state: State, account: Account, market: Market, order: Order, lots: int) -> None:
    """Take `lots` (fewer than remain) off a resting order in place: its priority stays."""
    position = account.positions[order.market]
    count_open(position, order, -1)
    sides.shrink(own(market, order.side), order, lots)
    count_open(position, order, 1)
    state.touched[Section.ORDERS][order.slot] = None


def take_out(state: State, account: Account, market: Market, order: Order) -> None:
    """Remove a resting order from the book and all mirrors; say nothing yet."""
    sides.remove(own(market, order.side), order)
    position = account.positions[order.market]
    count_open(position, order, -1)
    drop_if_empty(account, position)
    del state.orders[order.id]
    del state.slots[order.slot]
    del account.orders[order.id]
    if order.client_id:
        del account.clients[order.client_id]
    heappush(state.free_slots, order.slot)
    if order.good_til:
        expiry.tidy(state)
    state.touched[Section.ORDERS][order.slot] = None
    order.priority = 0


def announce_open(state: State, order: Order) -> None:
    """Operation and event of an accepted order, before it trades or rests."""
    flags = order.reduce_only | order.self_trade << 1
    state.ops.append(
        (
            OpKind.ORDER_OPENED, order.id, order.account, order.market, order.side.value, order.order_type.value,
            order.time_in_force.value, flags, order.price, order.size, order.client_id,
            order.good_til,
        )
    )  # fmt: skip
    spec = OrderSpec(
        order.market, order.side, order.order_type, order.time_in_force, order.price, order.size, order.reduce_only,
        order.client_id, order.self_trade, order.good_til,
    )  # fmt: skip
    state.events.append(OrderAccepted(order.id, order.account, spec))


def close(state: State, account: Account, market: Market, order: Order, reason: CloseReason) -> None:
    """End a resting order for a reason that is not its last fill."""
    take_out(state, account, market, order)
    announce_close(state, order, reason, rested=True)


def announce_close(state: State, order: Order, reason: CloseReason, *, rested: bool) -> None:
    """Operation and event of an order's end."""
    state.ops.append((OpKind.ORDER_CLOSED, order.id, reason.value, order.remaining))
    state.events.append(
        OrderClosed(
            order.id,
            order.account,
            order.market,
            order.side,
            order.price,
            order.remaining,
            order.client_id,
            reason,
            rested,
        )
    )
