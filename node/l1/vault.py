"""The settlement contract as typed questions, calls and events.

Invariants:
- Every answer is checked against the ABI; a contract that answers otherwise raises L1Lied.
- Amounts of deposits and withdrawals are in ledger units, except `WithdrawalPaid.amount`, which is in token units.
"""

from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from node.l1.abi import AbiMismatch, load_contract
from node.l1.answers import L1Lied, L1Log
from node.l1.rpc import BlockTag, CallMessage, L1Client
from proto.batch import Commitment
from proto.hashing import address_word, keccak
from proto.ids import ZERO_ADDRESS, Address, AssetId
from proto.units import AssetUnits, TimeMs

CONTRACT: Final = load_contract("Novate")
BALANCE_OF: Final = keccak(b"balanceOf(address)")[:4]
TOPICS: Final = {name: CONTRACT.topic(name) for name in (
    "DepositQueued", "ActionQueued", "DataPosted", "DataReset", "BatchCommitted", "BatchesReverted", "BatchAttested",
    "Frozen", "Withdrawn",
)}  # fmt: skip


@dataclass(frozen=True, slots=True)
class DepositQueued:
    """A deposit took its place in the queue."""

    index: int
    owner: Address
    asset: AssetId
    amount: AssetUnits
    time_s: int
    queue_hash: bytes
    """Of the queue up to and including this item."""


@dataclass(frozen=True, slots=True)
class ActionQueued:
    """An action that an account's owner sent on L1 took its place in the queue."""

    index: int
    sender: Address
    payload: bytes
    time_s: int
    queue_hash: bytes
    """Of the queue up to and including this item."""


@dataclass(frozen=True, slots=True)
class BatchesReverted:
    """Batches from `batch_id` to `last_batch` are undone."""

    batch_id: int
    last_batch: int
    commitment_hash: bytes
    """Of the first of them."""


@dataclass(frozen=True, slots=True)
class BatchAttested:
    """Enough validators attested to this batch, and with it to all before it."""

    batch_id: int
    commitment_hash: bytes


@dataclass(frozen=True, slots=True)
class Frozen:
    """No new batches from here on, because queue item `index` waited too long."""

    index: int
    tip: int


@dataclass(frozen=True, slots=True)
class DataPosted:
    """One more chunk of a batch's body is in the input of this transaction."""

    batch_id: int
    index: int
    poster: Address
    chunk_hash: bytes


@dataclass(frozen=True, slots=True)
class DataReset:
    """The chunks posted so far for this batch no longer count."""

    batch_id: int
    poster: Address
    chunks: int


@dataclass(frozen=True, slots=True)
class BatchCommitted:
    """A batch was accepted by the contract."""

    commitment: Commitment
    final_at_s: int
    signature: bytes
    """65 bytes for each signer, by ascending address; empty for a batch that somebody else than the operator posted."""
    poster: Address = ZERO_ADDRESS
    """Whose data the batch is about."""


@dataclass(frozen=True, slots=True)
class WithdrawalPaid:
    """A withdrawal was claimed."""

    index: int
    destination: Address
    asset: AssetId
    amount: int


VaultEvent = (
    DepositQueued
    | ActionQueued
    | DataPosted
    | DataReset
    | BatchCommitted
    | BatchesReverted
    | BatchAttested
    | Frozen
    | WithdrawalPaid
)


@dataclass(frozen=True, slots=True)
class Asset:
    """A collateral asset as the contract lists it, with its running totals."""

    id: AssetId
    token: Address
    unit_divisor: int
    deposited: int
    paid: int
    deposit_cap: int
    owing_cap: int


class PostedBatch(NamedTuple):
    """What the contract keeps of a batch."""

    state_root: bytes
    commitment_hash: bytes
    posted_at_s: int
    queue_cursor: int
    last_seq: int
    l2_time: TimeMs


class PostedData(NamedTuple):
    """Data hash and number of the chunks that a batch has so far."""

    hash: bytes
    chunks: int


def event_of(log: L1Log) -> VaultEvent | None:
    """The event of a log of the contract; None for kinds that nobody here reads. Raises L1Lied."""
    try:
        decoded = CONTRACT.decode_event(log)
    except AbiMismatch as error:
        raise L1Lied(f"event of the settlement contract: {error}") from error
    if decoded is None:
        return None
    values = decoded.values
    match decoded.name:
        case "DepositQueued":
            return DepositQueued(
                values["index"], values["owner"], AssetId(values["asset"]), AssetUnits(values["amount"]), values["time"],
                values["queueHash"],
            )  # fmt: skip
        case "DataPosted":
            return DataPosted(values["batchId"], values["index"], values["poster"], values["chunkHash"])
        case "DataReset":
            return DataReset(values["batchId"], values["poster"], values["chunks"])
        case "ActionQueued":
            return ActionQueued(
                values["index"], values["sender"], values["payload"], values["time"], values["queueHash"]
            )
        case "BatchesReverted":
            return BatchesReverted(values["batchId"], values["lastBatch"], values["commitmentHash"])
        case "BatchAttested":
            return BatchAttested(values["batchId"], values["commitmentHash"])
        case "Frozen":
            return Frozen(values["index"], values["tip"])
        case "BatchCommitted":
            return _committed(values)
        case "Withdrawn":
            return WithdrawalPaid(values["index"], values["destination"], AssetId(values["asset"]), values["amount"])
        case _:
            return None


def _committed(values: Any) -> BatchCommitted:
    commitment = Commitment(*values["commitment"])
    if (commitment.batch_id, commitment.state_root) != (values["batchId"], values["stateRoot"]):
        raise L1Lied("BatchCommitted: topics and commitment differ")
    return BatchCommitted(commitment, values["finalAt"], values["signature"], values["poster"])


def commitment_fields(commitment: Commitment) -> tuple[Any, ...]:
    """The twelve fields in ABI order."""
    c = commitment
    return (
        c.batch_id, c.prev_state_root, c.state_root, c.inputs_root, c.ops_root, c.data_hash, c.rules_hash, c.queue_hash,
        c.last_seq, c.ops_count, c.queue_cursor, c.l2_time,
    )  # fmt: skip


def post_data_call(batch_id: int, index: int, chunk: bytes) -> bytes:
    """Calldata that posts a chunk."""
    return CONTRACT.encode_call("postData", batch_id, index, chunk)


def chunk_of_call(calldata: bytes) -> tuple[int, int, bytes] | None:
    """Batch, index and bytes of the chunk in a transaction's input; None where it is not written the one canonical way."""
    try:
        decoded = CONTRACT.decode_call(calldata)
    except AbiMismatch:
        return None
    if decoded is None or decoded.name != "postData":
        return None
    batch_id, index, chunk = decoded.values["batchId"], decoded.values["index"], decoded.values["chunk"]
    canonical = CONTRACT.encode_call("postData", batch_id, index, chunk)
    # The contract looks at the length and the offset of the argument; the padding after the chunk is free.
    if calldata[: 132 + len(chunk)] != canonical[: 132 + len(chunk)] or len(calldata) != len(canonical):
        return None
    return batch_id, index, chunk


class Vault:
    """Questions to one deployed contract."""

    def __init__(self, client: L1Client, address: Address) -> None:
        self._client = client
        self.address = address

    async def ask(self, name: str, *args: Any, at: BlockTag = "latest") -> tuple[Any, ...]:
        """Return values of a view. Raises L1Refused where it reverts."""
        output = await self._client.call(CallMessage(self.address, CONTRACT.encode_call(name, *args)), at)
        try:
            return CONTRACT.decode_return(name, output)
        except AbiMismatch as error:
            raise L1Lied(f"{name}: {error}") from error

    async def tip(self, at: BlockTag = "latest") -> int:
        """Newest committed batch; 0 is genesis."""
        return int((await self.ask("tip", at=at))[0])

    async def final_tip(self, at: BlockTag = "latest") -> int:
        """Newest batch whose challenge window is over."""
        return int((await self.ask("finalTip", at=at))[0])

    async def batch(self, batch_id: int, at: BlockTag = "latest") -> PostedBatch:
        """A committed batch."""
        return PostedBatch(*(await self.ask("batch", batch_id, at=at))[0])

    async def data_of(self, batch_id: int, at: BlockTag = "latest") -> PostedData:
        """What was posted of a batch's body."""
        return PostedData(*await self.ask("dataOf", batch_id, at=at))

    async def queue_length(self, at: BlockTag = "latest") -> int:
        """Items ever queued."""
        return int((await self.ask("queueLength", at=at))[0])

    async def queue_hash_at(self, count: int, at: BlockTag = "latest") -> bytes:
        """Queue hash after the first `count` items."""
        return bytes((await self.ask("queueHashAt", count, at=at))[0])

    async def is_withdrawn(self, index: int, at: BlockTag = "latest") -> bool:
        """Whether a withdrawal was paid."""
        return bool((await self.ask("isWithdrawn", index, at=at))[0])

    async def balance_of(self, asset: Asset, at: BlockTag = "latest") -> int:
        """What the contract really holds of an asset, in ledger units, rounded down."""
        if asset.token == Address(bytes(20)):
            return await self._client.balance(self.address, at) // asset.unit_divisor
        call = CallMessage(asset.token, BALANCE_OF + address_word(self.address))
        return int.from_bytes(await self._client.call(call, at), "big") // asset.unit_divisor

    async def assets(self, at: BlockTag = "latest") -> tuple[Asset, ...]:
        """All collateral assets, by id."""
        ids = (await self.ask("assetIds", at=at))[0]
        return tuple([Asset(AssetId(number), *(await self.ask("assetOf", number, at=at))[0]) for number in ids])
