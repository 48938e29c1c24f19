"""The client when the world fails: no node, a node that goes and comes back, a connection cut under way, a reader that falls behind."""

import asyncio

import pytest

from node.client.client import NovateClient
from node.client.errors import NotConnectedError, OutcomeUnknownError, RefusedError
from node.client.nonces import NonceSource
from node.client.settings import ClientSettings
from node.client.streams import BookMirror
from proto.frames import FrameKind
from proto.intents import PlaceOrder, Side, encode_intent
from proto.reject import RejectCode
from tests.gateway.live import eventually, live
from tests.gateway.test_streams import Cutter
from tests.sequencer.venue import TRADERS, order

KEY = TRADERS[0]
QUICK = ClientSettings(backoff_s=0.01, backoff_max_s=0.05)


async def test_a_node_that_is_not_there_is_given_up_in_time() -> None:
    settings = ClientSettings(connect_s=0.3, backoff_s=0.05)
    with pytest.raises(TimeoutError):
        async with NovateClient("ws://127.0.0.1:9/v1/ws", KEY, settings=settings):
            pass


async def test_the_body_of_the_context_fails_as_itself() -> None:
    async with live() as node:
        with pytest.raises(KeyError):
            async with NovateClient(node.url, KEY):
                raise KeyError("mine")


async def test_queries_go_on_over_a_new_connection_and_actions_say_that_they_cannot() -> None:
    async with live() as node, Cutter(node.gateway.port).serving() as cutter:
        await node.fund(KEY, 10_000)
        await node.price()
        async with NovateClient(f"ws://127.0.0.1:{cutter.port}/v1/ws", KEY, settings=QUICK) as client:
            assert (await client.market("ETH-PERPETUAL")).id == 2
            cutter.shut = True
            cutter.cut()

            async def offline() -> bool:
                try:
                    client.start(PlaceOrder(*client.head(), order(2, Side.BUY, 290_000, 1))).cancel()
                except NotConnectedError:
                    return True
                return False

            await eventually(offline)
            async with asyncio.TaskGroup() as group:
                asked = group.create_task(client.query("status"))
                await asyncio.sleep(0.05)
                cutter.shut = False
            assert asked.result().seq > 0
            assert client.connects >= 2


async def test_an_action_cut_under_way_is_unknown_and_may_be_sent_again() -> None:
    async with live() as node, Cutter(node.gateway.port).serving() as cutter:
        await node.fund(KEY, 10_000)
        await node.price()
        async with NovateClient(f"ws://127.0.0.1:{cutter.port}/v1/ws", KEY, settings=QUICK) as client:
            intent = PlaceOrder(*client.head(), order(2, Side.BUY, 290_000, 1))
            signature = client.sign(intent)
            unknown = client.start(intent)
            await eventually(lambda: len(node.views.orders.open) == 1 or unknown.done())
            again = client.start(PlaceOrder(*client.head(), order(2, Side.BUY, 280_000, 1)))
            cutter.cut()
            with pytest.raises(OutcomeUnknownError):
                await again
            await eventually(lambda: client.connects >= 2)
            answers: asyncio.Queue[list[object] | None] = asyncio.Queue(maxsize=1)
            client.send_signed(encode_intent(intent), signature, answers.put_nowait)
            items = await answers.get()
            assert items is not None
            assert items[:1] + items[4:5] == [FrameKind.REFUSAL, "NONCE_REPLAYED"]


async def test_a_stream_whose_reader_falls_behind_loses_nothing() -> None:
    async with live() as node:
        await node.fund(KEY, 100_000)
        await node.price()
        settings = ClientSettings(events_held=5)
        async with NovateClient(node.url, KEY, settings=settings) as client:
            stream = client.subscribe("book", 2)
            mirror = BookMirror()
            mirror.apply(await anext(stream))
            for number in range(40):
                await client.place(order(2, Side.BUY, 290_000 - 100 * number, 1))
            numbers = []
            while len(mirror.bids) < 40:
                event = await asyncio.wait_for(anext(stream), 10)
                assert not event.snapshot
                numbers.append(event.number)
                mirror.apply(event)
            assert numbers == list(range(numbers[0], numbers[0] + 40))
            client.unsubscribe(stream)
            with pytest.raises(StopAsyncIteration):
                await anext(stream)


async def test_a_refused_subscription_raises_in_its_reader() -> None:
    async with live() as node, NovateClient(node.url) as client:
        stream = client.subscribe("book", "NONE")
        with pytest.raises(RefusedError) as refused:
            await anext(stream)
        assert refused.value.reject_code == RejectCode.MARKET_UNKNOWN


def test_nonces_grow_even_where_the_clock_does_not() -> None:
    times = iter([5_000_000, 5_000_000, 3_000_000, 9_000_000])
    nonces = NonceSource(lambda: next(times))
    assert [nonces.next() for _ in range(4)] == [5, 6, 7, 9]
