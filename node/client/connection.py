"""One WebSocket connection: frames out in order, answers in by correlation id, events by subscription.

Sending never waits: frames queue up and one task writes them. Each answer is handed to a callback as soon as it is read, so thousands of
requests can be on their way. When the connection ends every callback that still waits is called with None.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

import aiohttp

from node.client.answers import Hello, hello_of
from node.client.errors import NotConnectedError, ProtocolError
from node.client.settings import ClientSettings
from proto.frames import FrameKind, decode_node_frame
from proto.units import U32_MAX

Answered = Callable[[list[Any] | None], None]
"""Called with the frame that answers, or None where the connection ended first."""
OnEvent = Callable[[list[Any]], None]


class Connection:
    """Made by `connect`; `run` must be running for anything to happen."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, hello: Hello, on_event: OnEvent) -> None:
        self._socket = socket
        self.hello = hello
        self._on_event = on_event
        self._outgoing: deque[bytes] = deque()
        self._wake = asyncio.Event()
        self._waiting: dict[int, Answered] = {}
        self._last_id = 0
        self.closing: list[Any] | None = None
        """The node's CLOSING frame, if it said why it closed."""
        self.open = True

    @classmethod
    async def connect(
        cls, session: aiohttp.ClientSession, url: str, settings: ClientSettings, on_event: OnEvent
    ) -> "Connection":
        """Connect and read the greeting. Raises OSError, aiohttp.ClientError, TimeoutError, ProtocolError."""
        async with asyncio.timeout(settings.connect_s):
            socket = await session.ws_connect(
                url, max_msg_size=settings.message_bytes_max, heartbeat=settings.heartbeat_s, compress=0
            )
            first = await socket.receive()
        if first.type is not aiohttp.WSMsgType.BINARY:
            await socket.close()
            raise ProtocolError("the node closed the connection at once")
        try:
            return cls(socket, hello_of(decode_node_frame(first.data)), on_event)
        except (ValueError, KeyError, TypeError) as error:
            await socket.close()
            raise ProtocolError("the node's greeting cannot be read") from error

    def next_id(self) -> int:
        """A correlation id that nothing waits under."""
        while True:
            self._last_id = self._last_id % U32_MAX + 1
            if self._last_id not in self._waiting:
                return self._last_id

    def send(self, frame_id: int, frame: bytes, answered: Answered) -> None:
        """Queue an encoded frame whose id is `frame_id`. Raises NotConnectedError."""
        if not self.open:
            raise NotConnectedError("the connection is closed")
        self._waiting[frame_id] = answered
        self._outgoing.append(frame)
        self._wake.set()

    @property
    def in_flight(self) -> int:
        """Frames without an answer."""
        return len(self._waiting)

    async def run(self) -> None:
        """Send and receive until the connection ends, whoever ends it."""
        try:
            async with asyncio.TaskGroup() as group:
                sender = group.create_task(self._send())
                await self._receive()
                sender.cancel()
        finally:
            self.open = False
            waiting, self._waiting = self._waiting, {}
            for answered in waiting.values():
                answered(None)
            await self._socket.close()

    async def _send(self) -> None:
        outgoing, send_bytes = self._outgoing, self._socket.send_bytes
        try:
            while True:
                while outgoing:
                    await send_bytes(outgoing.popleft())
                self._wake.clear()
                await self._wake.wait()
        except ConnectionError:
            await self._socket.close()  # The receiver sees the end.

    async def _receive(self) -> None:
        receive, pop = self._socket.receive, self._waiting.pop
        binary, event = aiohttp.WSMsgType.BINARY, FrameKind.EVENT.value
        while True:
            message = await receive()
            if message.type is not binary:
                return
            try:
                items = decode_node_frame(message.data)
            except ValueError:
                return  # Not this protocol: as good as gone.
            if items[0] == event:
                self._on_event(items)
                continue
            if items[0] == FrameKind.CLOSING:
                self.closing = items
                continue
            answered = pop(items[1], None)
            if answered is not None:
                answered(items)
