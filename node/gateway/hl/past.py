"""Histories: fills, orders, trades, candles, funding, ledger changes. Read from the views' disk, off the event loop."""

import asyncio
from itertools import islice
from typing import Any, Final

from node.core.state import State
from node.gateway.hl import fmt, rows, twaps
from node.gateway.hl.coins import Coins
from node.gateway.shelf import Shelf
from node.views.history import HistoryRow, PageQuery
from node.views.intervals import INTERVALS_S, bounds
from node.views.portfolio import Sample, Span
from node.views.rows import (
    FillRow,
    FundingRow,
    HistoryKind,
    LedgerRow,
    OrderRow,
    RateRow,
    TradeRow,
    TransferRow,
    TwapRow,
)
from proto.events import BalanceReason
from proto.hl.reading import HlMalformedError, address, address_text, cloid, uint
from proto.ids import BACKSTOP_ADDRESS, SHARES, USDC
from proto.units import TIME_MS_MAX, U64_MAX

FILLS_MAX: Final = 2_000
_LOOKED_THROUGH: Final = 10_000
ORDERS_MAX: Final = 2_000
FUNDING_MAX: Final = 500
TRADES_SHOWN: Final = 10
CANDLES_MAX: Final = 5_000
LEDGER_PAGES_MAX: Final = 40
_SPANS: Final = {"day": Span.DAY, "week": Span.WEEK, "month": Span.MONTH, "allTime": Span.ALL}
OUTSIDE: Final = (BalanceReason.DEPOSIT, BalanceReason.WITHDRAWAL, BalanceReason.VAULT)


def span(request: dict[str, Any], *, required: bool) -> tuple[int, int]:
    """Start and end (exclusive) of a request; both bounds it names are inclusive."""
    start, end = request.get("startTime"), request.get("endTime")
    if start is None and required:
        raise HlMalformedError("startTime is missing")
    last = TIME_MS_MAX if end is None else min(uint(end, U64_MAX), TIME_MS_MAX)
    return 0 if start is None else min(uint(start, U64_MAX), TIME_MS_MAX), last + 1


def interval_of(name: Any) -> int:
    """Seconds of an interval by its name. Raises HlMalformedError."""
    seconds = INTERVALS_S.get(name) if type(name) is str else None
    if seconds is None:
        raise HlMalformedError("unknown interval")
    return seconds


def is_outside(row: LedgerRow) -> bool:
    """Whether a change came from outside the account; shares of vaults are the other side of money that did."""
    return row.reason in OUTSIDE and row.asset < SHARES


class Past:
    """Pages of the views' histories in the dialect's words."""

    def __init__(self, coins: Coins, shelf: Shelf, state: State) -> None:
        self._coins = coins
        self._shelf = shelf
        self._views = shelf.views
        self._state = state

    def _account(self, request: dict[str, Any]) -> int | None:
        return self._state.by_address.get(address(request.get("user")))

    def account_of(self, user: str) -> int | None:
        """The account of an address as text."""
        return self._state.by_address.get(address(user))

    def address_of(self, number: int) -> str:
        """An account's address as text."""
        return address_text(self._state.accounts[number].address)  # type: ignore[index]

    async def page(self, kind: HistoryKind, owner: int, query: PageQuery) -> list[HistoryRow]:
        """Rows of a history, once what was released before is in it."""
        await self._shelf.caught_up()
        page = await asyncio.to_thread(self._views.history.page, kind, owner, query)
        return page.rows

    # --- fills and orders -------------------------------------------------------------------------------------------------

    async def fills(self, number: int | None, query: PageQuery) -> list[dict[str, Any]]:
        """Fills of an account in the asked direction."""
        if number is None:
            return []
        found = await self.page(HistoryKind.FILLS, number, query)
        return [rows.fill_object(row, self._coins) for row in found if isinstance(row, FillRow)]

    async def user_fills(self, request: dict[str, Any]) -> Any:
        """Newest first."""
        return await self.fills(self._account(request), PageQuery(limit=FILLS_MAX))

    async def user_fills_by_time(self, request: dict[str, Any]) -> Any:
        """Oldest first."""
        start, stop = span(request, required=True)
        query = PageQuery(limit=FILLS_MAX, newest_first=False, start=start, stop=stop)
        return await self.fills(self._account(request), query)

    async def _order_rows(self, number: int) -> list[OrderRow]:
        """Open and ended orders of an account, latest change first."""
        ended = await self.page(HistoryKind.ORDERS, number, PageQuery(limit=ORDERS_MAX))
        found = [*self._views.orders.of_account(number), *(row for row in ended if isinstance(row, OrderRow))]
        found.sort(key=lambda row: (row.last_seq, row.id), reverse=True)
        return found[:ORDERS_MAX]

    def status(self, row: OrderRow) -> dict[str, Any]:
        """An order with where it stands."""
        return fmt.status_object(row, self._coins.name(row.market), self._coins.decimals(row.market))

    async def orders(self, request: dict[str, Any]) -> Any:
        """Latest change first."""
        number = self._account(request)
        return [] if number is None else [self.status(row) for row in await self._order_rows(number)]

    async def order_status(self, request: dict[str, Any]) -> Any:
        """One order by id or client id; by client id the newest one that had it."""
        number, named = self._account(request), request.get("oid")
        row: OrderRow | None = None
        if type(named) is str:
            client = cloid(named)
            if number is not None:
                row = next((row for row in await self._order_rows(number) if row.client_id == client), None)
        else:
            oid = uint(named, U64_MAX)
            await self._shelf.caught_up()
            row = self._views.orders.find(oid)
        if row is None or row.account != number:
            return {"status": "unknownOid"}
        return {"status": "order", "order": self.status(row)}

    async def twap_history(self, request: dict[str, Any]) -> Any:
        """Beginnings and ends of time-sliced orders, newest first."""
        number = self._account(request)
        if number is None:
            return []
        found = await self.page(HistoryKind.TWAPS, number, PageQuery(limit=ORDERS_MAX))
        user = self.address_of(number)
        return [twaps.history_object(row, self._coins, user) for row in found if isinstance(row, TwapRow)]

    async def twap_fills(self, request: dict[str, Any]) -> Any:
        """Trades of slices, newest first; other trades lie between them, so a stretch of the newest is looked through."""
        number, (start, stop) = self._account(request), span(request, required=False)
        if number is None:
            return []
        found = await self.page(HistoryKind.FILLS, number, PageQuery(limit=_LOOKED_THROUGH, start=start, stop=stop))
        fills = [row for row in found if isinstance(row, FillRow) and row.twap]
        return [twaps.slice_fill(row, self._coins) for row in fills[:FILLS_MAX]]

    # --- markets ----------------------------------------------------------------------------------------------------------

    def trade(self, row: TradeRow) -> dict[str, Any]:
        """A trade with buyer and seller."""
        sides = (row.taker, row.maker) if row.taker_side == 0 else (row.maker, row.taker)
        return rows.trade_object(row, self._coins, self.address_of(sides[0]), self.address_of(sides[1]))

    def trades(self, market: int) -> list[dict[str, Any]]:
        """The newest trades, newest first."""
        newest = reversed(self._views.newest_trades[market])
        return [self.trade(row) for row in islice(newest, TRADES_SHOWN)]

    async def recent_trades(self, request: dict[str, Any]) -> Any:
        """Null for an unknown coin."""
        market = self._coins.find(request.get("coin"))
        return None if market is None else self.trades(market)

    async def candles(self, request: dict[str, Any]) -> Any:
        """At most 5,000, oldest first; null for an unknown coin."""
        asked = request.get("req")
        if type(asked) is not dict or type(asked.get("interval")) is not str:
            raise HlMalformedError("req is coin, interval, startTime, endTime")
        market, interval = self._coins.find(asked.get("coin")), asked["interval"]
        seconds, (start, stop) = interval_of(interval), span(asked, required=True)
        if market is None:
            return None
        await self._shelf.caught_up()
        begin = max(bounds(seconds, start)[0], 0)
        made = await asyncio.to_thread(self._views.candles.page, market, seconds, begin, stop, CANDLES_MAX)
        return [rows.candle_object(row, self._coins, interval) for row in made]

    def running_candle(self, market: int, interval: str) -> dict[str, Any] | None:
        """The newest candle of an interval, or None before the first trade."""
        newest = self._views.candles.current(market, interval_of(interval))
        return None if newest is None else rows.candle_object(newest, self._coins, interval)

    async def funding_rates(self, request: dict[str, Any]) -> Any:
        """Hourly rates of a market, oldest first. The averaged premium is not kept."""
        market, (start, stop) = self._coins.find(request.get("coin")), span(request, required=True)
        if market is None:
            return []
        query = PageQuery(limit=FUNDING_MAX, newest_first=False, start=start, stop=stop)
        return [
            {"coin": self._coins.name(market), "fundingRate": fmt.rate(row.rate), "premium": None, "time": row.time}
            for row in await self.page(HistoryKind.RATES, market, query)
            if isinstance(row, RateRow)
        ]

    # --- values -----------------------------------------------------------------------------------------------------------

    async def portfolio(self, request: dict[str, Any]) -> Any:
        """Value and profit over a day, week, month and all time, each from nought at its window's beginning; all of it is perpetuals."""
        number, spans = self._account(request), []
        await self._shelf.caught_up()
        for name, span in _SPANS.items():
            spans.append((name, await self._history(number, span)))
        return [[name, shown] for name, shown in spans] + [
            [f"perp{name[0].upper()}{name[1:]}", shown] for name, shown in spans
        ]

    async def _history(self, number: int | None, span: Span) -> dict[str, Any]:
        if number is None:
            return {"accountValueHistory": [], "pnlHistory": [], "vlm": "0.0"}
        views = self._views
        now = Sample(views.time, *views.measure(number))
        first, found = await asyncio.to_thread(views.portfolio.history, number, span, now.time)
        found.append(now)
        return {
            "accountValueHistory": [[row.time, fmt.usd(row.value)] for row in found],
            "pnlHistory": [[row.time, fmt.usd(row.profit - first.profit)] for row in found],
            "vlm": fmt.usd(now.volume - first.volume),
        }

    # --- money ------------------------------------------------------------------------------------------------------------

    async def user_funding(self, request: dict[str, Any]) -> Any:
        """Funding payments, oldest first."""
        number, (start, stop) = self._account(request), span(request, required=False)
        if number is None:
            return []
        query = PageQuery(limit=FUNDING_MAX, newest_first=False, start=start, stop=stop)
        shown = []
        for row in await self.page(HistoryKind.FUNDING, number, query):
            if isinstance(row, FundingRow):
                rate = await self.rate_at(row.market, row.time)
                delta = rows.funding_object(row, self._coins, rate)
                shown.append({"time": row.time, "hash": fmt.input_hash(row.seq), "delta": delta})
        return shown

    async def rate_at(self, market: int, time: int) -> int:
        """The funding rate that was set last, 1e-12 per hour: a payment may stand for several hours."""
        found = await self.page(HistoryKind.RATES, market, PageQuery(limit=1, stop=time + 1))
        return found[0].rate if found and isinstance(found[0], RateRow) else 0

    async def ledger_updates(self, request: dict[str, Any]) -> Any:
        """Deposits, withdrawals and transfers, oldest first."""
        number, (start, stop) = self._account(request), span(request, required=False)
        if number is None:
            return []
        query = PageQuery(limit=FUNDING_MAX, newest_first=False, start=start, stop=stop)
        await self._shelf.caught_up()
        found = await asyncio.to_thread(self._outside_changes, number, query)
        found.sort(key=lambda row: (row.seq, row.position))
        return [self.update(row) for row in found[:FUNDING_MAX]]

    def _outside_changes(self, number: int, query: PageQuery) -> list[LedgerRow | TransferRow]:
        """Fees and profits lie between them, so several pages may have to be read; as many as are worth the time."""
        page = self._views.history.page
        found: list[LedgerRow | TransferRow] = [
            row for row in page(HistoryKind.TRANSFERS, number, query).rows if isinstance(row, TransferRow)
        ]
        for _ in range(LEDGER_PAGES_MAX):
            part = page(HistoryKind.LEDGER, number, query)
            found.extend(row for row in part.rows if isinstance(row, LedgerRow) and is_outside(row))
            if part.after is None or len(found) >= FUNDING_MAX:
                break
            query = query._replace(cursor=part.after)
        return found

    def update(self, row: LedgerRow | TransferRow) -> dict[str, Any]:
        """A ledger change."""
        return {"time": row.time, "hash": fmt.input_hash(row.seq), "delta": self._delta(row)}

    def _delta(self, row: LedgerRow | TransferRow) -> dict[str, Any]:
        if isinstance(row, LedgerRow) and row.reason == BalanceReason.VAULT:
            vault = address_text(BACKSTOP_ADDRESS)
            if row.delta < 0:
                return {"type": "vaultDeposit", "vault": vault, "usdc": fmt.usd(-row.delta)}
            paid = fmt.usd(row.delta)
            return {
                "type": "vaultWithdraw", "vault": vault, "user": self.address_of(row.account), "requestedUsd": paid,
                "commission": "0.0", "closingCost": "0.0", "basis": "0.0", "netWithdrawnUsd": paid,
            }  # fmt: skip
        asset = self._state.params.assets[row.asset]
        if isinstance(row, LedgerRow):
            amount = fmt.fixed(abs(row.delta), asset.decimals)
            if row.reason == BalanceReason.DEPOSIT:
                return {"type": "deposit", "usdc": amount} if row.asset == USDC else {
                    "type": "deposit", "usdc": "0.0", "token": asset.symbol, "amount": amount,
                }  # fmt: skip
            shown = {"type": "withdraw", "usdc": amount if row.asset == USDC else "0.0", "nonce": row.seq, "fee": "0.0"}
            return shown if row.asset == USDC else {**shown, "token": asset.symbol, "amount": amount}
        amount, sides = fmt.fixed(row.amount, asset.decimals), (row.source, row.destination)
        user, destination = (self.address_of(number) for number in sides)
        if row.asset == USDC:
            return {"type": "internalTransfer", "usdc": amount, "user": user, "destination": destination, "fee": "0.0"}
        return {
            "type": "spotTransfer", "token": asset.symbol, "amount": amount, "usdcValue": "0.0", "user": user,
            "destination": destination, "fee": "0.0", "nativeTokenFee": "0.0", "nonce": row.seq, "feeToken": "",
        }  # fmt: skip
