"""A node refuses to start, by number, on a chain, contract or history that is not its own."""

from dataclasses import replace

import pytest

from node.l1.deployment import DeploymentRefused, Mismatch, check_deployment
from node.store.memory import MemoryDisk
from proto.ids import ZERO_ADDRESS, Address
from tests.sequencer.venue import USD
from tests.settlement.rig import ALICE, Venue, deploy_venue, running


async def refusal(venue: Venue, **changes: object) -> Mismatch:
    """Why the deployment is refused with these facts."""
    contract = changes.pop("contract", venue.contract)
    facts = replace(venue.facts, **changes)  # type: ignore[arg-type]
    with pytest.raises(DeploymentRefused) as caught:
        await check_deployment(venue.l1.client, contract, facts)  # type: ignore[arg-type]
    assert str(caught.value).startswith(str(caught.value.number.value))
    return caught.value.number


async def test_every_mismatch_has_its_number(venue: Venue) -> None:
    deployment = await check_deployment(venue.l1.client, venue.contract, venue.facts)
    assert deployment.unit_divisors == (1, 10**9)
    assert await refusal(venue, chain_id=1) is Mismatch.WRONG_CHAIN
    assert await refusal(venue, contract=Address(b"\x01" * 20)) is Mismatch.NO_CONTRACT
    assert await refusal(venue, contract=venue.token) is Mismatch.OTHER_CODE
    assert await refusal(venue, genesis_hash=bytes(32)) is Mismatch.OTHER_GENESIS
    assert await refusal(venue, rules_hash=bytes(32)) is Mismatch.OTHER_RULES
    assert await refusal(venue, genesis_state_root=bytes(32)) is Mismatch.OTHER_GENESIS_STATE
    assert await refusal(venue, assets=venue.facts.assets[:1]) is Mismatch.OTHER_ASSETS


async def start(venue: Venue, disk: MemoryDisk) -> Mismatch:
    """Why a node does not start."""
    with pytest.raises(DeploymentRefused) as caught:
        async with running(venue, disk):
            pass
    return caught.value.number


async def test_a_key_that_is_not_the_operators(venue: Venue) -> None:
    other = await deploy_for(venue, Address(b"\x11" * 20))
    assert await start(other, MemoryDisk()) is Mismatch.OTHER_OPERATOR


async def deploy_for(venue: Venue, operator: Address) -> Venue:
    """Another contract on the same L1."""
    assert operator != ZERO_ADDRESS
    return await deploy_venue(venue.l1, operator=operator)


async def test_an_old_data_directory(venue: Venue) -> None:
    disk = MemoryDisk()
    async with running(venue, disk) as node:
        await venue.deposit(ALICE, 5 * USD)
        await node.until(lambda: node.settlement.tracker.tip >= 1)
    assert await start(venue, MemoryDisk()) is Mismatch.DATA_DIRECTORY_BEHIND


async def test_another_l1_under_the_same_directory(venue: Venue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("node.settlement.service.LAG_PATIENCE_S", 0.1)
    disk = MemoryDisk()
    async with running(venue, disk) as node:
        await venue.deposit(ALICE, 5 * USD)
        await node.until(lambda: node.cash(ALICE) > 0)
    head = await venue.l1.client.block_number()
    await venue.l1.reorg(min(head - venue.start_block, 39))
    # Everything since the deployment is gone, as after an L1 that was set up anew.
    assert await venue.vault.queue_length() == 0
    assert await start(venue, disk) is Mismatch.QUEUE_FORGOTTEN
