"""Book and account rebuilt from streams equal the state after every event, however often the connection breaks."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Sequence
from typing import Any

from node.client.client import NovateClient
from node.client.errors import RefusedError
from node.client.settings import ClientSettings
from node.client.streams import (
    BookMirror,
    RowMirror,
    Subscription,
    balances_mirror,
    open_orders_mirror,
    positions_mirror,
)
from node.core.apply import apply
from node.core.genesis import genesis_state
from node.core.state import State
from node.sequencer.released import ReleasedInput
from node.store.headers import BatchHeader
from node.views.streams import StreamHub, StreamKey, StreamLimits, StreamName
from proto.ids import Address
from proto.inputs import Stamp
from proto.intents import CancelAll, Intent, PlaceOrder, Side, TimeInForce
from proto.signing.secp256k1 import SigningKey
from proto.units import TimeMs
from tests.gateway.live import LiveNode, eventually, live, small_streams
from tests.sequencer.venue import PARAMS, TRADERS, order

ACTIONS = 400
PATIENT = ClientSettings(backoff_s=0.005, backoff_max_s=0.02)


class Judge:
    """A second machine: applies what was released to a state of its own and remembers what it saw after each input."""

    def __init__(self) -> None:
        self.state: State = genesis_state(PARAMS)
        self.books: dict[int, Any] = {0: self._book()}
        self.accounts: dict[int, Any] = {0: {}}

    def _book(self) -> dict[str, dict[int, tuple[int, int]]]:
        market = self.state.markets[PARAMS.markets[1].id]
        sides = {"bids": market.bids, "asks": market.asks}
        return {name: {row.price: (row.lots, row.orders) for row in own.levels.values()} for name, own in sides.items()}

    def _account(self, address: Address) -> dict[str, Any]:
        number = self.state.by_address.get(address)
        if number is None:
            return {}
        account = self.state.accounts[number]
        return {
            "orders": {o.id: (o.price, o.remaining) for o in account.orders.values()},
            "positions": {p.market: (p.size, p.entry) for p in account.positions.values() if p.size},
            "balances": {0: account.cash, **account.balances},
        }

    def released(self, inputs: Sequence[ReleasedInput]) -> None:
        """Apply them again."""
        for item in inputs:
            apply(self.state, Stamp(item.seq, item.time), item.item, item.signer)
            self.books[item.seq] = self._book()
            self.accounts[item.seq] = {key.address: self._account(key.address) for key in TRADERS}

    def sealed(self, header: BatchHeader) -> None:
        """Nothing to see."""


class Cutter:
    """A proxy that cuts every connection through it when told to, and is shut for as long as told to."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._writers: list[asyncio.StreamWriter] = []
        self.shut = False
        self.port = 0

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator["Cutter"]:
        """Listen while the context is open."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        async with server:
            yield self
            self.shut = True
            self.cut()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.shut:
            writer.transport.abort()
            return
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._writers += [writer, far_writer]
        with contextlib.suppress(ConnectionError):
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pump(reader, far_writer))
                group.create_task(self._pump(far_reader, writer))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
        writer.close()

    def cut(self) -> None:
        """End every connection at once, in the middle of whatever it was sending."""
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()


def random_intent(client: NovateClient, rng: random.Random) -> Intent:
    """Mostly orders around 3,000; some that take, some cancels."""
    if rng.random() < 0.08:
        return CancelAll(*client.head(), PARAMS.markets[1].id)
    tif = rng.choice([TimeInForce.GTC, TimeInForce.GTC, TimeInForce.IOC, TimeInForce.POST_ONLY])
    spec = order(2, rng.choice(list(Side)), 300_000 + rng.randint(-5, 5) * 100, rng.randint(1, 40), tif=tif)
    return PlaceOrder(*client.head(), spec)


async def trade(node: LiveNode, key: SigningKey, rng: random.Random) -> None:
    """Send random actions at a random pace."""
    async with NovateClient(node.url, key) as client:
        for _ in range(ACTIONS // len(TRADERS)):
            with contextlib.suppress(RefusedError):
                await client.act(random_intent(client, rng))
            if rng.random() < 0.2:
                await asyncio.sleep(0.002)


def shown(kind: str, mirror: RowMirror) -> dict[int, Any]:
    """A mirror in the judge's form."""
    fields = {"orders": ("price", "remaining"), "positions": ("position_size", "entry"), "balances": ("balance",)}[kind]
    rows = {key: tuple(row[field] for field in fields) for key, row in mirror.rows.items()}
    return {key: row[0] for key, row in rows.items()} if kind == "balances" else rows


class Watch:
    """Follows streams and compares after every event."""

    def __init__(self, judge: Judge) -> None:
        self.judge = judge
        self.events = 0
        self.snapshots: list[str] = []
        self.newest = 0

    def note(self, snapshot: str, seq: int) -> None:
        """Count."""
        self.events += 1
        self.newest = max(self.newest, seq)
        if snapshot:
            self.snapshots.append(snapshot)

    async def book(self, stream: Subscription) -> None:
        """The book after every delta."""
        mirror = BookMirror()
        async for event in stream:
            mirror.apply(event)
            assert {"bids": mirror.bids, "asks": mirror.asks} == self.judge.books[event.seq]
            self.note(event.snapshot, event.seq)

    async def account(self, kind: str, address: Address, stream: Subscription, mirror: RowMirror) -> None:
        """One side of an account after every change."""
        async for event in stream:
            mirror.apply(event)
            assert shown(kind, mirror) == self.judge.accounts[event.seq][address][kind]
            self.note(event.snapshot, event.seq)


async def test_mirrors_equal_the_state_after_every_event_under_disconnects(seed: int) -> None:
    rng = random.Random(seed)
    judge = Judge()
    async with live(small_streams(12), listener=judge) as node, Cutter(node.gateway.port).serving() as cutter:
        for key in TRADERS:
            await node.fund(key, 50_000)
        await node.price()
        url = f"ws://127.0.0.1:{cutter.port}/v1/ws"
        watch = Watch(judge)
        async with NovateClient(url, settings=PATIENT) as client, asyncio.TaskGroup() as group:
            streams = [client.subscribe("book", 2)]
            group.create_task(watch.book(streams[0]))
            for key in TRADERS:
                for kind, mirror in (
                    ("orders", open_orders_mirror()), ("positions", positions_mirror()), ("balances", balances_mirror()),
                ):  # fmt: skip
                    streams.append(client.subscribe(kind, key.address))
                    group.create_task(watch.account(kind, key.address, streams[-1], mirror))
            await eventually(lambda: watch.events == len(streams))
            async with asyncio.TaskGroup() as traders:
                for key in TRADERS:
                    traders.create_task(trade(node, key, random.Random(rng.random())))
                for number in range(12):
                    await asyncio.sleep(rng.random() * 0.05)
                    cutter.shut = number % 4 == 3  # Now and then for long enough that the node has forgotten.
                    cutter.cut()
                    await asyncio.sleep(rng.random() * (0.3 if cutter.shut else 0.01))
                    cutter.shut = False
            # Afterwards everything arrives: the last event of the book is the last change of the book.
            last = max(seq for seq in judge.books if seq and judge.books[seq] != judge.books[seq - 1])
            await eventually(lambda: streams[0].last_number > 0 and watch.newest >= last)
            for stream in streams:
                client.unsubscribe(stream)
        print("events", watch.events, "connects", client.connects, "snapshots", len(watch.snapshots))
        assert client.connects > 3
        assert watch.events > 3 * len(streams)


class Basket:
    """A subscriber that keeps what it is given."""

    def __init__(self) -> None:
        self.numbers: list[int] = []

    def offer(self, subscription: int, event: Any) -> None:
        """Keep the number."""
        self.numbers.append(event.tail[0] if event.tail[0] < 128 else int.from_bytes(event.tail[1:3], "big"))


KEY = StreamKey(StreamName.TRADES, 1)


def test_a_stream_resumes_exactly_or_says_why_not() -> None:
    hub = StreamHub(StreamLimits(ring_events=5))
    first, second = Basket(), Basket()
    assert hub.subscribe(KEY, first, 1, 0, seq=10)[:2] == (10, "requested")
    for seq in range(11, 21):
        hub.publish(KEY, seq, seq, [])
    assert first.numbers == list(range(11, 21))
    assert [hub.subscribe(KEY, second, after, after, 20)[1] for after in (14, 15, 20, 21)] == [
        "too old", None, None, "unknown number",
    ]  # fmt: skip
    assert len(hub.subscribe(KEY, second, 99, 17, 20).missed) == 3


def test_a_stream_that_begins_anew_never_resumes_a_number_of_its_earlier_life() -> None:
    hub = StreamHub(StreamLimits(idle_streams=0))
    basket = Basket()
    hub.subscribe(KEY, basket, 1, 0, seq=0)
    for seq in range(1, 6):
        hub.publish(KEY, seq, seq, [])
    hub.unsubscribe(KEY, basket, 1)  # Nobody listens, and no idle stream is kept.
    assert not hub.wants(KEY)
    opened = hub.subscribe(KEY, basket, 1, 4, seq=9)
    assert (opened.number, opened.reason) == (9, "too old")
    hub.publish(KEY, 12, 12, [])
    assert basket.numbers[-1] == 10


def test_rings_share_a_bound_in_bytes() -> None:
    hub = StreamHub(StreamLimits(ring_bytes=2_000))
    basket = Basket()
    keys = [StreamKey(StreamName.TRADES, market) for market in range(1, 6)]
    for key in keys:
        hub.subscribe(key, basket, key.owner, 0, 0)
    for seq in range(1, 500):
        hub.publish(keys[seq % 5], seq, TimeMs(seq), ["x" * 20])
    assert hub.counts()[1] <= 2_000
    assert hub.dropped > 0
