"""Cancel-on-disconnect: what was signed for the end of a connection is sequenced then, once, and never where the node itself ends."""

from typing import Any

from node.client.client import NovateClient
from proto.frames import FrameKind, PartingFrame, encode_client_frame
from proto.ids import ALL_MARKETS
from proto.intents import CancelAll, Intent, PlaceOrder, ScheduleCancel, Side, encode_intent
from proto.signing.eip712 import intent_digest
from proto.signing.secp256k1 import SigningKey
from proto.units import TimeMs
from tests.gateway.live import LiveNode, eventually, live
from tests.gateway.wire import Peer, action_frame, peer
from tests.sequencer.venue import DOMAIN, TRADERS, order

ALICE, BOB = TRADERS[:2]
AHEAD = 20 * 3_600_000


def parting(frame_id: int, key: SigningKey, intent: Intent) -> bytes:
    return encode_client_frame(PartingFrame(frame_id, encode_intent(intent), key.sign(intent_digest(DOMAIN, intent))))


async def ready(node: LiveNode) -> None:
    for key in (ALICE, BOB):
        await node.fund(key, 1_000_000)
    await node.price()


async def rest(node: LiveNode, socket: Peer, key: SigningKey, number: int) -> None:
    intent = PlaceOrder(key.address, node.now_ms() + number, TimeMs(0), order(1, Side.BUY, 590_000 + 100 * number, 1_000))
    assert (await socket.ask(action_frame(number, key, intent)))[0] == FrameKind.ACK


def left(node: LiveNode, key: SigningKey) -> CancelAll:
    return CancelAll(key.address, node.now_ms() + AHEAD, TimeMs(0), ALL_MARKETS)


def open_orders(node: LiveNode, key: SigningKey) -> int:
    return len(node.state.accounts[node.state.by_address[key.address]].orders)


async def test_orders_go_with_the_connection() -> None:
    async with live() as node:
        await ready(node)
        async with peer(node) as socket:
            await rest(node, socket, ALICE, 1)
            await rest(node, socket, BOB, 2)
            items = await socket.ask(parting(3, ALICE, left(node, ALICE)))
            assert (items[0], items[1], items[3]) == (FrameKind.REPLY, 3, True)
            await rest(node, socket, ALICE, 4)
            assert open_orders(node, ALICE) == 2
        await eventually(lambda: open_orders(node, ALICE) == 0)
        assert open_orders(node, BOB) == 1


async def test_what_is_taken_back_or_replaced_is_not_done() -> None:
    async with live() as node:
        await ready(node)
        async with peer(node) as socket:
            await rest(node, socket, ALICE, 1)
            assert (await socket.ask(parting(2, ALICE, left(node, ALICE))))[3] is True
            assert (await socket.ask(parting(3, ALICE, left(node, ALICE))))[3] is True
            assert (await socket.ask(encode_client_frame(PartingFrame(4, b"", b""))))[3] is False
            seq = node.views.seq
        async with peer(node) as socket:
            await socket.ask(b"\x92\x05\x63")
            assert open_orders(node, ALICE) == 1
            assert node.views.seq == seq


async def test_what_cannot_be_left() -> None:
    async with live() as node:
        await ready(node)
        async with peer(node) as socket:
            now = node.now_ms()
            cases: list[tuple[SigningKey, Intent, str]] = [
                (ALICE, ScheduleCancel(ALICE.address, now, TimeMs(0), TimeMs(0)), "PARTING_ACTION"),
                (BOB, left(node, ALICE), "SIGNER_NOT_AUTHORISED"),
                (SigningKey(b"\x77" * 32), left(node, ALICE), "SIGNER_UNKNOWN"),
                (ALICE, CancelAll(ALICE.address, now + 10**8, TimeMs(0), ALL_MARKETS), "NONCE_TOO_FAR_AHEAD"),
            ]
            for key, intent, name in cases:
                assert await socket.refusal(parting(9, key, intent)) == name
            assert await socket.refusal(encode_client_frame(PartingFrame(9, b"\x90", bytes(65)))) == "ACTION_MALFORMED"
            bad = encode_client_frame(PartingFrame(9, encode_intent(left(node, ALICE)), bytes(65)))
            assert await socket.refusal(bad) == "SIGNATURE_MALFORMED"


async def test_the_client_leaves_it_again_after_a_break() -> None:
    async with live() as node:
        await ready(node)
        async with NovateClient(node.url, ALICE) as client:
            await client.cancel_on_disconnect()
            answer = await client.place(order(1, Side.BUY, 590_000, 1_000))
            assert answer.order
            await break_connection(client)
            await eventually(lambda: open_orders(node, ALICE) == 0)
            await client.ping()
            await client.place(order(1, Side.BUY, 590_000, 1_000))
            await break_connection(client)
            await eventually(lambda: open_orders(node, ALICE) == 0)
            await client.ping()
            await client.cancel_on_disconnect(enabled=False)
            await client.place(order(1, Side.BUY, 590_000, 1_000))
        async with peer(node) as socket:
            await socket.ask(b"\x92\x05\x63")
        assert open_orders(node, ALICE) == 1


async def break_connection(client: NovateClient) -> None:
    """Cut the line under it."""
    connection: Any = client._connection
    await connection._socket.close()
