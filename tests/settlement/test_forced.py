"""Actions forced through L1: the node takes them in by themselves, in order, and what cannot be done has no effect."""

from node.l1.vault import CONTRACT
from node.store.memory import MemoryDisk
from proto.ids import USDC, Address
from proto.inputs import DepositSeen, QueueItemSeen
from proto.intents import Intent, Withdraw, encode_intent
from proto.units import AssetUnits, TimeMs
from tests.sequencer.venue import USD
from tests.settlement.rig import ALICE, BOB, Node, Venue, running


def forced(intent: Intent) -> bytes:
    """Call data that queues an action."""
    return CONTRACT.encode_call("forceAction", encode_intent(intent))


def withdrawal(account: Address, amount: int) -> Withdraw:
    """To Bob; neither nonce nor expiry counts."""
    return Withdraw(account, 0, TimeMs(0), BOB.address, USDC, AssetUnits(amount))


def taken(node: Node) -> list[type]:
    """Kinds of the queue items that were sequenced, in order."""
    kinds = [type(row.item) for row in node.tell.inputs]
    return [kind for kind in kinds if kind in (DepositSeen, QueueItemSeen)]


async def test_a_forced_withdrawal_goes_all_the_way(any_venue: Venue) -> None:
    venue = any_venue
    async with running(venue, MemoryDisk()) as node:
        await venue.deposit(ALICE, 5 * USD)
        await venue.transact(ALICE, venue.contract, forced(withdrawal(ALICE.address, 2 * USD)))
        await node.until(lambda: node.cash(ALICE) == 3 * USD)
        assert node.sequencer.peek(lambda state: state.withdrawal_count) == 1
        sealed = node.sequencer.sealed.batch_id + 1
        await node.until(lambda: node.settlement.tracker.tip >= sealed)
        assert (await venue.vault.batch(sealed)).queue_cursor == 2


async def test_what_cannot_be_done_is_consumed_without_effect(venue: Venue) -> None:
    async with running(venue, MemoryDisk()) as node:
        await venue.deposit(ALICE, 5 * USD)
        await venue.transact(BOB, venue.contract, forced(withdrawal(ALICE.address, USD)))  # Not his account.
        await venue.transact(ALICE, venue.contract, CONTRACT.encode_call("forceAction", b"\xc1"))  # No intent at all.
        await venue.transact(ALICE, venue.contract, forced(withdrawal(ALICE.address, 6 * USD)))  # More than there is.
        await venue.deposit(ALICE, 1 * USD)
        await node.until(lambda: node.cash(ALICE) == 6 * USD)
        assert taken(node) == [DepositSeen, QueueItemSeen, QueueItemSeen, QueueItemSeen, DepositSeen]
        assert node.sequencer.peek(lambda state: state.withdrawal_count) == 0


async def test_a_restart_takes_nothing_in_twice(venue: Venue) -> None:
    disk = MemoryDisk()
    async with running(venue, disk) as node:
        await venue.deposit(ALICE, 5 * USD)
        await venue.transact(ALICE, venue.contract, forced(withdrawal(ALICE.address, USD)))
        await node.until(lambda: node.cash(ALICE) == 4 * USD)
        sealed = node.sequencer.sealed.batch_id
        await node.until(lambda: node.sequencer.sealed.batch_id > sealed)
    async with running(venue, disk) as node:
        await venue.deposit(ALICE, 1 * USD)
        await node.until(lambda: node.cash(ALICE) == 5 * USD)
        assert node.sequencer.peek(lambda state: (state.withdrawal_count, state.queue_cursor)) == (1, 3)
