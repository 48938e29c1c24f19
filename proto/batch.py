"""Batch body, chunks, data hash, queue hash and commitment: what is posted to L1.

Layout of a body (big-endian): `"NVB1" ‖ u64 batchId ‖ u64 firstSeq ‖ u32 cycles ‖ cycle*`, cycle = `u32 count ‖ (u32 length ‖ record)*`.
Invariants:
- `decode_body` accepts exactly what `encode_body` writes.
- The data hash runs over the chunks in order: acc' = H(acc ‖ H(chunk)), acc0 = 0; the contract computes the same from calldata.
- The queue hash runs over consumed queue items: acc' = H(acc ‖ item hash), acc0 = 0; the contract keeps acc for every index.
- `inputsRoot` is the list root over the batch's cycles; a receipt signs the same cycle root, so a missing input is one opening.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

from proto.hashing import ZERO_HASH, address_word, keccak
from proto.ids import Address, Seq
from proto.merkle import list_root
from proto.signing.eip712 import Domain, commitment_digest, commitment_hash
from proto.units import TimeMs

MAGIC: Final = b"NVB1"
CHUNK_BYTES_MAX: Final = 120_000  # Under 128 KiB with the call around it.
BODY_BYTES_MAX: Final = 64 * CHUNK_BYTES_MAX
RECORD_BYTES_MAX: Final = 65_536 + 256
QUEUE_DEPOSIT: Final = 0
QUEUE_ACTION: Final = 1


class BodyError(ValueError):
    """The bytes are not a batch body."""


class Cycle(NamedTuple):
    """One journal write: consecutive records."""

    first_seq: Seq
    records: tuple[bytes, ...]


class Body(NamedTuple):
    """All inputs of a batch, by cycle."""

    batch_id: int
    first_seq: Seq
    cycles: tuple[Cycle, ...]


def cycle_root(records: tuple[bytes, ...] | list[bytes]) -> bytes:
    """Merkle root of a cycle's records."""
    return list_root(records)


def next_head(head: bytes, first_seq: int, count: int, root: bytes) -> bytes:
    """Journal head after a cycle: H(previous head ‖ u64 first seq ‖ u32 count ‖ root)."""
    return keccak(head + first_seq.to_bytes(8, "big") + count.to_bytes(4, "big") + root)


def cycle_leaf(first_seq: int, count: int, root: bytes) -> bytes:
    """Content of a cycle's leaf under `inputsRoot`: u64 first seq ‖ u32 count ‖ root."""
    return first_seq.to_bytes(8, "big") + count.to_bytes(4, "big") + root


def inputs_root(cycles: tuple[Cycle, ...]) -> bytes:
    """Merkle root over a batch's cycles."""
    return list_root([cycle_leaf(c.first_seq, len(c.records), cycle_root(c.records)) for c in cycles])


def encode_body(body: Body) -> bytes:
    """The body's bytes, before cutting into chunks."""
    parts = [
        MAGIC,
        body.batch_id.to_bytes(8, "big"),
        body.first_seq.to_bytes(8, "big"),
        len(body.cycles).to_bytes(4, "big"),
    ]
    for cycle in body.cycles:
        parts.append(len(cycle.records).to_bytes(4, "big"))
        for record in cycle.records:
            parts.append(len(record).to_bytes(4, "big"))
            parts.append(record)
    return b"".join(parts)


class _Reader:
    """Reads big-endian integers and byte strings; raises BodyError past the end."""

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, count: int) -> bytes:
        part = self._data[self._at : self._at + count]
        if len(part) != count:
            raise BodyError("body ends early")
        self._at += count
        return part

    def uint(self, width: int) -> int:
        return int.from_bytes(self.take(width), "big")

    def done(self) -> bool:
        return self._at == len(self._data)


def decode_body(data: bytes) -> Body:
    """The body in `data`. Raises BodyError. Records are not decoded here."""
    if len(data) > BODY_BYTES_MAX:
        raise BodyError("body too large")
    reader = _Reader(data)
    if reader.take(4) != MAGIC:
        raise BodyError("not a batch body")
    batch_id, first_seq, count = reader.uint(8), reader.uint(8), reader.uint(4)
    seq, cycles = first_seq, []
    for _ in range(count):
        records = []
        for _ in range(reader.uint(4)):
            length = reader.uint(4)
            if not 0 < length <= RECORD_BYTES_MAX:
                raise BodyError("record length out of bounds")
            records.append(reader.take(length))
        if not records:
            raise BodyError("empty cycle")
        cycles.append(Cycle(Seq(seq), tuple(records)))
        seq += len(records)
    if not cycles or not reader.done():
        raise BodyError("no cycles, or bytes after the last one")
    return Body(batch_id, Seq(first_seq), tuple(cycles))


def chunks_of(data: bytes) -> tuple[bytes, ...]:
    """The body cut into pieces that fit an L1 transaction."""
    return tuple(data[at : at + CHUNK_BYTES_MAX] for at in range(0, len(data), CHUNK_BYTES_MAX))


def data_hash(chunks: tuple[bytes, ...]) -> bytes:
    """What the contract computes over the chunks as they come."""
    acc = ZERO_HASH
    for chunk in chunks:
        acc = keccak(acc + keccak(chunk))
    return acc


def deposit_item_hash(index: int, owner: Address, asset: int, amount: int) -> bytes:
    """Hash of a deposit in the L1 queue: H(words kind=0, index, owner, asset, amount)."""
    words = (QUEUE_DEPOSIT.to_bytes(32, "big"), index.to_bytes(32, "big"), address_word(owner))
    return keccak(b"".join(words) + asset.to_bytes(32, "big") + amount.to_bytes(32, "big"))


def action_item_hash(index: int, sender: Address, payload: bytes) -> bytes:
    """Hash of an action in the L1 queue: H(words kind=1, index, sender, H(payload))."""
    return keccak(QUEUE_ACTION.to_bytes(32, "big") + index.to_bytes(32, "big") + address_word(sender) + keccak(payload))


def next_queue_hash(acc: bytes, item_hash: bytes) -> bytes:
    """Queue hash after one more item."""
    return keccak(acc + item_hash)


@dataclass(frozen=True, slots=True)
class Commitment:
    """The operator's signed claim about one batch; field order is the EIP-712 order."""

    batch_id: int
    prev_state_root: bytes
    state_root: bytes
    inputs_root: bytes
    ops_root: bytes
    data_hash: bytes
    rules_hash: bytes
    queue_hash: bytes
    last_seq: int
    ops_count: int
    queue_cursor: int
    l2_time: TimeMs

    def words(self) -> bytes:
        """The twelve fields as 32-byte words, as Solidity's abi.encode writes them."""
        return b"".join(
            (
                self.batch_id.to_bytes(32, "big"),
                self.prev_state_root,
                self.state_root,
                self.inputs_root,
                self.ops_root,
                self.data_hash,
                self.rules_hash,
                self.queue_hash,
                self.last_seq.to_bytes(32, "big"),
                self.ops_count.to_bytes(32, "big"),
                self.queue_cursor.to_bytes(32, "big"),
                self.l2_time.to_bytes(32, "big"),
            )
        )

    def struct_hash(self) -> bytes:
        """What the contract keeps of it, and what validators attest to."""
        return commitment_hash(self.words())

    def digest(self, domain: Domain) -> bytes:
        """What the operator signs."""
        return commitment_digest(domain, self.words())
