"""One WebSocket connection of the dialect.

Invariants:
- Subscriptions, requests and pings are answered in the order they came; posts are answered when they are done, by their id.
- A subscription's answer goes out before its first data. What the connection holds is bounded: posts in flight, subscriptions, unsent
  bytes; whoever does not read is dropped.
"""

import asyncio
from typing import Any, Final

from aiohttp import WSMsgType, web

from node.gateway.desk import Desk
from node.gateway.hl.exchange import BusyError, Exchange, RateLimitedError
from node.gateway.hl.feed import Feed, message
from node.gateway.hl.info import Info
from node.gateway.hl.strict_json import read, write
from node.gateway.hl.topics import Topic, topic_of
from node.gateway.outbox import TEXT, Outbox
from node.gateway.ports import ReadRefusedError
from node.views.history import PageQuery
from proto.hl.reading import HlMalformedError, uint
from proto.reject import RejectCode
from proto.units import U64_MAX

POSTS_MAX: Final = 100
_SNAPSHOT_FILLS: Final = 100
_SUBSCRIPTION_WEIGHT: Final = 2


class HlSession:
    """Reads requests, answers them, and is fed."""

    def __init__(
        self,
        desk: Desk,
        info: Info,
        exchange: Exchange,
        feed: Feed,
        socket: web.WebSocketResponse,
        transport: asyncio.WriteTransport,
        peer: str,
    ) -> None:
        self._desk = desk
        self._info = info
        self._exchange = exchange
        self._feed = feed
        self._socket = socket
        self._transport = transport
        self._peer = peer
        settings = desk.settings
        self._outbox = Outbox(transport, settings.send_high_bytes, settings.send_held_bytes, self._too_slow, TEXT)
        self._topics: dict[Topic, None] = {}
        self._posts = 0

    async def run(self) -> None:
        """Serve until the peer leaves or is dropped."""
        frames = self._desk.admission.frames()
        try:
            async with asyncio.TaskGroup() as group:
                while True:
                    received = await self._socket.receive()
                    if received.type is not WSMsgType.TEXT:
                        break
                    await self._take(received.data, group)
                    await frames.pace()
        finally:
            self._outbox.close()
            for topic in self._topics:
                self._feed.remove(topic, self)
            self._topics.clear()

    def end(self, code: RejectCode, _detail: str) -> None:
        """Drop the connection."""
        self._desk.gauges.dropped[code.name] += 1
        self._outbox.close()
        self._transport.abort()

    def _too_slow(self) -> None:
        self.end(RejectCode.READER_TOO_SLOW, "")

    def send(self, text: bytes) -> None:
        """Send one message."""
        self._outbox.put(text)

    def send_wrapped(self, frame: bytes) -> None:
        """Send one message that is in WebSocket form already."""
        self._outbox.put_wrapped(frame)

    def _say(self, channel: str, data: Any) -> None:
        self.send(message(channel, data))

    async def _take(self, data: str, group: asyncio.TaskGroup) -> None:
        try:
            asked = read(data)
        except HlMalformedError:
            asked = None
        method = asked.get("method") if type(asked) is dict else None
        if method == "ping":
            self.send(write({"channel": "pong"}))
        elif method in ("subscribe", "unsubscribe"):
            refused = self._desk.admission.weigh(self._peer, _SUBSCRIPTION_WEIGHT)
            if refused is None:
                await self._subscription(method, asked.get("subscription"))
            else:
                self._say("error", f"Too many requests; wait {refused.retry_after_ms} ms")
        elif method == "post":
            self._post(asked, data, group)
        else:
            self._say("error", f"Error parsing JSON into valid websocket request: {data[:1_000]}")

    # --- subscriptions ----------------------------------------------------------------------------------------------------

    async def _subscription(self, method: str, asked: Any) -> None:
        shown = write(asked).decode()
        try:
            topic, echo = topic_of(asked, self._info)
        except HlMalformedError:
            self._say("error", f"Invalid subscription {shown}")
            return
        if method == "unsubscribe":
            if topic not in self._topics:
                self._say("error", f"Already unsubscribed: {shown}")
                return
            del self._topics[topic]
            self._feed.remove(topic, self)
            self._say("subscriptionResponse", {"method": method, "subscription": echo})
            return
        if topic in self._topics:
            self._say("error", f"Already subscribed: {shown}")
            return
        if len(self._topics) >= self._desk.settings.limits.subscriptions:
            self._say("error", f"Invalid subscription {shown}")
            return
        self._say("subscriptionResponse", {"method": method, "subscription": echo})
        self._topics[topic] = None
        self._feed.add(topic, self)
        await self._first(topic)

    async def _first(self, topic: Topic) -> None:
        """What a subscriber starts from."""
        try:
            async with asyncio.timeout(self._desk.settings.query_ms / 1_000):
                data = await self._snapshot(topic)
        except (TimeoutError, ReadRefusedError):
            return
        if data is not None:
            self._say(topic.kind, data)

    async def _snapshot(self, topic: Topic) -> Any:
        past, user = self._info.past, topic.user
        match topic.kind:
            case "userFills":
                fills = await past.fills(past.account_of(user), PageQuery(limit=_SNAPSHOT_FILLS))
                return {"user": user, "isSnapshot": True, "fills": fills}
            case "userFundings":
                fundings = [{"time": row["time"], **row["delta"]} for row in await past.user_funding({"user": user})]
                for row in fundings:
                    del row["type"]
                return {"user": user, "isSnapshot": True, "fundings": fundings}
            case "userNonFundingLedgerUpdates":
                updates = await past.ledger_updates({"user": user})
                return {"user": user, "isSnapshot": True, "nonFundingLedgerUpdates": updates}
            case "userHistoricalOrders":
                return {"user": user, "isSnapshot": True, "orderHistory": await past.orders({"user": user})}
            case "userTwapSliceFills":
                return {"user": user, "isSnapshot": True, "twapSliceFills": await past.twap_fills({"user": user})}
            case "userTwapHistory":
                return {"user": user, "isSnapshot": True, "history": await past.twap_history({"user": user})}
            case "trades":
                return past.trades(topic.owner) or None
            case _:
                return await self._feed.present(topic)

    # --- posts ------------------------------------------------------------------------------------------------------------

    def _post(self, asked: dict[str, Any], data: str, group: asyncio.TaskGroup) -> None:
        try:
            number, kind, payload = _post_of(asked)
        except HlMalformedError:
            self._say("error", f"Error parsing JSON into valid websocket request: {data[:1_000]}")
            return
        if self._posts >= POSTS_MAX:
            self._say("error", f"too many pending post requests id={number}")
            return
        self._posts += 1
        group.create_task(self._answer(number, kind, payload))

    async def _answer(self, number: int, kind: str, payload: Any) -> None:
        try:
            response = {"type": kind, "payload": await self._ask(kind, payload)}
        except HlMalformedError:
            response = {"type": "error", "payload": "422 Failed to deserialize the JSON body into the target type"}
        except RateLimitedError as error:
            response = {"type": "error", "payload": f"429 {error}"}
        except (BusyError, TimeoutError, ReadRefusedError):
            response = {"type": "error", "payload": "500 The node is busy"}
        finally:
            self._posts -= 1
        self._say("post", {"id": number, "response": response})

    async def _ask(self, kind: str, payload: Any) -> Any:
        if kind == "action":
            return await self._exchange.submit(self._peer, payload)
        refused = self._desk.admission.weigh(self._peer, self._info.weight(payload))
        if refused is not None:
            raise RateLimitedError(refused.retry_after_ms)
        return {
            "type": payload.get("type") if type(payload) is dict else None,
            "data": await self._info.answer(payload),
        }


def _post_of(asked: dict[str, Any]) -> tuple[int, str, Any]:
    """Id, kind and payload of a post. Raises HlMalformedError."""
    number, request = uint(asked.get("id"), U64_MAX), asked.get("request")
    if type(request) is not dict or request.get("type") not in ("info", "action"):
        raise HlMalformedError("a request is of type info or action")
    return number, request["type"], request.get("payload")
