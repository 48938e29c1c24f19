"""State, position in the journal, and the open batch: what one more input does to them.

The live cycle, recovery and replay all go through `step` and `end_cycle`, so that they cannot differ. Nothing here does I/O.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from node.core.apply import apply
from node.core.audit import audit_totals
from node.core.commit.forest import SealLeaves
from node.core.commit.seal import collect
from node.core.outcome import Applied, Outcome
from node.core.state import State
from node.store.headers import BatchHeader
from proto.batch import Cycle, cycle_leaf, cycle_root, next_head
from proto.ids import Address, Seq
from proto.inputs import FundingTick, Input, SampleTick, SealTick, Stamp, WorkTick, encode_record
from proto.merkle import ListTree
from proto.ops import encode_op
from proto.units import TimeMs

_CLOCK_TICKS = frozenset({SampleTick, FundingTick, WorkTick, SealTick})


class ClosedCycle(NamedTuple):
    """Records that are journaled in one write, and the head after them."""

    first_seq: Seq
    records: tuple[bytes, ...]
    root: bytes
    head: bytes


@dataclass(slots=True)
class OpenBatch:
    """What the next commitment will cover, as far as it has happened."""

    batch_id: int
    first_seq: Seq
    opened: TimeMs
    """Time of the seal before, from which the period of this batch counts."""
    cycles: list[Cycle] = field(default_factory=list)
    cycle_leaves: ListTree = field(default_factory=ListTree)
    ops: ListTree = field(default_factory=ListTree)
    inputs: int = 0
    bytes: int = 0
    eventful: bool = False
    """Whether anything but clock ticks is in it."""


class SealWork(NamedTuple):
    """A batch whose SealTick was applied: all that its header is made of, independent of what is applied next."""

    leaves: SealLeaves
    batch: OpenBatch
    last_seq: Seq
    time: TimeMs
    head: bytes


class Machine:
    """The writer's memory. Continues after `sealed`, whose state must be `state`."""

    __slots__ = ("_records", "batch", "head", "seq", "state", "time")

    def __init__(self, state: State, sealed: BatchHeader) -> None:
        self.state = state
        self.seq = sealed.last_seq
        self.time = sealed.l2_time
        self.head = sealed.head
        self.batch = OpenBatch(sealed.batch_id + 1, Seq(sealed.last_seq + 1), sealed.l2_time)
        self._records: list[bytes] = []

    @property
    def cycle_inputs(self) -> int:
        """Inputs in the open cycle."""
        return len(self._records)

    def step(self, time: TimeMs, item: Input, signer: Address) -> Outcome:
        """Give `item` the next number and apply it."""
        record = encode_record(time, item)
        seq = Seq(self.seq + 1)
        outcome = apply(self.state, Stamp(seq, time), item, signer)
        self.seq = seq
        self.time = time
        self._records.append(record)
        batch = self.batch
        batch.inputs += 1
        batch.bytes += len(record)
        if not batch.eventful and type(item) not in _CLOCK_TICKS:
            batch.eventful = True
        return outcome

    def end_cycle(self) -> ClosedCycle:
        """Close the open cycle, which is not empty."""
        records = tuple(self._records)
        assert records
        self._records = []
        first_seq = Seq(self.seq - len(records) + 1)
        root = cycle_root(records)
        self.head = next_head(self.head, first_seq, len(records), root)
        batch = self.batch
        batch.cycles.append(Cycle(first_seq, records))
        batch.cycle_leaves.append(cycle_leaf(first_seq, len(records), root))
        self.take_ops()
        return ClosedCycle(first_seq, records, root, self.head)

    def take_ops(self) -> None:
        """Move the operations that the state has collected into the batch's tree."""
        ops, self.state.ops = self.state.ops, []
        append = self.batch.ops.append
        for op in ops:
            append(encode_op(op))

    def end_batch(self) -> SealWork:
        """Close the batch whose SealTick was the last input of the cycle that has just ended."""
        assert not self._records, "the cycle of a seal ends with it"
        audit_totals(self.state)  # Money that does not add up must not be sealed: the process ends here.
        leaves = collect(self.state)
        batch = self.batch
        assert leaves.batch_id == batch.batch_id
        work = SealWork(leaves, batch, self.seq, self.time, self.head)
        self.batch = OpenBatch(batch.batch_id + 1, Seq(self.seq + 1), self.time)
        return work

    def seal_tick(self) -> SealTick:
        """The input that closes the open batch."""
        return SealTick(self.batch.batch_id)


def assert_sealed(outcome: Outcome) -> None:
    """A SealTick of our own is never refused; where it is, the state is not what we think."""
    assert isinstance(outcome, Applied), f"the seal was refused: {outcome}"
