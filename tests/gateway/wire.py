"""A bare peer of the native protocol: sends bytes, reads frames, knows nothing."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import aiohttp

from proto.frames import ActionFrame, FrameKind, decode_node_frame, encode_client_frame
from proto.intents import Intent, encode_intent
from proto.signing.eip712 import Domain, intent_digest
from proto.signing.secp256k1 import SigningKey
from tests.gateway.live import LiveNode
from tests.sequencer.venue import DOMAIN


class Peer:
    """One raw connection."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    async def send(self, data: bytes) -> None:
        """One binary message."""
        await self.socket.send_bytes(data)

    async def read(self) -> list[Any]:
        """The next frame of the node."""
        async with asyncio.timeout(10):
            message = await self.socket.receive()
        assert message.type is aiohttp.WSMsgType.BINARY, message
        return decode_node_frame(message.data)

    async def ask(self, data: bytes) -> list[Any]:
        """Send, then read."""
        await self.send(data)
        return await self.read()

    async def refusal(self, data: bytes) -> str:
        """Name of the refusal that a frame causes; the connection must answer a PING after it."""
        items = await self.ask(data)
        assert items[0] == FrameKind.REFUSAL, items
        assert (await self.ask(b"\x92\x05\x63"))[:2] == [FrameKind.PONG, 0x63]
        name: str = items[4]
        return name


@contextlib.asynccontextmanager
async def peer(node: LiveNode) -> AsyncIterator[Peer]:
    """A connection that has read HELLO."""
    async with aiohttp.ClientSession() as session, session.ws_connect(node.url, max_msg_size=0) as socket:
        found = Peer(socket)
        assert (await found.read())[0] == FrameKind.HELLO
        yield found


def action_frame(frame_id: int, key: SigningKey, intent: Intent, domain: Domain = DOMAIN) -> bytes:
    """An action, signed and framed."""
    return encode_client_frame(ActionFrame(frame_id, encode_intent(intent), key.sign(intent_digest(domain, intent))))
