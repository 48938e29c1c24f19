"""The embedded chain and anvil run the same random programs: receipts, storage and balances must be equal.

This is what holds the accounting around the EVM (cold and warm slots, refunds, nonces, fees, destroyed accounts) to an
implementation that nobody here wrote.
"""

import random
from pathlib import Path
from typing import Any

import pytest
import rlp

from node.l1.abi import load_contract
from node.l1.chain.settings import DEVELOPMENT_CHAIN_ID
from node.l1.transactions import FeeMarketFields, created_address, sign_fee_market
from proto.hashing import keccak
from proto.ids import Address
from proto.signing.secp256k1 import SigningKey
from tests.l1.bytecode import COUNTER, creation
from tests.l1.keys import DEVELOPMENT_KEYS
from tests.l1.nodes import ANVIL, L1Node, anvil, embedded

KEYS = [SigningKey(secret) for secret in DEVELOPMENT_KEYS[:3]]
CONTRACTS = 12
TRANSACTIONS = 120
SLOTS = 4
# Addresses that both know as precompiles: anvil has further ones, and 0 is where its fees go.
PRECOMPILES_SHARED = 10
GWEI = 10**9
FINALIZED_DISTANCE = 80

PLAIN = {
    "ADD": 0x01, "MUL": 0x02, "SUB": 0x03, "ISZERO": 0x15, "SHA3": 0x20, "ADDRESS": 0x30, "BALANCE": 0x31,
    "ORIGIN": 0x32, "CALLER": 0x33, "CALLVALUE": 0x34, "CALLDATASIZE": 0x36, "CODESIZE": 0x38, "GASPRICE": 0x3A,
    "EXTCODESIZE": 0x3B, "EXTCODEHASH": 0x3F, "CHAINID": 0x46, "SELFBALANCE": 0x47, "NUMBER": 0x43, "GASLIMIT": 0x45,
    "MLOAD": 0x51, "MSTORE": 0x52, "SLOAD": 0x54, "SSTORE": 0x55, "GAS": 0x5A, "TLOAD": 0x5C, "TSTORE": 0x5D,
    "DUP1": 0x80, "DUP2": 0x81, "SWAP1": 0x90, "LOG0": 0xA0, "LOG1": 0xA1,
}  # fmt: skip


Script = list[list[tuple[int, Address | None, bytes, int, int]]]
"""Blocks of (sender, recipient, data, wei, gas limit)."""


def push(value: int) -> bytes:
    """PUSH of the shortest width."""
    body = value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big")
    return bytes((0x5F + len(body),)) + body


def program(chance: random.Random, peers: list[Address]) -> bytes:
    """Random code that does a lot with state; some of it ends in a revert, an error or its own destruction."""
    code = b""
    for _ in range(chance.randrange(5, 40)):
        kind = chance.random()
        slot, value = chance.randrange(SLOTS), chance.choice((0, 0, 1, 2, 2**200))
        if kind < 0.30:
            code += push(value) + push(slot) + bytes((chance.choice((0x55, 0x55, 0x5D)),))
        elif kind < 0.40:
            code += push(slot) + bytes((chance.choice((0x54, 0x5C)), 0x50))
        elif kind < 0.65:
            target, wei = chance.choice(peers), chance.choice((0, 0, 1))
            gas = push(chance.choice((2_000, 30_000, 200_000)))
            call = chance.choice((0xF1, 0xF1, 0xF4, 0xFA))
            amount = push(wei) if call == 0xF1 else b""
            code += push(32) + push(0) + push(0) + push(0) + amount + push(int.from_bytes(target, "big")) + gas
            code += bytes((call, 0x50))
        elif kind < 0.72:
            init = creation(bytes((0x60, slot, 0x60, slot, 0x55, 0xFF if chance.random() < 0.5 else 0x00)))[:32]
            init = init if chance.random() < 0.7 else bytes((0x33, 0xFF))  # Destroyed while it is being created.
            code += push(int.from_bytes(init.ljust(32, b"\0"), "big")) + push(0) + b"\x52"
            if chance.random() < 0.5:
                code += push(len(init)) + push(0) + push(chance.randrange(2)) + b"\xf0\x50"
            else:
                code += push(chance.randrange(2)) + push(len(init)) + push(0) + push(0) + b"\xf5\x50"
        elif kind < 0.80:
            code += push(value) + push(chance.randrange(64)) + push(0) + b"\xa1"
        elif kind < 0.97:
            code += push(chance.randrange(1, PRECOMPILES_SHARED)) * 3 + bytes((chance.choice(list(PLAIN.values())),))
        else:
            heir = push(int.from_bytes(chance.choice(peers), "big"))
            code += chance.choice((push(32) + push(0) + b"\xfd", b"\xfe", heir + b"\xff", b"\x00"))
    return code


def script(chance: random.Random) -> Script:
    """Deployments, then calls."""
    peers = [created_address(KEYS[0].address, nonce) for nonce in range(CONTRACTS)]
    peers += [Address(chance.randbytes(20)) for _ in range(2)] + [KEYS[1].address]
    blocks: Script = []
    for _ in range(CONTRACTS):
        code = program(chance, peers)
        init = b"\x61" + len(code).to_bytes(2, "big") + bytes.fromhex("80600a5f395ff3") + code
        blocks.append([(0, None, init, 7, 3_000_000)])
    for _ in range(TRANSACTIONS // 3):
        sender = chance.randrange(len(KEYS))
        gas = chance.choice((60_000, 300_000, 2_000_000))
        blocks.append(
            [
                (sender, chance.choice(peers), chance.randbytes(chance.randrange(40)), chance.randrange(3), gas)
                for _ in range(3)
            ]
        )
    return blocks


async def play(l1: L1Node, blocks: Script) -> list[dict[str, Any]]:
    """Run the script; the receipts."""
    nonces = [0] * len(KEYS)
    receipts = []
    for block in blocks:
        hashes = []
        for sender, to, data, wei, gas in block:
            fields = FeeMarketFields(DEVELOPMENT_CHAIN_ID, nonces[sender], 20 * GWEI, GWEI, gas, to, wei, data)
            nonces[sender] += 1
            tx = sign_fee_market(fields, KEYS[sender])
            await l1.client.send_raw(tx.raw, tx.hash)
            hashes.append(tx.hash)
        await l1.mine()
        receipts += [await l1.rpc("eth_getTransactionReceipt", "0x" + each.hex()) for each in hashes]
    return receipts


COMPARED = ("status", "gasUsed", "cumulativeGasUsed", "effectiveGasPrice", "logsBloom", "blockNumber", "type")


async def same(first: L1Node, second: L1Node, blocks: Script) -> None:
    """Play on both and compare everything that anyone can see."""
    ours, theirs = await play(first, blocks), await play(second, blocks)
    for position, (left, right) in enumerate(zip(ours, theirs, strict=True)):
        assert [left[key] for key in COMPARED] == [right[key] for key in COMPARED], f"transaction {position}"
        assert (left["contractAddress"] or "").lower() == (right["contractAddress"] or "").lower()
        assert [(log["address"].lower(), log["topics"], log["data"], log["logIndex"]) for log in left["logs"]] == [
            (log["address"].lower(), log["topics"], log["data"], log["logIndex"]) for log in right["logs"]
        ]
    touched = {created_address(KEYS[0].address, nonce) for nonce in range(CONTRACTS + 2)}
    touched |= {created_address(parent, nonce) for parent in tuple(touched) for nonce in range(1, 4)}
    touched |= {key.address for key in KEYS}
    for address in touched:
        for method, *rest in (
            ("eth_getBalance",),
            ("eth_getTransactionCount",),
            ("eth_getCode",),
            *(("eth_getStorageAt", hex(slot)) for slot in range(SLOTS)),
        ):
            params = ("0x" + address.hex(), *rest, "latest")
            assert await first.rpc(method, *params) == await second.rpc(method, *params), (method, params)


@pytest.mark.skipif(not ANVIL.exists(), reason="anvil is not installed (npm ci)")
@pytest.mark.parametrize("round_number", range(4))
async def test_random_programs_run_alike(tmp_path: Path, seed: int, round_number: int) -> None:
    blocks = script(random.Random(seed * 1_000 + round_number))
    async with embedded(tmp_path / "l1", FINALIZED_DISTANCE) as ours, anvil(FINALIZED_DISTANCE) as theirs:
        await same(ours, theirs, blocks)


@pytest.mark.skipif(not ANVIL.exists(), reason="anvil is not installed (npm ci)")
async def test_a_compiled_token_runs_alike(tmp_path: Path) -> None:
    token = load_contract("TestToken")
    at, alice, bob = created_address(KEYS[0].address, 0), KEYS[0].address, KEYS[1].address
    calls = [
        (0, token.encode_call("mint", alice, 10**12)),
        (0, token.encode_call("transfer", bob, 5)),
        (0, token.encode_call("approve", bob, 2**256 - 1)),
        (1, token.encode_call("transferFrom", alice, bob, 7)),
        (1, token.encode_call("transfer", alice, 12)),
        (1, token.encode_call("transfer", alice, 1)),  # Reverts: nothing left.
    ]
    creation_code = token.creation_code("Dollar", "USD", 6)
    blocks: Script = [[(0, None, creation_code, 0, 3_000_000)]]
    blocks.extend([(sender, at, data, 0, 200_000)] for sender, data in calls)
    async with embedded(tmp_path / "l1", FINALIZED_DISTANCE) as ours, anvil(FINALIZED_DISTANCE) as theirs:
        await same(ours, theirs, blocks)
        receipts = await play_statuses(ours, 1, len(blocks))
        assert receipts == ["0x1"] * (len(blocks) - 1) + ["0x0"]


async def play_statuses(l1: L1Node, first: int, last: int) -> list[str]:
    """Status of the single transaction of each block."""
    return [(await l1.rpc("eth_getBlockReceipts", hex(number)))[0]["status"] for number in range(first, last + 1)]


@pytest.mark.skipif(not ANVIL.exists(), reason="anvil is not installed (npm ci)")
async def test_estimates_suffice_and_are_close(tmp_path: Path) -> None:
    call = {"from": "0x" + KEYS[0].address.hex(), "to": "0x" + created_address(KEYS[0].address, 0).hex()}
    estimates = []
    async with embedded(tmp_path / "l1", FINALIZED_DISTANCE) as ours, anvil(FINALIZED_DISTANCE) as theirs:
        for l1 in (ours, theirs):
            await play(l1, [[(0, None, creation(COUNTER), 0, 500_000)]])
            estimates.append(int(await l1.rpc("eth_estimateGas", call), 16))
        assert abs(estimates[0] - estimates[1]) * 50 < estimates[1]
        (receipt,) = await play_with_gas(ours, estimates[0])
        assert receipt["status"] == "0x1"


async def play_with_gas(l1: L1Node, gas: int) -> list[dict[str, Any]]:
    """Call the counter once with exactly this gas, from another account."""
    to = created_address(KEYS[0].address, 0)
    fields = FeeMarketFields(DEVELOPMENT_CHAIN_ID, 0, 20 * GWEI, GWEI, gas, to, 0, b"")
    tx = sign_fee_market(fields, KEYS[1])
    await l1.client.send_raw(tx.raw, tx.hash)
    await l1.mine()
    return [await l1.rpc("eth_getTransactionReceipt", "0x" + tx.hash.hex())]


@pytest.mark.skipif(not ANVIL.exists(), reason="anvil is not installed (npm ci)")
async def test_headers_hash_to_their_names(tmp_path: Path) -> None:
    """A block's hash is keccak of its RLP, field by field as a client would rebuild it, on both nodes."""
    async with embedded(tmp_path / "l1", FINALIZED_DISTANCE) as ours, anvil(FINALIZED_DISTANCE) as theirs:
        for l1 in (ours, theirs):
            await play(l1, [[(0, None, creation(COUNTER), 0, 500_000)], [(0, KEYS[1].address, b"", 1, 50_000)]])
            for number in (1, 2):
                block = await l1.rpc("eth_getBlockByNumber", hex(number), False)  # noqa: FBT003
                assert "0x" + keccak(rlp.encode(_header_items(block))).hex() == block["hash"]


def _header_items(block: dict[str, Any]) -> list[bytes]:
    names = [
        *("parentHash", "sha3Uncles", "miner", "stateRoot", "transactionsRoot", "receiptsRoot", "logsBloom"),
        *("difficulty", "number", "gasLimit", "gasUsed", "timestamp", "extraData", "mixHash", "nonce"),
        *("baseFeePerGas", "withdrawalsRoot", "blobGasUsed", "excessBlobGas", "parentBeaconBlockRoot"),
        "requestsHash",
    ]
    quantities = {"difficulty", "number", "gasLimit", "gasUsed", "timestamp", "baseFeePerGas", "blobGasUsed"}
    quantities.add("excessBlobGas")
    items = []
    for name in names:
        value = block.get(name)
        if value is None:
            continue
        if name in quantities:
            number = int(value, 16)
            items.append(number.to_bytes((number.bit_length() + 7) // 8, "big"))
        else:
            items.append(bytes.fromhex(value[2:]))
    return items
