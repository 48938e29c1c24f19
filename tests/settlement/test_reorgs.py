"""L1 replaces up to 64 of its blocks, again and again: nothing is credited early or twice, and every batch ends on L1 once."""

import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from node.store.memory import MemoryDisk
from tests.l1.nodes import ANVIL, anvil, embedded
from tests.sequencer.venue import USD
from tests.settlement.rig import ALICE, Node, Venue, deploy_venue, running

DEEPEST = 64
FINALIZED = 160
CREDIT_DEPTH = DEEPEST + 1
ROUNDS = 5


@pytest.fixture(params=("embedded", "anvil"))
async def deep_venue(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Venue]:
    """Token and contract on an L1 that lets go of many blocks."""
    if request.param == "anvil":
        if not ANVIL.exists():
            pytest.skip("anvil is not installed (npm ci)")
        async with anvil(FINALIZED) as l1:
            yield await deploy_venue(l1)
    else:
        async with embedded(tmp_path / "l1", FINALIZED) as l1:
            yield await deploy_venue(l1)


async def deposited(venue: Venue) -> int:
    """Micro-USDC that the contract has taken in, on the branch that is canonical now."""
    return next(asset.deposited for asset in await venue.vault.assets() if asset.id == 0)


async def reads_up_to(node: Node, height: int) -> None:
    """Settlement has taken in L1 up to there."""
    await node.until(lambda: node.settlement.head >= height, mine=False)


async def storm(venue: Venue, node: Node, rng: random.Random) -> None:
    """Deposits and reorganisations of every depth, the deepest once. What is credited was always deep enough."""
    depths = [DEEPEST, *(rng.randint(1, DEEPEST) for _ in range(ROUNDS - 1))]
    rng.shuffle(depths)
    for depth in depths:
        before = node.cash(ALICE)
        await venue.deposit(ALICE, rng.randint(1, 9) * USD)
        assert node.cash(ALICE) == before, "a deposit counts only below the depth"
        await venue.l1.mine(rng.choice((1, 20, DEEPEST, CREDIT_DEPTH + 2)))
        head = await venue.l1.client.block_number()
        credited = node.cash(ALICE)
        await venue.l1.reorg(min(depth, head - venue.start_block - 1))
        await venue.l1.mine(rng.randint(1, 3))
        settled = await venue.l1.client.block_number()
        await reads_up_to(node, settled)
        assert node.cash(ALICE) >= credited, "nothing that was credited is taken back"


@pytest.mark.timeout(300)
async def test_reorganisations_up_to_64_deep(deep_venue: Venue, seed: int) -> None:
    venue, rng = deep_venue, random.Random(seed)
    await venue.l1.mine(DEEPEST + 2)
    async with running(venue, MemoryDisk(), deposit_depth_blocks=CREDIT_DEPTH) as node:
        await storm(venue, node, rng)
        await venue.deposit(ALICE, USD)
        await venue.l1.mine(CREDIT_DEPTH + 2)
        await node.until(lambda: node.settlement.pending_deposits() == [])
        assert node.cash(ALICE) == await deposited(venue) > 0
        sealed = node.sequencer.sealed.batch_id
        await node.until(lambda: node.settlement.poster.tip >= sealed)
        await venue.l1.mine(3)
        await node.until(lambda: node.settlement.tracker.tip >= sealed)
        assert node.settlement.problem is None
        for batch_id in range(1, sealed + 1):
            header = node.sequencer.header(batch_id)
            assert header is not None
            assert (await venue.vault.batch(batch_id)).state_root == header.state_root
