"""Rows for store tests: cycles of arbitrary records, headers and leaves that fit together."""

import random

from node.store.headers import BatchHeader
from node.store.keys import CycleRow
from node.store.seals import Leaf
from node.store.store import Store
from node.store.witness import Mark
from proto.batch import cycle_root, next_head
from proto.hashing import ZERO_HASH, keccak
from proto.ids import Seq
from proto.ledger import Roots, Section
from proto.units import TimeMs

GENESIS = keccak(b"genesis")
SIGNATURE = bytes(65)


def header(batch_id: int, first_seq: int, end: Mark, previous: bytes) -> BatchHeader:
    """A header that its store accepts."""
    roots = Roots(tuple(keccak(bytes([batch_id % 251, section])) for section in Section), batch_id.to_bytes(32, "big"))
    return BatchHeader(
        batch_id, Seq(first_seq), end.seq, 1, TimeMs(batch_id), previous, roots.state_root(), ZERO_HASH, ZERO_HASH, 5, ZERO_HASH,
        ZERO_HASH, ZERO_HASH, 2, end.head, 100, roots,
    )  # fmt: skip


def leaves(rng: random.Random, count: int) -> list[Leaf]:
    """Some leaves, some of them deleted."""
    return [
        (rng.randrange(len(Section)), rng.randrange(50), rng.randbytes(32 * rng.randint(0, 4)), rng.randbytes(rng.randint(0, 9)))
        for _ in range(count)
    ]


class Writer:
    """Appends cycles and seals as a sequencer does."""

    def __init__(self, store: Store) -> None:
        self.store = store
        if store.is_empty:
            store.create(header(0, 1, Mark(Seq(0), ZERO_HASH), ZERO_HASH), [(0, 1, b"\1" * 32, b"aux")])
        sealed = store.seals.last()
        assert sealed is not None
        self.sealed = sealed
        self.end = store.end
        self.acknowledged = store.end.seq

    def cycle(self, records: list[bytes]) -> None:
        """Append one cycle; it is acknowledged when this returns."""
        first_seq = Seq(self.end.seq + 1)
        root = cycle_root(records)
        head = next_head(self.end.head, first_seq, len(records), root)
        self.store.journal.append(CycleRow(first_seq, len(records), root, head, SIGNATURE), records)
        self.end = Mark(Seq(self.end.seq + len(records)), head)
        self.acknowledged = self.end.seq

    def seal(self, changed: list[Leaf]) -> None:
        """Seal everything up to the last cycle."""
        made = header(self.sealed.batch_id + 1, self.sealed.last_seq + 1, self.end, self.sealed.state_root)
        self.store.seals.write(made, changed)
        self.sealed = made


def fill(store: Store, rng: random.Random, cycles: int) -> Writer:
    """A store with some history; every seventh cycle ends a batch."""
    writer = Writer(store)
    for number in range(cycles):
        writer.cycle([rng.randbytes(rng.randint(1, 300)) for _ in range(rng.randint(1, 12))])
        if number % 7 == 6:
            writer.seal(leaves(rng, 20))
    return writer
