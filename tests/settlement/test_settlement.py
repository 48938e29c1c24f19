"""The whole way: deposit → credited, seal → posted → final, withdrawal → money on L1."""

from dataclasses import replace

import pytest

from node.l1.answers import L1Refused
from node.l1.contracts.errors import explain
from node.l1.rpc import CallMessage
from node.settlement.claims import Claim, ClaimStage
from node.store.memory import MemoryDisk
from proto.ids import USDC
from proto.intents import Withdraw
from proto.units import AssetUnits, TimeMs
from tests.sequencer.venue import USD
from tests.settlement.rig import ALICE, BOB, WINDOW_S, Venue, running


async def test_money_in_and_out(any_venue: Venue) -> None:
    venue = any_venue
    async with running(venue, MemoryDisk()) as node:
        await venue.deposit(ALICE, 1_000 * USD)
        await node.until(lambda: node.cash(ALICE) == 1_000 * USD)
        assert node.settlement.pending_deposits() == []
        action = Withdraw(ALICE.address, node.next_nonce(), TimeMs(0), ALICE.address, USDC, AssetUnits(400 * USD))
        node.act(ALICE, action)
        await node.until(lambda: node.settlement.withdrawal(0).stage is ClaimStage.POSTED)
        assert node.cash(ALICE) == 600 * USD
        batch_id = node.settlement.withdrawal(0).batch_id
        track = node.settlement.batch(batch_id)
        assert track is not None
        assert len(track.data_transactions) >= 1
        assert await refusal(venue, node.settlement.claims.claim(0, batch_id)) == 6402  # Not final yet.
        await venue.l1.rpc("evm_increaseTime", WINDOW_S)
        await node.until(lambda: node.settlement.withdrawal(0).stage is ClaimStage.CLAIMABLE)
        assert node.statuses.status[batch_id] == "final"
        claim = node.settlement.withdrawal(0).claim
        assert claim is not None
        assert await venue.token_balance(ALICE.address) == 0
        assert await refusal(venue, replace(claim, destination=BOB.address)) == 6405  # Somebody else's proof.
        assert await refusal(venue, replace(claim, amount=claim.amount + 1)) == 6405
        await venue.transact(ALICE, venue.contract, claim.calldata())
        assert await venue.token_balance(ALICE.address) == 400 * USD
        assert await venue.vault.is_withdrawn(0)
        assert await refusal(venue, claim) == 6404  # Paid before.
        assert node.settlement.withdrawal(1).stage is ClaimStage.UNKNOWN


async def refusal(venue: Venue, claim: Claim) -> int:
    """The number with which the contract refuses a claim."""
    with pytest.raises(L1Refused) as caught:
        await venue.l1.client.call(CallMessage(venue.contract, claim.calldata(), BOB.address))
    why = explain(caught.value.data)
    assert why is not None
    return why.number
