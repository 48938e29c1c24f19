"""POST /info: shapes that clients stumble over, and that numbers, names and the unknown look as they must."""

import re
from decimal import Decimal
from typing import Any

import pytest

from node.client.client import NovateClient
from node.core.margin.account import equity, health
from node.gateway.hl import fmt
from node.gateway.hl.info import ALWAYS
from node.gateway.hl.rows import direction
from proto.events import CloseReason
from proto.ids import BACKSTOP_ADDRESS, MarketId
from proto.units import AssetUnits, Price
from tests.gateway.hl.post import envelope, exchange, info, order, place, statuses, typed
from tests.gateway.hl.test_exchange import ALICE, BOB, funded
from tests.gateway.live import LiveNode, live

NOBODY = "0x" + "12" * 20
NUMBER = re.compile(r"-?[0-9]+\.[0-9]+")
NUMBERS = (
    "funding", "openInterest", "prevDayPx", "dayNtlVlm", "premium", "oraclePx", "markPx", "midPx", "dayBaseVlm", "px", "sz",
    "limitPx", "origSz", "triggerPx", "accountValue", "totalNtlPos", "totalRawUsd", "totalMarginUsed", "withdrawable", "szi",
    "entryPx", "positionValue", "unrealizedPnl", "returnOnEquity", "marginUsed", "closedPnl", "fee", "startPosition", "o",
    "c", "h", "l", "v", "usdc", "lowerBound", "cross", "add", "crossMaintenanceMarginUsed", "total", "hold",
    "accountValueHistory", "pnlHistory", "vlm", "cumVlm", "availableToTrade", "maxTradeSzs", "allTime", "sinceOpen",
    "cumLedger", "totalVaultEquity", "liquidationPx",
)  # fmt: skip
STATUSES = ("open", "filled", "canceled", "iocCancelRejected", "selfTradeCanceled", "reduceOnlyCanceled")


async def traded(node: LiveNode) -> str:
    """A venue where something happened."""
    url = await funded(node)
    for key, buy, price, tif in (
        (BOB, False, "60100", "Gtc"), (ALICE, True, "60100", "Ioc"), (ALICE, True, "59000", "Gtc"),
        (ALICE, True, "59000", "Ioc"), (BOB, False, "60200", "Gtc"), (ALICE, False, "59500", "Alo"),
    ):  # fmt: skip
        await exchange(url, envelope(key, place(order(price, buy=buy, tif=tif))))
    await exchange(url, typed(ALICE, {"type": "usdSend", "destination": "0x" + BOB.address.hex(), "amount": "5"}))
    return url


def walk(value: Any, name: str = "") -> list[tuple[str, Any]]:
    """Every value in JSON with the key it lies under."""
    if isinstance(value, dict):
        return [pair for key, part in value.items() for pair in walk(part, key)]
    if isinstance(value, list):
        return [pair for part in value for pair in walk(part, name)]
    return [(name, value)]


async def test_every_number_has_a_dot_and_every_address_is_lower_case() -> None:
    async with live() as node:
        url, user = await traded(node), "0x" + ALICE.address.hex()
        asked: list[dict[str, Any]] = [
            {"type": kind, "user": user.upper().replace("0X", "0x"), "dex": "", "more": 5, "endTime": None}
            for kind in (
                "clearinghouseState", "spotClearinghouseState", "openOrders", "frontendOpenOrders", "userFills",
                "historicalOrders", "portfolio", "subAccounts", "webData2", "referral", "delegatorSummary", "userFees",
                "userRateLimit", "userFunding", "userNonFundingLedgerUpdates",
            )
        ]  # fmt: skip
        asked.extend({"type": kind} for kind in ("meta", "metaAndAssetCtxs", "allPerpMetas", "spotMeta"))
        asked.append({"type": "l2Book", "coin": "BTC", "nSigFigs": 5, "mantissa": 2})
        asked.extend({"type": "activeAssetData", "user": user, "coin": coin} for coin in ("BTC", "ETH"))
        asked.append({"type": "marginTable", "id": 1_001})
        asked.append({"type": "recentTrades", "coin": "BTC"})
        asked.append({"type": "candleSnapshot", "req": {"coin": "BTC", "interval": "15m", "startTime": 0}})
        asked.append({"type": "userFillsByTime", "user": user, "startTime": 0, "endTime": 2**60})
        checked = 0
        for request in asked:
            for name, value in walk(await info(url, **request)):
                if name in NUMBERS and value is not None and not (name.endswith("History") and isinstance(value, int)):
                    assert isinstance(value, str), (request, name, value)
                    assert NUMBER.fullmatch(value), (request, name, value)
                    checked += 1
                if isinstance(value, str) and value.startswith("0x"):
                    assert value == value.lower()
                if isinstance(value, int):
                    assert value < 2**53
        assert checked > 90


async def test_the_universe_is_in_the_order_of_asset_ids() -> None:
    async with live() as node:
        found = await info(node.http, type="meta")
        assert [row["name"] for row in found["universe"]] == ["BTC", "ETH"]
        assert [row["szDecimals"] for row in found["universe"]] == [5, 4]
        assert await info(node.http, type="perpDexs") == [None], (
            "an empty group of perpetuals shifts other clients' ids"
        )
        contexts = await info(node.http, type="metaAndAssetCtxs")
        assert len(contexts[1]) == len(contexts[0]["universe"])
        assert await info(node.http, type="userAbstraction", user=NOBODY) == "unifiedAccount"


async def test_unknown_users_coins_and_orders_are_no_errors() -> None:
    async with live() as node:
        url = await funded(node)
        assert (await info(url, type="clearinghouseState", user=NOBODY))["withdrawable"] == "0.0"
        assert await info(url, type="userFills", user=NOBODY) == []
        assert await info(url, type="l2Book", coin="NONE") is None
        assert await info(url, type="orderStatus", user=NOBODY, oid=1) == {"status": "unknownOid"}
        assert await info(url, type="orderStatus", user=NOBODY, oid="0x" + "1" * 32) == {"status": "unknownOid"}
        assert await info(url, type="userRole", user=NOBODY) == {"role": "missing"}
        assert await info(url, type="subAccounts", user=NOBODY) is None


async def test_orders_fills_and_ledger_tell_one_story() -> None:
    async with live() as node:
        url, user = await traded(node), "0x" + ALICE.address.hex()
        history = await info(url, type="historicalOrders", user=user)
        assert {row["status"] for row in history} <= set(STATUSES)
        by_id = {row["order"]["oid"]: row["status"] for row in history}
        assert by_id == {2: "filled", 3: "open", 4: "iocCancelRejected", 6: "open"}
        newest, oldest = await info(url, type="userFills", user=user), await info(
            url, type="userFillsByTime", user=user, startTime=0
        )  # fmt: skip
        assert newest == oldest[::-1]
        assert newest[-1]["dir"] == "Open Long"
        assert newest[-1]["startPosition"] == "0.0"
        span = {"startTime": newest[-1]["time"], "endTime": newest[-1]["time"]}
        assert newest[-1] in await info(url, type="userFillsByTime", user=user, **span), "both bounds are inclusive"
        updates = await info(url, type="userNonFundingLedgerUpdates", user=user, startTime=0)
        assert [row["delta"]["type"] for row in updates] == ["deposit", "internalTransfer"]
        assert updates[1]["delta"]["destination"] == "0x" + BOB.address.hex()
        trades = await info(url, type="recentTrades", coin="BTC")
        assert trades[-1]["users"] == [user, "0x" + BOB.address.hex()]
        assert re.fullmatch("0x[0-9a-f]{64}", trades[0]["hash"])


async def test_collateral_is_shown_row_by_row_and_what_margin_needs_is_held() -> None:
    async with live() as node:
        url, user = await traded(node), "0x" + ALICE.address.hex()
        rows = (await info(url, type="spotClearinghouseState", user=user))["balances"]
        state = await info(url, type="clearinghouseState", user=user)
        assert [row["coin"] for row in rows] == ["USDC"]
        account = node.state.accounts[node.state.by_address[ALICE.address]]
        assert rows[0]["total"] == fmt.usd(account.cash)
        assert Decimal(rows[0]["total"]) - Decimal(rows[0]["hold"]) == Decimal(state["withdrawable"])
        assert Decimal(rows[0]["hold"]) > 0


async def test_shares_of_the_vault_are_shown_as_such_and_nowhere_else() -> None:
    async with live() as node:
        url, user = await traded(node), "0x" + ALICE.address.hex()
        async with NovateClient(node.url, ALICE) as client:
            await client.vault_deposit(AssetUnits(250_000_000))
        (held,) = await info(url, type="userVaultEquities", user=user)
        assert held["vaultAddress"] == "0x" + BACKSTOP_ADDRESS.hex()
        assert Decimal(250) <= Decimal(held["equity"]) < 251, "the vault has its part of the fees of earlier trades"
        rows = (await info(url, type="spotClearinghouseState", user=user))["balances"]
        assert [row["coin"] for row in rows] == ["USDC"]
        updates = await info(url, type="userNonFundingLedgerUpdates", user=user)
        assert updates[-1]["delta"] == {"type": "vaultDeposit", "vault": held["vaultAddress"], "usdc": "250.0"}
        before = (await info(url, type="portfolio", user=user))[3][1]["pnlHistory"][-1][1]
        assert abs(Decimal(before)) < 10, "what went into the vault is no loss"


async def test_portfolio_begins_with_nothing_and_ends_now() -> None:
    async with live() as node:
        url, user = await traded(node), "0x" + ALICE.address.hex()
        spans = await info(url, type="portfolio", user=user)
        assert [name for name, _ in spans] == [
            "day", "week", "month", "allTime", "perpDay", "perpWeek", "perpMonth", "perpAllTime",
        ]  # fmt: skip
        fills = await info(url, type="userFills", user=user)
        account = node.state.accounts[node.state.by_address[ALICE.address]]
        for _, shown in spans:
            assert Decimal(shown["accountValueHistory"][-1][1]) == Decimal(fmt.usd(equity(node.state, account)))
            assert Decimal(shown["vlm"]) == sum(Decimal(fill["px"]) * Decimal(fill["sz"]) for fill in fills)
            profit = Decimal(fmt.usd(equity(node.state, account))) - 1_000_000 + 5
            assert Decimal(shown["pnlHistory"][-1][1]) == profit
        assert (await info(url, type="portfolio", user=NOBODY))[0][1]["pnlHistory"] == []


async def test_a_liquidation_price_is_where_maintenance_is_lost() -> None:
    async with live() as node:
        url = await funded(node)
        await exchange(url, envelope(BOB, place(order("60000", "100", buy=False))))
        await exchange(url, envelope(ALICE, place(order("60000", "100"))))
        for key, sign in ((ALICE, -1), (BOB, 1)):
            position = (await info(url, type="clearinghouseState", user="0x" + key.address.hex()))["assetPositions"][0]
            at = int(Decimal(position["position"]["liquidationPx"]) * 10)
            account, market = node.state.accounts[node.state.by_address[key.address]], node.state.markets[MarketId(1)]
            mark = market.mark
            try:
                market.mark = Price(at)
                value, need = health(node.state, account)
                assert value < need
                market.mark = Price(at - sign)
                value, need = health(node.state, account)
                assert value >= need
            finally:
                market.mark = mark


async def test_every_read_of_the_clients_has_an_answer() -> None:
    async with live() as node:
        url, user = await traded(node), "0x" + ALICE.address.hex()
        for kind in ALWAYS:
            await info(url, type=kind, user=user)
        assert (await info(url, type="predictedFundings"))[0][0] == "BTC"
        assert await info(url, type="perpsAtOpenInterestCap") == []
        assert (await info(url, type="marginTable", id=1_001))["marginTiers"][0]["maxLeverage"] == 20
        found = await info(url, type="activeAssetData", user=user, coin="BTC")
        assert found["leverage"]["type"] == "cross"
        # Depth and forecast move margins between the read and the order: most of it is there for certain.
        bought = place(order("60000", str(Decimal(found["maxTradeSzs"][0]).scaleb(-1).quantize(Decimal("0.00001")) * 9), tif="Gtc"))
        assert "error" not in statuses(await exchange(url, envelope(ALICE, bought)))[0], "what it says can be bought"
        await node.price()  # What was answered is in the read models by now.
        limit = await info(url, type="userRateLimit", user=user)
        assert limit["nRequestsUsed"] == 6
        assert limit["nRequestsCap"] == 601, "one per USDC traded, over the settings' beginning of none"


async def test_books_are_put_together_at_significant_figures() -> None:
    async with live() as node:
        url = await funded(node)
        bids = [order(str(59_000 + number)) for number in range(30)]
        await exchange(url, envelope(ALICE, place(*bids)))
        whole = await info(url, type="l2Book", coin="BTC")
        assert [level["px"] for level in whole["levels"][0]][:2] == ["59029.0", "59028.0"]
        assert len(whole["levels"][0]) == 20
        coarse = await info(url, type="l2Book", coin="BTC", nSigFigs=4)
        assert [(level["px"], level["n"]) for level in coarse["levels"][0]] == [
            ("59020.0", 10), ("59010.0", 10), ("59000.0", 10),
        ]  # fmt: skip


def test_every_end_of_an_order_has_a_status() -> None:
    assert set(fmt.ENDS) == set(CloseReason)


@pytest.mark.parametrize(
    ("value", "decimals", "shown"),
    [
        (0, 6, "0.0"),
        (5, 0, "5.0"),
        (1, 6, "0.000001"),
        (-1_500_000, 6, "-1.5"),
        (600_000, 1, "60000.0"),
        (12, 1, "1.2"),
    ],
)
def test_fixed(value: int, decimals: int, shown: str) -> None:
    assert fmt.fixed(value, decimals) == shown


@pytest.mark.parametrize(
    ("start", "signed", "shown"),
    [
        (0, 1, "Open Long"), (1, 1, "Open Long"), (-1, 1, "Close Short"), (-1, 2, "Short > Long"), (0, -1, "Open Short"),
        (2, -1, "Close Long"), (2, -2, "Close Long"), (1, -2, "Long > Short"), (-1, -1, "Open Short"),
    ],
)  # fmt: skip
def test_direction(start: int, signed: int, shown: str) -> None:
    assert direction(start, signed) == shown
