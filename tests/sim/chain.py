"""A simulated L1: blocks over the contract's model, a pool, reorganisations, and an endpoint that fails now and then.

Invariants:
- A block holds the contract as after it; leaving a branch forgets what was only there.
- No reorganisation is deeper than `DEPTH`: what lies below is what the node and the watcher may believe.
"""

import asyncio
import random
from dataclasses import dataclass, field, replace

from node.l1.abi import load_contract
from node.l1.answers import L1Block, L1Log, L1Refused, L1Transaction, L1Unavailable
from node.l1.contracts.artifact import load_artifact
from node.l1.rpc import BlockTag, CallMessage, L1Client, L1ClientSettings, Topics
from node.l1.transactions import Transaction, decode_transaction
from node.ops.clock import NS_PER_MS, Clock
from proto.hashing import keccak
from proto.ids import Address
from proto.units import AssetUnits
from tests.sim.contract import BESIDE, Contract, Deployment, Reverted

DEPTH = 5
GWEI = 10**9
_CONTRACT = load_contract("Novate")
_TOPICS = {event.name: _CONTRACT.topic(event.name) for event in _CONTRACT.events}


@dataclass(frozen=True, slots=True)
class UserDeposit:
    """A deposit that waits for a block."""

    owner: Address
    asset: int
    amount: AssetUnits


UserCall = UserDeposit | bytes
"""A deposit, or the calldata of a withdrawal."""


@dataclass(frozen=True, slots=True)
class Mined:
    """A block, what was in it, and the contract after it."""

    block: L1Block
    contract: Contract
    operator_nonce: int
    transactions: tuple[Transaction, ...] = ()
    calls: tuple[UserCall, ...] = ()
    logs: tuple[L1Log, ...] = ()


@dataclass(slots=True)
class SimChain:
    """The canonical chain, by height, and what waits."""

    deployed: Deployment
    clock: Clock
    rng: random.Random
    blocks: list[Mined] = field(default_factory=list)
    pool: dict[int, Transaction] = field(default_factory=dict)
    calls: list[UserCall] = field(default_factory=list)
    known: dict[bytes, L1Transaction] = field(default_factory=dict)
    orphans: dict[bytes, Mined] = field(default_factory=dict)
    reverted: int = 0
    """Transactions of the operator that did nothing."""
    highest: int = 0
    """No block `DEPTH` below the highest head there ever was is left."""

    def __post_init__(self) -> None:
        """Begin with the block that deployed the contract."""
        block = L1Block(0, keccak(b"genesis"), bytes(32), self._now_s(), GWEI, 30_000_000)
        self.blocks.append(Mined(block, Contract(self.deployed), 0))

    @property
    def head(self) -> Mined:
        """The newest block."""
        return self.blocks[-1]

    def _now_s(self) -> int:
        return self.clock.wall_ns() // NS_PER_MS // 1_000

    def mine(self) -> None:
        """One more block, with some of what waits."""
        parent = self.head
        time_s = max(parent.block.timestamp_s + 1, self._now_s())
        contract = parent.contract.copy()
        number = parent.block.number + 1
        salt = self.rng.randbytes(8)
        block_hash = keccak(parent.block.hash + salt)
        nonce, transactions, origins = parent.operator_nonce, list[Transaction](), list[bytes]()
        while nonce in self.pool and len(transactions) < 8:
            transaction = self.pool.pop(nonce)
            nonce += 1
            transactions.append(transaction)
            try:
                contract.execute(transaction.data, time_s)
            except Reverted:
                self.reverted += 1
            origins += [transaction.hash] * (len(contract.logs) - len(origins))
            self.known[transaction.hash] = replace(
                self.known[transaction.hash], block_number=number, block_hash=block_hash
            )
        calls = self._take_calls()
        for call in calls:
            if isinstance(call, UserDeposit):
                contract.deposit(call.owner, call.asset, call.amount, time_s)
            else:
                try:
                    contract.execute(call, time_s)
                except Reverted:
                    continue  # Somebody claimed it twice, or on another branch.
            origins += [keccak(block_hash + word_of(len(contract.logs)))] * (len(contract.logs) - len(origins))
        block = L1Block(number, block_hash, parent.block.hash, time_s, GWEI, 30_000_000)
        logs = tuple(
            L1Log(
                self.deployed.address, (_TOPICS[name], *topics), data, number, block_hash, origins[at],
                transaction_index=at, log_index=at,
            )
            for at, (name, topics, data) in enumerate(contract.logs)
        )  # fmt: skip
        self.blocks.append(Mined(block, contract, nonce, tuple(transactions), tuple(calls), logs))
        self.highest = max(self.highest, number)

    def _take_calls(self) -> list[UserCall]:
        count = self.rng.randint(0, len(self.calls))
        taken, self.calls = self.calls[:count], self.calls[count:]
        return taken

    def reorganise(self) -> None:
        """Leave the newest blocks; what was in them comes again, or never."""
        depth = max(0, min(self.rng.randint(1, DEPTH), self.head.block.number - max(0, self.highest - DEPTH)))
        for _ in range(depth):
            mined = self.blocks.pop()
            self.orphans[mined.block.hash] = mined
            for transaction in mined.transactions:
                self.known[transaction.hash] = replace(self.known[transaction.hash], block_number=None, block_hash=None)
                if self.rng.random() < 0.7:
                    self.pool.setdefault(transaction.nonce, transaction)
                else:
                    del self.known[transaction.hash]
            self.calls = [call for call in mined.calls if self.rng.random() < 0.6] + self.calls
        for nonce in [nonce for nonce in self.pool if self.pool[nonce].hash not in self.known]:
            del self.pool[nonce]
        for _ in range(max(1, depth + self.rng.randint(-1, 1))):
            self.mine()

    def send(self, raw: bytes) -> None:
        """A transaction of the operator comes to the pool. Raises L1Refused."""
        transaction = decode_transaction(raw)
        assert transaction.sender == self.deployed.operator
        assert transaction.to == self.deployed.address
        if transaction.nonce < self.head.operator_nonce:
            raise L1Refused(-32000, "nonce too low")
        waiting = self.pool.get(transaction.nonce)
        if waiting is not None and waiting.hash == transaction.hash:
            raise L1Refused(-32000, "already known")
        if waiting is not None and transaction.max_fee_wei * 10 < waiting.max_fee_wei * 11:
            raise L1Refused(-32000, "replacement transaction underpriced")
        if waiting is not None:
            self.known.pop(waiting.hash, None)
        self.pool[transaction.nonce] = transaction
        self.known[transaction.hash] = L1Transaction(
            transaction.hash, transaction.sender, transaction.to, transaction.nonce, 0, transaction.data, None, None
        )


def word_of(number: int) -> bytes:
    """A number as bytes for a hash."""
    return number.to_bytes(8, "big")


class SimL1Client(L1Client):
    """An endpoint of the simulated chain; each question may find it away, or the chain moved since the last one."""

    def __init__(self, chain: SimChain, rng: random.Random) -> None:
        super().__init__(L1ClientSettings(url="http://simulated.invalid"))
        self._chain = chain
        self._rng = rng
        self.away = False
        self.failing = 0.01

    async def _answer(self) -> None:
        luck = self._rng.random()
        if luck > 0.9:
            await asyncio.sleep(self._rng.randint(0, 30) / 1_000)
        if self.away or luck < self.failing:
            raise L1Unavailable("the simulated endpoint is away")

    async def chain_id(self) -> int:
        await self._answer()
        return self._chain.deployed.domain.chain_id

    async def code(self, account: Address, at: BlockTag = "latest") -> bytes:
        await self._answer()
        names = {address: name for name, address in BESIDE.items()}
        return load_artifact(names.get(account, "Novate")).deployed_bytecode

    async def block_number(self) -> int:
        await self._answer()
        return self._chain.head.block.number

    async def block(self, at: BlockTag) -> L1Block | None:
        await self._answer()
        return None if (mined := self._at(at)) is None else mined.block

    def _at(self, at: BlockTag) -> Mined | None:
        blocks = self._chain.blocks
        if isinstance(at, str):
            assert at == "latest", "the depth is configured"
            return blocks[-1]
        return blocks[at] if 0 <= at < len(blocks) else None

    async def block_by_hash(self, block_hash: bytes) -> L1Block | None:
        await self._answer()
        mined = self._by_hash(block_hash)
        return None if mined is None else mined.block

    def _by_hash(self, block_hash: bytes) -> Mined | None:
        for mined in reversed(self._chain.blocks[-3 * DEPTH :]):
            if mined.block.hash == block_hash:
                return mined
        return self._chain.orphans.get(block_hash)

    async def logs(self, first: int, last: int, addresses: object = (), topics: Topics = ()) -> tuple[L1Log, ...]:
        await self._answer()
        return tuple(
            log for mined in self._chain.blocks[first : last + 1] for log in mined.logs if _matches(log, topics)
        )

    async def logs_of_block(self, block: L1Block, addresses: object = (), topics: Topics = ()) -> tuple[L1Log, ...]:
        await self._answer()
        mined = self._by_hash(block.hash)
        if mined is None:
            raise L1Refused(-32000, "unknown block")
        return tuple(log for log in mined.logs if _matches(log, topics))

    async def transaction(self, transaction_hash: bytes) -> L1Transaction | None:
        await self._answer()
        return self._chain.known.get(transaction_hash)

    async def call(self, message: CallMessage, at: BlockTag = "latest") -> bytes:
        await self._answer()
        mined = self._at(at)
        if mined is None:
            raise L1Refused(-32000, "header not found")
        try:
            output = mined.contract.view(message.data)
            if output is not None:
                return output
            mined.contract.copy().execute(message.data, mined.block.timestamp_s + 1)
        except Reverted as error:
            raise L1Refused(3, "execution reverted", error.data) from error
        return b""

    async def send_raw(self, raw: bytes, transaction_hash: bytes) -> None:
        await self._answer()
        self._chain.send(raw)
        if self._rng.random() < 0.02:
            raise L1Unavailable("the answer was lost")

    async def nonce(self, account: Address, at: BlockTag = "latest") -> int:
        await self._answer()
        mined = self._at(at)
        if mined is None:
            raise L1Refused(-32000, "header not found")
        return mined.operator_nonce

    async def priority_fee_wei(self) -> int:
        await self._answer()
        return GWEI


def _matches(log: L1Log, topics: Topics) -> bool:
    wanted = topics[0] if topics else None
    return wanted is None or log.topics[0] == wanted or (isinstance(wanted, tuple) and log.topics[0] in wanted)
