"""Bots on a live gateway: they trade, survive refusals and restarts, and leave nothing behind."""

import asyncio
from dataclasses import replace

import pytest

from node.bots.crew import crew_size, hire, run_crew
from node.bots.settings import CrewSettings, MakerSettings
from node.core.audit import audit
from node.gateway.settings import GatewaySettings
from node.store.memory import MemoryDisk
from proto.signing.secp256k1 import SigningKey
from tests.gateway.live import PRICES, UNLIMITED, LiveNode, eventually, live

MARKETS = ("BTC-PERPETUAL", "ETH-PERPETUAL")
KEYS = [SigningKey(bytes([100 + number]) * 32) for number in range(8)]


def crew_settings(url: str) -> CrewSettings:
    """A brisk crew."""
    return replace(CrewSettings(url=url, retry_ms=50), maker=MakerSettings(refresh_ms=50))


async def move_prices(node: LiveNode, stop: asyncio.Event) -> None:
    """Reports that drift, so that makers have something to do."""
    step = 0
    while not stop.is_set():
        step += 1
        await node.price([price + price * step // 20_000 for price in PRICES])
        await asyncio.sleep(0.05)


def fills(node: LiveNode) -> int:
    """Trades so far."""
    return node.state.next_trade - 1


async def test_a_crew_trades_and_leaves_nothing_behind() -> None:
    async with live() as node, asyncio.TaskGroup() as group:
        stop, still = asyncio.Event(), asyncio.Event()
        bots = hire(crew_settings(node.url), MARKETS, KEYS)
        trading = group.create_task(run_crew(bots, stop))
        await asyncio.sleep(0.2)  # The bots are there before their money and the first price.
        for key in KEYS:
            await node.fund(key, 1_000_000)
        prices = group.create_task(move_prices(node, still))
        await eventually(lambda: fills(node) >= 20, 30)
        assert all(market.open_interest for market in node.state.markets.values())
        assert len({order.account for order in node.state.orders.values()}) == 4, "each maker has orders of its own"
        stop.set()
        async with asyncio.timeout(10):
            await trading
        still.set()
        await prices
        assert node.state.orders == {}
        assert all(bot.acks for bot in bots)
        assert sum(bot.refusals.total() for bot in bots) < sum(bot.acks for bot in bots) / 10
        audit(node.state)


async def test_bots_outlive_the_node() -> None:
    disk, stop, still = MemoryDisk(), asyncio.Event(), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        async with live(disk=disk) as node:
            port, url = node.gateway.port, node.url
            for key in KEYS:
                await node.fund(key, 1_000_000)
            trading = group.create_task(run_crew(hire(crew_settings(url), MARKETS, KEYS), stop))
            async with asyncio.timeout(30):
                while not fills(node):
                    await node.price()
                    await asyncio.sleep(0.05)
        async with live(GatewaySettings(port=port, limits=UNLIMITED), disk) as node:
            before = fills(node)
            prices = group.create_task(move_prices(node, still))
            await eventually(lambda: fills(node) > before, 30)
            await eventually(lambda: node.gateway.connections == len(KEYS), 30)  # Who is away could not cancel its orders.
            stop.set()
            async with asyncio.timeout(10):
                await trading
            still.set()
            await prices
            assert node.state.orders == {}


def test_a_crew_needs_a_key_for_each_bot() -> None:
    settings = CrewSettings(url="")
    assert crew_size(settings, 2) == 8
    with pytest.raises(ValueError, match="8 bots"):
        hire(settings, MARKETS, KEYS[:7])
