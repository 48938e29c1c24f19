"""kill -9 of a real chain process under load: every receipt that was shown is there afterwards, in the same block."""

import asyncio
import random
from contextlib import suppress
from pathlib import Path

import pytest

from node.l1.answers import L1Receipt, L1Refused, L1Unavailable
from node.l1.chain.settings import DEVELOPMENT_CHAIN_ID
from node.l1.rpc import L1Client, L1ClientSettings
from node.l1.transactions import FeeMarketFields, sign_fee_market
from proto.ids import Address
from proto.signing.secp256k1 import SigningKey
from tests.l1.bytecode import COUNTER, creation
from tests.l1.keys import DEVELOPMENT_KEYS
from tests.l1.nodes import start_chain_process

ROUNDS = 3
CAMPAIGN_ROUNDS = 60
BLOCK_MS = 10
GWEI = 10**9


class _Load:
    """One account that sends for as long as the chain lives, and notes every receipt and block that it is shown."""

    def __init__(self, key: SigningKey) -> None:
        self._key = key
        self.receipts: dict[bytes, L1Receipt] = {}
        self.blocks: dict[int, bytes] = {}
        self.checked_receipts = 0
        self.checked_blocks = 0

    async def run(self, client: L1Client) -> None:
        """Send and look until the connection breaks."""
        try:
            while True:
                await self._round(client)
        except L1Unavailable:
            return

    async def _round(self, client: L1Client) -> None:
        nonce = await client.nonce(self._key.address)
        fields = FeeMarketFields(DEVELOPMENT_CHAIN_ID, nonce, 10 * GWEI, GWEI, 400_000, None, 0, creation(COUNTER))
        tx = sign_fee_market(fields, self._key)
        with suppress(L1Refused):  # Known already, or mined in between.
            await client.send_raw(tx.raw, tx.hash)
        for _ in range(50):
            head = await client.block("latest")
            assert head is not None
            self.blocks[head.number] = head.hash
            receipt = await client.receipt(tx.hash)
            if receipt is not None:
                self.receipts[tx.hash] = receipt
                return
            await asyncio.sleep(BLOCK_MS / 1_000)

    async def check_new(self, client: L1Client) -> None:
        """Whatever was shown since the last check is there, and the same."""
        for number, block_hash in list(self.blocks.items())[self.checked_blocks :]:
            block = await client.block(number)
            assert block is not None, f"block {number} was shown and is gone"
            assert block.hash == block_hash, f"block {number} was shown with another hash"
        for transaction_hash, receipt in list(self.receipts.items())[self.checked_receipts :]:
            assert await client.receipt(transaction_hash) == receipt
            assert receipt.contract is not None
            assert await client.code(Address(receipt.contract)) == COUNTER
        self.checked_blocks, self.checked_receipts = len(self.blocks), len(self.receipts)


async def _crash_rounds(data_dir: Path, rounds: int, seed: int) -> None:
    chance = random.Random(seed)
    loads = [_Load(SigningKey(secret)) for secret in DEVELOPMENT_KEYS[:4]]
    for _ in range(rounds):
        process, url = await start_chain_process(data_dir, BLOCK_MS)
        async with L1Client(L1ClientSettings(url=url, timeout_s=10)) as client:
            for load in loads:
                await load.check_new(client)
            async with asyncio.TaskGroup() as tasks:
                for load in loads:
                    tasks.create_task(load.run(client))
                await asyncio.sleep(chance.uniform(0.1, 0.8))
                process.kill()
        await process.wait()
    process, url = await start_chain_process(data_dir, BLOCK_MS)
    async with L1Client(L1ClientSettings(url=url)) as client:
        for load in loads:
            load.checked_blocks = load.checked_receipts = 0  # At the end once more everything, of every round.
            await load.check_new(client)
    process.terminate()
    await process.wait()
    assert sum(len(load.receipts) for load in loads) > rounds, "the load must have seen receipts"


async def test_no_shown_receipt_is_lost_by_kill_9(tmp_path: Path, seed: int) -> None:
    await _crash_rounds(tmp_path / "l1", ROUNDS, seed)


@pytest.mark.campaign
@pytest.mark.timeout(900)
async def test_no_shown_receipt_is_lost_by_many_kills(tmp_path: Path, seed: int) -> None:
    await _crash_rounds(tmp_path / "l1", CAMPAIGN_ROUNDS, seed)
