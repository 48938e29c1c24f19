"""A price-time book that recomputes everything each time: the twin that the fast book is compared with.

No levels, no links, no totals: one list of resting orders, sorted whenever an order comes in. Written from the rules, not from the code.
"""

from dataclasses import dataclass, field

from proto.events import CloseReason
from proto.intents import OrderSpec, OrderType, SelfTrade, Side, TimeInForce
from proto.reject import RejectCode


@dataclass
class Resting:
    """One order in the book."""

    id: int
    account: int
    side: Side
    price: int
    remaining: int
    reduce_only: bool
    client_id: int
    time_in_force: TimeInForce
    self_trade: SelfTrade
    priority: int


@dataclass
class Done:
    """What one command did."""

    code: int = 0
    order: int = 0
    remaining: int = 0
    rests: bool = False
    fills: list[tuple[int, int, int]] = field(default_factory=list)  # Maker, price, lots.
    closed: list[tuple[int, CloseReason]] = field(default_factory=list)


class NaiveBook:
    """One market, with the positions that reduce-only needs."""

    def __init__(self, next_order: int, budget: int) -> None:
        self.resting: list[Resting] = []
        self.positions: dict[int, int] = {}
        self.next_order = next_order
        self.next_priority = 1
        self.budget = budget

    def queue(self, side: Side) -> list[Resting]:
        """Orders of a side in the order in which they trade."""
        sign = -1 if side == Side.BUY else 1
        return sorted((o for o in self.resting if o.side == side), key=lambda o: (sign * o.price, o.priority))

    def reducible(self, account: int, side: Side) -> int:
        position = self.positions.get(account, 0)
        return max(-position if side == Side.BUY else position, 0)

    def place(self, account: int, spec: OrderSpec) -> Done:
        """A new order."""
        lots: int = spec.size
        if lots == 0:
            return Done(RejectCode.ORDER_SIZE_ZERO)
        if spec.order_type == OrderType.MARKET and spec.time_in_force not in (TimeInForce.IOC, TimeInForce.FOK):
            return Done(RejectCode.MARKET_ORDER_TIME_IN_FORCE)
        if spec.client_id and any(o.account == account and o.client_id == spec.client_id for o in self.resting):
            return Done(RejectCode.CLIENT_ID_IN_USE)
        if spec.reduce_only:
            lots = min(lots, self.reducible(account, spec.side))
            if lots == 0:
                return Done(RejectCode.REDUCE_ONLY_WOULD_INCREASE)
        order = Resting(
            self.next_order, account, spec.side, spec.price, lots, spec.reduce_only, spec.client_id, spec.time_in_force,
            spec.self_trade, 0,
        )  # fmt: skip
        done = self._match(order)
        if done.code == 0:
            self.next_order += 1
        return done

    def amend(self, account: int, number: int, price: int, size: int) -> Done:
        """New price and remaining size of an order."""
        order = next((o for o in self.resting if o.id == number), None)
        if order is None:
            return Done(RejectCode.ORDER_UNKNOWN)
        if order.account != account:
            return Done(RejectCode.ORDER_NOT_YOURS)
        if size == 0:
            return Done(RejectCode.ORDER_SIZE_ZERO)
        if price == order.price and size < order.remaining:
            order.remaining = size
            return Done(0, number, size, rests=True)
        if order.reduce_only:
            size = min(size, self.reducible(account, order.side))
            if size == 0:
                return Done(RejectCode.REDUCE_ONLY_WOULD_INCREASE)
        old = order.price, order.remaining, order.priority
        self.resting.remove(order)
        order.price, order.remaining = price, size
        done = self._match(order)
        if done.code:
            order.price, order.remaining, order.priority = old
            self.resting.append(order)
        return done

    def cancel(self, account: int, number: int) -> Done:
        """Take an order out."""
        order = next((o for o in self.resting if o.id == number), None)
        if order is None:
            return Done(RejectCode.ORDER_UNKNOWN)
        if order.account != account:
            return Done(RejectCode.ORDER_NOT_YOURS)
        self.resting.remove(order)
        return Done(0, number, order.remaining, closed=[(number, CloseReason.USER_CANCELLED)])

    def _match(self, order: Resting) -> Done:
        makers = [
            maker
            for maker in self.queue(Side(1 - order.side))
            if (maker.price <= order.price if order.side == Side.BUY else maker.price >= order.price)
        ]
        if makers and order.time_in_force == TimeInForce.POST_ONLY:
            return Done(RejectCode.POST_ONLY_WOULD_TAKE)
        done, left, stop, touched = Done(0, order.id), order.remaining, None, 0
        positions = dict(self.positions)
        sign = 1 if order.side == Side.BUY else -1
        for maker in makers:
            if left == 0:
                break
            if touched >= self.budget:
                stop = CloseReason.MATCH_LIMIT
                break
            if maker.account == order.account:
                if order.self_trade != SelfTrade.EXPIRE_TAKER:
                    done.closed.append((maker.id, CloseReason.SELF_TRADE))
                    touched += 1
                if order.self_trade != SelfTrade.EXPIRE_MAKER:
                    stop = CloseReason.SELF_TRADE
                    break
                continue
            room = maker.remaining
            if maker.reduce_only:
                room = min(room, max(sign * positions.get(maker.account, 0), 0))
            lots = min(left, room)
            if lots:
                done.fills.append((maker.id, maker.price, lots))
                touched += 1
                left -= lots
                positions[maker.account] = positions.get(maker.account, 0) - sign * lots
                positions[order.account] = positions.get(order.account, 0) + sign * lots
            if lots == maker.remaining:
                done.closed.append((maker.id, CloseReason.FILLED))
            elif lots == 0 or left:
                done.closed.append((maker.id, CloseReason.REDUCE_ONLY))
                touched += 1
        if order.time_in_force == TimeInForce.FOK and left:
            return Done(RejectCode.FOK_NOT_FILLED)
        self._carry_out(order, done, positions, left, stop)
        return done

    def _carry_out(
        self, order: Resting, done: Done, positions: dict[int, int], left: int, stop: CloseReason | None
    ) -> None:
        self.positions = positions
        gone = {number for number, _ in done.closed}
        for number, _, lots in done.fills:
            next(o for o in self.resting if o.id == number).remaining -= lots
        self.resting = [o for o in self.resting if o.id not in gone]
        order.remaining = done.remaining = left
        if left == 0:
            done.closed.append((order.id, CloseReason.FILLED))
        elif stop is not None:
            done.closed.append((order.id, stop))
        elif order.time_in_force in (TimeInForce.IOC, TimeInForce.FOK):
            done.closed.append((order.id, CloseReason.IMMEDIATE_REMAINDER))
        elif order.reduce_only and self.reducible(order.account, order.side) == 0:
            done.closed.append((order.id, CloseReason.REDUCE_ONLY))
        else:
            done.rests = True
            order.priority = self.next_priority
            self.next_priority += 1
            self.resting.append(order)
