"""A watcher against a real contract: it agrees with an honest node, and says what it cannot tell."""

import asyncio

from node.store.memory import MemoryDisk
from node.watcher.report import Verdict
from node.watcher.settings import WatcherSettings
from node.watcher.watch import watch
from proto.ids import USDC
from proto.intents import Withdraw
from proto.units import AssetUnits, TimeMs
from tests.settlement.rig import ALICE, BOB, USD, WINDOW_S, Node, Venue, running


def settings(venue: Venue) -> WatcherSettings:
    """A watcher of the venue."""
    return WatcherSettings(url=venue.l1.url, contract=venue.contract, start_block=venue.start_block, depth_blocks=1, poll_ms=20)


async def live_a_little(node: Node) -> None:
    """Deposits, a withdrawal, and its payment on L1."""
    venue = node.venue
    await venue.deposit(ALICE, 1_000 * USD)
    await venue.deposit(BOB, 2_000 * USD)
    await node.until(lambda: node.cash(BOB) == 2_000 * USD)
    node.act(ALICE, Withdraw(ALICE.address, node.next_nonce(), TimeMs(0), ALICE.address, USDC, AssetUnits(400 * USD)))
    await node.until(lambda: node.cash(ALICE) == 600 * USD)
    await venue.l1.rpc("evm_increaseTime", WINDOW_S)
    await node.until(lambda: node.settlement.withdrawal(0).claim is not None)
    claim = node.settlement.withdrawal(0).claim
    assert claim is not None
    await venue.transact(ALICE, venue.contract, claim.calldata())


async def test_an_honest_node_is_right(venue: Venue) -> None:
    async with running(venue, MemoryDisk()) as node:
        await live_a_little(node)
        tip = await venue.vault.tip()
        report = await watch(settings(venue), venue.params, once=True)
    assert report.verdict is Verdict.AGREES, report
    assert report.batch_id >= tip > 0
    assert report.inputs == report.last_seq > 0
    header = node.sequencer.header(report.batch_id)
    assert header is not None
    assert header.state_root == report.state_root


class Heard:
    """Remembers what a watcher tells."""

    def __init__(self) -> None:
        self.batch_id = 0
        self.troubles: list[str] = []

    def verified(self, batch_id: int, last_seq: int, tip: int) -> None:
        """Keep it."""
        assert batch_id == self.batch_id + 1
        assert tip >= batch_id
        assert last_seq > 0
        self.batch_id = batch_id

    def trouble(self, reason: str) -> None:
        """Keep it."""
        self.troubles.append(reason)

    def disagreed(self, found: object) -> None:
        """Must not happen here."""
        raise AssertionError(found)


async def test_following_keeps_up(venue: Venue) -> None:
    heard = Heard()
    async with asyncio.TaskGroup() as tasks:
        watcher = tasks.create_task(watch(settings(venue), venue.params, heard))
        async with running(venue, MemoryDisk()) as node:
            await live_a_little(node)
            target = await venue.vault.tip()
            await node.until(lambda: heard.batch_id >= target)
        watcher.cancel()
    assert heard.troubles == []
