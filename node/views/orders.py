"""Orders from acceptance to their end.

Invariants:
- `open` holds every order that is open now (once seeded), with an index by account; memory is bounded by the venue's order caps.
- Every order that ever rested, traded or was closed has a row on disk, as current as the last written input.
"""

from collections.abc import Iterable
from dataclasses import replace

from node.core.state import Order, State, Trigger, TriggerStatus
from node.views.rows import OrderRow, OrderStatus, decode_order, encode_order, order_key, order_row
from node.views.table import OrderedTable
from proto.events import (
    CloseReason,
    OrderAccepted,
    OrderAmended,
    OrderClosed,
    OrderFilled,
    OrderRested,
    TriggerArmed,
    TriggerClosed,
    TriggerFired,
    TriggerPlaced,
)
from proto.ids import AccountId, OrderId, Seq
from proto.units import Lots, MicroUsd, TimeMs


class OrderView:
    """Open orders in memory, ended ones on disk. `_dirty` are those whose row on disk is old."""

    __slots__ = ("_by_account", "_dirty", "_table", "open")

    def __init__(self, table: OrderedTable) -> None:
        self._table = table
        self.open: dict[int, OrderRow] = {}
        self._by_account: dict[int, dict[int, OrderRow]] = {}
        self._dirty: dict[int, OrderRow] = {}

    def seed(self, state: State) -> None:
        """Keep exactly the state's open orders, with what the disk knows of their past."""
        for order in state.orders.values():
            if order.id not in self.open:
                row = self.find(order.id)
                self._add(_row_of(order, state) if row is None else row)
        waiting = [trigger for trigger in state.triggers.values() if trigger.status != TriggerStatus.FIRED]
        for trigger in waiting:
            if trigger.id not in self.open:
                row = self.find(trigger.id)
                self._add(_row_of_trigger(trigger, state) if row is None else row)
        known = state.orders.keys() | {trigger.id for trigger in waiting}
        for number in [number for number in self.open if number not in known]:
            self._remove(self.open[OrderId(number)])

    def _add(self, row: OrderRow) -> None:
        self.open[row.id] = row
        self._by_account.setdefault(row.account, {})[row.id] = row

    def _remove(self, row: OrderRow) -> None:
        del self.open[row.id]
        rows = self._by_account[row.account]
        del rows[row.id]
        if not rows:
            del self._by_account[row.account]

    def _changed(self, order: int, seq: Seq, time: TimeMs) -> OrderRow | None:
        """The open row, marked as changed; read from disk where a replay begins behind its acceptance."""
        row = self.open.get(order)
        if row is None:
            row = self.find(order)
            if row is None:
                return None
            self._add(row)
        row.last_seq, row.last_time = seq, time
        self._dirty[order] = row
        return row

    def accepted(self, event: OrderAccepted, seq: Seq, time: TimeMs) -> OrderRow:
        """A new order, or the one that a trigger has become."""
        row = order_row(event.order, event.account, event.spec, seq, time)
        waited = self.open.get(row.id) or self.find(row.id)
        if waited is not None and waited.trigger:
            row = replace(
                row, seq=waited.seq, time=waited.time, fired=True, trigger=waited.trigger, trigger_kind=waited.trigger_kind,
                grouping=waited.grouping, group=waited.group, parent=waited.parent,
            )  # fmt: skip
        self._add(row)
        self._dirty[row.id] = row
        return row

    def rested(self, event: OrderRested, seq: Seq, time: TimeMs) -> OrderRow | None:
        """The order joined the book at its final price."""
        row = self._changed(event.order, seq, time)
        if row is not None:
            row.price, row.remaining, row.rested = event.price, event.remaining, True
        return row

    def filled(self, order: int, event: OrderFilled, remaining: Lots, seq: Seq, time: TimeMs) -> OrderRow | None:
        """One side of a trade."""
        row = self._changed(order, seq, time)
        if row is not None:
            row.filled = Lots(row.filled + event.size)
            row.quote = MicroUsd(row.quote + event.price * event.size)
            row.remaining = remaining
        return row

    def amended(self, event: OrderAmended, seq: Seq, time: TimeMs) -> OrderRow | None:
        """New price or remaining size."""
        row = self._changed(event.order, seq, time)
        if row is not None:
            row.price, row.remaining = event.price, event.remaining
            row.size = Lots(row.filled + event.remaining)
        return row

    def closed(self, event: OrderClosed, seq: Seq, time: TimeMs) -> OrderRow | None:
        """The order's end; `remaining` keeps what did not trade."""
        row = self._changed(event.order, seq, time)
        if row is not None:
            row.remaining, row.reason = event.remaining, event.reason
            row.status = OrderStatus.FILLED if event.reason == CloseReason.FILLED else OrderStatus.CANCELLED
            self._remove(row)
        return row

    def waits(self, event: TriggerPlaced, seq: Seq, time: TimeMs) -> OrderRow:
        """A trigger. Its size is 0 where it is the whole position, and until its parent trades."""
        row = order_row(event.order, event.account, event.spec.order, seq, time)
        row.trigger, row.trigger_kind, row.grouping = event.spec.level, event.spec.kind, event.grouping
        row.group, row.parent = event.group, event.parent
        self._add(row)
        self._dirty[row.id] = row
        return row

    def armed(self, event: TriggerArmed, seq: Seq, time: TimeMs) -> OrderRow | None:
        """A child may place as much as its parent has traded."""
        row = self._changed(event.order, seq, time)
        if row is not None:
            row.size = row.remaining = event.lots
        return row

    def fired(self, event: TriggerFired, seq: Seq, time: TimeMs) -> OrderRow | None:
        """The mark has reached its level."""
        row = self._changed(event.order, seq, time)
        if row is not None:
            row.fired = True
        return row

    def dropped(self, event: TriggerClosed, seq: Seq, time: TimeMs) -> OrderRow | None:
        """A trigger's end before it was an order."""
        row = self._changed(event.order, seq, time)
        if row is not None:
            row.status, row.reason, row.code = OrderStatus.CANCELLED, event.reason, event.code
            self._remove(row)
        return row

    def find(self, order: int) -> OrderRow | None:
        """The order as it stands, or as it ended."""
        row = self.open.get(order) or self._dirty.get(order)
        if row is None:
            data = self._table.get(order_key(order))
            row = None if data is None else decode_order(data)
        return row

    def of_account(self, account: int) -> Iterable[OrderRow]:
        """Open orders of an account, oldest first."""
        rows = self._by_account.get(account, {})
        return [rows[number] for number in sorted(rows)]

    def take_rows(self) -> list[tuple[bytes, bytes]]:
        """Rows to write, each order as it is now."""
        rows: list[tuple[bytes, bytes]] = [(order_key(row.id), encode_order(row)) for row in self._dirty.values()]
        self._dirty.clear()
        return rows


def _row_of(order: Order, state: State) -> OrderRow:
    """What the state alone tells of an order: its fills are not in it."""
    return OrderRow(
        order.id, AccountId(order.account), order.market, order.side, order.order_type, order.time_in_force, order.price,
        order.remaining, order.remaining, Lots(0), MicroUsd(0), order.client_id, order.reduce_only, order.self_trade,
        order.good_til, OrderStatus.OPEN, CloseReason.FILLED, Seq(state.seq), order.time, Seq(state.seq), order.time, rested=True,
    )  # fmt: skip


def _row_of_trigger(trigger: Trigger, state: State) -> OrderRow:
    """What the state alone tells of a trigger."""
    return OrderRow(
        trigger.id, trigger.account, trigger.market, trigger.side, trigger.order_type, trigger.time_in_force, trigger.price,
        trigger.lots, trigger.lots, Lots(0), MicroUsd(0), trigger.client_id, trigger.reduce_only, trigger.self_trade,
        trigger.good_til, OrderStatus.OPEN, CloseReason.FILLED, Seq(state.seq), trigger.time, Seq(state.seq), trigger.time,
        rested=False, trigger=trigger.level, trigger_kind=trigger.kind, fired=False, grouping=trigger.grouping,
        group=trigger.group, parent=trigger.parent,
    )  # fmt: skip
