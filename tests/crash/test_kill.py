"""kill -9 of the real node under load: an outside client checks every acknowledgement and every receipt it was ever given.

Each round starts the node on the same data directory, checks what earlier rounds were told, trades as fast as it can over WebSocket, and
kills the process at a random moment. In the end the whole history is replayed from genesis.
"""

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from node.client.client import NovateClient
from node.client.errors import NotConnectedError
from node.config.genesis import find_genesis, load_genesis
from node.core.audit import audit
from node.lab.deposits import deposit
from node.lab.local_node import LocalNode, LocalNodeError, local_node
from node.ops.keystore import development_keys
from node.sequencer.recover import recover, replay
from node.store.settings import StoreSettings
from node.store.store import open_store
from proto.frames import FrameKind
from proto.ids import USDC, Address, IndexId, MarketId
from proto.inputs import IndexPrice, UserAction, decode_record
from proto.intents import (
    Intent,
    OrderSpec,
    OrderType,
    PlaceOrder,
    SelfTrade,
    Side,
    TimeInForce,
    Transfer,
    encode_intent,
)
from proto.merkle import list_proof_root
from proto.signing.eip712 import Domain, receipt_digest
from proto.signing.secp256k1 import recover as recover_signer
from proto.units import AssetUnits, Lots, MicroPrice, MicroUsd, Price, TimeMs

CHAIN_ID = 31337
KEYS = development_keys(CHAIN_ID, 23)
TRADERS, PUBLISHERS = KEYS[:2], KEYS[20:23]
USD = 1_000_000
WINDOW = 200
"""Actions on their way at once."""
ES = MarketId(3)
LOAD_S_MAX = 1.0


class Told(NamedTuple):
    """An answer with a sequence number: the action is durable, whatever the rules made of it."""

    action: bytes
    signature: bytes
    code: int


@dataclass(slots=True)
class Outsider:
    """Everything that the client was told, over all lives of the node."""

    rng: random.Random
    told: dict[int, Told] = field(default_factory=dict)
    receipts: dict[int, dict[str, Any]] = field(default_factory=dict)
    signed_cycles: dict[int, tuple[bytes, bytes]] = field(default_factory=dict)
    """Root and head of every cycle with a receipt, by first number: two different ones are equivocation."""
    operator: Address | None = None
    nonce: int = 0
    killed_pid: int = 0
    """The process that was killed last: its end is no surprise."""

    def kill(self, node: LocalNode) -> None:
        """kill -9."""
        self.killed_pid = node.pid
        os.kill(node.pid, signal.SIGKILL)

    def intent(self, account: Address) -> Intent:
        """Anything: half orders that rest or trade, half transfers."""
        rng = self.rng
        self.nonce += 1
        head = (account, self.nonce, TimeMs(0))
        if rng.random() < 0.5:
            return Transfer(*head, rng.choice(TRADERS).address, USDC, AssetUnits(rng.randint(1, 5)))
        side, price = rng.choice(list(Side)), Price(4_000 + rng.randint(-5, 5))
        order = OrderSpec(
            ES, side, OrderType.LIMIT, TimeInForce.GTC, price, Lots(rng.randint(1, 3)), reduce_only=False, client_id=0,
            self_trade=SelfTrade.EXPIRE_MAKER,
        )  # fmt: skip
        return PlaceOrder(*head, order)


@asynccontextmanager
async def life(directory: Path, outsider: Outsider) -> AsyncIterator[LocalNode]:
    """A node that may be killed inside; the body ends with it."""
    pid = 0
    try:
        async with local_node(directory) as node:
            pid = node.pid
            yield node
    except LocalNodeError:
        if outsider.killed_pid != pid:
            raise


async def prices(node: LocalNode) -> None:
    """Two publishers report, so that orders are taken."""
    lines = tuple(IndexPrice(IndexId(number), MicroPrice(4_000 * USD), MicroPrice(0)) for number in (1, 2, 3))
    for key in PUBLISHERS[:2]:
        async with NovateClient(node.url, key) as client:
            await client.report(TimeMs(client.hello.time), lines)


async def load(node: LocalNode, outsider: Outsider, seconds: float) -> None:
    """Send as fast as the window allows, asking for receipts on the way, until the node is killed."""
    key = outsider.rng.choice(TRADERS)
    loop = asyncio.get_running_loop()
    async with NovateClient(node.url, key) as client:
        domain = client.domain
        loop.call_later(seconds, outsider.kill, node)
        outsider.nonce = max(outsider.nonce, client.hello.time)
        while outsider.killed_pid != node.pid:
            try:
                while client.in_flight < WINDOW:
                    send(client, outsider, outsider.intent(key.address))
                if outsider.told:
                    await ask_receipt(client, outsider, max(outsider.told), domain)
            except NotConnectedError:
                break
            await asyncio.sleep(0.001)


def send(client: NovateClient, outsider: Outsider, intent: Intent) -> None:
    """Send one action and remember what is said about it."""
    action, signature = encode_intent(intent), client.sign(intent)

    def answered(items: list[Any] | None) -> None:
        if items is None:
            return  # The connection ended first: nothing was promised.
        seq, code = items[2], items[3] if items[0] == FrameKind.REFUSAL else 0
        assert seq > 0, f"refused before the sequencer: {items}"
        assert seq not in outsider.told, "one number for two actions"
        outsider.told[seq] = Told(action, signature, code)

    client.send_signed(action, signature, answered)


async def ask_receipt(client: NovateClient, outsider: Outsider, seq: int, domain: Domain) -> None:
    """Ask for a receipt, and keep it if it comes before the end."""
    try:
        async with asyncio.timeout(0.2):
            reply = await client.query("receipt", seq)
    except TimeoutError:
        return
    check_receipt(outsider, seq, reply.value, domain)
    outsider.receipts[seq] = reply.value


def check_receipt(outsider: Outsider, seq: int, receipt: dict[str, Any], domain: Domain) -> None:
    """The receipt is for what was sent, is signed by the operator, and contradicts no other."""
    _, item = decode_record(receipt["record"])
    told = outsider.told[seq]
    assert isinstance(item, UserAction)
    assert (item.action, item.signature) == (told.action, told.signature), "another input has this number"
    first, count, root, head = (receipt[name] for name in ("first_seq", "count", "root", "head"))
    assert receipt["position"] == seq - first
    assert list_proof_root(receipt["record"], receipt["position"], count, receipt["siblings"]) == root
    signer = recover_signer(receipt_digest(domain, head, first, count, root), receipt["signature"])
    assert signer == outsider.operator
    assert outsider.signed_cycles.setdefault(first, (root, head)) == (root, head), "equivocation"


async def check_told(node: LocalNode, outsider: Outsider, told_before: int) -> None:
    """What the last life told still stands for the same actions; so do some older answers, drawn anew each time."""
    async with NovateClient(node.url) as client:
        outsider.operator = Address(bytes.fromhex((await client.query("status")).value["operator"].removeprefix("0x")))
        seqs = sorted(outsider.told)
        pending = seqs[told_before:] + outsider.rng.sample(seqs[:told_before], min(told_before, WINDOW))
        for at in range(0, len(pending), WINDOW):
            part = pending[at : at + WINDOW]
            replies = await asyncio.gather(*(client.query("receipt", seq) for seq in part))
            for seq, reply in zip(part, replies, strict=True):
                check_receipt(outsider, seq, reply.value, client.domain)
                given = outsider.receipts.get(seq)
                assert given is None or {**given, "batch": 0} == {**reply.value, "batch": 0}, "another receipt than before"


@pytest.mark.timeout(300)
async def test_an_outside_client_misses_nothing_after_kill_9(tmp_path: Path, seed: int) -> None:
    await rounds(tmp_path, seed, 5)


@pytest.mark.campaign
@pytest.mark.timeout(40_000)
async def test_a_thousand_kills(tmp_path: Path, seed: int) -> None:
    await rounds(tmp_path, seed, 1_000)


async def rounds(directory: Path, seed: int, count: int) -> None:
    """Live, be killed, and live again."""
    outsider, before = Outsider(random.Random(seed)), 0
    for number in range(count):
        async with life(directory, outsider) as node:
            if number == 0:
                await deposit(node.deposit_socket, {key.address: MicroUsd(10**9 * USD) for key in TRADERS})
            await check_told(node, outsider, before)
            await prices(node)
            before = len(outsider.told)
            await load(node, outsider, outsider.rng.uniform(0.05, LOAD_S_MAX))
        print(f"round {number}: {len(outsider.told) - before} answers, {len(outsider.receipts)} receipts so far")
    async with life(directory, outsider) as node:
        await check_told(node, outsider, before)
    assert any(told.code == 0 for told in outsider.told.values())
    assert outsider.receipts
    check_replay(directory, outsider)


def check_replay(directory: Path, outsider: Outsider) -> None:
    """The stopped node's history, executed anew: the same root, all money there, every answer in it."""
    params = load_genesis(find_genesis("devnet"))
    (path,) = [path.parent for path in (directory / "data").rglob("HEAD") if (path.parent / "db").is_dir()]
    store = open_store(StoreSettings(path, verify_batches=0), params.digest())
    domain = Domain(CHAIN_ID, Address(bytes(19) + b"\xfe"))
    report = replay(store, params, domain)
    recovered = recover(store, params, domain)
    assert report.state_root == recovered.sealed.state_root
    assert report.machine.head == recovered.machine.head
    audit(report.machine.state)
    for seq, told in outsider.told.items():
        record = store.journal.record(seq)
        assert record is not None
        item = decode_record(record)[1]
        assert isinstance(item, UserAction)
        assert (item.action, item.signature) == (told.action, told.signature)
    store.close()
