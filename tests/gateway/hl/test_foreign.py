"""Client libraries of others, unmodified, by URL alone, against a live node."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest

from proto.ids import MarketId
from tests.gateway.hl.foreign import run, run_node
from tests.gateway.hl.test_exchange import ALICE, BOB
from tests.gateway.live import LiveNode, live

PRICE_PERIOD_S = 1.0
ALICE_TEXT = "0x" + ALICE.address.hex()
BID_CLOID = "0x" + "0" * 31 + "7"


@asynccontextmanager
async def priced() -> AsyncIterator[LiveNode]:
    """A node whose publishers go on reporting, with two funded accounts."""

    async def report(node: LiveNode) -> None:
        while True:
            await node.price()
            await asyncio.sleep(PRICE_PERIOD_S)

    async with live() as node:
        for key in (ALICE, BOB):
            await node.fund(key, 1_000_000)
        await node.price()
        async with asyncio.TaskGroup() as group:
            reports = group.create_task(report(node))
            yield node
            reports.cancel()


def cash_of(node: LiveNode, address: bytes) -> Decimal:
    """An account's cash in USDC."""
    number = node.state.by_address[address]  # type: ignore[index]
    return Decimal(node.state.accounts[number].cash).scaleb(-6)


def status(answer: Any) -> Any:
    """The first status of an answer."""
    return answer["response"]["data"]["statuses"][0]


async def test_hyperliquid_python_sdk() -> None:
    async with priced() as node:
        found = await run("sdk", node.http, *("0x" + key.secret.hex() for key in (ALICE, BOB)))
        seen, feed = found["seen"], found["feed"]
        judge_orders(seen)
        judge_waiting(seen)
        judge_money(seen)
        reads = seen["info"]
        fees = sum(Decimal(fill["fee"]) for fill in reads["fills"])
        profit = sum(Decimal(fill["closedPnl"]) for fill in reads["fills"])
        assert cash_of(node, ALICE.address) == Decimal(1_000_000) - fees + profit - Decimal("1.5") - Decimal("2.25")
        assert list(reads["mids"]) == ["BTC", "ETH"]
        assert reads["dexs"] == [None]
        assert [update["delta"]["type"] for update in reads["ledger"]] == ["deposit", "internalTransfer", "withdraw"]
        assert reads["unknown"] == {"status": "unknownOid"}
        assert reads["candles"][-1]["n"] == 3
        assert reads["agents"][0]["name"] == "bot"
        assert [name for name, _ in reads["portfolio"]][:4] == ["day", "week", "month", "allTime"]
        assert len(reads["staking"]) == 8
        judge_feed(feed)


def judge_orders(seen: Any) -> None:
    """What became of each order."""
    assert status(seen["bid"]) == {"resting": {"oid": 1, "cloid": BID_CLOID}}
    assert [list(row) for row in seen["asks"]["response"]["data"]["statuses"]] == [["resting"], ["resting"], ["error"]]
    assert status(seen["tick"])["error"].startswith("Price must be divisible by tick size.")
    assert status(seen["reduce"])["error"].startswith("Reduce only order would increase position.")
    assert status(seen["no match"])["error"].startswith("Order could not immediately match")
    assert seen["by id"]["order"]["status"] == "open"
    modified = status(seen["modified"])["resting"]
    assert modified["cloid"] == BID_CLOID
    assert [order["oid"] for order in seen["open"]] == [modified["oid"]]
    assert seen["by cloid"]["order"]["order"]["oid"] == modified["oid"] > 1
    assert status(seen["market"])["filled"]["totalSz"] == "0.03"
    assert seen["state"]["assetPositions"][0]["position"]["szi"] == "0.03"
    assert status(seen["closed"])["filled"]["totalSz"] == "0.01"
    assert status(seen["cancel"]) == "success"
    assert status(seen["cancel again"])["error"].startswith("Order was never placed, already canceled, or filled.")


def judge_waiting(seen: Any) -> None:
    """Orders that wait for the mark."""
    shown = next(row for row in seen["waiting"] if row["isTrigger"])
    assert (shown["triggerCondition"], shown["triggerPx"], shown["orderType"]) == (
        "Price below 50000.0", "50000.0", "Stop Market",
    )  # fmt: skip
    assert shown["oid"] == status(seen["stop"])["resting"]["oid"] < status(seen["stop moved"])["resting"]["oid"]
    assert status(seen["wrong side"])["error"].startswith("Invalid TP/SL price.")
    assert seen["bracket"]["response"]["data"]["statuses"][1:] == ["waitingForFill", "waitingForFill"]
    assert [row["orderType"] for row in seen["bracket open"] if row["coin"] == "ETH"] == [
        "Stop Market", "Take Profit Limit", "Limit",
    ]  # fmt: skip
    assert seen["bracket gone"] == ["BTC"], "children go with their parent"
    assert status(seen["stop cancelled"]) == "success"


def judge_money(seen: Any) -> None:
    """Leverage, agents, transfers, and what is not offered."""
    for name in ("leverage", "other leverage", "referrer", "builder", "noop", "schedule", "schedule cleared", "sent", "withdrawn", "agent"):
        assert seen[name] == {"status": "ok", "response": {"type": "default"}}, name
    for name in ("too high leverage", "too much", "agent send", "expired", "stranger"):
        assert seen[name]["status"] == "err", name
    assert "resting" in status(seen["agent order"])


def judge_feed(feed: Any) -> None:
    """What the subscriptions brought."""
    assert all(feed.values()), [name for name, messages in feed.items() if not messages]
    assert feed["userFills"][0]["data"] == {"user": ALICE_TEXT, "isSnapshot": True, "fills": []}
    traded = [fill for message in feed["userEvents"] for fill in message["data"].get("fills", [])]
    assert [fill["sz"] for fill in traded] == ["0.02", "0.01", "0.01"]
    updates = [row["status"] for message in feed["orderUpdates"] for row in message["data"]]
    assert updates.count("filled") == 2
    assert updates[0] == "open"
    assert all(len(trade["users"]) == 2 for message in feed["trades"] for trade in message["data"])


@pytest.mark.timeout(180)
async def test_ccxt() -> None:
    async with priced() as node:
        seen = await run("ccxt_session", node.http, *("0x" + key.secret.hex() for key in (ALICE, BOB)))
    assert list(seen["markets"]) == ["BTC/USDC:USDC", "ETH/USDC:USDC"]
    assert seen["balance"]["total"] == 1_000_000
    assert seen["fetched"]["status"] == "open"
    assert [order["id"] for order in seen["open"]] == [seen["edited"]["id"]] != [seen["placed"]["id"]]
    assert seen["post only"].startswith("InvalidOrder")
    assert seen["no money"].startswith("InsufficientFunds")
    assert seen["cancel again"].startswith("OrderNotFound")
    assert seen["market"]["filled"] == 0.03
    assert [(row["symbol"], row["side"], row["contracts"]) for row in seen["positions"]] == [
        ("BTC/USDC:USDC", "long", 0.03)
    ]
    assert [trade["amount"] for trade in seen["trades"]] == [0.03]
    assert [order["status"] for order in seen["cancelled"]] == ["canceled", "canceled"]
    assert seen["closed"][0]["filled"] == 0.03
    assert seen["book"]["asks"] == [[60_100.0, 0.02]]
    assert seen["candles"][-1][4] == 60_100.0
    assert seen["deposits"][0]["amount"] == 1_000_000
    assert seen["withdrawn"]["status"] == "ok"
    assert seen["status"] == "ok"
    assert seen["position"] == 0.03
    assert [row[1] for row in seen["waiting"]] == [50_500, 70_000]
    assert [row["status"] for row in seen["stops gone"]] == ["success", "success"]
    assert seen["history"] >= 5
    assert seen["hours"] == [1] * 6
    assert "USDC" in seen["currencies"]


@pytest.mark.campaign
@pytest.mark.timeout(180)
async def test_ccxt_pro() -> None:
    async with priced() as node:
        seen = await run("ccxt_pro", node.http, *("0x" + key.secret.hex() for key in (ALICE, BOB)))
        cash = cash_of(node, ALICE.address)
    assert seen["edited"]["id"] > seen["placed"]["id"]
    assert seen["cancelled"]["status"] == "success"
    assert seen["taken"]["info"]["filled"]["totalSz"] == "0.03"
    assert [row["amount"] for row in seen["my trades"]] == [0.03]
    assert [row["amount"] for row in seen["trades"]] == [0.03]
    assert seen["book"]["asks"] == [[60_100.0, 0.02]]
    assert {row["id"] for row in seen["orders"]} >= {seen["placed"]["id"]}
    for name in ("positions", "positions later"):
        assert [(row["symbol"], row["contracts"]) for row in seen[name]] == [("BTC/USDC:USDC", 0.03)]
    assert Decimal(str(seen["balance later"]["USDC"]["total"])) == cash
    assert seen["candles"][-1][4] == 60_100.0
    assert seen["left"] is True


@pytest.mark.campaign
@pytest.mark.timeout(180)
async def test_nktkas() -> None:
    async with priced() as node:
        seen = await run_node("nktkas", node.http, *("0x" + key.secret.hex() for key in (ALICE, BOB)))
    assert (seen["btc"], seen["eth"], seen["decimals"]) == (0, 1, 5)
    assert "resting" in seen["placed"]
    assert seen["modified"]["status"] == "ok"
    assert seen["cancelled"] == ["success"]
    assert seen["filled"]["totalSz"] == "0.01"
    assert seen["over the socket"] == "resting"
    assert seen["sent"]["status"] == "ok"
    assert seen["refused"].startswith("Price must be divisible by tick size.") or "tick" in seen["refused"]
    assert not seen["failed reads"], seen["failed reads"]
    assert not seen["failed subscriptions"], seen["failed subscriptions"]
    assert not seen["silent"], seen["silent"]


async def strategies(seconds: float) -> None:
    """A maker on the SDK and a taker on ccxt trade with each other; what each believes is what the node holds, to the last micro-USDC."""
    async with priced() as node:
        secrets = ["0x" + key.secret.hex() for key in (ALICE, BOB)]
        made, taken = await asyncio.gather(
            run("maker_sdk", node.http, secrets[0], str(seconds)), run("taker_ccxt", node.http, secrets[1], str(seconds - 2))
        )
        cash = [cash_of(node, key.address) for key in (ALICE, BOB)]
        accounts = [node.state.accounts[node.state.by_address[key.address]] for key in (ALICE, BOB)]
        sizes = [Decimal(account.positions[MarketId(1)].size) if account.positions else Decimal(0) for account in accounts]
        fees = sum((Decimal(row.cash) for row in node.state.accounts.values()), Decimal(0)).scaleb(-6)
    theirs = [row["info"] for row in taken["fills"]]
    assert len(made["fills"]) == len(theirs) > 5 * seconds / 2
    for fills, held in ((made["fills"], cash[0]), (theirs, cash[1])):
        profit = sum(Decimal(fill["closedPnl"]) - Decimal(fill["fee"]) for fill in fills)
        assert Decimal(1_000_000) + profit == held
    assert Decimal(made["spot"]["balances"][0]["total"]) == cash[0]
    assert Decimal(str(taken["balance"]["total"])) == cash[1]
    assert [fill["tid"] for fill in made["fills"]] == [int(fill["tid"]) for fill in theirs]
    assert sizes[0] == -sizes[1]
    assert fees == 2_000_000, "what left the two is with the venue, and nothing anywhere else"
    assert made["left"] == []
    assert made["moved"] > seconds
    assert {fill["tid"] for fill in made["heard"]} == {fill["tid"] for fill in made["fills"]}, "all was heard over the socket"


@pytest.mark.timeout(120)
async def test_strategies_on_two_clients_trade_with_each_other() -> None:
    await strategies(8)


@pytest.mark.campaign
@pytest.mark.timeout(240)
async def test_strategies_trade_for_a_minute() -> None:
    await strategies(60)
