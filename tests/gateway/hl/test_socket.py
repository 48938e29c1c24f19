"""GET /ws: echoes, first frames, posts, pings and refusals, as clients of the dialect expect them."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from tests.gateway.hl.post import envelope, exchange, info, order, place
from tests.gateway.hl.test_exchange import ALICE, BOB, funded
from tests.gateway.live import live

USER = "0x" + ALICE.address.hex()


class Talk:
    """A connection and what was heard of it."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.heard: list[dict[str, Any]] = []

    async def say(self, value: Any) -> None:
        """Send a request."""
        await self.socket.send_str(value if isinstance(value, str) else json.dumps(value))

    async def hear(self, channel: str) -> Any:
        """Data of the next message of a channel."""
        async with asyncio.timeout(10):
            while True:
                received = json.loads(await self.socket.receive_str())
                self.heard.append(received)
                if received["channel"] == channel:
                    return received.get("data")

    async def hear_more(self, channel: str) -> Any:
        """Data of the next message of a channel that is no snapshot."""
        while True:
            data = await self.hear(channel)
            if not data.get("isSnapshot"):
                return data

    def of(self, channel: str) -> list[Any]:
        """Data of everything that was heard of a channel."""
        return [message["data"] for message in self.heard if message["channel"] == channel]

    async def subscribe(self, **subscription: Any) -> Any:
        """Subscribe; the echo."""
        await self.say({"method": "subscribe", "subscription": subscription})
        return await self.hear("subscriptionResponse")


@asynccontextmanager
async def talk(url: str) -> AsyncIterator[Talk]:
    """A connection to `/ws`."""
    async with aiohttp.ClientSession() as http, http.ws_connect(url.replace("http", "ws") + "/ws") as socket:
        yield Talk(socket)


async def test_echoes_are_supersets_and_repeats_are_named() -> None:
    async with live() as node, talk(await funded(node)) as client:
        echo = await client.subscribe(type="l2Book", coin="BTC", dex="")
        assert echo == {
            "method": "subscribe",
            "subscription": {"type": "l2Book", "coin": "BTC", "dex": "", "nSigFigs": None, "mantissa": None},
        }
        assert (await client.hear("l2Book"))["levels"] == [[], []]
        await client.say({"method": "subscribe", "subscription": {"type": "l2Book", "coin": "BTC"}})
        assert (await client.hear("error")).startswith('Already subscribed: {"type":"l2Book"')
        gone = {"method": "unsubscribe", "subscription": {"type": "l2Book", "coin": "BTC"}, "id": 5}
        await client.say(gone)
        assert (await client.hear("subscriptionResponse"))["method"] == "unsubscribe"
        await client.say(gone)
        assert (await client.hear("error")).startswith("Already unsubscribed: ")
        for wrong in ({"type": "l2Book", "coin": "NONE"}, {"type": "trades"}, {"type": "nothing"}, 5, None):
            await client.say({"method": "subscribe", "subscription": wrong})
            assert (await client.hear("error")).startswith("Invalid subscription ")
        for text in ("nonsense", "[]", '{"method":"dance"}', '{"method":"post","id":1}'):
            await client.say(text)
            assert (await client.hear("error")).startswith("Error parsing JSON into valid websocket request: ")
        await client.say({"method": "ping"})
        assert await client.hear("pong") is None


async def test_first_frames_and_what_follows() -> None:
    async with live() as node, talk(await funded(node)) as client:
        url = node.http
        await client.subscribe(type="userFills", user=USER.upper().replace("0X", "0x"))
        assert await client.hear("userFills") == {"user": USER, "isSnapshot": True, "fills": []}
        await client.subscribe(type="userFundings", user=USER)
        assert (await client.hear("userFundings"))["isSnapshot"] is True
        await client.subscribe(type="orderUpdates", user=USER)
        await client.subscribe(type="user", user=USER)
        await client.subscribe(type="trades", coin="BTC")
        await client.subscribe(type="bbo", coin="BTC")
        await exchange(url, envelope(BOB, place(order("60100", "0.02", buy=False))))
        await exchange(url, envelope(ALICE, place(order("60100"))))
        await exchange(url, envelope(ALICE, place(order("59000"))))
        while len(client.of("orderUpdates")) < 2:
            await client.hear("orderUpdates")
        assert [update[0]["status"] for update in client.of("orderUpdates")] == ["filled", "open"]
        (trades,) = client.of("trades")
        assert trades[0]["users"] == [USER, "0x" + BOB.address.hex()]
        assert [list(event) for event in client.of("user")] == [["fills"]]
        assert client.of("userFills")[1]["fills"] == client.of("user")[0]["fills"]
        assert client.of("bbo")[-1]["bbo"][1] == {"px": "60100.0", "sz": "0.01", "n": 1}


async def test_posts_are_answered_by_their_id() -> None:
    async with live() as node, talk(await funded(node)) as client:
        action = envelope(ALICE, place(order("59000")))
        await client.say({"method": "post", "id": 7, "request": {"type": "action", "payload": action}})
        assert await client.hear("post") == {
            "id": 7,
            "response": {
                "type": "action",
                "payload": {
                    "status": "ok",
                    "response": {"type": "order", "data": {"statuses": [{"resting": {"oid": 1}}]}},
                },
            },
        }
        asked = {"type": "l2Book", "coin": "BTC"}
        await client.say({"method": "post", "id": 8, "request": {"type": "info", "payload": asked}})
        answer = (await client.hear("post"))["response"]
        assert (answer["type"], answer["payload"]["type"]) == ("info", "l2Book")
        assert answer["payload"]["data"]["coin"] == "BTC"
        await client.say({"method": "post", "id": 9, "request": {"type": "info", "payload": {"type": "nothing"}}})
        assert (await client.hear("post"))["response"]["type"] == "error"


async def test_somebody_without_account_is_fed_once_there_is_one() -> None:
    async with live() as node, talk(node.http) as client:
        await client.subscribe(type="userNonFundingLedgerUpdates", user=USER)
        assert (await client.hear("userNonFundingLedgerUpdates"))["isSnapshot"] is True
        await node.fund(ALICE, 5)
        update = await client.hear("userNonFundingLedgerUpdates")
        assert update["user"] == USER
        assert update["nonFundingLedgerUpdates"][0]["delta"] == {"type": "deposit", "usdc": "5.0"}


async def test_nothing_is_taped_while_nobody_listens() -> None:
    async with live() as node:
        assert node.views.tape is None
        async with talk(node.http) as client:
            await client.subscribe(type="allMids")
            assert node.views.tape is not None
            assert (await client.hear("allMids"))["mids"].keys() == {"BTC", "ETH"}
        async with asyncio.timeout(10):
            while node.views.tape is not None:
                await asyncio.sleep(0.01)


OF_USER = (
    "userFills", "userFundings", "userNonFundingLedgerUpdates", "userHistoricalOrders", "userTwapSliceFills", "userTwapHistory",
)  # fmt: skip
STANDING = (
    "clearinghouseState", "spotState", "openOrders", "webData2", "webData3", "allDexsClearinghouseState", "twapStates",
)  # fmt: skip


async def test_every_subscription_has_its_first_frame() -> None:
    async with live() as node, talk(await funded(node)) as client:
        for kind in OF_USER:
            assert (await client.subscribe(type=kind, user=USER))["subscription"] == {"type": kind, "user": USER}
            first = await client.hear(kind)
            assert (first["user"], first["isSnapshot"]) == (USER, True)
        for kind in STANDING:
            assert (await client.subscribe(type=kind, user=USER, dex=""))["subscription"]["dex"] == ""
            first = await client.hear(kind)
            assert first.get("user", USER) == USER
        for kind in ("allMids", "allDexsAssetCtxs", "assetCtxs", "fastAssetCtxs", "spotAssetCtxs"):
            await client.subscribe(type=kind)
            await client.hear(kind)
        await client.subscribe(type="activeAssetData", user=USER, coin="ETH")
        assert (await client.hear("activeAssetData"))["coin"] == "ETH"
        for kind in ("notification", "orderUpdates", "outcomeMetaUpdates"):
            await client.subscribe(type=kind, user=USER)
        assert len(await client.hear("allDexsAssetCtxs")) == 1


async def test_how_things_stand_comes_again_whether_it_changed_or_not() -> None:
    async with live() as node, talk(await funded(node)) as client:
        await client.subscribe(type="clearinghouseState", user=USER)
        await client.subscribe(type="spotState", user=USER)
        for _ in range(3):
            found = await client.hear("clearinghouseState")
            assert found["clearinghouseState"]["marginSummary"]["accountValue"] == "1000000.0"
        await exchange(node.http, envelope(ALICE, place(order("59000"))))
        await client.subscribe(type="openOrders", user=USER)
        assert [row["limitPx"] for row in (await client.hear("openOrders"))["orders"]] == ["59000.0"]
        assert (await client.hear("spotState"))["spotState"]["balances"][0]["coin"] == "USDC"


async def test_who_took_an_order_out_is_told_where_it_was_not_its_owner() -> None:
    async with live() as node, talk(await funded(node)) as client:
        await client.subscribe(type="userEvents", user=USER)
        await client.subscribe(type="notification", user=USER)
        await client.subscribe(type="userHistoricalOrders", user=USER)
        await exchange(node.http, envelope(ALICE, place(order("60100", buy=False))))
        await exchange(node.http, envelope(ALICE, place(order("60100"))))  # Meets its own: the resting one leaves.
        assert await client.hear("user") == {"nonUserCancel": [{"coin": "BTC", "oid": 1}]}
        assert await client.hear("notification") == {"notification": "BTC order 1: selfTradeCanceled"}
        shown = [row for message in client.of("userHistoricalOrders") for row in message["orderHistory"]]
        assert [row["status"] for row in shown if row["order"]["oid"] == 1] == ["open", "selfTradeCanceled"]


async def test_no_other_dex_exists() -> None:
    async with live() as node, talk(await funded(node)) as client:
        asked = {"type": "clearinghouseState", "user": USER, "dex": "fut"}
        await client.say({"method": "subscribe", "subscription": asked})
        assert (await client.hear("error")).startswith("Invalid subscription ")


async def test_orders_in_slices_are_shown_from_beginning_to_end() -> None:
    async with live() as node, talk(await funded(node)) as client:
        await exchange(node.http, envelope(BOB, place(order("60100", "1", buy=False))))
        for kind in ("userTwapHistory", "userTwapSliceFills", "userEvents"):
            await client.subscribe(type=kind, user=USER)
        twap = {"a": 0, "b": True, "s": "0.5", "r": False, "m": 5, "t": False}
        started = await exchange(node.http, envelope(ALICE, {"type": "twapOrder", "twap": twap}))
        number = started["response"]["data"]["status"]["running"]["twapId"]
        (filled,) = (await client.hear_more("userTwapSliceFills"))["twapSliceFills"]
        assert (filled["twapId"], filled["fill"]["hash"]) == (number, "0x" + "0" * 64)
        (running,) = (await info(node.http, type="webData2", user=USER))["twapStates"]
        assert (running[0], running[1]["minutes"], running[1]["executedSz"]) == (number, 5, filled["fill"]["sz"])
        await client.subscribe(type="twapStates", user=USER)
        assert (await client.hear("twapStates"))["states"][0][0] == number
        stopped = await exchange(node.http, envelope(ALICE, {"type": "twapCancel", "a": 0, "t": number}))
        assert stopped["response"]["data"]["status"] == "success"
        history = await info(node.http, type="twapHistory", user=USER)
        assert [(row["twapId"], row["status"]["status"]) for row in history] == [(number, "terminated"), (number, "activated")]
        assert await info(node.http, type="userTwapSliceFills", user=USER) == [filled]
        while not any("twapHistory" in event for event in client.of("user")):
            await client.hear("user")
