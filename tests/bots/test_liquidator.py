"""The liquidator against a live node: it takes an unhealthy account over, works the position off, and money is conserved."""

import asyncio
from typing import Any

import aiohttp
import pytest

from node.bots.liquidator import Liquidator, LiquidatorSettings, is_worth_it
from node.client.client import NovateClient
from node.core.audit import audit
from proto.intents import Side, TimeInForce
from proto.units import MicroUsd, Ppm
from tests.gateway.live import eventually, live
from tests.sequencer.venue import TRADERS

POOR, RICH, BOT = TRADERS[:3]
ROW: dict[str, Any] = {
    "address": POOR.address, "largest_share": 10**12, "price_ppm": 900_000, "reward": 5_000_000, "estate": 0,
    "positions": [{"market": 1, "position_size": -100_000, "mark": 600_000}],
}  # fmt: skip


def test_what_is_worth_a_bid() -> None:
    settings = LiquidatorSettings(url="", inventory_max=MicroUsd(10**11))
    assert is_worth_it(settings, ROW, BOT.address, 0)
    assert not is_worth_it(settings, ROW, POOR.address, 0), "never of oneself"
    assert not is_worth_it(settings, {**ROW, "largest_share": 0}, BOT.address, 0)
    assert not is_worth_it(settings, {**ROW, "price_ppm": 975_000}, BOT.address, 0)
    assert not is_worth_it(settings, {**ROW, "reward": 1}, BOT.address, 0)
    assert not is_worth_it(settings, ROW, BOT.address, 5 * 10**10), "its inventory would be too large"


@pytest.mark.parametrize("wrong", [{"price_max_ppm": 0}, {"slip_ppm": 0}, {"inventory_max": 0}, {"reward_min": -1}])
def test_settings_that_contradict_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="must be"):
        LiquidatorSettings(url="", **wrong)  # type: ignore[arg-type]


async def test_an_unhealthy_account_is_taken_over_and_money_is_conserved() -> None:
    async with live() as node:
        await node.fund(POOR, 3_100)
        for key in (RICH, BOT):
            await node.fund(key, 1_000_000)
        await node.price()
        async with NovateClient(node.url, RICH) as rich, NovateClient(node.url, POOR) as poor:
            market = await rich.market("BTC-PERPETUAL")
            await rich.place_order(market, Side.SELL, price="60000", size="1")
            await poor.place_order(market, Side.BUY, price="60000", size="1", time_in_force=TimeInForce.IOC)
            stop = asyncio.Event()
            settings = LiquidatorSettings(url=node.url, price_max_ppm=Ppm(985_000), poll_ms=20)
            bot = Liquidator(settings, BOT)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(bot.run(stop))
                await node.price((58_350 * 10**6, 3_000 * 10**6))
                await eventually(lambda: bot.taken > 0)
                await rich.place_order(market, Side.BUY, price="58340", size="1")
                await eventually(lambda: not node.sequencer.peek(lambda state: state.liquidating))
                await eventually(lambda: _flat(node))
                stop.set()
            assert bot.reward > 0
            async with aiohttp.ClientSession() as session, session.get(f"{node.http}/v1/auctions") as response:
                assert (response.status, (await response.json())["data"]) == (200, [])
        node.sequencer.peek(audit)
        worth = node.sequencer.peek(lambda state: state.accounts[state.by_address[BOT.address]].cash)
        assert worth > 999_000 * 10**6


def _flat(node: Any) -> bool:
    """Whether the bot holds nothing."""
    account = node.sequencer.peek(lambda state: state.accounts[state.by_address[BOT.address]])
    return not any(position.size for position in account.positions.values())
