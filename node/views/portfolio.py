"""What accounts were worth: samples at stamped times, so that a replay takes the same ones.

Every ten minutes of stamped time a round begins: all accounts that hold a position or another asset than USDC, and all whose balances or
positions changed since the last round, are sampled, a few with each input, so that no input does much. An account whose value and
inflow are what they were is not written again: whoever reads carries the last sample forward. A restart may lose the rest of a round.

Four rows may be written, one per span, each at most once per its period, and each is kept for twice its window (node.views.retention):

    day      every ten minutes     week   every hour     month   every four hours     all time   every day
"""

from collections.abc import Callable
from enum import IntEnum, unique
from typing import Final, NamedTuple

from node.views.rows import SAMPLES_PREFIX, decode_row, encode_row
from node.views.table import OrderedTable

_HOUR_MS: Final = 3_600_000
_DAY_MS: Final = 24 * _HOUR_MS
ROUND_MS: Final = 600_000
SAMPLED_PER_INPUT: Final = 8


@unique
class Span(IntEnum):
    """How far back a history of values goes."""

    DAY = 0
    WEEK = 1
    MONTH = 2
    ALL = 3


PERIOD_MS: Final = {Span.DAY: ROUND_MS, Span.WEEK: _HOUR_MS, Span.MONTH: 4 * _HOUR_MS, Span.ALL: _DAY_MS}
WINDOW_MS: Final = {Span.DAY: _DAY_MS, Span.WEEK: 7 * _DAY_MS, Span.MONTH: 30 * _DAY_MS, Span.ALL: 2**48}


class Sample(NamedTuple):
    """An account at a time: value, what came in less what went out, and volume, since the beginning, micro-USDC."""

    time: int
    value: int
    inflow: int
    volume: int

    @property
    def profit(self) -> int:
        """What trading made of it."""
        return self.value - self.inflow


class PortfolioView:
    """Samples of all accounts. `measure` gives value, inflow and volume of an account now."""

    __slots__ = ("_last", "_measure", "_pending", "_rows", "_table", "_touched", "round_end")

    def __init__(self, table: OrderedTable, measure: Callable[[int], tuple[int, int, int]]) -> None:
        self._table = table
        self._measure = measure
        self._rows: dict[bytes, bytes] = {}
        self._touched: dict[int, None] = {}
        self._pending: list[int] = []
        self._last: dict[int, Sample] = {}
        self.round_end = 0
        """Stamped time at which the next round begins."""

    def touched(self, account: int) -> None:
        """The account's balances or positions changed."""
        self._touched[account] = None

    def tick(self, time: int, holders: Callable[[], list[int]]) -> None:
        """Go on with a round, or begin the next one, with every input; `holders` are accounts whose value moves by itself."""
        if time >= self.round_end:
            self.round_end = time - time % ROUND_MS + ROUND_MS
            due = dict.fromkeys(self._pending)
            due.update(dict.fromkeys(holders()))
            due.update(self._touched)
            self._touched.clear()
            self._pending = sorted(due, reverse=True)
        for _ in range(min(SAMPLED_PER_INPUT, len(self._pending))):
            self._sample(self._pending.pop(), time)

    def _sample(self, account: int, time: int) -> None:
        value, inflow, volume = self._measure(account)
        last = self._last.get(account) or self._newest(account)
        if last is not None and (last.value, last.inflow, last.volume) == (value, inflow, volume):
            return
        sample = self._last[account] = Sample(time, value, inflow, volume)
        for span, period in PERIOD_MS.items():
            if last is None or last.time // period != time // period:
                self._rows[sample_key(account, span, time)] = encode_row(sample[1:])

    def _newest(self, account: int) -> Sample | None:
        rows = self._table.scan(sample_key(account, Span.DAY, 0), sample_key(account, Span.DAY, 2**63), reverse=True)
        found = next(iter(rows), None)
        return None if found is None else _decoded(*found)

    def begin(self, time: int) -> None:
        """Go on at a stamped time: the round that it lies in began before."""
        self.round_end = time - time % ROUND_MS + ROUND_MS if time else 0

    def take_rows(self) -> list[tuple[bytes, bytes]]:
        """Rows to write."""
        rows = list(self._rows.items())
        self._rows.clear()
        return rows

    def history(self, account: int, span: Span, now: int) -> tuple[Sample, list[Sample]]:
        """What a window begins with, and its samples on disk, oldest first.

        It begins with the account as it was last sampled before, at the window's first moment; with nothing where the account is younger.
        """
        start = max(now - WINDOW_MS[span], 0)
        rows = self._table.scan(sample_key(account, span, start), sample_key(account, span, 2**63))
        found = [_decoded(key, value) for key, value in rows]
        before = self._table.scan(sample_key(account, span, 0), sample_key(account, span, start), reverse=True)
        last = next(iter(before), None)
        if last is None:
            return Sample(found[0].time if found else now, 0, 0, 0), found
        begin = _decoded(*last)._replace(time=start)
        return begin, [begin, *found]


def sample_key(account: int, span: int, time: int) -> bytes:
    """Key of a sample."""
    return SAMPLES_PREFIX + account.to_bytes(4, "big") + span.to_bytes(1, "big") + time.to_bytes(8, "big")


def _decoded(key: bytes, value: bytes) -> Sample:
    return Sample(int.from_bytes(key[-8:], "big"), *decode_row(value))
