"""The whole way: deposit → credited, seal → posted → final, withdrawal → money on L1."""

from node.settlement.claims import ClaimStage
from node.store.memory import MemoryDisk
from proto.ids import USDC
from proto.intents import Withdraw
from proto.units import AssetUnits, TimeMs
from tests.sequencer.venue import USD
from tests.settlement.rig import ALICE, WINDOW_S, Venue, running


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
        await venue.l1.rpc("evm_increaseTime", WINDOW_S)
        await node.until(lambda: node.settlement.withdrawal(0).stage is ClaimStage.CLAIMABLE)
        assert node.statuses.status[batch_id] == "final"
        claim = node.settlement.withdrawal(0).claim
        assert claim is not None
        assert await venue.token_balance(ALICE.address) == 0
        await venue.transact(ALICE, venue.contract, claim.calldata())
        assert await venue.token_balance(ALICE.address) == 400 * USD
        assert await venue.vault.is_withdrawn(0)
        assert node.settlement.withdrawal(1).stage is ClaimStage.UNKNOWN
