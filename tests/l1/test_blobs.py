"""Blobs: layout, transactions, what a chain makes of them, and reading them back without trust. On the embedded chain and on anvil."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from eth_account import Account
from eth_utils.address import to_checksum_address
from hypothesis import given, settings
from hypothesis import strategies as st

from node.l1 import blobs
from node.l1.answers import L1Refused, L1Unavailable
from node.l1.blob_source import BlobSource, Slots
from node.l1.blobs import BLOB_BYTES, BLOB_DATA_MAX, BlobMalformed, Sidecar, pack_blob, unpack_blob
from node.l1.kzg.commitments import (
    cell_proofs_of,
    commitment_of,
    element_proof,
    is_blob_of,
    proof_of,
    versioned_hash,
)
from node.l1.rpc import CallMessage
from node.l1.transactions import (
    BlobFields,
    FeeMarketFields,
    Transaction,
    TransactionMalformed,
    created_address,
    decode_transaction,
    sign_blob,
    sign_fee_market,
)
from proto.ids import Address
from proto.signing.secp256k1 import SigningKey
from tests.l1.keys import DEVELOPMENT_KEYS
from tests.l1.nodes import L1Node, embedded

KEY = SigningKey(DEVELOPMENT_KEYS[0])
GWEI = 10**9
KEEP = True  # The transactions of the blocks that go.
DATA = bytes(range(256)) * 400
BLOB = pack_blob(DATA)
COMMITMENT = commitment_of(BLOB)
HASH = versioned_hash(COMMITMENT)
CELLS = Sidecar((BLOB,), (COMMITMENT,), cell_proofs_of(BLOB))
WHOLE = Sidecar((BLOB,), (COMMITMENT,), (proof_of(BLOB, COMMITMENT),))
# Stores BLOBHASH(0) in slot 0: PUSH1 0, BLOBHASH, PUSH1 0, SSTORE, STOP; before it, the code that returns this code.
KEEPER = bytes.fromhex("6007600c60003960076000f3" + "60004960005500")
POINT_EVALUATION = Address(bytes(19) + b"\x0a")


@given(st.binary(max_size=2_000), st.integers(0, BLOB_DATA_MAX - 2_000))
@settings(max_examples=60, deadline=None)
def test_data_comes_out_of_a_blob_as_it_went_in(tail: bytes, zeros: int) -> None:
    content = bytes(zeros) + tail
    blob = pack_blob(content)
    assert len(blob) == BLOB_BYTES
    assert unpack_blob(blob, len(content)) == content


def test_what_is_not_laid_out_like_ours_is_refused() -> None:
    bad = bytearray(pack_blob(DATA))
    bad[32] = 1
    for blob, length in ((bytes(bad), len(DATA)), (BLOB, len(DATA) - 1), (BLOB[1:], 10), (BLOB, BLOB_DATA_MAX + 1)):
        with pytest.raises(BlobMalformed):
            unpack_blob(blob, length)
    with pytest.raises(BlobMalformed):
        pack_blob(bytes(BLOB_DATA_MAX + 1))
    with pytest.raises(BlobMalformed):
        commitment_of(b"\xff" * BLOB_BYTES)  # Above the curve's order.


def test_fees_follow_the_series() -> None:
    """Values of EIP-4844's series at Prague's update fraction: e^1 and e^2 of it, and the floor."""
    assert blobs.blob_fee_wei(0) == 1
    assert blobs.blob_fee_wei(blobs.FEE_UPDATE_FRACTION) == 2
    assert blobs.blob_fee_wei(10 * blobs.FEE_UPDATE_FRACTION) == 22_026
    assert blobs.next_excess_gas(0, 6 * blobs.GAS_PER_BLOB) == 0
    assert blobs.next_excess_gas(5, 9 * blobs.GAS_PER_BLOB) == 5 + 3 * blobs.GAS_PER_BLOB


def signed(nonce: int, to: Address, sidecar: Sidecar = CELLS, blob_fee: int = GWEI) -> Transaction:
    """A transaction with one blob."""
    fields = FeeMarketFields(31337, nonce, 10 * GWEI, GWEI, 200_000, to, 0, b"")
    return sign_blob(fields, BlobFields(blob_fee, (HASH,), sidecar), KEY)


def test_a_transaction_survives_its_encodings() -> None:
    for sidecar in (CELLS, WHOLE):
        made = signed(7, KEY.address, sidecar)
        assert decode_transaction(made.network_raw) == made
        assert decode_transaction(made.raw) == replace(made, sidecar=None)
        assert made.sender == KEY.address


def test_a_foreign_signer_makes_the_same_transaction() -> None:
    """eth-account signs the same fields to the same bytes."""
    made = signed(3, KEY.address)
    fields = {
        "type": 3, "chainId": 31337, "nonce": 3, "maxFeePerGas": 10 * GWEI, "maxPriorityFeePerGas": GWEI, "gas": 200_000,
        "to": to_checksum_address(KEY.address), "value": 0, "data": b"", "maxFeePerBlobGas": GWEI, "blobVersionedHashes": [HASH],
        "accessList": [],
    }  # fmt: skip
    theirs = Account.sign_transaction(fields, DEVELOPMENT_KEYS[0], blobs=[BLOB])
    found = decode_transaction(bytes(theirs.raw_transaction))
    assert replace(found, sidecar=None) == replace(made, sidecar=None)


def test_malformed_sidecars_are_refused() -> None:
    for sidecar in (
        replace(CELLS, blobs=()),
        replace(CELLS, commitments=(COMMITMENT[1:],)),
        replace(CELLS, proofs=CELLS.proofs[1:]),
        replace(WHOLE, blobs=(BLOB[1:],)),
    ):
        with pytest.raises(TransactionMalformed):
            decode_transaction(signed(0, KEY.address, sidecar).network_raw)


async def keeper(l1: L1Node) -> Address:
    """A contract that remembers the hash of the first blob it is sent."""
    nonce = await l1.client.nonce(KEY.address)
    created = sign_fee_market(FeeMarketFields(31337, nonce, 10 * GWEI, GWEI, 300_000, None, 0, KEEPER), KEY)
    await l1.client.send_raw(created.raw, created.hash)
    await l1.mine()
    return created_address(KEY.address, nonce)


async def test_a_chain_shows_the_hash_keeps_the_blob_and_takes_the_fee(l1: L1Node) -> None:
    at = await keeper(l1)
    async with BlobSource(l1.url) as source:
        for sidecar in (CELLS, WHOLE):
            before = await l1.client.balance(KEY.address)
            tx = signed(await l1.client.nonce(KEY.address), at, sidecar)
            await l1.client.send_raw(tx.network_raw, tx.hash)
            await l1.mine()
            receipt = await l1.rpc("eth_getTransactionReceipt", "0x" + tx.hash.hex())
            assert (int(receipt["status"], 16), int(receipt["blobGasUsed"], 16)) == (1, blobs.GAS_PER_BLOB)
            assert await l1.client.storage(at, 0) == HASH
            gas_wei = int(receipt["gasUsed"], 16) * int(receipt["effectiveGasPrice"], 16)
            blob_wei = blobs.GAS_PER_BLOB * int(receipt["blobGasPrice"], 16)
            assert before - await l1.client.balance(KEY.address) == gas_wei + blob_wei
            number = int(receipt["blockNumber"], 16)
            block = await l1.client.block(number)
            assert block is not None
            (blob,) = await source.blobs(number, block.timestamp_s, [HASH])
            assert unpack_blob(blob, len(DATA)) == DATA
            shown = await l1.rpc("eth_getTransactionByHash", "0x" + tx.hash.hex())
            assert shown["blobVersionedHashes"] == ["0x" + HASH.hex()]
        head = await l1.client.block("latest")
        assert head is not None
        with pytest.raises(L1Unavailable):
            await source.blobs(head.number, head.timestamp_s, [b"\x01" + bytes(31)])


async def test_the_evm_opens_a_blob_at_any_element(l1: L1Node) -> None:
    """The point-evaluation precompile agrees with the proof, and refuses another value."""
    place = (3).to_bytes(32, "big")
    proof, value = element_proof(BLOB, place)
    call = HASH + place + value + COMMITMENT + proof
    answer = await l1.client.call(CallMessage(POINT_EVALUATION, call))
    assert int.from_bytes(answer[:32], "big") == blobs.ELEMENTS
    bent = HASH + place + value[:-1] + bytes([value[-1] ^ 1]) + COMMITMENT + proof
    with pytest.raises(L1Refused):
        await l1.client.call(CallMessage(POINT_EVALUATION, bent))


async def test_what_the_pool_refuses(l1: L1Node) -> None:
    at, client = await keeper(l1), l1.client
    nonce = await client.nonce(KEY.address)
    other = pack_blob(b"another")
    for sidecar in (replace(CELLS, blobs=(other,)), replace(WHOLE, proofs=(COMMITMENT,))):
        tx = signed(nonce, at, sidecar)
        with pytest.raises(L1Refused):
            await client.send_raw(tx.network_raw, tx.hash)
    bare = signed(nonce, at)
    with pytest.raises(L1Refused):
        await client.send_raw(bare.raw, bare.hash)
    await l1.mine()
    assert await client.nonce(KEY.address) == nonce


async def test_blobs_survive_a_restart_and_a_reorganisation_can_bring_them_back(tmp_path: Path) -> None:
    directory = tmp_path / "l1"
    async with embedded(directory, 80) as l1:
        at = await keeper(l1)
        tx = signed(await l1.client.nonce(KEY.address), at)
        await l1.client.send_raw(tx.network_raw, tx.hash)
        await l1.mine()
        await l1.rpc("dev_reorg", 1, KEEP)
        assert await l1.client.receipt(tx.hash) is None
        await l1.mine()
        receipt = await l1.client.receipt(tx.hash)
        assert receipt is not None
    async with embedded(directory, 80) as l1, BlobSource(l1.url) as source:
        block = await l1.client.block(receipt.block_number)
        assert block is not None
        assert await source.blobs(block.number, block.timestamp_s, [HASH]) == (BLOB,)


async def test_a_blob_fee_below_the_market_waits_and_is_replaced_at_twice_the_price(tmp_path: Path) -> None:
    async with embedded(tmp_path / "l1", 2) as l1:
        at = await keeper(l1)
        nonce = await l1.client.nonce(KEY.address)
        low = signed(nonce, at, blob_fee=0)
        await l1.client.send_raw(low.network_raw, low.hash)
        await l1.mine()
        assert await l1.client.receipt(low.hash) is None
        mixed = sign_fee_market(FeeMarketFields(31337, nonce + 1, 10 * GWEI, GWEI, 50_000, at, 0, b""), KEY)
        with pytest.raises(L1Refused, match="reserved"):
            await l1.client.send_raw(mixed.raw, mixed.hash)
        fields = FeeMarketFields(31337, nonce, 20 * GWEI, 2 * GWEI, 200_000, at, 0, b"")
        high = sign_blob(fields, BlobFields(GWEI, (HASH,), CELLS), KEY)
        await l1.client.send_raw(high.network_raw, high.hash)
        await l1.mine()
        assert await l1.client.receipt(high.hash) is not None


def test_a_bent_commitment_is_not_the_blobs() -> None:
    assert is_blob_of(BLOB, COMMITMENT, proof_of(BLOB, COMMITMENT))
    assert not is_blob_of(pack_blob(b"another"), COMMITMENT, proof_of(BLOB, COMMITMENT))
    assert not is_blob_of(BLOB, b"\xff" * 48, b"\xff" * 48)


def test_heights_become_slots_by_time() -> None:
    assert Slots(1_000, 12).of(5, 1_000 + 12 * 77) == 77
    assert Slots(0, 0).of(5, 99) == 5


async def test_nobody_serving_blobs_is_away() -> None:
    async with BlobSource("http://127.0.0.1:1", timeout_s=2) as source, asyncio.timeout(10):
        with pytest.raises(L1Unavailable):
            await source.blobs(1, 1, [HASH])
