"""What read models forget: rows older than the operator's retention, in small steps, so that the disk is bounded and nobody waits.

Kept for ever: hourly and daily candles, sums per account, batches, open orders. Histories, ended orders and short candles go by their
age; samples of accounts' values after twice the window they are shown in. Invariant: of each history the oldest rows go first and
none in between, so a page walked backwards ends early and never has a hole.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple, Protocol

from node.views.intervals import MINUTE_S, QUARTER_S
from node.views.portfolio import WINDOW_MS, Span, sample_key
from node.views.rows import (
    CANDLE_PREFIX,
    ORDER_FILL_PREFIX,
    SAMPLES_PREFIX,
    HistoryKind,
    candle_key,
    history_key,
    order_key,
    time_key,
)
from node.views.table import OrderedTable

STEP_ROWS: Final = 500
STEP_LOOKS: Final = 100
_OWNER: Final = slice(1, 5)
_OWNERS_MAX: Final = 2**32 - 1
_SHORT_CANDLES: Final = (MINUTE_S, QUARTER_S)


class ForgetfulTable(OrderedTable, Protocol):
    """A table that rows can be deleted from."""

    def delete_batch(self, keys: list[bytes]) -> None:
        """Delete rows, all at once or not at all."""
        ...


class Horizon(NamedTuple):
    """What is old: times, in ms, before `before`. `now` is the newest stamp."""

    before: int
    now: int


def stale_keys(table: OrderedTable, horizon: Horizon) -> Iterator[list[bytes]]:
    """Keys of rows to forget, in steps of bounded work, some empty; between two the last one's rows may be deleted, and others written."""
    found: list[bytes] = []
    looks = 0
    for keys in _looks(table, horizon):
        found.extend(keys)
        looks += 1
        if len(found) >= STEP_ROWS or looks == STEP_LOOKS:
            yield found
            found, looks = [], 0
    yield found


def _looks(table: OrderedTable, horizon: Horizon) -> Iterator[list[bytes]]:
    """Keys of rows to forget; an empty list wherever there was nothing."""
    first_kept = _first_seq_at(table, horizon.before)
    if first_kept:
        for kind in HistoryKind:
            yield from _stale_history(table, kind, first_kept)
        yield from _in_steps(table, time_key(0), time_key(horizon.before))
    for owner in _owners(table, CANDLE_PREFIX):
        for interval in _SHORT_CANDLES:
            yield from _in_steps(table, candle_key(owner, interval, 0), candle_key(owner, interval, horizon.before))
    for owner in _owners(table, SAMPLES_PREFIX):
        for span in Span:
            old = horizon.now - 2 * WINDOW_MS[span]
            first, stop = sample_key(owner, span, 0), sample_key(owner, span, max(old, 0))
            newest = next(iter(table.scan(first, sample_key(owner, span, 2**63), reverse=True)), None)
            if newest is not None:  # The last one stands for all the time since, and stays.
                yield from _in_steps(table, first, min(stop, newest[0]))


def _first_seq_at(table: OrderedTable, time: int) -> int:
    """The newest input that the time index has before `time`: everything below it is older. 0: nothing is."""
    for _, value in table.scan(time_key(0), time_key(time), reverse=True):
        return int.from_bytes(value, "big")
    return 0


def _owners(table: OrderedTable, prefix: bytes) -> Iterator[int]:
    """Accounts or markets that have rows under a prefix, by seeking from one to the next."""
    owner = 0
    while owner <= _OWNERS_MAX:
        found = next(iter(table.scan(prefix + owner.to_bytes(4, "big"), _after(prefix))), None)
        if found is None:
            return
        owner = int.from_bytes(found[0][_OWNER], "big")
        yield owner
        owner += 1


def _after(prefix: bytes) -> bytes:
    return bytes((prefix[0] + 1,))


def _in_steps(table: OrderedTable, start: bytes, stop: bytes) -> Iterator[list[bytes]]:
    while True:
        keys: list[bytes] = []
        for key, _ in table.scan(start, stop):
            keys.append(key)
            if len(keys) == STEP_ROWS:
                break
        yield keys
        if not keys:
            return
        start = keys[-1] + b"\x00"


def _stale_history(table: OrderedTable, kind: HistoryKind, first_kept: int) -> Iterator[list[bytes]]:
    for owner in _owners(table, bytes((kind,))):
        for keys in _in_steps(table, history_key(kind, owner, 0, 0), history_key(kind, owner, first_kept, 0)):
            yield keys if kind != HistoryKind.ORDERS else [*_with_orders(table, keys)]


def _with_orders(table: OrderedTable, keys: list[bytes]) -> Iterator[bytes]:
    """An ended order's row and the places of its fills go with its place in the history."""
    for key in keys:
        yield key
        value = table.get(key)
        if value is None:
            continue
        order = int.from_bytes(value, "big")
        yield order_key(order)
        start = ORDER_FILL_PREFIX + order.to_bytes(8, "big")
        stop = ORDER_FILL_PREFIX + (order + 1).to_bytes(8, "big")
        yield from (fill for fill, _ in table.scan(start, stop))
