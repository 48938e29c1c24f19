"""Posting: in order, once, whatever was left half done, however L1 behaves."""

import asyncio

import pytest

from node.l1.rpc import L1Client
from node.l1.sender import GWEI
from node.l1.transactions import FeeMarketFields, sign_fee_market
from node.l1.vault import TOPICS, post_data_call
from node.sequencer.sequencer import batch_body
from node.settlement.build import build
from node.store.memory import MemoryDisk
from node.store.store import open_memory
from proto.batch import chunks_of, encode_body
from proto.ids import Address
from proto.intents import PlaceOrders, Side
from proto.signing.secp256k1 import SigningKey
from proto.units import TimeMs
from tests.l1.bytecode import SPIN, creation
from tests.l1.keys import DEVELOPMENT_KEYS
from tests.sequencer.venue import USD, order
from tests.settlement.faulty import MODES, FaultyL1
from tests.settlement.rig import ALICE, OPERATOR, Node, Venue, running


async def counts(venue: Venue) -> dict[str, int]:
    """How often each event was logged."""
    head = await venue.l1.client.block_number()
    logs = await venue.l1.client.logs(venue.start_block, head, (venue.contract,))
    return {name: sum(log.topics[0] == topic for log in logs) for name, topic in TOPICS.items()}


async def chunks_posted(venue: Venue, batch_id: int) -> int:
    """How often a chunk of the batch was posted."""
    head = await venue.l1.client.block_number()
    logs = await venue.l1.client.logs(venue.start_block, head, (venue.contract,))
    posted = [log for log in logs if log.topics[0] == TOPICS["DataPosted"]]
    return sum(int.from_bytes(log.topics[1], "big") == batch_id for log in posted)


async def operator_failures(venue: Venue) -> int:
    """Transactions of the operator that were mined and reverted."""
    head = await venue.l1.client.block_number()
    failed = 0
    for number in range(venue.start_block, head + 1):
        for receipt in await venue.l1.rpc("eth_getBlockReceipts", hex(number)):
            mine = receipt["from"].lower() == "0x" + OPERATOR.address.hex()
            failed += mine and receipt["status"] == "0x0"
    return failed


async def all_posted(node: Node) -> None:
    """L1 has everything that is sealed now."""
    target = node.sequencer.sealed.batch_id
    await node.until(lambda: node.settlement.tracker.tip >= target)


def big_batch(node: Node, actions: int) -> None:
    """Submit enough bytes for several chunks."""
    spec = order(1, Side.BUY, 10**6, 10**6, 2**127)
    for _ in range(actions):
        node.act(ALICE, PlaceOrders(ALICE.address, node.next_nonce(), TimeMs(0), (spec,) * 50))


async def test_every_batch_is_posted_once_with_its_data(venue: Venue) -> None:
    async with running(venue, MemoryDisk()) as node:
        await venue.deposit(ALICE, 5 * USD)
        await node.until(lambda: node.cash(ALICE) > 0)
        for _ in range(4):
            sealed = node.sequencer.sealed.batch_id
            big_batch(node, 1)
            await node.until(lambda: node.sequencer.sealed.batch_id > sealed)  # noqa: B023 - awaited in the loop
        await all_posted(node)
        tip = await venue.vault.tip()
        for batch_id in range(1, tip + 1):
            header = node.sequencer.header(batch_id)
            posted = await venue.vault.batch(batch_id)
            assert header is not None
            assert (posted.state_root, posted.last_seq) == (header.state_root, header.last_seq)
        found = await counts(venue)
        assert found["BatchCommitted"] == tip
        assert found["DataReset"] == 0
        assert await operator_failures(venue) == 0
        await node.until(lambda: node.statuses.status.get(tip) == "posted")


async def test_a_large_batch_goes_in_chunks(venue: Venue) -> None:
    async with running(venue, MemoryDisk(), batch_ms=400) as node:
        await venue.deposit(ALICE, 5 * USD)
        await node.until(lambda: node.cash(ALICE) > 0)
        big_batch(node, 150)
        await node.until(lambda: node.sequencer.sealed.body_bytes > 120_000)
        large = node.sequencer.sealed.batch_id
        await all_posted(node)
        track = node.settlement.batch(large)
        assert track is not None
        assert len(track.data_transactions) >= 2
        assert await operator_failures(venue) == 0


async def sealed_without_l1(venue: Venue, disk: MemoryDisk) -> None:
    """A node whose L1 goes away before its newest, large batch is sealed."""
    async with FaultyL1(venue.l1.url).serving() as faulty, running(venue, disk, faulty.url, batch_ms=400) as node:
        await venue.deposit(ALICE, 5 * USD)
        await node.until(lambda: node.cash(ALICE) > 0)
        await all_posted(node)
        faulty.mode = "reset"
        await asyncio.sleep(0.1)
        big_batch(node, 150)
        await node.until(lambda: node.sequencer.sealed.body_bytes > 120_000, mine=False)


async def test_half_posted_data_is_continued(venue: Venue) -> None:
    disk = MemoryDisk()
    await sealed_without_l1(venue, disk)
    store = open_memory(disk, venue.params.digest())
    header = store.seals.header(await venue.vault.tip() + 1)
    assert header is not None
    postable = build(header, batch_body(store, header), OPERATOR, venue.domain)
    assert (await venue.vault.data_of(header.batch_id)).chunks == 0
    await venue.transact(OPERATOR, venue.contract, postable.data_call(0))
    async with running(venue, disk) as node:
        await node.until(lambda: node.settlement.tracker.tip >= header.batch_id)
    assert (await counts(venue))["DataReset"] == 0
    chunks = len(chunks_of(encode_body(batch_body(store, header))))
    assert await chunks_posted(venue, header.batch_id) == chunks, "the chunk that was there is not posted again"
    assert await operator_failures(venue) == 0
    assert (await venue.vault.batch(header.batch_id)).state_root == header.state_root


async def test_somebody_elses_half_is_reset(venue: Venue) -> None:
    await venue.transact(OPERATOR, venue.contract, post_data_call(1, 0, b"another body, from a node that lost its disk"))
    async with running(venue, MemoryDisk()) as node:
        await venue.deposit(ALICE, 5 * USD)
        await node.until(lambda: node.sequencer.sealed.batch_id >= 1)
        await all_posted(node)
    found = await counts(venue)
    assert found["DataReset"] == 1
    assert await operator_failures(venue) == 0


async def test_what_waits_in_the_pool_over_a_restart_is_not_posted_twice(any_venue: Venue) -> None:
    venue = any_venue
    disk = MemoryDisk()
    client = venue.l1.client
    async with running(venue, disk) as node:
        await venue.deposit(ALICE, 5 * USD)
        await node.until(lambda: node.cash(ALICE) > 0)
        await all_posted(node)
        await venue.l1.mine()
        sealed = node.sequencer.sealed.batch_id
        await node.until(lambda: node.sequencer.sealed.batch_id > sealed, mine=False)
        async with asyncio.timeout(20):
            while await client.nonce(OPERATOR.address, "pending") == await client.nonce(OPERATOR.address):
                await asyncio.sleep(0.02)
    async with running(venue, disk) as node:
        await asyncio.sleep(0.3)
        await all_posted(node)
        tip = await venue.vault.tip()
    assert (await counts(venue))["BatchCommitted"] == tip
    assert await operator_failures(venue) == 0


async def test_a_reorganised_commitment_is_posted_again(any_venue: Venue) -> None:
    venue = any_venue
    async with running(venue, MemoryDisk()) as node:
        await venue.deposit(ALICE, 5 * USD)
        await node.until(lambda: node.cash(ALICE) > 0)
        await venue.l1.mine(12)  # The deposit stays.
        sealed = node.sequencer.sealed.batch_id
        await node.until(lambda: node.sequencer.sealed.batch_id > sealed)
        await all_posted(node)
        tip = node.settlement.tracker.tip
        await venue.l1.reorg(6)
        await venue.l1.mine()
        await node.until(lambda: ("sealed", tip) in node.statuses.history or node.statuses.status[tip] == "final", mine=False)
        await node.until(lambda: node.statuses.status[tip] == "posted")
        assert node.settlement.problem is None
        assert await venue.vault.tip() >= tip


@pytest.mark.parametrize("mode", MODES)
async def test_trading_goes_on_while_l1_is_away(venue: Venue, mode: str) -> None:
    async with FaultyL1(venue.l1.url).serving() as faulty, running(venue, MemoryDisk(), faulty.url) as node:
        await venue.deposit(ALICE, 5 * USD)
        await node.until(lambda: node.cash(ALICE) > 0)
        await all_posted(node)
        faulty.mode = mode
        before = node.sequencer.durable_seq
        await node.until(lambda: node.settlement.complaint() is not None, mine=False)
        big_batch(node, 1)
        await node.until(lambda: node.sequencer.durable_seq > before and node.settlement.unposted() > 0, mine=False)
        faulty.mode = ""
        await node.until(lambda: node.settlement.complaint() is None)
        await all_posted(node)
        assert await operator_failures(venue) == 0


async def test_a_transaction_stuck_behind_a_risen_base_fee_is_replaced(venue: Venue) -> None:
    client = venue.l1.client
    filler = Filler(client, SigningKey(DEVELOPMENT_KEYS[5]), venue.params.chain_id)
    async with running(venue, MemoryDisk(), bump_after_ms=300) as node:
        await venue.deposit(ALICE, 5 * USD)
        await node.until(lambda: node.cash(ALICE) > 0)
        await all_posted(node)
        spinner = await filler.deploy(venue)
        sealed, used = node.sequencer.sealed.batch_id, await client.nonce(OPERATOR.address)
        big_batch(node, 1)
        await node.until(lambda: node.sequencer.sealed.batch_id > sealed, mine=False)
        async with asyncio.timeout(20):
            while await client.nonce(OPERATOR.address, "pending") == used:
                await asyncio.sleep(0.02)
        head = await client.block("latest")
        assert head is not None
        bid = 2 * head.base_fee_wei + GWEI
        while head.base_fee_wei <= bid:
            await filler.fill(spinner)
            await venue.l1.mine()
            head = await client.block("latest")
            assert head is not None
        assert await client.nonce(OPERATOR.address) == used, "the transactions could not be mined"
        await asyncio.sleep(0.5)
        await node.until(lambda: node.settlement.tracker.tip > sealed)
        assert await operator_failures(venue) == 0


class Filler:
    """Fills blocks, so that nobody else's transactions fit."""

    def __init__(self, client: L1Client, key: SigningKey, chain_id: int) -> None:
        self._client = client
        self._key = key
        self._chain_id = chain_id
        self._nonce = 0

    async def _send(self, to: Address | None, data: bytes, gas: int) -> bytes:
        fields = FeeMarketFields(
            chain_id=self._chain_id, nonce=self._nonce, max_fee_wei=400 * GWEI, max_priority_fee_wei=50 * GWEI, gas_limit=gas,
            to=to, value_wei=0, data=data,
        )  # fmt: skip
        self._nonce += 1
        signed = sign_fee_market(fields, self._key)
        await self._client.send_raw(signed.raw, signed.hash)
        return signed.hash

    async def deploy(self, venue: Venue) -> Address:
        """A contract that burns all of its gas."""
        transaction = await self._send(None, creation(SPIN), 1_000_000)
        await venue.l1.mine()
        receipt = await self._client.receipt(transaction)
        assert receipt is not None
        assert receipt.contract is not None
        return receipt.contract

    async def fill(self, spinner: Address) -> None:
        """One block's worth of gas."""
        await self._send(spinner, b"", 16_000_000)
        await self._send(spinner, b"", 14_000_000)
