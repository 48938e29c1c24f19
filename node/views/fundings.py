"""Funding that positions paid: since the account first held one, since this one was opened, and since it last changed.

Amounts are micro-USDC, negative where the account paid, as in the events. A row is written only where there is something to remember.
"""

from typing import NamedTuple

from node.views.rows import FUNDINGS_PREFIX, decode_row, encode_row
from node.views.table import OrderedTable

_Key = tuple[int, int]


class FundingSums(NamedTuple):
    """What one account's positions in one market were paid."""

    all_time: int = 0
    since_open: int = 0
    since_change: int = 0
    side: int = 0
    """Of the position: 1 long, -1 short, 0 none."""


class FundingSumsView:
    """Sums by account and market, read when first needed."""

    __slots__ = ("_dirty", "_rows", "_table")

    def __init__(self, table: OrderedTable) -> None:
        self._table = table
        self._rows: dict[_Key, FundingSums] = {}
        self._dirty: dict[_Key, None] = {}

    def find(self, account: int, market: int) -> FundingSums:
        """The sums as they stand."""
        key = (account, market)
        row = self._rows.get(key)
        if row is None:
            stored = self._table.get(_key(key))
            row = self._rows[key] = FundingSums() if stored is None else FundingSums(*decode_row(stored))
        return row

    def paid(self, account: int, market: int, amount: int) -> None:
        """A payment was settled."""
        row = self.find(account, market)
        sums = (row.all_time + amount, row.since_open + amount, row.since_change + amount)
        self._set((account, market), FundingSums(*sums, row.side))

    def changed(self, account: int, market: int, size: int) -> None:
        """The position is `size` now."""
        row, side = self.find(account, market), (size > 0) - (size < 0)
        if side != row.side:
            self._set((account, market), FundingSums(row.all_time, 0, 0, side))
        elif row.since_change:
            self._set((account, market), row._replace(since_change=0))

    def _set(self, key: _Key, row: FundingSums) -> None:
        self._rows[key] = row
        self._dirty[key] = None

    def take_rows(self) -> list[tuple[bytes, bytes]]:
        """Rows to write."""
        rows: list[tuple[bytes, bytes]] = [(_key(key), encode_row(self._rows[key])) for key in self._dirty]
        self._dirty.clear()
        return rows


def _key(key: _Key) -> bytes:
    return FUNDINGS_PREFIX + key[0].to_bytes(4, "big") + key[1].to_bytes(2, "big")
