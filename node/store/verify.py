"""What is checked before a store is used: that nothing durable is missing, altered or foreign.

Order of findings: identity, headers, cycle chain, records, witness. Each refusal says which part, and what to do.
"""

from collections.abc import Callable
from typing import Final

from node.store.errors import ADVICE, StoreCorrupt
from node.store.headers import BatchHeader
from node.store.journal import Journal
from node.store.keys import CycleRow
from node.store.seals import Seals
from node.store.witness import HeadWitness, Mark
from proto.batch import cycle_root, next_head
from proto.ids import Seq

Progress = Callable[[str, int, int], None]
"""Told now and then: which stage, how much is done, how much there is (0: unknown)."""
_PROGRESS_EVERY: Final = 1_024


def no_progress(_stage: str, _done: int, _total: int) -> None:
    """A listener that does not care."""


def verify(journal: Journal, seals: Seals, witness: HeadWitness, batches: int, progress: Progress) -> Mark:
    """Check headers, cycles, records (of the newest `batches`; 0 = all) and witness; returns the journal's end.

    Raises StoreCorrupt.
    """
    newest = seals.last()
    if newest is None:
        raise StoreCorrupt(f"The store has no genesis header. {ADVICE}")
    oldest_id = 0 if batches == 0 else max(0, newest.batch_id - batches)
    anchor = _verify_headers(seals, oldest_id, newest)
    end, has_mark = _verify_cycles(journal, anchor, witness.mark, progress)
    tail = journal.last_record_seq()
    if tail != end.seq:
        raise StoreCorrupt(f"The journal has records up to {tail}, but cycles up to {end.seq}. {ADVICE}")
    if newest.last_seq > end.seq:
        message = f"Batch {newest.batch_id} was sealed at input {newest.last_seq}, but the journal ends at {end.seq}."
        raise StoreCorrupt(f"{message} {ADVICE}")
    _verify_witness(witness, end, anchor.last_seq, has_mark=has_mark)
    return end


def _verify_headers(seals: Seals, oldest_id: int, newest: BatchHeader) -> BatchHeader:
    """Headers are dense and chained by state root and sequence numbers; returns the oldest one looked at."""
    before: BatchHeader | None = None
    oldest: BatchHeader | None = None
    for header in seals.headers(oldest_id):
        expected = oldest_id if before is None else before.batch_id + 1
        if header.batch_id != expected:
            raise StoreCorrupt(f"The header of batch {expected} is missing. {ADVICE}")
        if before is not None and (header.prev_state_root, header.first_seq) != (
            before.state_root,
            before.last_seq + 1,
        ):
            raise StoreCorrupt(f"The header of batch {header.batch_id} does not continue the one before. {ADVICE}")
        if header.roots.state_root() != header.state_root:
            raise StoreCorrupt(f"The header of batch {header.batch_id} contradicts itself. {ADVICE}")
        oldest = header if oldest is None else oldest
        before = header
    if oldest is None or before != newest:
        raise StoreCorrupt(f"The header of batch {oldest_id} is missing. {ADVICE}")
    return oldest


def _verify_cycles(journal: Journal, anchor: BatchHeader, mark: Mark, progress: Progress) -> tuple[Mark, bool]:
    """Recompute every root and head after `anchor`; returns the journal's end, and whether the mark is one of its heads."""
    head, seq = anchor.head, anchor.last_seq
    last = journal.last_cycle()
    total = 0 if last is None else last.last_seq - seq
    has_mark = mark == Mark(seq, head)
    reported = 0
    for row in journal.cycles(seq + 1):
        _verify_cycle(journal, row, head, seq)
        head, seq = row.head, row.last_seq
        has_mark = has_mark or mark == Mark(seq, head)
        if (done := seq - anchor.last_seq) - reported >= _PROGRESS_EVERY:
            reported = done
            progress("verify journal", done, total)
    return Mark(Seq(seq), head), has_mark


def _verify_cycle(journal: Journal, row: CycleRow, head: bytes, seq: int) -> None:
    if row.first_seq != seq + 1 or row.size == 0:
        raise StoreCorrupt(f"The journal's cycle at input {seq + 1} is missing. {ADVICE}")
    root = cycle_root(list(journal.records(row.first_seq, row.last_seq)))
    if root != row.root or next_head(head, row.first_seq, row.size, root) != row.head:
        raise StoreCorrupt(f"The journal's cycle at input {row.first_seq} is not what was signed. {ADVICE}")


def _verify_witness(witness: HeadWitness, end: Mark, verified_from: int, *, has_mark: bool) -> None:
    """The witness is at a head of the journal that was recomputed: nothing acknowledged lies after the journal's end."""
    if not witness.exists:
        if end.seq:
            raise StoreCorrupt(f"The head witness is missing, but the journal has {end.seq} inputs. {ADVICE}")
        return
    if witness.mark.seq > end.seq:
        message = f"The head witness saw input {witness.mark.seq} durable, but the journal ends at {end.seq}."
        raise StoreCorrupt(f"{message} Acknowledged inputs are lost. {ADVICE}")
    if not has_mark:
        where = f"the journal's head at input {witness.mark.seq}"
        if witness.mark.seq < verified_from:
            raise StoreCorrupt(f"The head witness is older than the verified journal: it is not this store's. {ADVICE}")
        raise StoreCorrupt(f"The head witness contradicts {where}. {ADVICE}")
