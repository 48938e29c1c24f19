"""The chain over its disk: reopening, identity, history, time, pool rules and rollbacks."""

import random
from dataclasses import replace
from pathlib import Path

import pytest

from node.l1.chain.ledger import HISTORY_BLOCKS, Chain, ChainMismatch, ReorgRefused, StateUnavailable
from node.l1.chain.mempool import SENDER_TRANSACTIONS_MAX, PoolRefused
from node.l1.chain.settings import DEVELOPMENT_FUNDS, TRANSACTION_BYTES_MAX, ChainSettings
from node.l1.chain.world import World
from node.l1.transactions import FeeMarketFields, Transaction, created_address, floor_gas, sign_fee_market
from proto.ids import Address
from proto.signing.secp256k1 import SigningKey
from tests.l1.bytecode import COUNTER, creation
from tests.l1.keys import DEVELOPMENT_KEYS

ALICE, BOB = (SigningKey(secret) for secret in DEVELOPMENT_KEYS[:2])
GWEI = 10**9
NOW_S = 1_700_000_000


def settings(tmp_path: Path, **changes: object) -> ChainSettings:
    """Settings of a test chain."""
    return replace(ChainSettings(data_dir=tmp_path / "l1", port=0), **changes)  # type: ignore[arg-type]


def transfer(key: SigningKey, number: int, **changes: object) -> Transaction:
    """A transfer of one wei to nobody."""
    fields = FeeMarketFields(31337, number, 10 * GWEI, GWEI, 21_000, Address(b"\x99" * 20), 1, b"")
    return sign_fee_market(replace(fields, **changes), key)  # type: ignore[arg-type]


def contents(world: World) -> object:
    """Everything in a world, comparable."""
    return {address: (a.nonce, a.balance_wei, a.code, dict(a.storage)) for address, a in world.accounts.items()}


def busy(chain: Chain, blocks: int, chance: random.Random) -> None:
    """Mine blocks with deployments, calls and transfers."""
    nonce = chain.state_at(chain.index.head_number).world.get(ALICE.address).nonce
    for _ in range(blocks):
        for _ in range(chance.randrange(3)):
            target = created_address(ALICE.address, chance.randrange(nonce + 1))
            tx = chance.choice(
                (
                    transfer(ALICE, nonce),
                    transfer(ALICE, nonce, to=None, data=creation(COUNTER), gas_limit=400_000, value_wei=0),
                    transfer(ALICE, nonce, to=target, gas_limit=100_000),
                )
            )
            chain.submit(tx)
            nonce += 1
        chain.mine(NOW_S)


def test_reopening_gives_the_same_chain(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    chain = Chain(settings(tmp_path), NOW_S)
    for _ in range(4):
        busy(chain, 20, chance)
        head, world = chain.head, contents(chain.state_at(chain.index.head_number).world)
        hashes = [chain.index.hash_at(number) for number in range(head.number + 1)]
        chain.close()
        chain = Chain(settings(tmp_path), NOW_S)
        assert chain.head == head
        assert contents(chain.state_at(head.number).world) == world
        assert [chain.index.hash_at(number) for number in range(head.number + 1)] == hashes
    chain.close()


def test_states_of_recent_blocks_are_exact(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    chain = Chain(settings(tmp_path), NOW_S)
    past = [contents(chain.state_at(0).world)]
    for _ in range(40):
        busy(chain, 1, chance)
        past.append(contents(chain.state_at(chain.index.head_number).world))
    for number in chance.sample(range(41), 20):
        assert contents(chain.state_at(number).world) == past[number]
    for _ in range(HISTORY_BLOCKS):
        chain.mine(NOW_S)
    with pytest.raises(StateUnavailable):
        chain.state_at(0)
    chain.close()


def test_a_rollback_restores_the_state_and_survives_reopening(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    deep = settings(tmp_path, safe_distance_blocks=64, finalized_distance_blocks=64)
    chain = Chain(deep, NOW_S)
    busy(chain, 10, chance)
    kept_hash, kept_state = chain.head.hash, contents(chain.state_at(10).world)
    busy(chain, 8, chance)
    gone = chain.head.hash
    new_head = chain.reorganise(8, NOW_S, keep_transactions=False)
    assert new_head.number == 18
    assert chain.index.number_of(gone) is None
    assert chain.index.hash_at(10) == kept_hash
    assert contents(chain.state_at(18).world) == kept_state
    chain.close()
    chain = Chain(deep, NOW_S)
    assert chain.head.hash == new_head.hash
    assert contents(chain.state_at(18).world) == kept_state
    busy(chain, 5, chance)
    chain.close()


def test_a_rollback_may_return_transactions_to_the_pool(tmp_path: Path) -> None:
    chain = Chain(settings(tmp_path), NOW_S)
    txs = [transfer(ALICE, 0), transfer(ALICE, 1), transfer(BOB, 0)]
    for tx in txs:
        chain.submit(tx)
    chain.mine(NOW_S)
    chain.mine(NOW_S)
    chain.reorganise(2, NOW_S, keep_transactions=True)
    assert all(chain.pool.get(tx.hash) is not None for tx in txs)
    assert all(chain.index.transaction(tx.hash) is None for tx in txs)
    block = chain.mine(NOW_S)
    assert {tx.hash for tx in block.transactions} == {tx.hash for tx in txs}
    chain.close()


def test_final_blocks_are_not_rolled_back(tmp_path: Path) -> None:
    chain = Chain(settings(tmp_path), NOW_S)
    for _ in range(5):
        chain.mine(NOW_S)
    for depth in (0, 3, 100):
        with pytest.raises(ReorgRefused):
            chain.reorganise(depth, NOW_S, keep_transactions=False)
    chain.close()


def test_another_chain_in_the_directory_is_refused(tmp_path: Path) -> None:
    Chain(settings(tmp_path), NOW_S).close()
    others = (
        {"chain_id": 31338},
        {"accounts": {Address(bytes(20)): 1}},
        {"accounts": dict(DEVELOPMENT_FUNDS) | {Address(b"\1" * 20): 1}},
        {"block_gas_limit": 20_000_000},
    )
    for other in others:
        with pytest.raises(ChainMismatch):
            Chain(settings(tmp_path, **other), NOW_S)
    Chain(settings(tmp_path, block_time_ms=5, finalized_distance_blocks=9), NOW_S).close()


def test_time_grows_and_can_be_moved_forward(tmp_path: Path) -> None:
    chain = Chain(settings(tmp_path), NOW_S)
    times = [chain.mine(NOW_S).header.timestamp_s for _ in range(3)]
    assert times == [NOW_S + 1, NOW_S + 2, NOW_S + 3]
    assert chain.mine(NOW_S - 1_000).header.timestamp_s == NOW_S + 4, "a clock that goes back moves nothing back"
    chain.increase_time(7 * 86_400)
    later = chain.mine(NOW_S + 10).header.timestamp_s
    assert later == NOW_S + 10 + 7 * 86_400
    chain.close()
    chain = Chain(settings(tmp_path), NOW_S + 20)  # The shift outlives the process.
    assert chain.mine(NOW_S + 30).header.timestamp_s >= later + 10
    chain.close()


def test_short_blocks_may_share_a_second(tmp_path: Path) -> None:
    chain = Chain(settings(tmp_path, block_time_ms=100), NOW_S)
    assert [chain.mine(NOW_S).header.timestamp_s for _ in range(3)] == [NOW_S] * 3
    chain.close()


def test_blocks_respect_the_gas_limit_and_prefer_tips(tmp_path: Path) -> None:
    chain = Chain(settings(tmp_path), NOW_S)
    for nonce in range(3):
        chain.submit(transfer(ALICE, nonce, gas_limit=16_000_000))
    best = transfer(BOB, 0, max_priority_fee_wei=2 * GWEI)
    chain.submit(best)
    first = chain.mine(NOW_S)
    # Limits count while filling, what was used afterwards: transfers use little of their 16 million.
    assert first.transactions[0] == best
    assert first.header.gas_used <= first.header.gas_limit
    assert len(chain.pool) + len(first.transactions) == 4
    chain.close()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"chain_id": 1}, "invalid chain id"),
        ({"gas_limit": 20_999}, "intrinsic gas too low"),
        ({"gas_limit": 16_777_217}, "gas limit too high"),
        ({"value_wei": 10**24}, "insufficient funds"),
        ({"nonce": 5_000}, "too far ahead"),
        ({"data": b"\1" * TRANSACTION_BYTES_MAX, "gas_limit": 16_000_000}, "oversized data"),
        ({"to": None, "data": bytes(49_153), "gas_limit": 16_000_000}, "max initcode size"),
        ({"data": b"\1" * 1_000, "gas_limit": floor_gas(b"\1" * 1_000) - 1}, "intrinsic gas too low"),
    ],
)
def test_the_pool_refuses(tmp_path: Path, changes: dict[str, object], words: str) -> None:
    chain = Chain(settings(tmp_path), NOW_S)
    with pytest.raises(PoolRefused, match=words):
        chain.submit(transfer(ALICE, 0, **changes))
    chain.close()


def test_the_largest_transaction_passes(tmp_path: Path) -> None:
    chain = Chain(settings(tmp_path), NOW_S)
    data = b"\1" * (TRANSACTION_BYTES_MAX - 200)
    tx = transfer(ALICE, 0, data=data, gas_limit=floor_gas(data))
    chain.submit(tx)
    block = chain.mine(NOW_S)
    assert block.receipts[0].gas_used == floor_gas(data)
    chain.close()


def test_pool_replacement_needs_both_fees(tmp_path: Path) -> None:
    chain = Chain(settings(tmp_path), NOW_S)
    chain.submit(transfer(ALICE, 0))
    for changes in ({"max_fee_wei": 20 * GWEI}, {"max_priority_fee_wei": 2 * GWEI}, {"max_fee_wei": 10 * GWEI + 1}):
        with pytest.raises(PoolRefused, match="underpriced"):
            chain.submit(transfer(ALICE, 0, **changes))
    with pytest.raises(PoolRefused, match="already known"):
        chain.submit(transfer(ALICE, 0))
    better = transfer(ALICE, 0, max_fee_wei=11 * GWEI, max_priority_fee_wei=11 * GWEI // 10)
    chain.submit(better)
    assert chain.mine(NOW_S).transactions == (better,)
    with pytest.raises(PoolRefused, match="already known"):
        chain.submit(better)
    with pytest.raises(PoolRefused, match="nonce too low"):
        chain.submit(transfer(ALICE, 0))
    chain.close()


def test_the_pool_is_bounded_and_counts_what_waits(tmp_path: Path) -> None:
    chain = Chain(settings(tmp_path), NOW_S)
    for nonce in range(SENDER_TRANSACTIONS_MAX):
        chain.submit(transfer(ALICE, nonce))
    with pytest.raises(PoolRefused, match="full"):
        chain.submit(transfer(ALICE, SENDER_TRANSACTIONS_MAX))
    rich = DEVELOPMENT_FUNDS[BOB.address]
    chain.submit(transfer(BOB, 0, value_wei=rich // 2))
    with pytest.raises(PoolRefused, match="insufficient funds"):
        chain.submit(transfer(BOB, 1, value_wei=rich // 2))
    assert len(chain.mine(NOW_S).transactions) == SENDER_TRANSACTIONS_MAX + 1
    assert len(chain.pool) == 0
    chain.close()


def test_a_transaction_below_the_base_fee_waits(tmp_path: Path) -> None:
    chain = Chain(settings(tmp_path), NOW_S)
    chain.submit(transfer(ALICE, 0, max_fee_wei=GWEI // 2, max_priority_fee_wei=0))
    assert chain.mine(NOW_S).transactions == ()
    for _ in range(10):
        chain.mine(NOW_S)
    assert chain.index.transaction(transfer(ALICE, 0, max_fee_wei=GWEI // 2, max_priority_fee_wei=0).hash) is not None
    chain.close()


def test_settings_that_cannot_work_are_refused(tmp_path: Path) -> None:
    for changes in (
        {"chain_id": 0},
        {"block_time_ms": -1},
        {"block_time_ms": 0, "development": False},
        {"safe_distance_blocks": 3},
        {"transaction_gas_cap": 40_000_000},
    ):
        with pytest.raises(ValueError, match=r".+"):
            settings(tmp_path, **changes)


def test_the_funded_accounts_are_those_of_the_development_keys() -> None:
    assert list(DEVELOPMENT_FUNDS) == [SigningKey(secret).address for secret in DEVELOPMENT_KEYS]
