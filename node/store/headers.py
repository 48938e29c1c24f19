"""Batch header: everything a commitment says about a sealed batch, and what it takes to find its records.

Invariants:
- A header is written in the same synced write as the leaves of its state, so the two never disagree.
- `commitment()` needs nothing but the header; what L1 opens (section roots, system words) is in it too.
"""

from dataclasses import dataclass
from typing import Any, Final

from node.store.keys import LayoutError
from proto.batch import Commitment
from proto.canonical import NotCanonicalError, pack, unpack
from proto.ids import Seq
from proto.ledger import Roots, Section
from proto.units import TimeMs

GENESIS_BATCH: Final = 0
"""Header 0 holds the root of the genesis state; it has no records and is never posted."""


@dataclass(frozen=True, slots=True)
class BatchHeader:
    """One sealed batch. Fields of the same name are those of the commitment."""

    batch_id: int
    first_seq: Seq
    last_seq: Seq
    cycles: int
    l2_time: TimeMs
    prev_state_root: bytes
    state_root: bytes
    inputs_root: bytes
    ops_root: bytes
    ops_count: int
    data_hash: bytes
    rules_hash: bytes
    queue_hash: bytes
    queue_cursor: int
    head: bytes
    """Journal head after the batch's last cycle."""
    body_bytes: int
    roots: Roots
    """Section roots and system words: what a post opens."""

    @property
    def inputs(self) -> int:
        """Number of records."""
        return self.last_seq - self.first_seq + 1

    def commitment(self) -> Commitment:
        """What the operator signs and posts."""
        return Commitment(
            self.batch_id, self.prev_state_root, self.state_root, self.inputs_root, self.ops_root, self.data_hash,
            self.rules_hash, self.queue_hash, self.last_seq, self.ops_count, self.queue_cursor, self.l2_time,
        )  # fmt: skip


_INTS: Final = 8
_HASHES: Final = 8


def encode_header(header: BatchHeader) -> bytes:
    """Value of a header row: integers, hashes, section roots, system words."""
    return pack(
        [
            header.batch_id, header.first_seq, header.last_seq, header.cycles, header.l2_time, header.ops_count,
            header.queue_cursor, header.body_bytes,
            header.prev_state_root, header.state_root, header.inputs_root, header.ops_root, header.data_hash,
            header.rules_hash, header.queue_hash, header.head,
            b"".join(header.roots.sections), header.roots.system,
        ]
    )  # fmt: skip


def decode_header(value: bytes) -> BatchHeader:
    """A header from its row. Raises LayoutError."""
    try:
        items: list[Any] = unpack(value)
    except NotCanonicalError as error:
        raise LayoutError(f"header: {error}") from None
    if len(items) != _INTS + _HASHES + 2:
        raise LayoutError("a header has another number of fields")
    numbers, hashes, (sections, system) = items[:_INTS], items[_INTS : _INTS + _HASHES], items[_INTS + _HASHES :]
    if any(type(number) is not int for number in numbers):
        raise LayoutError("a header's numbers are integers")
    if any(type(part) is not bytes or len(part) != 32 for part in hashes):
        raise LayoutError("a header's hashes have 32 bytes")
    if type(sections) is not bytes or len(sections) != 32 * len(Section) or type(system) is not bytes:
        raise LayoutError("a header has one root per section, and the system words")
    batch_id, first_seq, last_seq, cycles, l2_time, ops_count, queue_cursor, body_bytes = numbers
    prev_state_root, state_root, inputs_root, ops_root, data_hash, rules_hash, queue_hash, head = hashes
    parts = tuple(sections[at : at + 32] for at in range(0, len(sections), 32))
    return BatchHeader(
        batch_id, Seq(first_seq), Seq(last_seq), cycles, TimeMs(l2_time), prev_state_root, state_root, inputs_root,
        ops_root, ops_count, data_hash, rules_hash, queue_hash, queue_cursor, head, body_bytes, Roots(parts, system),
    )  # fmt: skip
