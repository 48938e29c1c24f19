"""Arguments of queries and streams, checked one by one; what is wrong is named."""

from typing import Any

from node.core.state import State
from node.views.history import PAGE_ROWS_MAX, PageQuery
from node.views.rows import Cursor
from proto.ids import ADDRESS_BYTES, Address
from proto.reject import RejectCode
from proto.units import TIME_MS_MAX, U16_MAX, U32_MAX, U64_MAX


class QueryRefusedError(Exception):
    """A question that cannot be answered; `code` is the refusal, `detail` names what is wrong."""

    def __init__(self, code: RejectCode, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class Arguments:
    """Takes the parameters of one query in order; those at the end may be left out."""

    __slots__ = ("_at", "_items")

    def __init__(self, items: list[Any]) -> None:
        self._items = items
        self._at = 0

    def _next(self) -> Any:
        if self._at >= len(self._items):
            return None
        self._at += 1
        return self._items[self._at - 1]

    def __len__(self) -> int:
        return len(self._items)

    def more(self) -> bool:
        """Whether parameters are left."""
        return self._at < len(self._items)

    def uint(self, name: str, bound: int, default: int | None = None) -> int:
        """An integer in 0..bound."""
        if not self.more() and default is not None:
            return default
        value = self._next()
        if type(value) is not int:
            raise QueryRefusedError(RejectCode.FIELD_WRONG_TYPE, f"{name} must be an integer")
        if not 0 <= value <= bound:
            raise QueryRefusedError(RejectCode.FIELD_OUT_OF_RANGE, f"{name} must be in 0..{bound}")
        return value

    def uint_or_text(self, name: str, bound: int) -> int | str:
        """An integer in 0..bound, or a text."""
        if self.more() and type(self._items[self._at]) is str:
            return self.text(name)
        return self.uint(name, bound)

    def integer(self, name: str, low: int, high: int) -> int:
        """A signed integer in low..high."""
        value = self._next()
        if type(value) is not int:
            raise QueryRefusedError(RejectCode.FIELD_WRONG_TYPE, f"{name} must be an integer")
        if not low <= value <= high:
            raise QueryRefusedError(RejectCode.FIELD_OUT_OF_RANGE, f"{name} must be in {low}..{high}")
        return value

    def flag(self, name: str, *, default: bool) -> bool:
        """A boolean."""
        if not self.more():
            return default
        value = self._next()
        if type(value) is not bool:
            raise QueryRefusedError(RejectCode.FIELD_WRONG_TYPE, f"{name} must be a boolean")
        return value

    def text(self, name: str) -> str:
        """A text."""
        value = self._next()
        if type(value) is not str:
            raise QueryRefusedError(RejectCode.FIELD_WRONG_TYPE, f"{name} must be text")
        return value

    def raw(self, name: str, length: int) -> bytes:
        """Bytes of a fixed length."""
        value = self._next()
        if type(value) is not bytes:
            raise QueryRefusedError(RejectCode.FIELD_WRONG_TYPE, f"{name} must be bytes")
        if len(value) != length:
            raise QueryRefusedError(RejectCode.FIELD_OUT_OF_RANGE, f"{name} must have {length} bytes")
        return value

    def items(self, name: str) -> list[Any]:
        """An array."""
        value = self._next()
        if type(value) is not list:
            raise QueryRefusedError(RejectCode.FIELD_WRONG_TYPE, f"{name} must be an array")
        return value

    def address(self, name: str = "address") -> Address:
        """A 20-byte address."""
        return Address(self.raw(name, ADDRESS_BYTES))

    def page(self) -> PageQuery:
        """Paging: limit, newest first, cursor as [seq, position] or [], start, stop; all may be left out."""
        limit = self.uint("limit", PAGE_ROWS_MAX, 100)
        newest_first = self.flag("newestFirst", default=True)
        cursor = self._cursor() if self.more() else None
        start, stop = self.uint("start", TIME_MS_MAX, 0), self.uint("stop", TIME_MS_MAX, TIME_MS_MAX)
        if limit == 0:
            raise QueryRefusedError(RejectCode.FIELD_OUT_OF_RANGE, f"limit must be in 1..{PAGE_ROWS_MAX}")
        return PageQuery(limit, newest_first, cursor, start, stop)

    def _cursor(self) -> Cursor | None:
        items = Arguments(self.items("cursor"))
        if not items.more():
            return None
        cursor = Cursor(items.uint("cursor seq", U64_MAX - 1), items.uint("cursor position", U32_MAX - 1))
        items.done()
        return cursor

    def market(self, state: State) -> int:
        """A market by id or name."""
        value = self._next()
        if type(value) is str:
            for market in state.markets.values():
                if market.params.name == value:
                    return market.params.id
            raise QueryRefusedError(RejectCode.MARKET_UNKNOWN, value[:64])
        if type(value) is not int or not 0 <= value <= U16_MAX:
            raise QueryRefusedError(RejectCode.FIELD_WRONG_TYPE, "market must be an id or a name")
        if value not in state.markets:
            raise QueryRefusedError(RejectCode.MARKET_UNKNOWN, f"market {value}")
        return value

    def account(self, state: State) -> int:
        """An account's id by its address."""
        address = self.address()
        number = state.by_address.get(address)
        if number is None:
            raise QueryRefusedError(RejectCode.ACCOUNT_UNKNOWN, f"0x{address.hex()}")
        return number

    def done(self) -> None:
        """Refuse what is left over."""
        if self.more():
            raise QueryRefusedError(RejectCode.FRAME_MALFORMED, f"at most {self._at} parameters")
