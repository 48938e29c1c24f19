"""A poster that forges: an honest history on the real contract, and every way to bend its second batch.

The contract runs on the EVM without a chain around it, and each attempt is undone, so that thousands fit into a test.
"""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from node.core.commit.forest import Forest
from node.core.commit.origin import genesis_root
from node.core.commit.seal import collect
from node.core.genesis import genesis_state
from node.core.outcome import Applied, Rejected
from node.l1.answers import L1Log
from node.l1.chain.executor import Outcome
from node.l1.chain.world import Diff
from node.l1.contracts.artifact import load_artifact
from node.l1.vault import BatchCommitted, DepositQueued, chunk_of_call, event_of
from node.sequencer.machine import Machine as WriterMachine
from node.sequencer.seal import genesis_header, seal_header
from node.settlement.build import commit_args
from node.store.headers import BatchHeader
from node.watcher.report import Disagreement
from node.watcher.settings import WatcherSettings
from node.watcher.verify import Deployed, PostedBatch, Verifier
from proto.batch import Body, Commitment, chunks_of, data_hash, encode_body, inputs_root
from proto.canonical import pack, unpack
from proto.ids import ETH, USDC, ZERO_ADDRESS, Address, AssetId, IndexId, OrderId, sub_account_address
from proto.inputs import (
    DepositSeen,
    FundingTick,
    IndexPrice,
    Input,
    InputKind,
    OracleReport,
    RevokePublisher,
    SampleTick,
    WorkTick,
    decode_record,
    user_action,
)
from proto.intents import (
    SCOPE_TRADE,
    AmendOrder,
    ApproveAgent,
    CancelAll,
    CancelByClientId,
    CancelOrder,
    CreateSubAccount,
    Intent,
    PlaceOrder,
    PlaceOrders,
    RevokeAgent,
    Side,
    Transfer,
    Withdraw,
)
from proto.ledger import Roots
from proto.signing.authority import signer_of
from proto.signing.eip712 import Domain, intent_digest, report_digest, revocation_digest
from proto.signing.secp256k1 import SigningKey
from proto.units import AssetUnits, Lots, MicroPrice, Price, TimeMs
from tests.l1.contracts.rig import ALICE, CHAIN_ID, OPERATOR, Machine, Refused, deploy
from tests.l1.contracts.rig import Deployed as DeployedContract
from tests.sequencer.venue import PARAMS, PUBLISHERS, TRADERS, USD, order

HOUR_MS = 3_600_000
BEGIN_MS = 1_749_996_000_000  # A whole hour, shortly before the EVM's time.
AGENT = SigningKey(b"\x77" * 32)
CAP = 10**15


class UndoableMachine(Machine):
    """An EVM whose transactions can be taken back."""

    def __init__(self) -> None:
        self.undo: list[Diff] = []
        super().__init__(CHAIN_ID)

    def _apply(self, diff: Diff) -> None:
        self.undo.append(self.world.apply(diff))
        self._executor.refresh(diff)

    def take_back(self, mark: int) -> None:
        """Undo everything since `mark` = len(undo)."""
        while len(self.undo) > mark:
            diff = self.undo.pop()
            self.world.apply(diff)
            self._executor.refresh(diff)


class Operator:
    """Makes well-formed batches of given inputs, honest or not."""

    def __init__(self, domain: Domain) -> None:
        self.domain = domain
        state, self.forest = genesis_state(PARAMS), Forest()
        self.header = genesis_header(self.forest, collect(state), PARAMS.rules_hash())
        self.machine = WriterMachine(state, self.header)

    def batch(self, inputs: Sequence[tuple[int, Input]], cycle_inputs: int = 5) -> tuple[BatchHeader, Body, list[bool]]:
        """Apply, seal; header, body, and which inputs were refused."""
        refused = []
        time = 0
        for number, (time, item) in enumerate(inputs):
            outcome = self.machine.step(TimeMs(time), item, signer_of(self.domain, item))
            refused.append(isinstance(outcome, Rejected))
            if number % cycle_inputs == cycle_inputs - 1:
                self.machine.end_cycle()
        assert isinstance(self.machine.step(TimeMs(time), self.machine.seal_tick(), ZERO_ADDRESS), Applied)
        self.machine.end_cycle()
        work = self.machine.end_batch()
        self.header = seal_header(self.forest, work, self.header)
        return self.header, Body(self.header.batch_id, self.header.first_seq, tuple(work.batch.cycles)), refused


@dataclass
class Forged:
    """What a poster sends for a batch."""

    name: str
    seq: int
    """The input that was touched, 0 where none was."""
    commitment: Commitment
    roots: Roots
    data: bytes
    key: SigningKey = field(default_factory=lambda: OPERATOR)
    signature: bytes | None = None

    def posted(self, domain: Domain) -> PostedBatch:
        """As L1 would have it, if it took everything."""
        signature = self.signature if self.signature is not None else self.key.sign(self.commitment.digest(domain))
        return PostedBatch(self.commitment, signature, chunks_of(self.data))


class ForgersWorld:
    """Contract, honest batch 1 on it, honest batch 2 in hand."""

    def __init__(self) -> None:
        self.machine = UndoableMachine()
        self.usdc = DeployedContract(self.machine, "TestToken", "Test USD", "USDC", 6)
        assets: list[tuple[int, bytes, int, int, int]] = [
            (USDC, self.usdc.address, 1, CAP, CAP),
            (ETH, bytes(20), 10**9, CAP, CAP),
        ]
        genesis = (PARAMS.digest(), genesis_root(PARAMS), PARAMS.rules_hash())
        self.novate = deploy(self.machine, assets, genesis=genesis)
        self.domain = Domain(CHAIN_ID, self.novate.address)
        self.queue: list[DepositQueued] = []
        for trader in TRADERS:
            self.deposit(trader.address, USDC, 100_000 * USD)
        self.deposit(TRADERS[0].address, ETH, 5 * 10**9)
        self.deposit(TRADERS[1].address, USDC, 77 * USD)
        self._nonces = dict.fromkeys((*TRADERS, AGENT), BEGIN_MS)
        self.first_inputs = list(self._first())
        self.second_inputs = list(self._second())
        operator = Operator(self.domain)
        header, body, refused = operator.batch(self.first_inputs)
        assert not any(refused)
        self.first = self.post(self.forged("honest", header, body))
        self.header, self.body, refused = operator.batch(self.second_inputs)
        assert not any(refused), [item for bad, (_, item) in zip(refused, self.second_inputs, strict=True) if bad]
        self.mark = len(self.machine.undo)

    # ---------------------------------------------------------------------------------------------------- the history

    def deposit(self, owner: Address, asset: AssetId, units: int) -> None:
        """Queue a deposit."""
        if asset == ETH:
            outcome = self.novate.send(ALICE, "depositETH", "0x" + owner.hex(), value=units * 10**9)
        else:
            self.usdc.send(ALICE, "mint", "0x" + ALICE.hex(), units)
            self.usdc.send(ALICE, "approve", "0x" + self.novate.address.hex(), units)
            outcome = self.novate.send(ALICE, "deposit", asset, units, "0x" + owner.hex())
        self.queue += [event for event in events(outcome, self.novate.address) if isinstance(event, DepositQueued)]

    def sign(self, key: SigningKey, intent: Intent) -> Input:
        """A user input."""
        return user_action(intent, key.sign(intent_digest(self.domain, intent)))

    def head(self, key: SigningKey, account: Address | None = None) -> tuple[Address, int, TimeMs]:
        """The common fields: account, a fresh nonce, an expiry."""
        self._nonces[key] += 1
        return account or key.address, self._nonces[key], TimeMs(BEGIN_MS + 10 * HOUR_MS)

    def seen(self, index: int) -> DepositSeen:
        """A queue item as an honest operator reports it."""
        item = self.queue[index]
        return DepositSeen(item.index, item.owner, item.asset, item.amount)

    def vote(self, key: SigningKey, publisher: Address, time: int) -> RevokePublisher:
        """A publisher's vote to revoke another's key: alone it has no effect."""
        return RevokePublisher(publisher, TimeMs(time), key.sign(revocation_digest(self.domain, publisher, TimeMs(time))))

    def report(self, key: SigningKey, time: int, btc: int, eth: int) -> OracleReport:
        """Prices in USDC."""
        lines = tuple(
            IndexPrice(IndexId(number), MicroPrice(price * USD), MicroPrice(3 * USD)) for number, price in enumerate((btc, eth), 1)
        )
        return OracleReport(TimeMs(time), lines, key.sign(report_digest(self.domain, TimeMs(time), lines)))

    def _first(self) -> Iterator[tuple[int, Input]]:
        t = BEGIN_MS + 100
        yield t, SampleTick()
        yield t, FundingTick()
        for index in range(4):
            yield t + index, self.seen(index)
        for number, key in enumerate(PUBLISHERS):
            yield t + 10 + number, self.report(key, t + 10 + number, 60_000, 3_000)

    def _second(self) -> Iterator[tuple[int, Input]]:
        a, b, c, d = TRADERS
        t = BEGIN_MS + 200

        def place(key: SigningKey, side: Side, usd: int, size: int, client_id: int = 0, account: Address | None = None) -> Input:
            return self.sign(key, PlaceOrder(*self.head(key, account), order(1, side, usd * 10, size, client_id)))

        yield t, self.seen(4)
        yield t, self.seen(5)
        yield t + 1, place(a, Side.BUY, 59_990, 1_000, 7)
        yield t + 1, place(b, Side.SELL, 59_990, 400)
        yield t + 2, self.sign(
            c, PlaceOrders(*self.head(c), (order(1, Side.SELL, 600_500, 300, 8), order(2, Side.BUY, 299_000, 50, 9)))
        )
        yield t + 3, self.sign(a, AmendOrder(*self.head(a), OrderId(1), 0, Price(599_800), Lots(500)))
        yield t + 3, place(d, Side.BUY, 59_000, 100, 10)
        yield t + 4, self.sign(d, CancelOrder(*self.head(d), OrderId(5)))
        yield t + 4, self.sign(c, CancelByClientId(*self.head(c), 9))
        yield t + 5, self.report(PUBLISHERS[0], t + 5, 60_010, 3_001)
        yield t + 5, self.sign(c, CancelAll(*self.head(c), order(1, Side.BUY, 1, 1).market))
        yield t + 6, self.sign(d, Withdraw(*self.head(d), d.address, USDC, AssetUnits(40 * USD)))
        yield t + 6, self.sign(d, Transfer(*self.head(d), c.address, USDC, AssetUnits(11 * USD)))
        yield t + 7, self.sign(b, ApproveAgent(*self.head(b), AGENT.address, TimeMs(0), SCOPE_TRADE, b"bot".ljust(32, b"\0")))
        yield t + 7, place(AGENT, Side.SELL, 61_000, 100, 11, b.address)
        yield t + 8, self.sign(b, RevokeAgent(*self.head(b), AGENT.address))
        yield t + 8, self.sign(a, CreateSubAccount(*self.head(a), 3))
        yield t + 9, self.sign(a, Transfer(*self.head(a), sub_account_address(a.address, 3), USDC, AssetUnits(5 * USD)))
        yield t + 9, WorkTick(16)
        yield t + 10, self.vote(PUBLISHERS[1], PUBLISHERS[2].address, t + 10)
        yield BEGIN_MS + 5_000, SampleTick()
        yield BEGIN_MS + HOUR_MS, SampleTick()
        yield BEGIN_MS + HOUR_MS, FundingTick()

    # --------------------------------------------------------------------------------------------------------- posting

    def forged(self, name: str, header: BatchHeader, body: Body, seq: int = 0) -> Forged:
        """A batch as its header says."""
        return Forged(name, seq, header.commitment(), header.roots, encode_body(body))

    def honest(self) -> Forged:
        """Batch 2 as it should be."""
        return self.forged("honest", self.header, self.body)

    def post(self, forged: Forged) -> PostedBatch:
        """Through the contract, and read back from it. Raises Refused."""
        wanted = forged.posted(self.domain)
        batch_id = forged.commitment.batch_id
        chunks = []
        for index, chunk in enumerate(wanted.chunks):
            data = self.novate.data("postData", batch_id, index, chunk)
            self.novate.send_raw(OPERATOR.address, data)
            found = chunk_of_call(data)
            assert found is not None
            chunks.append(found[2])
        args = commit_args(forged.commitment, wanted.signature, forged.roots)
        outcome = self.novate.send(OPERATOR.address, "commit", *args)
        (event,) = events(outcome, self.novate.address)
        assert isinstance(event, BatchCommitted)
        return PostedBatch(event.commitment, event.signature, tuple(chunks))

    def attempt(self, forged: Forged) -> PostedBatch | str:
        """Post after batch 1, and take it back: what L1 would hold, or the name of the refusal."""
        try:
            return self.post(forged)
        except Refused as refusal:
            return refusal.name
        finally:
            self.machine.take_back(self.mark)

    # -------------------------------------------------------------------------------------------------------- watching

    def watch(self, posted: PostedBatch) -> Disagreement | None:
        """What a watcher says that has verified batch 1."""
        verifier = self.verifier()
        result = verifier.verify(posted)
        return result if isinstance(result, Disagreement) else None

    def verifier(self) -> Verifier:
        """A watcher that has verified batch 1."""
        settings = WatcherSettings(url="", contract=self.novate.address)
        verifier = Verifier(PARAMS, Deployed(OPERATOR.address, self.domain, (1, 10**9)), settings)
        for item in self.queue:
            verifier.queue.append(item)
        found = verifier.verify(self.first)
        assert not isinstance(found, Disagreement), found
        return verifier

    def remake(self, records: Sequence[bytes]) -> tuple[BatchHeader, Body, list[bool]]:
        """The batch that really follows from other records (their last is left out: a seal is added)."""
        operator = Operator(self.domain)
        operator.batch(self.first_inputs)
        return operator.batch([decode_record(record) for record in records])

    @property
    def records(self) -> list[bytes]:
        """All records of batch 2."""
        return [record for cycle in self.body.cycles for record in cycle.records]

    def with_records(self, records: Sequence[bytes]) -> Body:
        """The body with other records, in cycles of the same size."""
        cycles = []
        at = 0
        sizes = [len(cycle.records) for cycle in self.body.cycles]
        for number, size in enumerate(sizes):
            end = len(records) if number == len(sizes) - 1 else at + size
            if records[at:end]:
                cycles.append(self.body.cycles[0]._replace(records=tuple(records[at:end])))
            at = end
        return Body(self.body.batch_id, self.body.first_seq, tuple(cycles))


def events(outcome: Outcome, contract: Address) -> list[Any]:
    """The contract's events in a run."""
    found = []
    for number, entry in enumerate(outcome.logs):
        if entry.address == contract:
            log = L1Log(contract, tuple(entry.topics), entry.data, 1, bytes(32), bytes(32), 0, number)
            found.append(event_of(log))
    return found


def commitment_fields() -> list[tuple[str, str]]:
    """Name and type of each field, as the ABI has them."""
    for entry in load_artifact("Novate").abi:
        if entry.get("name") == "commit":
            return [(part["name"], part["type"]) for part in entry["inputs"][0]["components"]]
    raise AssertionError("the ABI has no commit")


def snake(name: str) -> str:
    """An ABI name as Python writes it."""
    return "".join("_" + letter.lower() if letter.isupper() else letter for letter in name)


def variants(value: Any) -> list[Any]:
    """Other values of the same type: neighbours, nothing, one bit off, shorter, longer."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        near = [value + 1, value - 1, value ^ 1 << 40, 0]
        return [other for other in dict.fromkeys(near) if other >= 0 and other != value and other < 2**64]
    if isinstance(value, bytes):
        flipped = [value[:-1] + bytes([value[-1] ^ 0x80]), value[:-1]] if value else []
        return [*flipped, value + b"\0"]
    raise AssertionError(type(value))


def mutations(value: Any, path: tuple[int | str, ...] = ()) -> Iterator[tuple[tuple[int | str, ...], Any]]:
    """Every element of nested lists, bent one at a time: (where, the whole with that one changed)."""
    if not isinstance(value, list):
        for other in variants(value):
            yield path, other
        return
    for number, element in enumerate(value):
        for where, other in mutations(element, (*path, number)):
            yield where, [*value[:number], other, *value[number + 1 :]]
    yield (*path, "longer"), [*value, 0]
    if value:
        yield (*path, "shorter"), value[:-1]


def record_mutations(record: bytes) -> Iterator[tuple[tuple[int | str, ...], bytes]]:
    """Every field of a record, and of the action inside it, bent one at a time."""
    items = unpack(record)
    for where, other in mutations(items):
        yield where, pack(other)
    if items[1] == InputKind.USER_ACTION:
        for where, action in mutations(unpack(items[3])):
            yield ("action", *where), pack([*items[:3], pack(action), *items[4:]])


def rehash(forged: Forged, body: Body | None) -> Forged:
    """Make the commitment fit its data, so that the contract takes it; `body` makes it fit the inputs too."""
    commitment = replace(forged.commitment, data_hash=data_hash(chunks_of(forged.data)))
    if body is not None:
        commitment = replace(commitment, inputs_root=inputs_root(fixed(body).cycles))
    return replace(forged, commitment=commitment)


def fixed(body: Body) -> Body:
    """The body with the sequence numbers that its cycles really have."""
    seq, cycles = body.first_seq, []
    for cycle in body.cycles:
        cycles.append(cycle._replace(first_seq=seq))
        seq = type(seq)(seq + len(cycle.records))
    return Body(body.batch_id, body.first_seq, tuple(cycles))


def bend_words(roots: Roots, at: int, value: bytes) -> Roots:
    """Other system words."""
    system = roots.system[: 32 * at] + value + roots.system[32 * at + 32 :]
    return copy.copy(roots)._replace(system=system)
