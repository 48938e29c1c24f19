"""What the node, the watcher and ordinary tools rely on: plain JSON-RPC and eth-account, on both L1 nodes."""

import secrets
from typing import Any

import aiohttp
import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.address import to_checksum_address

from node.l1.answers import L1Refused
from node.l1.chain.settings import TRANSACTION_GAS_CAP
from node.l1.rpc import CallMessage
from node.l1.transactions import created_address, floor_gas
from proto.ids import Address
from tests.l1.bytecode import CLEAR, COUNTED, COUNTER, SPIN, creation
from tests.l1.keys import DEVELOPMENT_KEYS
from tests.l1.nodes import L1Node

ALICE: LocalAccount = Account.from_key(DEVELOPMENT_KEYS[0])
BOB: LocalAccount = Account.from_key(DEVELOPMENT_KEYS[1])
GWEI = 10**9
IN_FULL = True  # Second parameter of eth_getBlockBy….


def signed(account: LocalAccount, **fields: Any) -> str:
    """Raw hex of a transaction, fee-market unless the fields say otherwise."""
    fees = {} if "gasPrice" in fields else {"maxFeePerGas": 10 * GWEI, "maxPriorityFeePerGas": GWEI}
    whole = {"chainId": 31337, "nonce": 0, "gas": 100_000, "value": 0} | fees | fields
    return "0x" + bytes(account.sign_transaction(whole).raw_transaction).hex()


async def send(l1: L1Node, account: LocalAccount, **fields: Any) -> str:
    """Send and return the hash."""
    result: str = await l1.rpc("eth_sendRawTransaction", signed(account, **fields))
    return result


async def deployed(l1: L1Node, runtime: bytes, nonce: int = 0) -> str:
    """Deploy from Alice, mine, return the address."""
    await send(l1, ALICE, nonce=nonce, data=creation(runtime), gas=500_000)
    await l1.mine()
    return "0x" + created_address(bytes.fromhex(ALICE.address[2:]), nonce).hex()


async def test_transfer_with_ordinary_tools(l1: L1Node) -> None:
    """aiohttp and eth-account alone: no code of ours between the tool and the node."""

    async def rpc(method: str, *params: Any) -> Any:
        payload = {"jsonrpc": "2.0", "id": 7, "method": method, "params": list(params)}
        async with aiohttp.ClientSession() as session, session.post(l1.url, json=payload) as response:
            answer = await response.json()
            assert answer["id"] == 7
            return answer["result"]

    assert await rpc("eth_chainId") == "0x7a69"
    assert await rpc("net_version") == "31337"
    assert await rpc("eth_syncing") is False
    target = "0x" + secrets.token_bytes(20).hex()
    raw = signed(ALICE, to=_checksum(target), value=12_345, gas=21_000)
    transaction_hash = await rpc("eth_sendRawTransaction", raw)
    assert await rpc("eth_getTransactionReceipt", transaction_hash) is None
    assert (await rpc("eth_getTransactionByHash", transaction_hash))["blockHash"] is None
    await rpc("evm_mine")
    receipt = await rpc("eth_getTransactionReceipt", transaction_hash)
    assert receipt["status"] == "0x1"
    assert receipt["gasUsed"] == "0x5208"
    assert receipt["from"].lower() == ALICE.address.lower()
    assert int(await rpc("eth_getBalance", target, "latest"), 16) == 12_345
    block = await rpc("eth_getBlockByNumber", receipt["blockNumber"], IN_FULL)
    assert block["hash"] == receipt["blockHash"]
    assert block["transactions"][0]["hash"] == transaction_hash
    assert (await rpc("eth_getBlockByHash", block["hash"], not IN_FULL))["transactions"] == [transaction_hash]
    paid = int(receipt["gasUsed"], 16) * int(receipt["effectiveGasPrice"], 16)
    assert int(await rpc("eth_getBalance", ALICE.address, "latest"), 16) == 10_000 * 10**18 - paid - 12_345
    assert int(await rpc("eth_getTransactionCount", ALICE.address, "latest"), 16) == 1


def _checksum(address: str) -> str:
    return str(to_checksum_address(address))


async def test_legacy_and_access_list_transactions(l1: L1Node) -> None:
    await send(l1, ALICE, nonce=0, to=BOB.address, value=1, gasPrice=10 * GWEI)
    access_list = [{"address": BOB.address, "storageKeys": ["0x" + "00" * 32]}]
    warmed = await send(l1, ALICE, nonce=1, to=BOB.address, gasPrice=10 * GWEI, accessList=access_list)
    plain = await send(l1, ALICE, nonce=2, to=BOB.address)
    await l1.mine()
    assert (await l1.rpc("eth_getTransactionReceipt", warmed))["gasUsed"] == hex(21_000 + 2_400 + 1_900)
    assert (await l1.rpc("eth_getTransactionReceipt", plain))["gasUsed"] == hex(21_000)
    found = await l1.rpc("eth_getTransactionByHash", warmed)
    assert found["type"] == "0x1"
    assert found["accessList"][0]["storageKeys"] == ["0x" + "00" * 32]


async def test_contract_receipts_and_logs(l1: L1Node) -> None:
    counter = await deployed(l1, COUNTER)
    assert await l1.rpc("eth_getCode", counter, "latest") == "0x" + COUNTER.hex()
    hashes = [await send(l1, ALICE, nonce=nonce, to=_checksum(counter)) for nonce in (1, 2)]
    await l1.mine()
    receipts = [await l1.rpc("eth_getTransactionReceipt", each) for each in hashes]
    # Each transaction starts with cold slots: the first sets a slot, the second changes it.
    first_gas, second_gas = (int(receipt["gasUsed"], 16) for receipt in receipts)
    assert first_gas - second_gas == 17_100
    assert [receipt["logs"][0]["logIndex"] for receipt in receipts] == ["0x0", "0x1"]
    assert int(receipts[1]["cumulativeGasUsed"], 16) == first_gas + second_gas
    address = Address(bytes.fromhex(counter[2:]))
    number = int(receipts[0]["blockNumber"], 16)
    logs = await l1.client.logs(0, number, (address,), (COUNTED,))
    assert [int.from_bytes(log.data, "big") for log in logs] == [1, 2]
    assert await l1.client.logs(0, number, (address,), ((bytes(32), COUNTED),)) == logs
    assert await l1.client.logs(0, number, (), (bytes(32),)) == ()
    block = await l1.client.block(number)
    assert block is not None
    assert await l1.client.logs_of_block(block, (address,)) == logs
    assert int(await l1.rpc("eth_getStorageAt", counter, "0x0", "latest"), 16) == 2
    receipts_of_block = await l1.rpc("eth_getBlockReceipts", hex(number))
    assert [receipt["transactionHash"] for receipt in receipts_of_block] == hashes
    with pytest.raises(L1Refused):
        await l1.rpc("eth_getLogs", {"blockHash": "0x" + "11" * 32})


async def test_safe_and_finalized_follow_at_a_distance(l1: L1Node) -> None:
    counter = await deployed(l1, COUNTER)
    await send(l1, ALICE, nonce=1, to=_checksum(counter))
    await l1.mine()
    await l1.mine(2)
    head = await l1.client.block_number()
    safe, final = await l1.client.block("safe"), await l1.client.block("finalized")
    assert safe is not None
    assert final is not None
    assert (safe.number, final.number) == (head - 1, head - 2)
    call = CallMessage(Address(bytes.fromhex(counter[2:])), b"")
    # State is that of the block asked about: a call at block 1 sees a counter of 0.
    assert int.from_bytes(await l1.client.call(call, "finalized"), "big") == 2
    assert int.from_bytes(await l1.client.call(call, 1), "big") == 1
    assert await l1.client.code(Address(bytes.fromhex(counter[2:])), 0) == b""


async def test_revert_data_reaches_the_caller(l1: L1Node) -> None:
    counter = await deployed(l1, COUNTER)
    address = Address(bytes.fromhex(counter[2:]))
    for method in (l1.client.call, l1.client.estimate_gas):
        with pytest.raises(L1Refused) as refused:
            await method(CallMessage(address, bytes.fromhex("deadbeef01")))
        assert refused.value.code == 3
        assert refused.value.data == bytes.fromhex("deadbeef01")
    failed = await send(l1, ALICE, nonce=1, to=_checksum(counter), data="0xdeadbeef")
    spinner = creation(SPIN)
    await send(l1, ALICE, nonce=2, data=spinner, gas=500_000)
    await l1.mine()
    receipt = await l1.rpc("eth_getTransactionReceipt", failed)
    assert receipt["status"] == "0x0"
    assert receipt["logs"] == []
    spin = "0x" + created_address(bytes.fromhex(ALICE.address[2:]), 2).hex()
    burnt = await send(l1, ALICE, nonce=3, to=_checksum(spin), gas=60_000)
    await l1.mine()
    receipt = await l1.rpc("eth_getTransactionReceipt", burnt)
    assert (receipt["status"], int(receipt["gasUsed"], 16)) == ("0x0", 60_000)


async def test_refunds_and_calldata_floor(l1: L1Node) -> None:
    store = await deployed(l1, CLEAR)
    word = "0x" + (7).to_bytes(32, "big").hex()
    await send(l1, ALICE, nonce=1, to=_checksum(store), data=word)
    await l1.mine()
    cleared = await send(l1, ALICE, nonce=2, to=_checksum(store), data="0x" + bytes(32).hex())
    payload = secrets.token_bytes(5_000).replace(b"\0", b"\1")
    posted = await send(l1, ALICE, nonce=3, to=BOB.address, data=payload, gas=400_000)
    await l1.mine()
    gas = int((await l1.rpc("eth_getTransactionReceipt", cleared))["gasUsed"], 16)
    # Start, 32 zero bytes, three cheap instructions, a cold slot reset, minus the refund.
    assert gas == 21_000 + 32 * 4 + (2 + 3 + 2) + 5_000 - 4_800
    assert int((await l1.rpc("eth_getTransactionReceipt", posted))["gasUsed"], 16) == floor_gas(payload)
    assert floor_gas(payload) == 21_000 + 40 * 5_000


async def test_nonce_gap_waits_and_replacement_needs_a_tenth_more(l1: L1Node) -> None:
    late = await send(l1, ALICE, nonce=1, to=BOB.address)
    await l1.mine()
    assert await l1.rpc("eth_getTransactionReceipt", late) is None
    await send(l1, ALICE, nonce=0, to=BOB.address, value=1, maxFeePerGas=10 * GWEI, maxPriorityFeePerGas=GWEI)
    assert int(await l1.rpc("eth_getTransactionCount", ALICE.address, "pending"), 16) == 2
    with pytest.raises(L1Refused, match="underpriced"):
        await send(l1, ALICE, nonce=0, to=BOB.address, value=2, maxFeePerGas=10 * GWEI, maxPriorityFeePerGas=GWEI)
    better = await send(
        l1, ALICE, nonce=0, to=BOB.address, value=3, maxFeePerGas=12 * GWEI, maxPriorityFeePerGas=12 * GWEI // 10
    )
    await l1.mine()
    assert (await l1.rpc("eth_getTransactionReceipt", better))["status"] == "0x1"
    assert (await l1.rpc("eth_getTransactionReceipt", late))["status"] == "0x1"
    with pytest.raises(L1Refused, match="nonce too low"):
        await send(l1, ALICE, nonce=0, to=BOB.address, value=4)


async def test_gas_cap_and_poor_senders_are_refused(l1: L1Node) -> None:
    with pytest.raises(L1Refused):
        await send(l1, ALICE, to=BOB.address, gas=TRANSACTION_GAS_CAP + 1)
    with pytest.raises(L1Refused, match=r"(?i)insufficient funds"):
        await send(l1, Account.create(), to=BOB.address, value=1)
    with pytest.raises(L1Refused):
        await send(l1, ALICE, to=BOB.address, gas=20_999)
    with pytest.raises(L1Refused):
        await send(l1, ALICE, to=BOB.address, chainId=1)
    await send(l1, ALICE, to=BOB.address, gas=TRANSACTION_GAS_CAP)


async def test_unknown_methods_and_bad_parameters_have_their_codes(l1: L1Node) -> None:
    with pytest.raises(L1Refused) as refused:
        await l1.rpc("eth_doesNotExist")
    assert refused.value.code == -32601
    for params in (("0x12",), (), ("not hex", "latest")):
        with pytest.raises(L1Refused) as refused:
            await l1.rpc("eth_getBalance", *params)
        assert refused.value.code == -32602


async def test_batches_are_answered_in_order(l1: L1Node) -> None:
    batch = [{"jsonrpc": "2.0", "id": n, "method": "eth_getBlockByNumber", "params": ["0x0", False]} for n in range(5)]
    async with aiohttp.ClientSession() as session, session.post(l1.url, json=batch) as response:
        answers = await response.json()
    assert [answer["id"] for answer in answers] == list(range(5))
    assert len({answer["result"]["hash"] for answer in answers}) == 1


async def test_reorg_changes_hashes_and_drops_receipts(deep_l1: L1Node) -> None:
    l1 = deep_l1
    await l1.mine(3)
    dropped = await send(l1, ALICE, to=BOB.address)
    await l1.mine()
    before = await l1.client.block("latest")
    await l1.reorg(2)
    after = await l1.client.block("latest")
    assert before is not None
    assert after is not None
    assert after.hash != before.hash
    assert await l1.client.block_by_hash(before.hash) is None
    assert await l1.rpc("eth_getTransactionReceipt", dropped) is None
    assert await l1.client.nonce(Address(bytes.fromhex(ALICE.address[2:]))) == 0
