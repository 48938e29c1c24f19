"""A deployed contract on the embedded chain's EVM, and an operator that seals well-formed batches of made-up ledgers.

Every transaction starts with cold slots and pays what mainnet charges, so gas read here is gas.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from eth_abi.packed import encode_packed

from node.l1.abi import Decoded, load_contract
from node.l1.answers import L1Log
from node.l1.chain.executor import BlockContext, Executor, Message, Outcome
from node.l1.chain.world import AccountChange, World
from node.l1.creation import AssetRow, Origin, Periods, Roles, creations
from proto.batch import Commitment, data_hash, deposit_item_hash, next_queue_hash
from proto.hashing import ZERO_HASH, keccak, word
from proto.ids import Address
from proto.ledger import LEDGER_SECTIONS, SYSTEM_ASSET_WORDS, Roots, Section, withdrawal_words
from proto.merkle import SparseProof, sparse_node
from proto.signing.eip712 import Domain
from proto.signing.secp256k1 import SigningKey
from proto.units import TimeMs

CHAIN_ID = 31337
START_S = 1_750_000_000
WINDOW_S = 600
GAS_LIMIT = 16_777_216  # EIP-7825
OPERATOR = SigningKey(keccak(b"operator"))
KEYS = {key.address: key for key in (OPERATOR, SigningKey(keccak(b"alice")), SigningKey(keccak(b"bob")))}
_, ALICE, BOB = KEYS
GENESIS_HASH = keccak(b"genesis")
GENESIS_ROOT = keccak(b"genesis state")
RULES_HASH = keccak(b"rules")
USDC, ETH = 0, 1
GWEI = 10**9
CAP = 10**18
OURS = ("Novate", "Committee", "Escape", "Timelock")
OWING_CAP = 10**12


class Refused(Exception):
    """The EVM reverted: `name` and `values` of the custom error."""

    def __init__(self, name: str, values: tuple[Any, ...]) -> None:
        super().__init__(f"{name}{values}")
        self.name = name
        self.values = values


@contextmanager
def refused(name: str, *values: Any) -> Iterator[None]:
    """Expect this custom error and, where given, these values."""
    with pytest.raises(Refused) as caught:
        yield
    found = caught.value
    assert found.name == name, found
    assert not values or found.values == values, found


@dataclass(frozen=True)
class Ran:
    """A transaction and what came of it; `now_s` is the time of its block."""

    message: Message
    now_s: int
    outcome: Outcome


class Machine:
    """World, clock and executor; one transaction per block. `history` has them all."""

    def __init__(self, chain_id: int = CHAIN_ID) -> None:
        self.world = World()
        self.now_s = START_S
        self.history: list[Ran] = []
        self._executor = Executor(self.world, chain_id, GAS_LIMIT)
        for address in KEYS:
            self._apply({address: AccountChange(exists=True, nonce=0, balance_wei=10**36, code=None, storage=())})

    def _apply(self, diff: dict[bytes, AccountChange]) -> None:
        self.world.apply(diff)
        self._executor.refresh(diff)

    def run(self, sender: bytes, to: bytes | None, data: bytes, *, value: int = 0, gas: int = GAS_LIMIT) -> Outcome:
        """Run a transaction and keep what it did."""
        nonce = self.world.get(sender).nonce
        message = Message(sender=sender, to=to, value_wei=value, data=data, gas_limit=gas, nonce=nonce)
        outcome = self._executor.run(message, self._block())
        self._apply(outcome.diff)
        self.history.append(Ran(message, self.now_s, outcome))
        return outcome

    def view(self, to: bytes, data: bytes) -> Outcome:
        """Run a call and keep nothing."""
        message = Message(sender=ALICE, to=to, value_wei=0, data=data, gas_limit=GAS_LIMIT)
        return self._executor.run(message, self._block())

    def balance(self, address: bytes) -> int:
        """Wei of an address."""
        return self.world.get(address).balance_wei

    def _block(self) -> BlockContext:
        return BlockContext(number=1, timestamp_s=self.now_s, base_fee_wei=0, randao=ZERO_HASH)


class Deployed:
    """A deployed contract, called by function name."""

    def __init__(self, machine: Machine, name: str, *args: Any, errors_of: str | None = None) -> None:
        """Deploy with constructor arguments; raises Refused. `errors_of` is a contract whose errors this one passes on."""
        self._prepare(machine, name, errors_of)
        self._create(self.interface.creation_code(*args))

    @classmethod
    def at(cls, machine: Machine, name: str, address: bytes) -> "Deployed":
        """One that is there already."""
        found = cls.__new__(cls)
        found._prepare(machine, name, None)
        found.address, found.deploy_gas = Address(address), 0
        return found

    @classmethod
    def made(cls, machine: Machine, name: str, code: bytes) -> "Deployed":
        """Deploy by its creation code; raises Refused."""
        found = cls.__new__(cls)
        found._prepare(machine, name, None)
        found._create(code)
        return found

    def _prepare(self, machine: Machine, name: str, errors_of: str | None) -> None:
        self.machine = machine
        self.interface = load_contract(name)
        # A call may pass on what a contract behind it says.
        behind = [load_contract(other) for other in OURS] if name in OURS else []
        self._errors = [load_contract(errors_of) if errors_of else self.interface, *behind]

    def _create(self, code: bytes) -> None:
        outcome = self.machine.run(ALICE, None, code)
        self._require(outcome)
        assert outcome.contract is not None
        self.address: Address = outcome.contract
        self.deploy_gas = outcome.gas_used

    def data(self, name: str, *args: Any) -> bytes:
        """Call data."""
        return self.interface.encode_call(name, *args)

    def send(self, sender: bytes, name: str, *args: Any, value: int = 0, gas: int = GAS_LIMIT) -> Outcome:
        """Transact; raises Refused."""
        return self.send_raw(sender, self.data(name, *args), value=value, gas=gas)

    def send_raw(self, sender: bytes, data: bytes, *, value: int = 0, gas: int = GAS_LIMIT) -> Outcome:
        """Transact with the given call data; raises Refused."""
        outcome = self.machine.run(sender, self.address, data, value=value, gas=gas)
        self._require(outcome)
        return outcome

    def try_send(self, sender: bytes, name: str, *args: Any, gas: int = GAS_LIMIT) -> str:
        """Transact; the name of the error, empty where there was none."""
        try:
            self.send(sender, name, *args, gas=gas)
        except Refused as refusal:
            return refusal.name
        return ""

    def call(self, name: str, *args: Any) -> Any:
        """Read: one value alone, several as a tuple; raises Refused."""
        outcome = self.machine.view(self.address, self.data(name, *args))
        self._require(outcome)
        values = self.interface.decode_return(name, outcome.output)
        return values[0] if len(values) == 1 else values

    def events(self, outcome: Outcome) -> list[Decoded]:
        """This contract's events in a receipt."""
        found = []
        for log in outcome.logs:
            if log.address == self.address:
                event = self.interface.decode_event(
                    L1Log(log.address, log.topics, log.data, 1, ZERO_HASH, ZERO_HASH, 0, 0)
                )
                assert event is not None
                found.append(event)
        return found

    def _require(self, outcome: Outcome) -> None:
        if outcome.success:
            return
        for interface in self._errors:
            error = interface.decode_error(outcome.output)
            if error is not None:
                raise Refused(error.name, tuple(error.values.values()))
        raise Refused(outcome.halt or "0x" + outcome.output.hex(), ())


@dataclass(frozen=True)
class Payout:
    """A withdrawal leaf."""

    account: int
    destination: Address
    asset: int
    amount: int


class SparseTree:
    """The naive reference: every non-empty node of every level in a dict."""

    def __init__(self, leaves: dict[int, bytes], depth: int = 32) -> None:
        self.depth = depth
        self.levels = [leaves]
        for _ in range(depth):
            below = self.levels[-1]
            self.levels.append(
                {
                    key: sparse_node(below.get(2 * key, ZERO_HASH), below.get(2 * key + 1, ZERO_HASH))
                    for key in {key // 2 for key in below}
                }
            )

    @property
    def root(self) -> bytes:
        """Root; zero where there is no leaf."""
        return self.levels[self.depth].get(0, ZERO_HASH)

    def proof(self, key: int) -> SparseProof:
        """Proof for the leaf at `key`."""
        bitmap, siblings = 0, []
        for level in range(self.depth):
            sibling = self.levels[level].get((key >> level) ^ 1)
            if sibling is not None:
                bitmap |= 1 << level
                siblings.append(sibling)
        return SparseProof(bitmap, tuple(siblings))


@dataclass(frozen=True)
class Sealed:
    """A batch ready to be committed."""

    commitment: Commitment
    signature: bytes
    roots: Roots
    chunks: tuple[bytes, ...]
    tree: SparseTree
    payouts: tuple[Payout, ...]

    def commit_args(self) -> tuple[Any, ...]:
        """Arguments of `commit`."""
        words = [self.roots.system[at : at + 32] for at in range(0, len(self.roots.system), 32)]
        sections = [self.roots.sections[section] for section in LEDGER_SECTIONS]
        return (fields(self.commitment), self.signature, sections, self.roots.venue_root(), words)

    def withdraw_args(self, index: int) -> tuple[Any, ...]:
        """Arguments of `withdraw` for the payout at `index`."""
        payout, proof = self.payouts[index], self.tree.proof(index)
        return (
            self.commitment.batch_id, index, payout.account, payout.destination, payout.asset, payout.amount,
            proof.bitmap, proof.siblings, [self.roots.sections[section] for section in LEDGER_SECTIONS],
            keccak(self.roots.system), self.roots.venue_root(),
        )  # fmt: skip


def fields(c: Commitment) -> tuple[Any, ...]:
    """The twelve fields in ABI order."""
    return (
        c.batch_id, c.prev_state_root, c.state_root, c.inputs_root, c.ops_root, c.data_hash, c.rules_hash, c.queue_hash,
        c.last_seq, c.ops_count, c.queue_cursor, c.l2_time,
    )  # fmt: skip


@dataclass
class Totals:
    """System words of one asset, in their order."""

    owed: int = 0
    owing: int = 0
    entries: int = 0
    withdrawn: int = 0
    deposited: int = 0
    price: int = 0


@dataclass
class Venue:
    """The deployed contract with its tokens, and the operator's idea of both."""

    machine: Machine
    novate: Deployed
    usdc: Deployed
    batch_id: int = 0
    state_root: bytes = GENESIS_ROOT
    last_seq: int = 0
    queue_hashes: list[bytes] = field(default_factory=lambda: [ZERO_HASH])
    totals: list[Totals] = field(default_factory=lambda: [Totals(), Totals()])
    payouts: list[Payout] = field(default_factory=list)
    body: bytes = b"body"

    @property
    def committee(self) -> Deployed:
        """Validators, bonds, evidence."""
        return Deployed.at(self.machine, "Committee", self.novate.call("committee"))

    @property
    def escape(self) -> Deployed:
        """The way out after a freeze."""
        return Deployed.at(self.machine, "Escape", self.novate.call("escape"))

    @property
    def timelock(self) -> Deployed:
        """What changes parameters."""
        return Deployed.at(self.machine, "Timelock", self.novate.call("timelock"))

    @property
    def domain(self) -> Domain:
        """Where the operator's signatures are valid."""
        return Domain(CHAIN_ID, self.novate.address)

    def deposit(self, asset: int, units: int, owner: Address = ALICE) -> Outcome:
        """Deposit ledger units from Alice and keep the books."""
        if asset == ETH:
            outcome = self.novate.send(ALICE, "depositETH", owner, value=units * GWEI)
        else:
            self.usdc.send(ALICE, "mint", ALICE, units)
            self.usdc.send(ALICE, "approve", self.novate.address, units)
            outcome = self.novate.send(ALICE, "deposit", asset, units, owner)
        item = deposit_item_hash(len(self.queue_hashes) - 1, owner, asset, units)
        self.queue_hashes.append(next_queue_hash(self.queue_hashes[-1], item))
        self.totals[asset].deposited += units
        self.totals[asset].owed += units
        return outcome

    def pay_out(self, payout: Payout) -> int:
        """Turn a balance into a withdrawal; returns its index."""
        self.totals[payout.asset].owed -= payout.amount
        self.totals[payout.asset].withdrawn += payout.amount
        self.payouts.append(payout)
        return len(self.payouts) - 1

    def words(self) -> dict[str, int | bytes]:
        """The system words of the next batch, by name; those of assets as name and position."""
        cursor = len(self.queue_hashes) - 1
        named: dict[str, int | bytes] = {
            "seq": self.last_seq + 10, "l2Time": self.machine.now_s * 1000, "queueCursor": cursor,
            "queueHash": self.queue_hashes[cursor], "batchId": self.batch_id + 1, "nextAccountId": 4, "nextOrderId": 1,
            "nextPriority": 1, "nextTradeId": 1, "orderSlots": 0, "withdrawalCount": len(self.payouts),
            "borrowIndex": 0, "assetCount": 2,
        }  # fmt: skip
        for at, totals in enumerate(self.totals):
            named |= {f"{name}{at}": getattr(totals, name) for name in SYSTEM_ASSET_WORDS}
        return named

    def seal(self, words: Mapping[str, int | bytes | None] | None = None, **changes: Any) -> Sealed:
        """The next batch. `words` replaces system words (None: leaves one out), `changes` fields of the commitment."""
        named = {**self.words(), **(words or {})}
        system = b"".join(word(at) if isinstance(at, int) else at for at in named.values() if at is not None)
        leaves = {
            at: keccak(withdrawal_words(at, p.account, p.destination, p.asset, p.amount))
            for at, p in enumerate(self.payouts)
        }
        tree = SparseTree(leaves)
        sections = [keccak(encode_packed(["uint64", "string"], [self.batch_id, s.name])) for s in Section]
        sections[Section.WITHDRAWALS] = tree.root
        roots = Roots(tuple(sections), system)
        chunks = (self.body + word(self.batch_id),)
        cursor = len(self.queue_hashes) - 1
        commitment = Commitment(
            batch_id=self.batch_id + 1,
            prev_state_root=self.state_root,
            state_root=roots.state_root(),
            inputs_root=keccak(b"inputs"),
            ops_root=keccak(b"ops"),
            data_hash=data_hash(chunks),
            rules_hash=RULES_HASH,
            queue_hash=self.queue_hashes[cursor],
            last_seq=self.last_seq + 10,
            ops_count=7,
            queue_cursor=cursor,
            l2_time=TimeMs(self.machine.now_s * 1000),
        )
        commitment = replace(commitment, **changes)
        signed = OPERATOR.sign(commitment.digest(self.domain))
        return Sealed(commitment, signed, roots, chunks, tree, tuple(self.payouts))

    def post_data(self, sealed: Sealed) -> None:
        """Post all chunks."""
        for index, chunk in enumerate(sealed.chunks):
            self.novate.send(OPERATOR.address, "postData", sealed.commitment.batch_id, index, chunk)

    def commit(self, sealed: Sealed) -> Outcome:
        """Commit and advance."""
        outcome = self.novate.send(OPERATOR.address, "commit", *sealed.commit_args())
        self.batch_id = sealed.commitment.batch_id
        self.state_root = sealed.commitment.state_root
        self.last_seq = sealed.commitment.last_seq
        return outcome

    def advance(self) -> Sealed:
        """Seal, post and commit one honest batch."""
        sealed = self.seal()
        self.post_data(sealed)
        self.commit(sealed)
        return sealed

    def finalize(self) -> None:
        """Let the challenge window of everything committed pass."""
        self.machine.now_s += WINDOW_S


def deploy(
    machine: Machine,
    assets: list[tuple[int, bytes, int, int, int]],
    *,
    genesis: tuple[bytes, bytes, bytes] = (GENESIS_HASH, GENESIS_ROOT, RULES_HASH),
    operator: bytes = OPERATOR.address,
    window_s: int = WINDOW_S,
    roles: Roles | None = None,
    periods: Periods | None = None,
) -> Deployed:
    """Deploy the four contracts; raises Refused."""
    rows = tuple(AssetRow(row[0], Address(row[1]), *row[2:], 9 if row[1] == bytes(20) else 6) for row in assets)
    made = creations(
        ALICE, machine.world.get(ALICE).nonce, Origin(*genesis), rows,
        roles or Roles(Address(operator), guardian=BOB, proposers=(ALICE,)), periods or Periods.development(window_s),
    )  # fmt: skip
    deployed = [Deployed.made(machine, creation.contract.name, creation.code) for creation in made]
    assert [one.address for one in deployed] == [creation.address for creation in made]
    return deployed[-1]


def new_venue(token: str = "TestToken", roles: Roles | None = None, periods: Periods | None = None) -> Venue:
    """A fresh deployment with USDC as asset 0 and ETH as asset 1."""
    machine = Machine()
    usdc = Deployed(machine, token, "Test USD", "USDC", 6)
    assets = [(USDC, usdc.address, 1, CAP, OWING_CAP), (ETH, bytes(20), GWEI, CAP, OWING_CAP)]
    return Venue(machine, deploy(machine, assets, roles=roles, periods=periods), usdc)
