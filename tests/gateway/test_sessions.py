"""What a connection promises: order of answers, bounded memory, a reason before the end; and random frames do not hurt it."""

import asyncio
import contextlib
import dataclasses
import itertools
import random
import socket
from collections.abc import AsyncIterator, Callable

import aiohttp
import msgpack
from hypothesis import given, settings
from hypothesis import strategies as st

from node.gateway.outbox import websocket_frame
from node.gateway.settings import GatewaySettings
from node.views.streams import StreamKey, StreamName
from proto.canonical import pack
from proto.frames import (
    ActionFrame,
    FrameKind,
    PingFrame,
    QueryFrame,
    SubscribeFrame,
    decode_node_frame,
    encode_client_frame,
)
from proto.ids import MarketId
from proto.intents import CancelAll, PlaceOrder, Side, encode_intent
from proto.units import TimeMs
from tests.gateway.live import UNLIMITED, LiveNode, eventually, live
from tests.gateway.wire import action_frame, peer
from tests.sequencer.venue import TRADERS, order

FRAMES = 1_500


def mixed_frames(node: LiveNode, rng: random.Random) -> list[bytes]:
    """Actions of several signers, good and bad, between pings, queries, subscriptions and nonsense; the id is the place."""
    frames = []
    nonce = node.now_ms()
    for number in range(FRAMES):
        key, kind = rng.choice(TRADERS), rng.random()
        if kind < 0.5:
            spec = order(2, rng.choice(list(Side)), 300_000 + rng.randint(-3, 3) * 100, rng.randint(1, 9))
            frames.append(action_frame(number, key, PlaceOrder(key.address, nonce + number, TimeMs(0), spec)))
        elif kind < 0.6:
            intent = CancelAll(key.address, nonce + number, TimeMs(0), MarketId(0))
            frames.append(encode_client_frame(ActionFrame(number, encode_intent(intent), bytes(65))))
        elif kind < 0.7:
            frames.append(encode_client_frame(PingFrame(number)))
        elif kind < 0.8:
            frames.append(
                encode_client_frame(
                    QueryFrame(number, rng.choice(["status", "account"]), [key.address][: rng.randint(0, 1)])
                )
            )
        elif kind < 0.85:
            frames.append(encode_client_frame(SubscribeFrame(number, "nothing", [], 0)))
        elif kind < 0.95:
            replay = CancelAll(key.address, nonce, TimeMs(0), MarketId(0))
            frames.append(action_frame(number, key, replay))
        else:
            frames.append(pack([1, number, b"?"]))
    return frames


async def test_answers_come_in_the_order_of_the_frames(seed: int) -> None:
    rng = random.Random(seed)
    async with live() as node:
        for key in TRADERS:
            await node.fund(key, 100_000)
        await node.price()
        async with peer(node) as first, peer(node) as second:
            frames = mixed_frames(node, rng)
            for data in frames:
                await first.send(data)
                if rng.random() < 0.05:
                    await second.send(data)  # Another connection in between: its answers are its own.
            answers = [await first.read() for _ in frames]
        assert [items[1] for items in answers] == list(range(FRAMES))
        stamped = [items[2] for items in answers if items[0] in (FrameKind.ACK, FrameKind.REFUSAL) and items[2]]
        assert stamped == sorted(stamped)
        assert len(set(stamped)) == len(stamped)
        seen = 0  # A query sees at least what the answers before it announced.
        for items in answers:
            if items[0] == FrameKind.REPLY:
                assert items[2] >= seen
            elif items[0] in (FrameKind.ACK, FrameKind.REFUSAL):
                seen = max(seen, items[2])


async def test_more_in_flight_than_allowed_is_not_read_but_answered(seed: int) -> None:
    limits = dataclasses.replace(UNLIMITED, in_flight=5)
    async with live(GatewaySettings(port=0, limits=limits)) as node:
        await node.fund(TRADERS[0], 100_000)
        async with peer(node) as wire:
            frames = mixed_frames(node, random.Random(seed))[:200]
            for data in frames:
                await wire.send(data)
            assert [(await wire.read())[1] for _ in frames] == list(range(200))


DROPPED = 'novate_gateway_dropped_total{reason="READER_TOO_SLOW"} 1.0'


@contextlib.asynccontextmanager
async def deaf(node: LiveNode, ask: bytes, flood: Callable[[], None]) -> AsyncIterator[asyncio.StreamReader]:
    """A connection that sends one frame again and again, and reads nothing until the node has had enough."""
    small = socket.create_connection(("127.0.0.1", node.gateway.port))
    small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
    reader, writer = await asyncio.open_connection(sock=small)
    writer.write(
        b"GET /v1/ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    await reader.readuntil(b"\r\n\r\n")
    masked = bytes((0x82, 0x80 | len(ask))) + bytes(4) + ask

    async def full() -> bool:
        if writer.transport.get_write_buffer_size() < 65_536:
            writer.write(masked * 100)
        flood()
        return DROPPED in await fetch(f"{node.http}/metrics")

    try:
        await eventually(full, 60)
        yield reader
    finally:
        writer.transport.abort()


SUBSCRIBE = encode_client_frame(SubscribeFrame(1, "trades", [1], 0))


def flooding(node: LiveNode) -> Callable[[], None]:
    """Makes the trades stream of market 1 carry a megabyte more."""
    numbers = itertools.count(10**6)

    def flood() -> None:
        for _ in range(20):
            node.views.hub.publish(StreamKey(StreamName.TRADES, 1), next(numbers), 0, ["x" * 50_000])

    return flood


async def test_a_reader_that_never_reads_is_cut_off_while_others_go_on() -> None:
    settings = GatewaySettings(port=0, limits=UNLIMITED, send_high_bytes=4_096, send_held_bytes=50_000, close_ms=100)
    async with live(settings) as node, peer(node) as healthy, deaf(node, SUBSCRIBE, flooding(node)):
        await eventually(lambda: node.gateway.connections == 1)
        assert (await healthy.ask(encode_client_frame(PingFrame(3))))[:2] == [FrameKind.PONG, 3]


async def test_answers_to_questions_wait_for_the_reader_but_not_for_ever() -> None:
    settings = GatewaySettings(port=0, limits=UNLIMITED, send_high_bytes=4_096, stall_ms=100, close_ms=100)
    ask = encode_client_frame(QueryFrame(1, "markets", []))
    async with live(settings) as node, peer(node) as healthy, deaf(node, ask, lambda: None):
        await eventually(lambda: node.gateway.connections == 1)
        assert (await healthy.ask(encode_client_frame(QueryFrame(3, "status", []))))[:2] == [FrameKind.REPLY, 3]


async def test_a_slow_reader_that_wakes_up_finds_the_reason() -> None:
    settings = GatewaySettings(port=0, limits=UNLIMITED, send_high_bytes=4_096, send_held_bytes=50_000, close_ms=30_000)
    async with live(settings) as node, deaf(node, SUBSCRIBE, flooding(node)) as reader:
        last = b""
        while (head := await asyncio.wait_for(reader.readexactly(2), 10))[0] == 0x82:
            size = head[1]
            if size == 126:
                size = int.from_bytes(await reader.readexactly(2), "big")
            last = await asyncio.wait_for(reader.readexactly(size), 10)
        assert head[0] == 0x88, "a WebSocket close follows"
        items = decode_node_frame(last)
        assert (items[0], items[3]) == (FrameKind.CLOSING, "READER_TOO_SLOW")


async def fetch(url: str) -> str:
    """A page's text."""
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return await response.text()


async def test_connections_are_bounded() -> None:
    limits = dataclasses.replace(UNLIMITED, connections_per_address=2)
    async with live(GatewaySettings(port=0, limits=limits)) as node:
        async with peer(node), peer(node):
            assert "NODE_BUSY" in await fetch(node.url.replace("ws:", "http:"))
        await eventually(lambda: node.gateway.connections == 0)
        async with peer(node):
            pass


scalars = st.one_of(
    st.integers(-(2**63), 2**64 - 1), st.booleans(), st.binary(max_size=80), st.text(max_size=20), st.none(),
    st.floats(allow_nan=False),
)  # fmt: skip
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)
nearly = st.tuples(st.integers(0, 8), st.integers(0, 2**32), st.lists(values, max_size=4)).map(
    lambda t: [t[0], t[1], *t[2]]
)
actions = st.tuples(st.integers(0, 13), st.lists(values, max_size=6)).map(
    lambda t: [1, 7, msgpack.packb([t[0], TRADERS[0].address, 1, 0, *t[1]]), bytes(65)]
)
queries = st.tuples(
    st.sampled_from([2, 3]),
    st.sampled_from(
        ["status", "markets", "account", "orders", "trades", "book", "margin", "candles", "receipt", "order", "bbo"]
    ),
    st.lists(values | st.sampled_from([TRADERS[0].address, 1, 60]), max_size=5),
).map(lambda t: [t[0], 9, t[1], t[2], 0][: 4 if t[0] == 2 else 5])
frames = st.one_of(st.binary(max_size=200), st.one_of(nearly, actions, queries, values).map(lambda v: msgpack.packb(v)))


async def test_random_frames_are_answered_and_change_nothing() -> None:
    async with live() as node:
        await node.fund(TRADERS[0], 1_000)
        orders, cash = node.state.next_order, node.state.accounts[node.state.by_address[TRADERS[0].address]].cash
        batches: asyncio.Queue[tuple[list[bytes], asyncio.Future[None]]] = asyncio.Queue(maxsize=1)
        loop = asyncio.get_running_loop()

        async def serve() -> None:
            async with peer(node) as wire:
                while True:
                    batch, done = await batches.get()
                    try:
                        for data in batch:
                            await wire.send(data)
                        await wire.send(encode_client_frame(PingFrame(2**32 - 1)))
                        answers = 0
                        while True:
                            items = await wire.read()
                            if items[0] == FrameKind.PONG and items[1] == 2**32 - 1:
                                break
                            answers += items[0] != FrameKind.EVENT
                        assert answers == len(batch)
                        done.set_result(None)
                    except BaseException as error:
                        done.set_exception(error)
                        raise

        @settings(max_examples=60)
        @given(st.lists(frames, min_size=1, max_size=30))
        def throw(batch: list[bytes]) -> None:
            async def hand_over() -> None:
                done: asyncio.Future[None] = loop.create_future()
                await batches.put((batch, done))
                await done

            asyncio.run_coroutine_threadsafe(hand_over(), loop).result(60)

        async with asyncio.TaskGroup() as group:
            server = group.create_task(serve())
            await asyncio.to_thread(throw)
            server.cancel()
        assert node.state.next_order == orders
        assert node.state.accounts[node.state.by_address[TRADERS[0].address]].cash == cash


def test_websocket_framing_has_the_three_lengths() -> None:
    for size, head in ((0, 2), (125, 2), (126, 4), (65_535, 4), (65_536, 10)):
        frame = websocket_frame(bytes(size))
        assert len(frame) == head + size
        assert frame[0] == 0x82
