"""Two L1 nodes that must say alike: a bent answer is found whatever it is about, and a lagging node only delays."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from node.l1.abi import load_contract
from node.l1.answers import L1NodesDisagree, L1Refused, L1Unavailable
from node.l1.compared import ComparedL1Client, open_l1
from node.l1.rpc import CallMessage, L1Client, L1ClientSettings
from node.l1.sender import Included, Intent, SenderSettings, TransactionSender
from proto.ids import Address
from proto.signing.secp256k1 import SigningKey
from tests.l1.keys import DEVELOPMENT_KEYS
from tests.l1.nodes import L1Node, embedded, mining
from tests.l1.proxy import Bend, Fate, proxy

KEY = SigningKey(DEVELOPMENT_KEYS[0])
TOKEN = load_contract("TestToken")


class Deployed:
    """A chain with a token, a transfer in it, and what to ask of it."""

    def __init__(self, l1: L1Node, token: Address, block: int, transaction: bytes) -> None:
        self.l1, self.token, self.block, self.transaction = l1, token, block, transaction

    async def ask(self, method: str, client: L1Client) -> Any:
        """One question by the name of the JSON-RPC method that carries it."""
        match method:
            case "eth_getBlockByNumber":
                return await client.block(self.block)
            case "eth_getBlockByHash":
                block = await self.l1.client.block(self.block)
                assert block is not None
                return await client.block_by_hash(block.hash)
            case "eth_getLogs":
                return await client.logs(0, self.block, (self.token,))
            case "eth_getTransactionByHash":
                return await client.transaction(self.transaction)
            case "eth_getTransactionReceipt":
                return await client.receipt(self.transaction)
            case "eth_call":
                holder = "0x" + KEY.address.hex()
                return await client.call(CallMessage(self.token, TOKEN.encode_call("balanceOf", holder)))
            case "eth_getCode":
                return await client.code(self.token)
            case "eth_getStorageAt":
                return await client.storage(self.token, 2)
            case "eth_getTransactionCount":
                return await client.nonce(KEY.address)
            case "eth_getBalance":
                return await client.balance(KEY.address)
            case _:
                return await client.chain_id()


METHODS = (
    "eth_getBlockByNumber", "eth_getBlockByHash", "eth_getLogs", "eth_getTransactionByHash", "eth_getTransactionReceipt",
    "eth_call", "eth_getCode", "eth_getStorageAt", "eth_getTransactionCount", "eth_getBalance", "eth_chainId",
)  # fmt: skip
FIELDS = {  # Where the result is an object: the field to bend.
    "eth_getBlockByNumber": "parentHash", "eth_getBlockByHash": "parentHash", "eth_getLogs": "data",
    "eth_getTransactionByHash": "input", "eth_getTransactionReceipt": "gasUsed",
}  # fmt: skip


@pytest.fixture
async def deployed(tmp_path: Path) -> AsyncIterator[Deployed]:
    """A token on the embedded chain."""
    async with embedded(tmp_path / "l1", 2) as l1:
        sender = TransactionSender(l1.client, KEY, SenderSettings(chain_id=31337, poll_s=0.005))
        async with mining(l1):
            created = await sender.send(Intent(None, TOKEN.creation_code("Dollar", "USD", 6)))
            assert isinstance(created, Included)
            token = created.receipt.contract
            assert token is not None
            minted = await sender.send(Intent(token, TOKEN.encode_call("mint", "0x" + KEY.address.hex(), 5)))
            assert isinstance(minted, Included)
        await l1.mine(3)
        yield Deployed(l1, token, minted.receipt.block_number, minted.receipt.transaction_hash)


@asynccontextmanager
async def pair(url: str, bend: Bend) -> AsyncIterator[L1Client]:
    """A client of a node and of another that bends its answers."""
    async with proxy(url, lambda _: Fate.PASS, bend) as other, open_l1((url, other), timeout_s=2.0) as client:
        assert isinstance(client, ComparedL1Client)
        yield client


def bent(method: str, body: bytes) -> bytes:
    """The answer with one hex digit of one field changed, still well formed."""
    answer = json.loads(body)
    place: Any = answer
    field = FIELDS.get(method)
    if field is None:
        key: Any = "result"
    else:
        place, key = answer["result"], field
        if isinstance(place, list):
            place = place[0]
    text = place[key]
    place[key] = text[:-1] + ("1" if text[-1] != "1" else "2")
    return json.dumps(answer).encode()


async def test_honest_nodes_answer_like_one(deployed: Deployed) -> None:
    async with pair(deployed.l1.url, lambda _, body: body) as client:
        for method in METHODS:
            assert await deployed.ask(method, client) == await deployed.ask(method, deployed.l1.client)
        for tag in ("latest", "safe", "finalized"):
            assert await client.block(tag) == await deployed.l1.client.block(tag)
        with pytest.raises(L1Refused):
            await client.call(CallMessage(deployed.token, b"\0\0\0\0"))


@pytest.mark.parametrize("method", METHODS)
async def test_a_bent_answer_is_found(deployed: Deployed, method: str) -> None:
    def bend(payload: dict[str, Any], body: bytes) -> bytes:
        return bent(method, body) if payload["method"] == method else body

    async with pair(deployed.l1.url, bend) as client:
        with pytest.raises(L1NodesDisagree):
            await deployed.ask(method, client)


async def test_an_invented_or_hidden_log_is_found(deployed: Deployed) -> None:
    def hide(payload: dict[str, Any], body: bytes) -> bytes:
        return json.dumps(json.loads(body) | {"result": []}).encode() if payload["method"] == "eth_getLogs" else body

    async with pair(deployed.l1.url, hide) as client:
        with pytest.raises(L1NodesDisagree):
            await deployed.ask("eth_getLogs", client)


async def test_a_call_that_only_one_refuses_is_found(deployed: Deployed) -> None:
    def refuse(payload: dict[str, Any], body: bytes) -> bytes:
        if payload["method"] != "eth_call":
            return body
        return json.dumps({"jsonrpc": "2.0", "id": payload["id"], "error": {"code": 3, "message": "no"}}).encode()

    async with pair(deployed.l1.url, refuse) as client:
        with pytest.raises(L1NodesDisagree):
            await deployed.ask("eth_call", client)


async def test_a_lagging_node_sets_the_pace(deployed: Deployed) -> None:
    behind = 2
    true_head = await deployed.l1.client.block_number()

    def lag(payload: dict[str, Any], body: bytes) -> bytes:
        answer = json.loads(body)
        if payload["method"] == "eth_blockNumber":
            answer["result"] = hex(true_head - behind)
        elif payload["method"] == "eth_getBlockByNumber" and payload["params"][0] == hex(true_head):
            answer["result"] = None
        return json.dumps(answer).encode()

    async with pair(deployed.l1.url, lag) as client:
        assert await client.block_number() == true_head - behind
        assert await client.block(true_head) is None
        assert await client.block(true_head - behind) == await deployed.l1.client.block(true_head - behind)
        assert await deployed.ask("eth_call", client) == await deployed.ask("eth_call", deployed.l1.client)


async def test_one_node_away_is_l1_away(deployed: Deployed) -> None:
    urls = [L1ClientSettings(url=deployed.l1.url), L1ClientSettings(url="http://127.0.0.1:1", timeout_s=1.0)]
    async with ComparedL1Client(urls) as client:
        with pytest.raises(L1Unavailable):
            await client.block_number()


async def test_transactions_go_to_both(deployed: Deployed) -> None:
    sent: list[str] = []

    def note(payload: dict[str, Any], body: bytes) -> bytes:
        sent.append(payload["method"])
        return body

    async with pair(deployed.l1.url, note) as client, mining(deployed.l1):
        sender = TransactionSender(client, KEY, SenderSettings(chain_id=31337, poll_s=0.005))
        done = await sender.send(Intent(deployed.token, TOKEN.encode_call("mint", "0x" + KEY.address.hex(), 1)))
    assert isinstance(done, Included)
    assert "eth_sendRawTransaction" in sent


def test_comparing_a_node_with_itself_is_refused() -> None:
    for urls in ((), ("http://a", "http://a"), tuple(f"http://{n}" for n in range(5))):
        with pytest.raises(ValueError, match="different L1 nodes"):
            open_l1(urls)
