"""Triggers and groups through the dialect: what `/exchange` answers, and what lists and histories say of them over their life."""

import asyncio
from typing import Any

from tests.gateway.hl.post import envelope, exchange, info, order, place, statuses
from tests.gateway.hl.test_exchange import ALICE, BOB, funded
from tests.gateway.live import PRICES, LiveNode, live

ME = "0x" + ALICE.address.hex()


def trigger(level: str, price: str, *, stop: bool, market: bool = True, **more: Any) -> dict[str, Any]:
    """A reduce-only sell that waits."""
    kind = {"trigger": {"isMarket": market, "triggerPx": level, "tpsl": "sl" if stop else "tp"}}
    return order(price, **{"buy": False, **more}) | {"t": kind, "r": True}


async def act(url: str, key: Any, action: dict[str, Any]) -> list[Any]:
    return statuses(await exchange(url, envelope(key, action)))


async def history(url: str) -> dict[int, str]:
    """Newest status of every order of alice."""
    rows = await info(url, type="historicalOrders", user=ME)
    return {row["order"]["oid"]: row["status"] for row in reversed(rows)}


async def test_a_trigger_is_listed_fires_and_is_filled() -> None:
    async with live() as node:
        url = await funded(node)
        await act(url, BOB, place(order("60000", "0.02", buy=False), order("57100", "0.02")))
        await act(url, ALICE, place(order("60000", "0.02")))
        [first, second] = await act(
            url, ALICE,
            place(
                trigger("58000.0", "53000", stop=True, c="0x" + "0" * 31 + "7"),
                trigger("70000", "69000.0", stop=False, market=False),
            ),
        )  # fmt: skip
        oid = first["resting"]["oid"]
        assert first == {"resting": {"oid": oid, "cloid": "0x" + "0" * 31 + "7"}}
        assert second["resting"]["oid"] == oid + 1
        shown = {row["oid"]: row for row in await info(url, type="frontendOpenOrders", user=ME)}
        stop, profit = shown[oid], shown[oid + 1]
        assert (stop["isTrigger"], stop["triggerPx"], stop["orderType"]) == (True, "58000.0", "Stop Market")
        assert (stop["triggerCondition"], stop["tif"], stop["reduceOnly"]) == ("Price below 58000.0", None, True)
        assert (profit["orderType"], profit["triggerCondition"]) == ("Take Profit Limit", "Price above 70000.0")
        assert profit["limitPx"] == "69000.0"
        assert (await info(url, type="orderStatus", user=ME, oid=oid))["order"]["status"] == "open"
        await marked(node, 57_500)
        status = (await info(url, type="orderStatus", user=ME, oid=oid))["order"]
        assert (status["status"], status["order"]["orderType"]) == ("filled", "Stop Market")
        fills = await info(url, type="userFills", user=ME)
        assert (fills[0]["oid"], fills[0]["px"], fills[0]["dir"]) == (oid, "57100.0", "Close Long")
        assert fills[0]["cloid"] == "0x" + "0" * 31 + "7"


async def marked(node: LiveNode, price: int) -> None:
    """Publishers report it, and what that set off is done."""
    await node.price([price * 1_000_000, *PRICES[1:]])
    for _ in range(200):
        if not node.state.work:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("triggers are left")


async def test_groups_answer_as_clients_expect() -> None:
    async with live() as node:
        url = await funded(node)
        legs = (trigger("70000", "69000", stop=False), trigger("58000", "53000", stop=True))
        group = {**place(order("59000"), *legs), "grouping": "normalTpsl"}
        [parent, *children] = await act(url, ALICE, group)
        assert children == ["waitingForFill", "waitingForFill"]
        oid = parent["resting"]["oid"]
        assert await act(url, ALICE, {"type": "cancel", "cancels": [{"a": 0, "o": oid}]}) == ["success"]
        assert [(await history(url))[oid + at] for at in range(3)] == ["canceled"] * 3
        await act(url, BOB, place(order("60000", "0.02", buy=False)))
        [parent, *children] = await act(url, ALICE, {**place(order("60000"), *legs), "grouping": "normalTpsl"})
        assert parent["filled"]["totalSz"] == "0.01"
        assert children == ["waitingForTrigger", "waitingForTrigger"]
        bound = {**place(*(dict(leg, s="0") for leg in legs)), "grouping": "positionTpsl"}
        assert await act(url, ALICE, bound) == ["waitingForTrigger", "waitingForTrigger"]
        rows = await info(url, type="frontendOpenOrders", user=ME)
        assert sorted(row["isPositionTpsl"] for row in rows) == [False, False, True, True]
        await act(url, BOB, place(order("59900", "0.01")))
        await act(url, ALICE, place(order("59900", "0.01", buy=False, tif="Ioc")))
        found = await history(url)
        assert [found[row["oid"]] for row in rows if row["isPositionTpsl"]] == ["reduceOnlyCanceled"] * 2


async def test_what_refuses_a_trigger() -> None:
    async with live() as node:
        url = await funded(node)
        wrong = await act(url, ALICE, place(trigger("61000", "60000", stop=True), trigger("58000.123", "57000", stop=True)))
        assert wrong[0] == {"error": "Invalid TP/SL price. asset=0"}
        assert "divisible by tick size" in wrong[1]["error"]
        [refused] = await act(url, ALICE, {**place(dict(trigger("58000", "57000", stop=True), s="0")), "grouping": "positionTpsl"})
        assert refused == {"error": "Reduce only order would increase position. asset=0"}
        await act(url, ALICE, place(trigger("58000", "57000", stop=True)))
        await marked(node, 57_900)
        rows = await info(url, type="historicalOrders", user=ME)
        assert rows[0]["status"] == "reduceOnlyRejected"
        body = envelope(ALICE, {**place(order("59000"), order("58000")), "grouping": "normalTpsl"})
        answer = await exchange(url, body)
        assert answer["status"] == "err"
