"""A node with settlement against a real contract on an L1 that mines when it is told to."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from node.core.params import Params
from node.core.state import State
from node.l1.abi import load_contract
from node.l1.compared import open_l1
from node.l1.creation import Periods, Roles
from node.l1.deployment import AssetListing, GenesisFacts, deploy, genesis_facts
from node.l1.rpc import CallMessage
from node.l1.sender import Included, Intent, SenderSettings, TransactionSender
from node.l1.vault import CONTRACT, Vault
from node.ops.clock import SystemClock
from node.ops.metrics import Metrics
from node.sequencer.recover import recover
from node.sequencer.released import Listener, ReleasedInput
from node.sequencer.sequencer import Identity, Sequencer
from node.sequencer.settings import SequencerSettings
from node.settlement.service import Account, Settlement, Tables
from node.settlement.settings import SettlementSettings
from node.store.headers import BatchHeader
from node.store.memory import MemoryDisk
from node.store.store import open_memory
from proto.ids import ETH, USDC, Address
from proto.inputs import user_action
from proto.intents import Intent as Action
from proto.signing.eip712 import Domain, intent_digest
from proto.signing.secp256k1 import SigningKey
from tests.l1.keys import DEVELOPMENT_KEYS
from tests.l1.nodes import L1Node
from tests.sequencer.venue import PARAMS, USD

OPERATOR = SigningKey(DEVELOPMENT_KEYS[0])
ALICE = SigningKey(DEVELOPMENT_KEYS[1])
BOB = SigningKey(DEVELOPMENT_KEYS[2])
WINDOW_S = 60
WAIT_S = 30.0
TOKEN = load_contract("TestToken")


@dataclass
class Venue:
    """The deployed contract and who may use it."""

    l1: L1Node
    params: Params
    facts: GenesisFacts
    contract: Address
    token: Address
    start_block: int
    domain: Domain

    @property
    def vault(self) -> Vault:
        """The contract."""
        return Vault(self.l1.client, self.contract)

    async def transact(self, key: SigningKey, to: Address, data: bytes, value: int = 0) -> Included:
        """Send, mine, and expect success."""
        sender = TransactionSender(self.l1.client, key, SenderSettings(chain_id=self.params.chain_id, poll_s=0.005))
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(sender.send(Intent(to, data, value)))
            while not task.done():
                await asyncio.sleep(0.012)
                if not task.done():
                    await self.l1.mine()
        result = task.result()
        assert isinstance(result, Included)
        assert result.receipt.success
        return result

    async def deposit(self, key: SigningKey, amount: int) -> int:
        """Put micro-USDC into escrow for the key's account; the block."""
        await self.transact(key, self.token, TOKEN.encode_call("mint", "0x" + key.address.hex(), amount))
        await self.transact(key, self.token, TOKEN.encode_call("approve", "0x" + self.contract.hex(), amount))
        data = CONTRACT.encode_call("deposit", USDC, amount, "0x" + key.address.hex())
        return (await self.transact(key, self.contract, data)).receipt.block_number

    async def token_balance(self, owner: Address) -> int:
        """Token units."""
        call = CallMessage(self.token, TOKEN.encode_call("balanceOf", "0x" + owner.hex()))
        return int(TOKEN.decode_return("balanceOf", await self.l1.client.call(call))[0])


async def deploy_venue(l1: L1Node, params: Params = PARAMS, operator: Address = OPERATOR.address) -> Venue:
    """Token and contract."""
    sender = TransactionSender(l1.client, BOB, SenderSettings(chain_id=params.chain_id, poll_s=0.005))
    facts = genesis_facts(params)

    async def go() -> tuple[Address, Address, int]:
        deployed = await sender.send(Intent(None, TOKEN.creation_code("Test USD", "USDC", 6)))
        assert isinstance(deployed, Included)
        token = deployed.receipt.contract
        assert token is not None
        listings = (
            AssetListing(USDC, token, 1, 10**15, 10**12),
            AssetListing(ETH, Address(bytes(20)), 10**9, 10**15, 10**12),
        )
        contract, block = await deploy(l1.client, sender, facts, Roles(operator), Periods.development(WINDOW_S), listings)
        return token, contract, block

    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(go())
        while not task.done():
            await asyncio.sleep(0.012)
            if not task.done():
                await l1.mine()
    token, contract, block = task.result()
    return Venue(l1, params, facts, contract, token, block, Domain(params.chain_id, contract))


class Statuses:
    """Remembers what settlement tells the views."""

    def __init__(self) -> None:
        self.status: dict[int, str] = {}
        self.history: list[tuple[str, int]] = []

    def posted(self, batch: int, tx: bytes, block: int, time: int) -> None:
        """On L1."""
        assert len(tx) == 32
        assert block > 0
        assert time > 10**12
        self._set(batch, "posted")

    def finalised(self, batch: int, time: int) -> None:
        """Final."""
        assert time > 10**12
        self._set(batch, "final")

    def unposted(self, batch: int) -> None:
        """Forgotten."""
        self._set(batch, "sealed")

    def _set(self, batch: int, status: str) -> None:
        self.status[batch] = status
        self.history.append((status, batch))


class _Tell(Listener):
    """Passes seals on to settlement."""

    def __init__(self) -> None:
        self.inputs: list[ReleasedInput] = []
        self.settlement: Settlement | None = None

    def released(self, inputs: Sequence[ReleasedInput]) -> None:
        """Keep them."""
        self.inputs.extend(inputs)

    def sealed(self, header: BatchHeader) -> None:
        """Pass it on."""
        if self.settlement is not None:
            self.settlement.sealed(header)


SEQUENCER_SETTINGS = SequencerSettings(tick_ms=10, batch_ms=60, idle_batch_ms=2_000, cycle_inputs_max=64)


@dataclass
class Node:
    """A running sequencer with settlement."""

    venue: Venue
    sequencer: Sequencer
    settlement: Settlement
    statuses: Statuses
    tell: _Tell
    nonce: int = field(default=0)

    def act(self, key: SigningKey, action: Action) -> None:
        """Submit a signed action."""
        signature = key.sign(intent_digest(self.venue.domain, action))
        assert self.sequencer.submit(user_action(action, signature), key.address) is None

    def cash(self, key: SigningKey) -> int:
        """Micro-USDC of an account, 0 where there is none."""

        def read(state: State) -> int:
            number = state.by_address.get(key.address)
            return 0 if number is None else state.accounts[number].cash

        return self.sequencer.peek(read)

    def next_nonce(self) -> int:
        """A fresh one."""
        self.nonce = max(self.nonce + 1, self.sequencer.now)
        return self.nonce

    async def until(self, condition: Callable[[], bool], *, mine: bool = True) -> None:
        """Wait for a condition, with L1 going on."""
        async with asyncio.timeout(WAIT_S):
            while not condition():
                if mine:
                    await self.venue.l1.mine()
                await asyncio.sleep(0.03)


@asynccontextmanager
async def running(
    venue: Venue, disk: MemoryDisk, url: str | None = None, batch_ms: int = 60, compare: str = "", **changes: object
) -> AsyncIterator[Node]:
    """Start a node over `disk`; stops without sealing or posting what is left, like a process that dies."""
    own = url or venue.l1.url
    async with open_l1((own, compare) if compare else (own,), 2.0) as client:
        store = open_memory(disk, venue.params.digest())
        recovered = recover(store, venue.params, venue.domain)
        clock, metrics, tell, statuses = SystemClock(), Metrics(), _Tell(), Statuses()
        sequencer = Sequencer(
            recovered,
            store,
            Identity(OPERATOR, venue.domain),
            clock,
            replace(SEQUENCER_SETTINGS, batch_ms=batch_ms),
            metrics,
        )
        sequencer.add_listener(tell)
        settings = replace(
            SettlementSettings(
                contract=venue.contract, start_block=venue.start_block, deposit_depth_blocks=2, poll_ms=20, stop_grace_ms=0
            ),
            **changes,  # type: ignore[arg-type]
        )
        tables = Tables(store.table("settlement"), store.table("settlement.position"), store.table("solvency"), store.seals)
        account = Account(OPERATOR, venue.domain, venue.facts, venue.params)
        settlement = Settlement(client, sequencer, account, tables, statuses, settings, clock, metrics)
        tell.settlement = settlement
        if url is None:
            await settlement.check()
        async with asyncio.TaskGroup() as tasks:
            running_sequencer = tasks.create_task(sequencer.run())
            running_settlement = tasks.create_task(settlement.run())
            try:
                yield Node(venue, sequencer, settlement, statuses, tell)
            finally:
                running_settlement.cancel()
                sequencer.stop(seal=False)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(WAIT_S):
                        await asyncio.wait({running_sequencer})


@asynccontextmanager
async def l1_data(path: Path) -> AsyncIterator[Path]:
    """A directory for an embedded chain."""
    path.mkdir()
    yield path


MILLION = 1_000_000 * USD
