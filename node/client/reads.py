"""Typed reads of the native protocol: books, candles, histories page by page, values over time, limits.

Units are the protocol's: prices in the market's price unit, sizes in lots, USD amounts in micro-USDC, rates in 1e-12 per hour, times in ms.
`Market` (node.client.amounts) converts. A history is an async iterator over all its rows, which neither skips nor repeats one while
others are added; `start` and `stop` bound it by time, start <= time < stop.
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from enum import IntEnum, unique
from typing import Any, Final, NamedTuple, TypeVar

from node.client.answers import Reply
from proto.ids import Address
from proto.intents import Side

Row = TypeVar("Row")
TIME_END: Final = 2**48 - 1
PAGE_ROWS: Final = 500


@unique
class PortfolioSpan(IntEnum):
    """How far back values go."""

    DAY = 0
    WEEK = 1
    MONTH = 2
    ALL = 3


class BookLevel(NamedTuple):
    """What rests at a price."""

    price: int
    size: int
    orders: int


class BookSnapshot(NamedTuple):
    """Both sides, best first; `seq` is the newest input contained."""

    seq: int
    bids: list[BookLevel]
    asks: list[BookLevel]


class Candle(NamedTuple):
    """Trades of one interval, which begins at `start`; `quote` is Σ price x size, micro-USDC."""

    start: int
    open: int
    high: int
    low: int
    close: int
    volume: int
    quote: int
    trades: int


class Trade(NamedTuple):
    """A public trade."""

    seq: int
    position: int
    time: int
    market: int
    trade: int
    price: int
    size: int
    taker_side: Side
    liquidation: bool


class Fill(NamedTuple):
    """One side of a trade. `fee` is what the account paid, `pnl` what it realised, both micro-USDC; `remaining` is left of the order."""

    seq: int
    position: int
    time: int
    market: int
    trade: int
    order: int
    client_id: int
    side: Side
    price: int
    size: int
    is_taker: bool
    fee: int
    pnl: int
    remaining: int
    liquidation: bool


class FundingPayment(NamedTuple):
    """`funding` micro-USDC, negative where the account paid."""

    seq: int
    position: int
    time: int
    market: int
    position_size: int
    funding: int


class LedgerChange(NamedTuple):
    """A change of a balance, in the asset's ledger unit; `reason` is a BalanceReason."""

    seq: int
    position: int
    time: int
    asset: int
    delta: int
    balance: int
    reason: int


class FundingRate(NamedTuple):
    """A market's hourly rate, 1e-12."""

    seq: int
    position: int
    time: int
    market: int
    funding_rate: int


class Value(NamedTuple):
    """What an account was worth, without haircuts; `net_inflow`, `pnl` and `traded` count from its beginning, micro-USDC."""

    time: int
    value: int
    net_inflow: int
    pnl: int
    traded: int


class Limits(NamedTuple):
    """Requests used and allowed, the volume that earned them (micro-USDC), and the wait for the next order or idle cancel, ms."""

    requests_used: int
    requests_allowed: int
    traded: int
    retry_after_ms: int
    cancel_retry_after_ms: int
    weight_per_minute: int


def _row(kind: type[Row], found: dict[str, Any]) -> Row:
    """A row from its map; keys of a newer node are left out."""
    names: tuple[str, ...] = kind._fields  # type: ignore[attr-defined]  # All of them are named tuples.
    values = {name: found[name] for name in names}
    for name in ("side", "taker_side"):
        if name in values:
            values[name] = Side(values[name])
    return kind(**values)


class Reads(ABC):
    """Questions, over a client that can ask them."""

    @abstractmethod
    async def query(self, name: str, *params: Any) -> Reply:
        """Ask a question of the protocol by name."""

    @property
    @abstractmethod
    def address(self) -> Address:
        """The account acted for."""

    async def book(self, market: str | int, depth: int = 20, step: int = 0) -> BookSnapshot:
        """The best `depth` levels of a side (0: all), put together at multiples of `step` price units where one is given."""
        reply = await self.query("book", market, depth, step)
        bids, asks = ([BookLevel(*level) for level in reply.value[side]] for side in ("bids", "asks"))
        return BookSnapshot(reply.seq, bids, asks)

    async def candles(
        self, market: str | int, interval: str = "1m", limit: int = 100, start: int = 0, stop: int = TIME_END
    ) -> list[Candle]:
        """The newest `limit` candles (at most 500) that start within the bounds, oldest first; intervals 1m 3m 5m 15m 30m 1h … 1M."""
        rows = (await self.query("candles", market, interval, limit, start, stop)).value
        return [_row(Candle, row) for row in rows]

    async def portfolio(self, span: PortfolioSpan = PortfolioSpan.DAY, address: Address | None = None) -> list[Value]:
        """What the account was worth over a span, oldest first, the last of them now."""
        rows = (await self.query("portfolio", address or self.address, int(span))).value
        return [_row(Value, row) for row in rows]

    async def limits(self, address: Address | None = None) -> Limits:
        """Where the account stands with its requests."""
        return _row(Limits, (await self.query("limits", address or self.address)).value)

    def trades(
        self, market: str | int, *, newest_first: bool = True, start: int = 0, stop: int = TIME_END
    ) -> AsyncIterator[Trade]:
        """Trades of a market."""
        return self._rows(Trade, "trades", market, newest_first, start, stop)

    def funding_rates(
        self, market: str | int, *, newest_first: bool = True, start: int = 0, stop: int = TIME_END
    ) -> AsyncIterator[FundingRate]:
        """Hourly rates of a market."""
        return self._rows(FundingRate, "funding_rates", market, newest_first, start, stop)

    def fills(
        self, address: Address | None = None, *, newest_first: bool = True, start: int = 0, stop: int = TIME_END
    ) -> AsyncIterator[Fill]:
        """Fills of an account."""
        return self._rows(Fill, "fills", address or self.address, newest_first, start, stop)

    def funding_payments(
        self, address: Address | None = None, *, newest_first: bool = True, start: int = 0, stop: int = TIME_END
    ) -> AsyncIterator[FundingPayment]:
        """Funding that an account's positions paid or were paid."""
        return self._rows(FundingPayment, "funding", address or self.address, newest_first, start, stop)

    def ledger(
        self, address: Address | None = None, *, newest_first: bool = True, start: int = 0, stop: int = TIME_END
    ) -> AsyncIterator[LedgerChange]:
        """Everything that moved an account's balances."""
        return self._rows(LedgerChange, "ledger", address or self.address, newest_first, start, stop)

    async def _rows(
        self, kind: type[Row], name: str, owner: Any, newest_first: bool, start: int, stop: int  # noqa: FBT001 - as on the wire
    ) -> AsyncIterator[Row]:  # fmt: skip
        cursor: list[int] = []
        while True:
            page = (await self.query(name, owner, PAGE_ROWS, newest_first, cursor, start, stop)).value
            for row in page["rows"]:
                yield _row(kind, row)
            cursor = page["next"]
            if not cursor:
                return
