"""Following by parent hash: every block once, reorgs of any depth up to what is remembered, finality, restarts."""

import random
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from node.l1.answers import L1Block, L1Log, L1Unavailable
from node.l1.chain.settings import DEVELOPMENT_CHAIN_ID
from node.l1.follow import (
    BlockPoint,
    BlockSeen,
    ChainFollower,
    FinalizedSeen,
    FollowSettings,
    Reorganised,
    ReorgTooDeep,
    Step,
)
from node.l1.transactions import FeeMarketFields, created_address, sign_fee_market
from proto.ids import Address
from proto.signing.secp256k1 import SigningKey
from tests.l1.bytecode import COUNTED, COUNTER, creation
from tests.l1.keys import DEVELOPMENT_KEYS
from tests.l1.nodes import L1Node, embedded
from tests.l1.proxy import Fate, through_proxy

KEY = SigningKey(DEVELOPMENT_KEYS[0])
COUNTER_ADDRESS = created_address(KEY.address, 0)
GWEI = 10**9


async def transact(l1: L1Node, to: Address | None, data: bytes = b"") -> bytes:
    """Send from KEY with its next nonce."""
    nonce = await l1.client.nonce(KEY.address, "pending")
    fields = FeeMarketFields(DEVELOPMENT_CHAIN_ID, nonce, 20 * GWEI, GWEI, 500_000, to, 0, data)
    tx = sign_fee_market(fields, KEY)
    await l1.client.send_raw(tx.raw, tx.hash)
    return tx.hash


async def deploy_counter(l1: L1Node) -> None:
    """The counter at COUNTER_ADDRESS, in block 1."""
    await transact(l1, None, creation(COUNTER))
    await l1.mine()


@dataclass
class Reader:
    """Applies steps as a consumer would, and insists that they form one chain."""

    blocks: list[L1Block] = field(default_factory=list)
    logs: dict[bytes, tuple[L1Log, ...]] = field(default_factory=dict)
    reorgs: list[Reorganised] = field(default_factory=list)
    finalized: int = -1

    def apply(self, step: Step) -> None:
        """Take one step."""
        match step:
            case BlockSeen(block, logs):
                if self.blocks and self.blocks[-1].number == block.number - 1:
                    assert block.parent_hash == self.blocks[-1].hash
                else:
                    assert not self.blocks or block.number > self.blocks[-1].number
                self.blocks.append(block)
                self.logs[block.hash] = logs
            case Reorganised(kept, dropped):
                for point in dropped:
                    gone = self.blocks.pop()
                    assert (gone.number, gone.hash) == (point.number, point.hash)
                    assert gone.number > self.finalized, "final blocks stay"
                assert self.blocks[-1].hash == kept.hash
                self.reorgs.append(step)
            case FinalizedSeen(number):
                assert self.finalized <= number <= self.blocks[-1].number
                self.finalized = number

    async def read(self, follower: ChainFollower) -> None:
        """Everything that is new."""
        async for step in follower.advance():
            self.apply(step)

    def counted(self) -> list[int]:
        """Values of the counter's events on the canonical branch."""
        return [int.from_bytes(log.data, "big") for block in self.blocks for log in self.logs[block.hash]]


def settings(**changes: int) -> FollowSettings:
    """Follow the counter."""
    values = {"start_block": 0, "remembered_blocks": 128} | changes
    return FollowSettings(addresses=(COUNTER_ADDRESS,), topics=(COUNTED,), **values)


async def test_blocks_logs_and_finality_come_in_order(l1: L1Node) -> None:
    follower, reader = ChainFollower(l1.client, settings()), Reader()
    await deploy_counter(l1)
    for _ in range(4):
        await transact(l1, COUNTER_ADDRESS)
        await l1.mine()
        await reader.read(follower)
    assert reader.counted() == [1, 2, 3, 4]
    head = await l1.client.block_number()
    assert follower.tip is not None
    assert (follower.tip.number, reader.finalized) == (head, head - 2)
    await reader.read(follower)
    assert not reader.reorgs


async def test_final_history_is_read_in_ranges(l1: L1Node) -> None:
    await deploy_counter(l1)
    for _ in range(3):
        await transact(l1, COUNTER_ADDRESS)
        await l1.mine(7)
    for range_blocks in (1, 3, 1_000):
        follower, reader = ChainFollower(l1.client, settings(range_blocks=range_blocks)), Reader()
        await reader.read(follower)
        assert reader.counted() == [1, 2, 3]
        assert reader.blocks[-1].number == await l1.client.block_number()


async def test_reorg_is_reported_and_its_events_withdrawn(deep_l1: L1Node) -> None:
    l1 = deep_l1
    follower, reader = ChainFollower(l1.client, settings()), Reader()
    await deploy_counter(l1)
    await transact(l1, COUNTER_ADDRESS)
    await l1.mine()
    await transact(l1, COUNTER_ADDRESS)
    await l1.mine()
    await reader.read(follower)
    assert reader.counted() == [1, 2]
    await l1.reorg(1)
    await reader.read(follower)
    assert reader.counted() == [1]
    assert len(reader.reorgs[0].dropped) == 1
    await transact(l1, COUNTER_ADDRESS)
    await l1.mine()
    await reader.read(follower)
    assert reader.counted() == [1, 2]


async def test_reorgs_of_every_depth(deep_l1: L1Node, seed: int) -> None:
    l1, chance = deep_l1, random.Random(seed)
    follower, reader = ChainFollower(l1.client, settings()), Reader()
    await l1.mine(100)
    await reader.read(follower)
    for depth in (1, 2, 3, 17, 63, 64, *(chance.randrange(1, 65) for _ in range(4))):
        await l1.reorg(depth)
        if chance.random() < 0.5:
            await l1.mine(chance.randrange(3))
        # anvil may seal the very same empty blocks again: count those that really changed.
        now = [await l1.client.block(block.number) for block in reader.blocks]
        gone = sum(block is None or block.hash != old.hash for block, old in zip(now, reader.blocks, strict=True))
        assert l1.kind == "anvil" or gone == depth
        known = len(reader.reorgs)
        await reader.read(follower)
        assert [len(reorg.dropped) for reorg in reader.reorgs[known:]] == ([gone] if gone else [])
        assert reader.blocks[-1].number == await l1.client.block_number()
    head = await l1.client.block("latest")
    assert head is not None
    assert reader.blocks[-1].hash == head.hash


async def test_a_reorg_deeper_than_remembered_stops(deep_l1: L1Node) -> None:
    l1 = deep_l1
    follower, reader = ChainFollower(l1.client, settings(remembered_blocks=5)), Reader()
    await l1.mine(30)
    await reader.read(follower)
    await l1.reorg(4)
    await reader.read(follower)
    assert len(reader.reorgs) == 1
    await l1.reorg(6)
    with pytest.raises(ReorgTooDeep):
        await reader.read(follower)


async def test_a_restart_continues_from_the_checkpoint(deep_l1: L1Node) -> None:
    l1 = deep_l1
    follower, reader = ChainFollower(l1.client, settings()), Reader()
    await deploy_counter(l1)
    await transact(l1, COUNTER_ADDRESS)
    await l1.mine(3)
    await reader.read(follower)
    saved = follower.checkpoint()
    await l1.reorg(2)
    await transact(l1, COUNTER_ADDRESS)
    await l1.mine()
    await reader.read(ChainFollower(l1.client, settings(), saved))
    assert reader.counted() == [1, 2]
    assert len(reader.reorgs) == 1
    newest_only = ChainFollower(l1.client, settings(), saved[-1:])
    with pytest.raises(ReorgTooDeep):
        await Reader().read(newest_only)


async def test_finality_by_depth(l1: L1Node) -> None:
    follower, reader = ChainFollower(l1.client, settings(finality_depth=5)), Reader()
    await l1.mine(12)
    await reader.read(follower)
    assert reader.finalized == 7


async def test_start_block_is_respected(l1: L1Node) -> None:
    await l1.mine(5)
    follower, reader = ChainFollower(l1.client, settings(start_block=4)), Reader()
    await reader.read(follower)
    assert [block.number for block in reader.blocks] == [4, 5]
    later, nothing = ChainFollower(l1.client, settings(start_block=50)), Reader()
    await nothing.read(later)
    assert nothing.blocks == []


async def test_lost_requests_lose_and_repeat_nothing(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)

    def lose_a_third(_: dict[str, Any]) -> Fate:
        return chance.choice((Fate.PASS, Fate.PASS, Fate.LOSE_ANSWER))

    async with embedded(tmp_path / "l1", finalized_distance=40) as l1, through_proxy(l1.url, lose_a_third) as flaky:
        follower, reader = ChainFollower(flaky, settings(range_blocks=4)), Reader()
        await deploy_counter(l1)
        expected = 0
        for _ in range(15):
            for _ in range(chance.randrange(4)):
                await transact(l1, COUNTER_ADDRESS)
                expected += 1
            await l1.mine(chance.randrange(1, 4))
            with suppress(L1Unavailable):
                await reader.read(follower)
        await reader.read(ChainFollower(l1.client, settings(), follower.checkpoint()))
        assert reader.counted() == list(range(1, expected + 1))


@dataclass
class Lag:
    """A node of a pool that has not yet seen the blocks above `head`."""

    head: int

    def __call__(self, request: dict[str, Any]) -> Fate:
        """Ask for the newest block that it has; what it lacks is asked for far above any head."""
        if request["method"] == "eth_getBlockByNumber":
            asked = request["params"][0]
            if asked == "latest":
                request["params"][0] = hex(self.head)
            elif asked.startswith("0x") and int(asked, 16) > self.head:
                request["params"][0] = hex(2**40)
        return Fate.PASS


async def test_a_lagging_node_is_not_a_reorg(tmp_path: Path) -> None:
    lag = Lag(20)
    async with embedded(tmp_path / "l1", finalized_distance=40) as l1, through_proxy(l1.url, lag) as lagging:
        await l1.mine(20)
        follower, reader = ChainFollower(lagging, settings(remembered_blocks=10)), Reader()
        await reader.read(follower)
        lag.head = 15
        await reader.read(follower)
        assert not reader.reorgs
        lag.head = 5
        with pytest.raises(L1Unavailable, match="far behind"):
            await reader.read(follower)
        lag.head = 20
        await l1.reorg(8)  # Now a real one, seen through a node that is still behind.
        lag.head = 16
        await reader.read(follower)
        assert len(reader.reorgs) == 1
        assert reader.blocks[-1].number == 16


async def collect(steps: AsyncIterator[Step], until: int) -> Sequence[Step]:
    """Steps up to the block with this height."""
    found: list[Step] = []
    async for step in steps:
        found.append(step)
        if isinstance(step, BlockSeen) and step.block.number >= until:
            break
    return found


async def test_steps_goes_on_for_ever(tmp_path: Path) -> None:
    async with embedded(tmp_path / "l1", finalized_distance=4) as l1:
        follower = ChainFollower(l1.client, FollowSettings(poll_s=0.001))
        await l1.mine(3)
        await collect(follower.steps(), 3)
        await l1.mine(2)
        found = await collect(follower.steps(), 5)
        assert [step.block.number for step in found if isinstance(step, BlockSeen)] == [4, 5]
        assert follower.tip == BlockPoint(5, follower.checkpoint()[-1].hash)
