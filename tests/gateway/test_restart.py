"""Restarts: clean, after a crash, and with read models that were lost. What clients see afterwards is what was there before."""

import random
from typing import Any

import pytest

from node.client.client import NovateClient
from node.core.genesis import genesis_state
from node.gateway.awaken import awaken
from node.gateway.settings import GatewaySettings
from node.sequencer.recover import recover, replay
from node.store.memory import MemoryDisk
from node.store.store import open_memory
from tests.gateway.live import LiveNode, live
from tests.gateway.test_streams import trade
from tests.sequencer.venue import DOMAIN, PARAMS, TRADERS


async def everything(node: LiveNode) -> dict[Any, Any]:
    """All that clients can read of the past and of open orders."""
    found: dict[Any, Any] = {}
    async with NovateClient(node.url) as client:
        found["book"] = (await client.query("book", 2, 0)).value
        found["trades"] = await client.pages("trades", 2)
        found["candles"] = (await client.query("candles", 2, 60)).value
        for key in TRADERS:
            for name in ("fills", "order_history", "ledger", "funding"):
                found[name, key.address] = await client.pages(name, key.address)
            found["orders", key.address] = await client.open_orders(key.address)
            account = await client.account(key.address)
            found["account", key.address] = (account["balances"], account["positions"])
    return found


async def busy_node(node: LiveNode, seed: int) -> None:
    """Some trading by everybody."""
    rng = random.Random(seed)
    for key in TRADERS:
        await node.fund(key, 50_000)
    await node.price()
    for key in TRADERS:
        await trade(node, key, random.Random(rng.random()))


def compare(before: dict[Any, Any], after: dict[Any, Any]) -> None:
    """Equal, but for what time itself changes: marks and what follows from them."""
    for name, value in before.items():
        if name[0] == "account":
            balances, positions = after[name]
            assert balances == value[0]
            assert [(p["market"], p["position_size"], p["entry"]) for p in positions] == [
                (p["market"], p["position_size"], p["entry"]) for p in value[1]
            ]
        else:
            assert after[name] == value, name


async def test_a_clean_restart_shows_the_same(seed: int) -> None:
    disk = MemoryDisk()
    async with live(disk=disk) as node:
        await busy_node(node, seed)
        before = await everything(node)
        batches = node.views.batches.last
        seq = node.views.seq
    async with live(disk=disk) as node:
        compare(before, await everything(node))
        assert node.views.batches.last >= batches
        assert all(node.views.batches.find(number) is not None for number in range(1, batches + 1))
        assert node.views.seq >= seq


@pytest.mark.parametrize("unsynced", [0, 2_000, None])
async def test_after_a_crash_the_views_fit_the_state(unsynced: int | None, seed: int) -> None:
    disk = MemoryDisk()
    async with live(disk=disk) as node:
        await busy_node(node, seed)
        before = await everything(node)
        image = MemoryDisk(bytearray(disk.log), disk.synced, list(disk.slots))  # The disk as a power cut would find it.
    image.crash(unsynced)
    async with live(disk=image) as node:
        compare(before, await everything(node))


async def test_lost_read_models_are_rebuilt_from_the_journal(seed: int) -> None:
    disk = MemoryDisk()
    async with live(disk=disk) as node:
        await busy_node(node, seed)
    store = open_memory(disk, PARAMS.digest())
    table = store.table("views")
    rows = [
        row for row in table.scan() if row[0][:1] not in b"nbd"
    ]  # Batches come from headers, the time index is coarse.
    assert len(rows) > 100
    table.clear()
    shelf, recovered = awaken(
        table,
        GatewaySettings(),
        lambda: genesis_state(PARAMS),
        lambda on_cycle: recover(store, PARAMS, DOMAIN, on_cycle=on_cycle),
        lambda found: found.machine.state,
        lambda on_cycle: replay(store, PARAMS, DOMAIN, on_cycle=on_cycle),
    )
    shelf.catch_up_batches(store.seals.header, recovered.sealed.batch_id)
    shelf.flush()
    assert [row for row in table.scan() if row[0][:1] not in b"nbd"] == rows
    assert shelf.views.seq == recovered.machine.seq
    assert shelf.views.batches.find(recovered.sealed.batch_id) is not None
