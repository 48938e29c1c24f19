"""The journal: every stamped input by number, in cycles that were written at once and are chained by their heads.

Invariants:
- Numbers are dense from 1; a cycle's records and its row are one synced write, then the head witness is advanced.
- head = H(previous head ‖ first seq ‖ count ‖ Merkle root of the cycle's records), ZERO before the first cycle.
Nothing is ever removed: batch bodies, receipts and replay from genesis need all of it.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from node.store.database import Database
from node.store.errors import ADVICE, StoreCorrupt
from node.store.keys import (
    CycleRow,
    LayoutError,
    cycle_key,
    decode_cycle,
    encode_cycle,
    record_key,
    record_seq,
)
from node.store.witness import HeadWitness, Mark
from proto.ids import Seq

_SEQ_END: Final = 2**64 - 1


class Journal:
    """Append-only records and cycles over a database and a witness."""

    def __init__(self, database: Database, witness: HeadWitness) -> None:
        self._database = database
        self._witness = witness

    def append(self, row: CycleRow, records: Sequence[bytes]) -> None:
        """Make one cycle durable. Called by one thread only. Raises StoreFailed; then the process must exit."""
        assert row.size == len(records) > 0
        puts = [(record_key(seq), record) for seq, record in enumerate(records, row.first_seq)]
        puts.append((cycle_key(row.first_seq), encode_cycle(row)))
        self._database.write(puts, sync=True)
        self._witness.advance(Mark(row.last_seq, row.head))

    def record(self, seq: int) -> bytes | None:
        """One record, or None where it was never written."""
        return self._database.get(record_key(seq))

    def records(self, first: int, last: int) -> Iterator[bytes]:
        """Records `first`..`last`, all of them. Raises StoreCorrupt where one is missing."""
        expected = first
        for key, value in self._database.scan(record_key(first), record_key(last + 1)):
            if record_seq(key) != expected:
                break
            expected += 1
            yield value
        if expected != last + 1:
            raise StoreCorrupt(f"Record {expected} is missing from the journal. {ADVICE}")

    def cycles(self, first: int, last: int = _SEQ_END - 1) -> Iterator[CycleRow]:
        """Cycles that begin at `first`..`last`, in order. Raises StoreCorrupt where a row is not readable."""
        for key, value in self._database.scan(cycle_key(first), cycle_key(last + 1)):
            yield _cycle(key, value)

    def cycle_of(self, seq: int) -> CycleRow | None:
        """The cycle that holds record `seq`, or None."""
        for key, value in self._database.scan(cycle_key(0), cycle_key(seq + 1), reverse=True):
            row = _cycle(key, value)
            return row if seq <= row.last_seq else None
        return None

    def last_cycle(self) -> CycleRow | None:
        """The newest cycle, or None where nothing was ever journaled."""
        return self.cycle_of_end(_SEQ_END)

    def cycle_of_end(self, stop: int) -> CycleRow | None:
        """The newest cycle that begins before `stop`."""
        for key, value in self._database.scan(cycle_key(0), cycle_key(stop), reverse=True):
            return _cycle(key, value)
        return None

    def last_record_seq(self) -> Seq:
        """Number of the newest record, 0 where there is none."""
        for key, _ in self._database.scan(record_key(0), record_key(_SEQ_END), reverse=True):
            return record_seq(key)
        return Seq(0)


def _cycle(key: bytes, value: bytes) -> CycleRow:
    try:
        return decode_cycle(key, value)
    except LayoutError as error:
        raise StoreCorrupt(f"A cycle row of the journal is not readable: {error}. {ADVICE}") from error
