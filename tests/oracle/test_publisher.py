"""Publishers against a live gateway: quorum, failing sources, a node that goes and comes back, a node of another venue."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Sequence

import aiohttp
import pytest

from node.gateway.settings import GatewaySettings
from node.ops.clock import SystemClock
from node.oracle.publisher import Publisher, WrongVenue
from node.oracle.settings import PublisherSettings
from node.oracle.source import Source, SourceFailed
from node.oracle.walk import WalkSource
from node.store.memory import MemoryDisk
from proto.events import IndexStatus
from proto.ids import Address, IndexId, MarketId
from proto.signing.eip712 import Domain
from proto.units import MicroPrice, TimeMs
from tests.gateway.live import UNLIMITED, LiveNode, eventually, live
from tests.sequencer.venue import DOMAIN, PUBLISHERS, TRADERS, USD

BTC, ETH = IndexId(1), IndexId(2)


class Flickering:
    """A source that works only while it is told to."""

    def __init__(self, price: int) -> None:
        self.working = True
        self._price = MicroPrice(price)

    async def price(self, _time: TimeMs) -> MicroPrice:
        """A fixed price, or a failure."""
        if not self.working:
            raise SourceFailed("switched off")
        return self._price


class Sleeping:
    """A source that never answers."""

    async def price(self, _time: TimeMs) -> MicroPrice:
        """Wait for ever."""
        await asyncio.Event().wait()
        raise AssertionError


def publisher(url: str, number: int, sources: dict[IndexId, Source], noise_ppm: int = 0) -> Publisher:
    """One of the venue's publishers, at a brisk pace."""
    settings = PublisherSettings(url=url, report_ms=50, noise_ppm=noise_ppm, backoff_max_ms=50)
    return Publisher(settings, PUBLISHERS[number], DOMAIN, sources, SystemClock())


@contextlib.asynccontextmanager
async def running(publishers: Sequence[Publisher]) -> AsyncIterator[None]:
    """Publishers at work."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(item.run()) for item in publishers]
        yield
        for task in tasks:
            task.cancel()


def built_in() -> dict[IndexId, Source]:
    """The built-in paths of both underlyings."""
    return {BTC: WalkSource("BTC", 1), ETH: WalkSource("ETH", 1)}


def index_price(node: LiveNode, index: IndexId) -> int:
    """The index as the node has it."""
    return node.state.indices[index].price


async def test_three_publishers_make_a_mark() -> None:
    async with live() as node:
        crew = [publisher(node.url, number, built_in(), noise_ppm=20) for number in range(3)]
        async with running(crew):
            await eventually(lambda: all(item.accepted >= 3 for item in crew))
            assert node.state.indices[BTC].status == IndexStatus.FRESH
            assert node.state.indices[BTC].publishers == 3
            expected = await WalkSource("BTC", 1).price(TimeMs(node.now_ms()))
            assert index_price(node, BTC) == pytest.approx(expected, rel=1e-3)
            assert node.state.markets[MarketId(1)].mark > 0
            reports = [index.reports for index in node.state.indices.values()]
            prices = [[rows[key.address].price for key in PUBLISHERS] for rows in reports]
            assert all(len(dict.fromkeys(row)) == 3 for row in prices), "each has its own error"


async def test_a_failing_source_costs_its_own_index_only() -> None:
    async with live() as node:
        bitcoin = [Flickering(60_000 * USD) for _ in range(2)]
        crew = [publisher(node.url, number, {BTC: bitcoin[number], ETH: Sleeping()}) for number in range(2)]
        async with running(crew):
            await eventually(lambda: index_price(node, BTC) == 60_000 * USD)
            assert node.state.indices[ETH].status == IndexStatus.MISSING
            bitcoin[0].working = bitcoin[1].working = False
            before = [item.accepted for item in crew]
            await asyncio.sleep(0.2)
            assert all(item.accepted <= count + 2 for item, count in zip(crew, before, strict=True))
            bitcoin[0].working = bitcoin[1].working = True
            await eventually(lambda: all(item.accepted > count + 3 for item, count in zip(crew, before, strict=True)))


async def test_a_node_that_comes_back_gets_prices_again() -> None:
    disk = MemoryDisk()
    async with live(disk=disk) as node:
        port, url = node.gateway.port, node.url
        crew = [publisher(url, number, built_in()) for number in range(2)]
        publishing = running(crew)
        await publishing.__aenter__()
        await eventually(lambda: all(item.accepted >= 2 for item in crew))
    before = [item.accepted for item in crew]
    async with live(GatewaySettings(port=port, limits=UNLIMITED), disk):
        await eventually(lambda: all(item.accepted > count for item, count in zip(crew, before, strict=True)))
        await publishing.__aexit__(None, None, None)


async def test_a_node_of_another_venue_ends_the_publisher() -> None:
    elsewhere = Domain(DOMAIN.chain_id, Address(b"\x0d" * 20))
    async with live() as node:
        settings = PublisherSettings(url=node.url, report_ms=50)
        stranger = Publisher(settings, PUBLISHERS[0], elsewhere, built_in(), SystemClock())
        with pytest.raises(WrongVenue, match=elsewhere.contract.hex()):
            async with asyncio.timeout(10):
                await stranger.run()


async def test_reports_of_a_stranger_are_refused_and_survived() -> None:
    async with live() as node, aiohttp.ClientSession() as session:
        settings = PublisherSettings(url=node.url, report_ms=20)
        stranger = Publisher(settings, TRADERS[0], DOMAIN, built_in(), SystemClock())

        async def refused_several() -> bool:
            async with session.get(f"{node.http}/metrics") as answer:
                page = await answer.text()
            found = re.search(r'gateway_refused_total\{code="PUBLISHER_UNKNOWN"\} (\S+)', page)
            return found is not None and float(found.group(1)) >= 3

        async with running([stranger]):
            await eventually(refused_several)
        assert stranger.accepted == 0
