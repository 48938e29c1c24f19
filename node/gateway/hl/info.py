"""`POST /info` and info posts over WebSocket: reads of the present, from state and views.

Unknown fields are ignored and null is absent, as clients expect; an unknown type or a malformed field is 422. Histories are in
node.gateway.hl.past. An unknown user is nobody's fault: zeros and empty lists.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

from node.core.state import State
from node.gateway.desk import Desk
from node.gateway.hl import fmt, portraits, rows
from node.gateway.hl.coins import Coins
from node.gateway.hl.past import Past
from node.gateway.hl.users import ABSTRACTION, AskedOf, Users
from node.gateway.ports import Writer
from node.gateway.shelf import Shelf
from node.views.rows import CandleRow
from proto.hl.reading import HlMalformedError, address, uint
from proto.ids import Address
from proto.units import U64_MAX

Answer = Callable[[dict[str, Any]], Awaitable[Any]]
_HOUR_S: Final = 3_600
_DAYS_MS: Final = 1_000
_LIGHT: Final = 2
ALWAYS: Final[dict[str, Any]] = {
    "perpDexs": [None], "outcomeMeta": {"outcomes": [], "questions": []}, "userAbstraction": ABSTRACTION, "maxBuilderFee": 0,
    "userToMultiSigSigners": None, "userDexAbstraction": None, "isVip": None, "delegations": [], "delegatorHistory": [],
    "delegatorRewards": [], "perpDeployAuctionStatus": None, "leadingVaults": [], "approvedBuilders": [],
    "vaultSummaries": [], "vaultDetails": None, "maxMarketOrderNtls": [], "perpDexLimits": None, "perpCategories": [],
    "perpConciseAnnotations": [], "perpAnnotation": None, "liquidatable": [],
    "spotDeployState": {"states": [], "gasAuction": None},
    "legalCheck": {"acceptedTerms": True, "userAllowed": True, "restrictions": "n"},
    "delegatorSummary": {
        "delegated": "0.0", "undelegated": "0.0", "totalPendingWithdrawal": "0.0", "nPendingWithdrawals": 0,
    },
}  # fmt: skip
"""What is the same for everybody: no other dexes, no spot pairs, no staking, no builder fees."""
_HEAVY: Final = 20
_FIGURES: Final = (2, 3, 4, 5)
_MANTISSAS: Final = (1, 2, 5)


def user_of(request: dict[str, Any]) -> Address:
    """The user whom a request is about."""
    return address(request.get("user"))


def default_dex(request: dict[str, Any]) -> bool:
    """Whether the request is about the only group of perpetuals there is."""
    return request.get("dex") in (None, "")


class Info:
    """Answers info requests."""

    def __init__(self, desk: Desk, coins: Coins, writer: Writer, shelf: Shelf) -> None:
        self._desk = desk
        self._coins = coins
        self._writer = writer
        self._views = shelf.views
        self._days: dict[int, list[CandleRow]] = {market.id: [] for market in coins.markets}
        self._days_until = 0
        self._state = writer.peek(lambda state: state)  # Parameters and addresses: they never go away.
        self.past = Past(coins, shelf, self._state)
        past = self.past
        self._heavy: dict[str, Answer] = {
            "userFills": past.user_fills, "userFillsByTime": past.user_fills_by_time, "historicalOrders": past.orders,
            "candleSnapshot": past.candles, "fundingHistory": past.funding_rates, "userFunding": past.user_funding,
            "userNonFundingLedgerUpdates": past.ledger_updates, "recentTrades": past.recent_trades,
            "orderStatus": past.order_status, "portfolio": past.portfolio,
            "twapHistory": past.twap_history, "userTwapSliceFills": past.twap_fills,
            "userTwapSliceFillsByTime": past.twap_fills,
        }  # fmt: skip
        users = self.users = Users(coins, shelf.views, self._state)
        self._light: dict[str, Answer] = {
            "meta": self._meta, "metaAndAssetCtxs": self._meta_and_contexts, "allPerpMetas": self._all_metas,
            "spotMeta": self._spot_meta, "spotMetaAndAssetCtxs": self._spot_and_contexts, "allMids": self._all_mids,
            "l2Book": self._l2_book, "marginTable": self._margin_table,
            "predictedFundings": self._read(lambda state, _: portraits.predicted_fundings(state, coins)),
            "perpsAtOpenInterestCap": self._read(lambda state, _: portraits.at_cap(state, coins)),
            "exchangeStatus": self._read(lambda state, _: {"time": state.time, "specialStatuses": None}),
            "clearinghouseState": self._clearinghouse, "spotClearinghouseState": self._of_user(users.spot),
            "openOrders": self._listed(users.open_orders), "frontendOpenOrders": self._listed(users.frontend_orders),
            "userFees": self._of_user(lambda state, user: portraits.fees(state, portraits.account_at(state, user))),
            "userRateLimit": self._rate_limit,
            "userRole": self._of_user(portraits.role), "subAccounts": self._of_user(users.sub_accounts),
            "subAccounts2": self._of_user(users.sub_accounts_by_dex), "activeAssetData": self._active_asset,
            "extraAgents": self._of_user(lambda state, user: portraits.agents(portraits.account_at(state, user))),
            "userVaultEquities": self._of_user(
                lambda state, user: portraits.vault_equities(state, portraits.account_at(state, user))
            ),
            "webData2": self._web_data, "referral": self._referral,
            **{kind: self._fixed(value) for kind, value in ALWAYS.items()},
        }  # fmt: skip

    def weight(self, request: Any) -> int:
        """What asking costs."""
        kind = request.get("type") if type(request) is dict else None
        return _HEAVY if type(kind) is str and kind in self._heavy else _LIGHT

    async def answer(self, request: Any) -> Any:
        """The answer to a request. Raises HlMalformedError, TimeoutError and ReadRefusedError."""
        kind = request.get("type") if type(request) is dict else None
        found = (self._light.get(kind) or self._heavy.get(kind)) if type(kind) is str else None
        if found is None:
            raise HlMalformedError("unknown info type")
        self._desk.gauges.queries += 1
        async with asyncio.timeout(self._desk.settings.query_ms / 1_000):
            return await found(request)

    # --- ways to answer ---------------------------------------------------------------------------------------------------

    @staticmethod
    def _fixed(value: Any) -> Answer:
        async def answer(_request: dict[str, Any]) -> Any:
            return value

        return answer

    def _read(self, fn: Callable[[State, dict[str, Any]], Any]) -> Answer:
        async def answer(request: dict[str, Any]) -> Any:
            return await self._writer.read(lambda state: fn(state, request))

        return answer

    async def read(self, fn: Callable[[State], Any]) -> Any:
        """`fn` of the durable state, within the time that questions have. Raises ReadRefusedError and TimeoutError."""
        async with asyncio.timeout(self._desk.settings.query_ms / 1_000):
            return await self._writer.read(fn)

    def market_of(self, request: dict[str, Any]) -> int:
        """The market of a request's coin. Raises HlMalformedError, also where there is none."""
        market = self._coins.find(request.get("coin"))
        if market is None:
            raise HlMalformedError("unknown coin")
        return market

    # --- markets ----------------------------------------------------------------------------------------------------------

    async def _meta(self, request: dict[str, Any]) -> Any:
        if not default_dex(request):
            raise HlMalformedError("there is no such dex")
        return portraits.meta(self._coins)

    async def _all_metas(self, _request: dict[str, Any]) -> Any:
        return [portraits.meta(self._coins)]

    async def days(self) -> dict[int, list[CandleRow]]:
        """Hourly candles of the last day, by market; read from disk at most once a second, whoever asks."""
        now = self._views.time
        if now >= self._days_until:
            self._days_until = now + _DAYS_MS
            since = max(now - portraits.DAY_S * 1_000, 0)
            page, markets = self._views.candles.page, [market.id for market in self._coins.markets]

            def load() -> dict[int, list[CandleRow]]:
                return {number: page(number, _HOUR_S, since, 2**48, 25) for number in markets}

            self._days = await asyncio.to_thread(load)
        return self._days

    async def contexts(self) -> list[dict[str, Any]]:
        """What every market shows now, in the order of asset ids."""
        days, books = await self.days(), self._views.books
        return await self._writer.read(
            lambda state: [
                portraits.asset_context(market, books[number], days[number]) for number, market in state.markets.items()
            ]
        )

    async def _meta_and_contexts(self, request: dict[str, Any]) -> Any:
        return [await self._meta(request), await self.contexts()]

    async def _spot_meta(self, _request: dict[str, Any]) -> Any:
        return portraits.spot_meta(self._state)

    async def _spot_and_contexts(self, _request: dict[str, Any]) -> Any:
        return [portraits.spot_meta(self._state), []]

    async def _all_mids(self, request: dict[str, Any]) -> Any:
        return self.mids() if default_dex(request) else {}

    def mids(self) -> dict[str, str]:
        """Mid prices; the last trade's price, or the mark, where a side of the book is empty."""
        found = {}
        for market in self._coins.markets:
            decimals, ticker = market.size_decimals, self._views.tickers.rows[market.id]
            mid = rows.mid_text(self._views.books[market.id], decimals)
            found[self._coins.name(market.id)] = mid or fmt.price(ticker.last_price or ticker.mark, decimals)
        return found

    async def _l2_book(self, request: dict[str, Any]) -> Any:
        market = self._coins.find(request.get("coin"))
        figures, mantissa = aggregation(request)
        return None if market is None else self.book(market, figures, mantissa)

    def book(self, market: int, figures: int | None, mantissa: int | None) -> dict[str, Any]:
        """A book snapshot."""
        return rows.book_object(self._views.books[market], market, self._coins, self._views.time, figures, mantissa)

    # --- users ------------------------------------------------------------------------------------------------------------

    def _of_user(self, fn: Callable[[State, Address], Any]) -> Answer:
        """A read of a user in the default dex; nothing is known of others."""
        return self._read(lambda state, request: fn(state, user_of(request)))

    def _listed(self, fn: Callable[[Address], list[dict[str, Any]]]) -> Answer:
        async def answer(request: dict[str, Any]) -> Any:
            user = user_of(request)
            return fn(user) if default_dex(request) else []

        return answer

    async def _clearinghouse(self, request: dict[str, Any]) -> Any:
        user = user_of(request)
        if not default_dex(request):
            raise HlMalformedError("there is no such dex")
        return await self._writer.read(lambda state: self.users.clearinghouse(state, user))

    async def _active_asset(self, request: dict[str, Any]) -> Any:
        asked = AskedOf(user_of(request), self.market_of(request))
        return await self._writer.read(lambda state: self.users.active_asset(state, asked))

    async def _web_data(self, request: dict[str, Any]) -> Any:
        user, contexts = user_of(request), await self.contexts()
        return await self._writer.read(lambda state: self.users.web_data(state, user, contexts))

    async def _referral(self, request: dict[str, Any]) -> Any:
        return self.users.referral(user_of(request))

    async def _rate_limit(self, request: dict[str, Any]) -> Any:
        found = self._desk.admission.limits_of(user_of(request))
        return {
            "cumVlm": fmt.usd(found["traded"]), "nRequestsUsed": found["requests_used"],
            "nRequestsCap": found["requests_allowed"], "nRequestsSurplus": 0,
        }  # fmt: skip

    async def _margin_table(self, request: dict[str, Any]) -> Any:
        found = portraits.margin_table(self._coins, uint(request.get("id"), U64_MAX))
        if found is None:
            raise HlMalformedError("there is no such table")
        return found


def aggregation(request: dict[str, Any]) -> tuple[int | None, int | None]:
    """Significant figures and mantissa of a book, both None for the book as it is. Raises HlMalformedError."""
    figures, mantissa = request.get("nSigFigs"), request.get("mantissa")
    if figures is not None and uint(figures, 5) not in _FIGURES:
        raise HlMalformedError("nSigFigs is 2 to 5")
    if mantissa is not None and (uint(mantissa, 5) not in _MANTISSAS or figures != _FIGURES[-1]):
        raise HlMalformedError("mantissa is 1, 2 or 5, with nSigFigs 5")
    return figures, mantissa
