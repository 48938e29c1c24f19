"""What every account has moved since the beginning: money in and out, trading volume, and the requests that it sent.

Profit is value less what came in; the request budget grows with volume. Rows are read when first needed and kept: one per account that did
anything since the start.
"""

from typing import Final

from node.views.rows import REQUESTS_PREFIX, TOTALS_PREFIX, decode_row, encode_row
from node.views.table import OrderedTable


class TotalsView:
    """Sums by account id. Amounts are micro-USDC; what is not USDC counts at the price of the moment."""

    __slots__ = ("_dirty_requests", "_dirty_totals", "_requests", "_table", "_totals")

    def __init__(self, table: OrderedTable) -> None:
        self._table = table
        self._totals: dict[int, list[int]] = {}  # [net inflow, volume]
        self._requests: dict[int, int] = {}
        self._dirty_totals: dict[int, None] = {}
        self._dirty_requests: dict[int, None] = {}

    def _row(self, account: int) -> list[int]:
        row = self._totals.get(account)
        if row is None:
            stored = self._table.get(totals_key(account))
            row = self._totals[account] = [0, 0] if stored is None else decode_row(stored)
        return row

    def flowed(self, account: int, amount: int) -> None:
        """Money came from outside the account (positive), or left it."""
        self._row(account)[0] += amount
        self._dirty_totals[account] = None

    def traded(self, account: int, quote: int) -> None:
        """The account was one side of a trade."""
        self._row(account)[1] += quote
        self._dirty_totals[account] = None

    def inflow(self, account: int) -> int:
        """What came in less what went out."""
        return self._row(account)[0]

    def volume(self, account: int) -> int:
        """Σ price x size of its fills."""
        return self._row(account)[1]

    def requested(self, account: int, count: int) -> None:
        """The account sent so many orders, cancels or other actions that were sequenced."""
        self._requests[account] = self.requests(account) + count
        self._dirty_requests[account] = None

    def requests(self, account: int) -> int:
        """All it ever sent."""
        found = self._requests.get(account)
        if found is None:
            stored = self._table.get(requests_key(account))
            found = self._requests[account] = 0 if stored is None else int.from_bytes(stored, "big")
        return found

    def take_rows(self) -> list[tuple[bytes, bytes]]:
        """Rows to write."""
        rows = [(totals_key(account), encode_row(tuple(self._totals[account]))) for account in self._dirty_totals]
        rows.extend((requests_key(account), self._requests[account].to_bytes(8, "big")) for account in self._dirty_requests)
        self._dirty_totals.clear()
        self._dirty_requests.clear()
        return rows


_ACCOUNT_BYTES: Final = 4


def totals_key(account: int) -> bytes:
    """Key of an account's totals."""
    return TOTALS_PREFIX + account.to_bytes(_ACCOUNT_BYTES, "big")


def requests_key(account: int) -> bytes:
    """Key of an account's requests."""
    return REQUESTS_PREFIX + account.to_bytes(_ACCOUNT_BYTES, "big")
