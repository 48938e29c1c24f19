"""A deposit is credited once, when it is deep enough, whatever L1 and the node do meanwhile."""

import json
from typing import Any

import pytest

from node.l1.answers import L1Lied
from node.l1.vault import DepositQueued
from node.settlement.deposits import DepositFeed
from node.store.memory import MemoryDisk
from proto.ids import USDC, ZERO_ADDRESS, Address
from proto.inputs import DepositSeen, Input
from proto.reject import RejectCode
from proto.units import AssetUnits
from tests.l1.proxy import Fate, proxy
from tests.sequencer.venue import USD
from tests.settlement.rig import ALICE, Node, Venue, running

DEPTH = 6


async def l1_goes_on(node: Node, blocks: int) -> None:
    """Mine, and let settlement read all of it."""
    await node.venue.l1.mine(blocks)
    head = await node.venue.l1.client.block_number()
    await node.until(lambda: node.settlement.head >= head, mine=False)


async def test_a_reorganised_deposit_is_not_credited_until_it_is_there_again(any_venue: Venue) -> None:
    venue = any_venue
    async with running(venue, MemoryDisk(), deposit_depth_blocks=DEPTH) as node:
        await venue.deposit(ALICE, 5 * USD)
        await l1_goes_on(node, 1)
        assert [row.item.amount for row in node.settlement.pending_deposits(ALICE.address)] == [5 * USD]
        await venue.l1.reorg(4)
        await l1_goes_on(node, DEPTH + 2)
        assert await venue.vault.queue_length() == 0
        assert node.settlement.pending_deposits() == []
        assert node.cash(ALICE) == 0
        await venue.deposit(ALICE, 7 * USD)
        await node.until(lambda: node.cash(ALICE) > 0)
        await l1_goes_on(node, 3)
        assert node.cash(ALICE) == 7 * USD


async def test_a_deposit_that_only_one_of_two_l1_nodes_shows_waits_and_trading_goes_on(venue: Venue) -> None:
    lying = True

    def double(payload: dict[str, Any], body: bytes) -> bytes:
        """The amount of each deposit, the third word of its event, with one more bit."""
        answer = json.loads(body)
        if lying and payload["method"] == "eth_getLogs":
            for log in answer["result"]:
                log["data"] = log["data"][:3] + "1" + log["data"][4:]
        return json.dumps(answer).encode()

    async with (
        proxy(venue.l1.url, lambda _: Fate.PASS, double) as other,
        running(venue, MemoryDisk(), compare=other, deposit_depth_blocks=DEPTH) as node,
    ):
        await venue.deposit(ALICE, 5 * USD)
        await venue.l1.mine(DEPTH + 2)
        sealed = node.sequencer.sealed.batch_id
        await node.until(lambda: node.sequencer.sealed.batch_id > sealed + 3)
        assert node.cash(ALICE) == 0
        assert node.settlement.pending_deposits() == []
        lying = False
        await node.until(lambda: node.cash(ALICE) == 5 * USD)


async def test_restarts_credit_nothing_twice(venue: Venue) -> None:
    disk = MemoryDisk()
    async with running(venue, disk, deposit_depth_blocks=DEPTH) as node:
        await venue.deposit(ALICE, 5 * USD)
        await l1_goes_on(node, 1)  # Seen, not deep enough.
    async with running(venue, disk, deposit_depth_blocks=DEPTH) as node:
        await node.until(lambda: node.cash(ALICE) == 5 * USD)
    for _ in range(2):
        async with running(venue, disk, deposit_depth_blocks=DEPTH) as node:
            await l1_goes_on(node, DEPTH + 1)
            assert node.cash(ALICE) == 5 * USD
            assert node.settlement.pending_deposits() == []
    async with running(venue, disk, deposit_depth_blocks=DEPTH) as node:
        await venue.deposit(ALICE, 1 * USD)
        await node.until(lambda: node.cash(ALICE) == 6 * USD)


class Inbox:
    """A writer that has room for so many."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.taken: list[DepositSeen] = []

    def submit(self, item: Input, signer: Address, reply: None = None) -> RejectCode | None:
        """Take it, or say busy."""
        assert isinstance(item, DepositSeen)
        assert signer == ZERO_ADDRESS
        if len(self.taken) >= self.room:
            return RejectCode.NODE_BUSY
        self.taken.append(item)
        return None


def queued(index: int) -> DepositQueued:
    """An item of the queue."""
    return DepositQueued(index, ALICE.address, USDC, AssetUnits(index + 1), 0, bytes(32))


def test_a_busy_writer_gets_everything_later_in_order() -> None:
    inbox = Inbox(room=2)
    feed = DepositFeed(inbox, next_index=0)  # type: ignore[arg-type]
    for index in range(5):
        feed.seen(queued(index), 10 + index, bytes(32))
    feed.deep(13)
    feed.drain()
    assert [item.index for item in inbox.taken] == [0, 1]
    inbox.room = 100
    feed.drain()
    assert [item.index for item in inbox.taken] == [0, 1, 2, 3]
    assert [row.item.index for row in feed.pending()] == [4]


def test_what_is_credited_is_passed_over_and_a_gap_is_an_error() -> None:
    inbox = Inbox(room=100)
    feed = DepositFeed(inbox, next_index=2)  # type: ignore[arg-type]
    for index in (0, 1, 2, 4):
        feed.seen(queued(index), index, bytes(32))
    feed.deep(100)
    with pytest.raises(L1Lied, match="queue item 3 is missing"):
        feed.drain()
    assert [item.index for item in inbox.taken] == [2]
