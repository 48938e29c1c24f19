"""Sending: one nonce per intent, through refusals, stuck fees, forgetful pools, reorgs and restarts."""

import asyncio
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from node.l1.chain.settings import DEVELOPMENT_CHAIN_ID
from node.l1.sender import (
    Attempt,
    Included,
    Intent,
    NonceTaken,
    SenderSettings,
    SendRefused,
    SendStuck,
    TransactionSender,
)
from node.l1.transactions import FeeMarketFields, created_address, sign_fee_market
from proto.ids import Address
from proto.signing.secp256k1 import SigningKey
from tests.l1.bytecode import COUNTER, creation
from tests.l1.keys import DEVELOPMENT_KEYS
from tests.l1.nodes import L1Node, embedded, mining, until
from tests.l1.proxy import Fate, through_proxy

KEY = SigningKey(DEVELOPMENT_KEYS[0])
COUNTER_ADDRESS = created_address(KEY.address, 0)
GWEI = 10**9
FAST = SenderSettings(chain_id=DEVELOPMENT_CHAIN_ID, poll_s=0.002, bump_after_s=30.0, give_up_after_s=60.0)
DEPLOY = Intent(None, creation(COUNTER))
COUNT = Intent(COUNTER_ADDRESS, b"", gas_limit=100_000)


async def count(l1: L1Node) -> int:
    """How often the counter was called."""
    return int.from_bytes(await l1.client.storage(COUNTER_ADDRESS, 0), "big")


async def deployed(l1: L1Node, settings: SenderSettings = FAST) -> TransactionSender:
    """A sender whose first transaction deployed the counter."""
    sender = TransactionSender(l1.client, KEY, settings)
    async with mining(l1):
        result = await sender.send(DEPLOY)
    assert isinstance(result, Included)
    assert result.receipt.contract == COUNTER_ADDRESS
    return sender


async def test_send_waits_for_confirmations(l1: L1Node) -> None:
    sender = await deployed(l1, replace(FAST, confirmations=3))
    async with mining(l1):
        result = await sender.send(COUNT)
        assert isinstance(result, Included)
        assert result.receipt.success
        assert await l1.client.block_number() >= result.receipt.block_number + 2
    assert await count(l1) == 1


async def test_concurrent_intents_take_turns(l1: L1Node) -> None:
    sender = await deployed(l1)
    async with mining(l1):
        results = await asyncio.gather(*(sender.send(COUNT) for _ in range(5)))
    nonces = [result.attempt.nonce for result in results]
    assert sorted(nonces) == [1, 2, 3, 4, 5]
    assert await count(l1) == 5


async def test_what_would_revert_is_not_sent(l1: L1Node) -> None:
    sender = await deployed(l1)
    with pytest.raises(SendRefused) as refused:
        await sender.send(Intent(COUNTER_ADDRESS, b"\xde\xad"))
    assert refused.value.output == b"\xde\xad"
    assert await l1.client.nonce(KEY.address, "pending") == 1
    poor = TransactionSender(l1.client, SigningKey(b"\x07" * 32), FAST)
    with pytest.raises(SendRefused):
        await poor.send(replace(COUNT, value_wei=1))
    with pytest.raises(SendRefused, match="bytes"):
        await sender.send(Intent(COUNTER_ADDRESS, bytes(131_072), gas_limit=10_000_000))


async def test_a_revert_in_the_block_is_reported(l1: L1Node) -> None:
    sender = await deployed(l1)
    async with mining(l1):
        result = await sender.send(Intent(COUNTER_ADDRESS, b"\xde\xad", gas_limit=100_000))
    assert isinstance(result, Included)
    assert not result.receipt.success


async def test_stuck_transactions_are_replaced_with_the_same_nonce(l1: L1Node) -> None:
    sender = await deployed(l1, replace(FAST, bump_after_s=0.0, bumps_max=4))
    attempts: list[Attempt] = []
    several = asyncio.Event()

    async def record(attempt: Attempt) -> None:
        attempts.append(attempt)
        if len(attempts) == 4:
            several.set()

    async with asyncio.TaskGroup() as tasks:
        sending = tasks.create_task(sender.send(COUNT, record=record))
        await several.wait()
        async with mining(l1):
            result = await sending
    assert isinstance(result, Included)
    assert {attempt.nonce for attempt in attempts} == {1}
    fees = [attempt.max_fee_wei for attempt in attempts]
    assert all(after * 100 >= before * 110 for before, after in pairwise(fees))
    assert len(attempts) <= 5
    assert await count(l1) == 1


async def test_fees_stay_below_the_cap_and_giving_up_can_be_resumed(l1: L1Node) -> None:
    await deployed(l1)
    cautious = replace(FAST, bump_after_s=0.0, give_up_after_s=0.1, max_fee_cap_wei=6 * GWEI, bumps_max=50)
    sender = TransactionSender(l1.client, KEY, cautious)
    with pytest.raises(SendStuck) as stuck:
        await sender.send(COUNT)
    attempt = stuck.value.attempt
    assert attempt.max_fee_wei <= 6 * GWEI
    patient = TransactionSender(l1.client, KEY, FAST)
    async with mining(l1):
        result = await patient.send(COUNT, resume=attempt)
    assert isinstance(result, Included)
    assert await count(l1) == 1


async def test_a_restart_before_and_after_mining_sends_nothing_twice(l1: L1Node) -> None:
    sender = await deployed(l1)
    attempts: list[Attempt] = []
    recorded = asyncio.Event()

    async def record(attempt: Attempt) -> None:
        attempts.append(attempt)
        recorded.set()

    async with asyncio.TaskGroup() as tasks:
        sending = tasks.create_task(sender.send(COUNT, record=record))
        await recorded.wait()

        async def pooled() -> bool:
            return await l1.client.nonce(KEY.address, "pending") == 2

        await until(pooled)
        sending.cancel()  # The process dies with the transaction in the pool.
    again = TransactionSender(l1.client, KEY, FAST)
    async with mining(l1):
        result = await again.send(COUNT, resume=attempts[-1])
    assert isinstance(result, Included)
    late = await TransactionSender(l1.client, KEY, FAST).send(COUNT, resume=attempts[-1])
    assert isinstance(late, Included)
    assert late.receipt == result.receipt
    assert await count(l1) == 1


async def test_a_forgotten_leftover_is_replaced_not_queued_behind(l1: L1Node) -> None:
    """Even without any record, a restart reuses the nonce of what was never mined."""
    await deployed(l1)
    leftover = FeeMarketFields(DEVELOPMENT_CHAIN_ID, 1, 20 * GWEI, 2 * GWEI, 100_000, COUNTER_ADDRESS, 0, b"")
    tx = sign_fee_market(leftover, KEY)
    await l1.client.send_raw(tx.raw, tx.hash)
    sender = TransactionSender(l1.client, KEY, replace(FAST, bumps_max=60))
    async with asyncio.TaskGroup() as tasks:
        sending = tasks.create_task(sender.send(COUNT))

        async def replaced() -> bool:
            return await l1.client.transaction(tx.hash) is None

        await until(replaced)
        async with mining(l1):
            result = await sending
    assert isinstance(result, Included)
    assert result.attempt.nonce == 1
    assert await count(l1) == 1


async def test_a_nonce_used_by_another_transaction_is_reported(l1: L1Node) -> None:
    sender = await deployed(l1)
    other = FeeMarketFields(DEVELOPMENT_CHAIN_ID, 1, 20 * GWEI, 2 * GWEI, 100_000, Address(bytes(20)), 0, b"")
    tx = sign_fee_market(other, KEY)
    await l1.client.send_raw(tx.raw, tx.hash)
    async with mining(l1):

        async def mined() -> bool:
            return await l1.client.receipt(tx.hash) is not None

        await until(mined)
        stale = Attempt(1, 100_000, 3 * GWEI, GWEI, ())
        result = await sender.send(COUNT, resume=stale)
    assert isinstance(result, NonceTaken)
    assert await count(l1) == 0


async def test_a_reorg_before_the_confirmations_sends_the_same_again(deep_l1: L1Node) -> None:
    l1 = deep_l1
    sender = await deployed(l1, replace(FAST, confirmations=4))
    async with asyncio.TaskGroup() as tasks:
        sending = tasks.create_task(sender.send(COUNT))
        while await count(l1) == 0:
            await l1.mine()
            await asyncio.sleep(0.005)
        depth = 1
        await l1.reorg(depth)  # The transaction is gone from chain and pool.
        while await count(l1) > 0:
            depth += 1
            await l1.reorg(depth)
        async with mining(l1):
            result = await sending
    assert isinstance(result, Included)
    assert await count(l1) == 1
    canonical = await l1.client.block(result.receipt.block_number)
    assert canonical is not None
    assert canonical.hash == result.receipt.block_hash


@pytest.mark.parametrize("fate", [Fate.LOSE_REQUEST, Fate.LOSE_ANSWER])
@pytest.mark.parametrize("lost", range(1, 12))
async def test_an_outage_is_waited_out(tmp_path: Path, lost: int, fate: Fate) -> None:
    """The first requests are lost, or act and are not answered: the intent happens exactly once."""
    remaining = 0

    def policy(_: dict[str, Any]) -> Fate:
        nonlocal remaining
        remaining -= 1
        return fate if remaining >= 0 else Fate.PASS

    async with embedded(tmp_path / "l1", finalized_distance=2) as l1, through_proxy(l1.url, policy) as client:
        await deployed(l1)
        sender = TransactionSender(client, KEY, FAST)
        remaining = lost
        async with mining(l1):
            result = await sender.send(COUNT)
        assert isinstance(result, Included)
        assert await count(l1) == 1
