"""A small model of the settlement contract: queue, data, commitments, withdrawals, with the real one's refusals.

Written from what the contract promises. Immutable from outside: a block keeps its contract, the next block works on a copy.
"""

from dataclasses import dataclass, field, replace
from typing import Any

from eth_abi.abi import encode

from node.l1.vault import CONTRACT
from proto.batch import Commitment, deposit_item_hash, next_queue_hash
from proto.hashing import ZERO_HASH, keccak, word
from proto.ids import Address
from proto.ledger import DEPTHS, Section, asset_totals, withdrawal_words
from proto.merkle import SparseProof, sparse_proof_root
from proto.signing.eip712 import Domain
from proto.signing.secp256k1 import recover

BESIDE = {name: Address(keccak(name.encode())[12:]) for name in ("Timelock", "Committee", "Escape")}
LEAD_MS = 15 * 60 * 1_000


class Reverted(Exception):
    """A call is refused; `data` is what the contract would return."""

    def __init__(self, error: str, types: str = "", *values: Any) -> None:
        super().__init__(f"{error}{values}")
        kinds = types.split(",") if types else []
        self.data = keccak(f"{error}({types})".encode())[:4] + encode(kinds, values)


@dataclass(frozen=True, slots=True)
class Deployment:
    """What the constructor was given."""

    address: Address
    domain: Domain
    operator: Address
    genesis_root: bytes
    genesis_hash: bytes
    rules_hash: bytes
    window_s: int
    divisors: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Batch:
    """What is kept of a commitment."""

    commitment: Commitment
    posted_s: int


Log = tuple[str, tuple[Any, ...], bytes]
"""Event name, indexed values as words, data."""


@dataclass(slots=True)
class Contract:
    """One state of the contract."""

    deployed: Deployment
    queue: list[bytes] = field(default_factory=list)
    data: dict[int, tuple[bytes, int]] = field(default_factory=dict)
    batches: list[Batch] = field(default_factory=list)
    deposited: list[int] = field(default_factory=lambda: [0, 0])
    paid: list[int] = field(default_factory=lambda: [0, 0])
    withdrawn: frozenset[int] = frozenset()
    logs: list[Log] = field(default_factory=list)

    def copy(self) -> "Contract":
        """The same state, to be changed, with no logs yet."""
        return replace(
            self, queue=list(self.queue), data=dict(self.data), batches=list(self.batches), deposited=list(self.deposited),
            paid=list(self.paid), logs=[],
        )  # fmt: skip

    # ---------------------------------------------------------------------------------------------------------- users

    def deposit(self, owner: Address, asset: int, units: int, time_s: int) -> None:
        """Escrow ledger units for an owner."""
        index = len(self.queue)
        last = self.queue[-1] if self.queue else ZERO_HASH
        self.queue.append(next_queue_hash(last, deposit_item_hash(index, owner, asset, units)))
        self.deposited[asset] += units
        topics = (word(index), bytes(12) + owner, word(asset))
        self.logs.append(
            ("DepositQueued", topics, encode(["uint64", "uint64", "bytes32"], [units, time_s, self.queue[-1]]))
        )

    def withdraw(self, call: dict[str, Any], time_s: int) -> None:
        """Pay a withdrawal that is proved against a final batch, once."""
        batch = self.batches[call["batchId"] - 1] if call["batchId"] <= len(self.batches) else None
        if batch is None or time_s < batch.posted_s + self.deployed.window_s:
            raise Reverted("BatchNotFinal", "uint64,uint256", call["batchId"], 0)
        index, asset, amount = call["index"], call["asset"], call["amount"]
        if index in self.withdrawn:
            raise Reverted("AlreadyWithdrawn", "uint64", index)
        opened = _state_root(call["ledgerRoots"], call["systemHash"], call["venueRoot"])
        if opened != batch.commitment.state_root:
            raise Reverted("StateRootOpeningWrong", "bytes32,bytes32", opened, batch.commitment.state_root)
        leaf = keccak(withdrawal_words(index, call["account"], call["destination"], asset, amount))
        proof = SparseProof(call["bitmap"], tuple(call["siblings"]))
        found = sparse_proof_root(leaf, index, DEPTHS[Section.WITHDRAWALS], proof)
        if found != call["ledgerRoots"][Section.WITHDRAWALS]:
            raise Reverted("WithdrawalNotInTree", "bytes32,bytes32", found, call["ledgerRoots"][Section.WITHDRAWALS])
        paid = self.paid[asset] + amount
        if paid > self.deposited[asset]:
            raise Reverted("EscrowShort", "uint16,uint256,uint256", asset, paid, self.deposited[asset])
        self.withdrawn |= {index}
        self.paid[asset] = paid
        topics = (word(index), bytes(12) + call["destination"], word(asset))
        self.logs.append(("Withdrawn", topics, word(amount * self.deployed.divisors[asset])))

    # ------------------------------------------------------------------------------------------------------- operator

    def post_data(self, batch_id: int, index: int, chunk: bytes) -> None:
        """Bind one more chunk."""
        self._only_ahead(batch_id)
        before, chunks = self.data.get(batch_id, (ZERO_HASH, 0))
        if index != chunks:
            raise Reverted("ChunkIndexWrong", "uint32,uint32", index, chunks)
        self.data[batch_id] = keccak(before + keccak(chunk)), chunks + 1
        self.logs.append(("DataPosted", (word(batch_id), word(index), bytes(12) + self.deployed.operator), keccak(chunk)))

    def reset_data(self, batch_id: int) -> None:
        """Forget the chunks of a batch."""
        self._only_ahead(batch_id)
        _, chunks = self.data.pop(batch_id, (ZERO_HASH, 0))
        self.logs.append(("DataReset", (word(batch_id), bytes(12) + self.deployed.operator), word(chunks)))

    def _only_ahead(self, batch_id: int) -> None:
        if batch_id <= len(self.batches):
            raise Reverted("BatchNotAhead", "uint64,uint64", batch_id, len(self.batches))

    def commit(self, call: dict[str, Any], time_s: int) -> None:
        """Accept the next batch."""
        c = Commitment(*call["c"])
        self._check_continuity(c, time_s)
        if recover(c.digest(self.deployed.domain), call["signature"]) != self.deployed.operator:
            raise Reverted("SignatureInvalid")
        system = b"".join(call["systemWords"])
        opened = _state_root(call["ledgerRoots"], keccak(system), call["venueRoot"])
        if opened != c.state_root:
            raise Reverted("StateRootOpeningWrong", "bytes32,bytes32", opened, c.state_root)
        for asset, (owed, owing, entries, withdrawn, _, _) in enumerate(asset_totals(system)):
            liabilities = owed + withdrawn - owing - entries
            if liabilities > self.deposited[asset]:
                raise Reverted(
                    "LiabilitiesExceedDeposits", "uint16,int256,uint256", asset, liabilities, self.deposited[asset]
                )
        self.batches.append(Batch(c, time_s))
        fields = tuple(call["c"])
        kinds = "(uint64,bytes32,bytes32,bytes32,bytes32,bytes32,bytes32,bytes32,uint64,uint64,uint64,uint64)"
        body = encode(["uint64", kinds, "bytes"], [time_s + self.deployed.window_s, fields, call["signature"]])
        self.logs.append(("BatchCommitted", (word(c.batch_id), c.state_root, bytes(12) + self.deployed.operator), body))

    def _check_continuity(self, c: Commitment, time_s: int) -> None:
        last = self.batches[-1].commitment if self.batches else None
        tip = len(self.batches)
        root = last.state_root if last else self.deployed.genesis_root
        if c.batch_id != tip + 1:
            raise Reverted("BatchIdWrong", "uint64,uint64", c.batch_id, tip + 1)
        if c.prev_state_root != root:
            raise Reverted("PrevStateRootWrong", "bytes32,bytes32", c.prev_state_root, root)
        if c.batch_id not in self.data:
            raise Reverted("DataMissing", "uint64", c.batch_id)
        if c.data_hash != self.data[c.batch_id][0]:
            raise Reverted("DataHashWrong", "bytes32,bytes32", c.data_hash, self.data[c.batch_id][0])
        if c.rules_hash != self.deployed.rules_hash:
            raise Reverted("RulesHashWrong", "bytes32,bytes32", c.rules_hash, self.deployed.rules_hash)
        if last is not None and (
            c.queue_cursor < last.queue_cursor or c.last_seq <= last.last_seq or c.l2_time < last.l2_time
        ):
            raise Reverted("LastSeqNotHigher", "uint64,uint64", c.last_seq, last.last_seq)
        if c.queue_cursor > len(self.queue):
            raise Reverted("QueueCursorBeyondQueue", "uint64,uint64", c.queue_cursor, len(self.queue))
        if c.queue_hash != self.queue_hash(c.queue_cursor):
            raise Reverted("QueueHashWrong", "bytes32,bytes32", c.queue_hash, self.queue_hash(c.queue_cursor))
        if c.l2_time > time_s * 1_000 + LEAD_MS:
            raise Reverted("L2TimeAheadOfL1", "uint64,uint256", c.l2_time, time_s * 1_000 + LEAD_MS)

    def queue_hash(self, count: int) -> bytes:
        """Queue hash after the first `count` items."""
        return self.queue[count - 1] if count else ZERO_HASH

    # ---------------------------------------------------------------------------------------------------------- calls

    def execute(self, calldata: bytes, time_s: int) -> None:
        """A transaction of the operator, or of anybody for a withdrawal. Raises Reverted."""
        call = CONTRACT.decode_call(calldata)
        assert call is not None, "the node calls what the contract has"
        match call.name:
            case "postData":
                self.post_data(call.values["batchId"], call.values["index"], call.values["chunk"])
            case "resetData":
                self.reset_data(call.values["batchId"])
            case "commit":
                self.commit(dict(call.values), time_s)
            case "withdraw":
                self.withdraw(dict(call.values), time_s)
            case _:
                raise AssertionError(f"a transaction that calls {call.name}")

    def view(self, calldata: bytes) -> bytes | None:
        """What a view returns; None where the call is no view."""
        call = CONTRACT.decode_call(calldata)
        assert call is not None, "the node calls what the contract has"
        match call.name:
            case "tip":
                return word(len(self.batches))
            case "dataOf":
                data, chunks = self.data.get(call.values["batchId"], (ZERO_HASH, 0))
                return data + word(chunks)
            case "queueLength":
                return word(len(self.queue))
            case "queueHashAt":
                count = call.values["count"]
                if count > len(self.queue):
                    raise Reverted("QueueIndexUnknown", "uint64,uint64", count, len(self.queue))
                return self.queue_hash(count)
            case "batch":
                return self._batch(call.values["batchId"])
            case "assetIds":
                return encode(["uint16[]"], [list(range(len(self.deployed.divisors)))])
            case "assetOf":
                asset = call.values["assetId"]
                token = (
                    0 if self.deployed.divisors[asset] > 1 else 1
                )  # Only ETH has no token, and units finer than the ledger's.
                row = (token, self.deployed.divisors[asset], self.deposited[asset], self.paid[asset], 2**100, 2**100)
                return b"".join(map(word, row))
            case name:
                return self._constant(name)

    def _batch(self, batch_id: int) -> bytes:
        if batch_id > len(self.batches):
            raise Reverted("BatchUnknown", "uint64,uint64", batch_id, len(self.batches))
        if batch_id == 0:
            return self.deployed.genesis_root + bytes(160)
        c, posted_s = self.batches[batch_id - 1].commitment, self.batches[batch_id - 1].posted_s
        return c.state_root + keccak(c.words()) + b"".join(map(word, (posted_s, c.queue_cursor, c.last_seq, c.l2_time)))

    def _constant(self, name: str) -> bytes | None:
        deployed = self.deployed
        constants = {
            "genesisHash": deployed.genesis_hash, "rulesHash": deployed.rules_hash, "operator": bytes(12) + deployed.operator,
            "challengeWindow": word(deployed.window_s),
            # What stands beside it is not played: who asks gets one address for each, and chain.code has the code there.
            **{name.lower(): bytes(12) + address for name, address in BESIDE.items()},
        }  # fmt: skip
        return constants.get(name)


def _state_root(ledger_roots: tuple[bytes, ...], system_hash: bytes, venue_root: bytes) -> bytes:
    return keccak(keccak(b"".join(ledger_roots) + system_hash) + venue_root)
