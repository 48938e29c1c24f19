"""Subscribers that outlive the node: what they put together from snapshots and events must be what the views show.

Invariants checked: numbers have no gap within a life; who comes back with its last number gets what it missed or a snapshot; nothing is
told before it is durable; what was told of trades and fills is in the history for ever.
"""

from collections.abc import Callable
from typing import Any

import msgpack

from node.views import describe
from node.views.history import PageQuery
from node.views.rows import HistoryKind
from node.views.streams import EventBytes, SnapshotReason, StreamKey, StreamName
from node.views.venue import Views
from proto.frames import FrameKind

_KEYED = {StreamName.ORDERS: "id", StreamName.POSITIONS: "market", StreamName.BALANCES: "asset"}
_HISTORY = {
    StreamName.TRADES: HistoryKind.TRADES,
    StreamName.FILLS: HistoryKind.FILLS,
    StreamName.FUNDING: HistoryKind.FUNDING,
}


def wire(value: Any) -> Any:
    """A value as a client reads it."""
    return msgpack.unpackb(msgpack.packb(value, default=str), strict_map_key=False)


class Follower:
    """One stream, put together again from what was told."""

    def __init__(self, key: StreamKey, durable: Callable[[], int]) -> None:
        self.key = key
        self.number = 0
        self.told_seq = 0
        self._durable = durable
        self._newest: Any = None
        self._rows: dict[Any, Any] = {}
        self._levels: dict[tuple[str, int], list[int]] = {}
        self._archive: list[Any] = []
        """Rows of a history that were told in earlier lives."""
        self._from_seq = 0
        """History rows after this input were told, as far as this life knows."""

    def subscribe(self, views: Views) -> None:
        """Come back with the last number."""
        opened = views.hub.subscribe(self.key, self, 7, self.number, views.seq)
        assert opened.reason != SnapshotReason.UNKNOWN_NUMBER, f"{self.key}: a new life begins below an old number"
        if opened.reason is not None:
            self.number = opened.number
            self._restart(views)
        for event in opened.missed:
            self.offer(7, event)

    def _restart(self, views: Views) -> None:
        snapshot = wire(views.snapshot(self.key))
        if self.key.name in _HISTORY:
            self._archive += self._rows.values()
        self.told_seq, self._from_seq = int(views.seq), int(views.seq)
        self._newest, self._rows, self._levels = snapshot, {}, {}
        if self.key.name == StreamName.BOOK:
            self._take_levels(snapshot)
        elif self.key.name in _KEYED:
            self._take_rows(snapshot)

    def offer(self, subscription: int, event: EventBytes) -> None:
        """An event."""
        kind, own, number, seq, _, data = msgpack.unpackb(event.frame(subscription), strict_map_key=False)
        assert (kind, own, number) == (FrameKind.EVENT, subscription, self.number + 1), f"{self.key}: a gap"
        assert seq > self.told_seq, f"{self.key}: two events of one input"
        assert seq <= self._durable(), f"{self.key}: input {seq} is told and not durable"
        self.number, self.told_seq, self._newest = number, seq, data
        if self.key.name == StreamName.BOOK:
            self._take_levels(data)
        elif self.key.name in _KEYED:
            self._take_rows(data)
        elif self.key.name in _HISTORY:
            for row in data:
                self._rows[row["seq"], row["position"]] = row

    def _take_levels(self, data: Any) -> None:
        for side in ("bids", "asks"):
            for price, lots, orders in data[side]:
                if orders:
                    self._levels[side, price] = [price, lots, orders]
                else:
                    self._levels.pop((side, price), None)

    def _take_rows(self, rows: list[Any]) -> None:
        name = _KEYED[self.key.name]
        for row in rows:
            gone = row.get("status") or row.get("position_size") == 0 or row.get("balance") == 0
            if gone:
                self._rows.pop(row[name], None)
            else:
                self._rows[row[name]] = row

    def compare(self, views: Views) -> None:
        """What was told is what the views show now."""
        key = self.key
        if key.name in _HISTORY:
            return
        shown = wire(views.snapshot(key))
        if key.name == StreamName.BOOK:
            found = {(side, row[0]): row for side in ("bids", "asks") for row in shown[side]}
            assert self._levels == found, f"{key}: the book that was told is not the one that is there"
        elif key.name in _KEYED:
            present = {row[_KEYED[key.name]]: row for row in shown if row.get("balance") != 0}
            assert self._rows == present, f"{key}: what was told is not what is there"
        else:
            assert self._newest == shown, f"{key}: the newest that was told is not what is there"

    def compare_history(self, views: Views, *, listens: bool) -> None:
        """Everything told is in the history, and nothing was kept back while it listened. The rows must be on disk."""
        if self.key.name not in _HISTORY:
            return
        query = PageQuery(limit=100_000, newest_first=False)
        rows = [
            wire(describe.history_map(row))
            for row in views.history.page(_HISTORY[self.key.name], self.key.owner, query).rows
        ]
        places = {(row["seq"], row["position"]): row for row in rows}
        assert all(places.get((row["seq"], row["position"])) == row for row in self._archive), (
            f"{self.key}: told and lost"
        )
        until = int(views.seq) if listens else self.told_seq
        kept = [row for row in rows if self._from_seq < row["seq"] <= until]
        assert list(self._rows.values()) == kept, f"{self.key}: the history is not what was told"
