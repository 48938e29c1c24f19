"""Batches and their way through settlement: sealed, posted, verified, final.

Settlement and the sequencer tell this view; it tells nobody. A batch that L1 forgot in a reorganisation goes back to sealed.
"""

from dataclasses import dataclass, replace
from enum import IntEnum, unique
from typing import Final

import msgpack

from node.views.rows import BATCH_END_PREFIX, BATCH_PREFIX
from node.views.table import OrderedTable
from proto.ids import Address
from proto.units import U64_MAX

KEPT_IN_MEMORY: Final = 1_000  # Newest batches; older ones are read from disk.


@unique
class BatchStatus(IntEnum):
    """How far a batch has come."""

    SEALED = 0
    POSTED = 1
    VERIFIED = 2
    FINAL = 3


@dataclass(frozen=True, slots=True)
class BatchRow:
    """One batch. Times in ms since the epoch, 0 where not yet; `verified_by` are the addresses that attested."""

    id: int
    first_seq: int
    last_seq: int
    ops_count: int
    l2_time: int
    prev_state_root: bytes
    state_root: bytes
    inputs_root: bytes
    ops_root: bytes
    data_hash: bytes
    status: BatchStatus = BatchStatus.SEALED
    posted_tx: bytes = b""
    posted_block: int = 0
    posted_time: int = 0
    verified_by: tuple[Address, ...] = ()
    final_time: int = 0


class BatchView:
    """All batches by id."""

    __slots__ = ("_dirty", "_recent", "_table", "last")

    def __init__(self, table: OrderedTable) -> None:
        self._table = table
        self._recent: dict[int, BatchRow] = {}
        self._dirty: dict[int, BatchRow] = {}
        newest = next(iter(table.scan(_key(0), _key(U64_MAX), reverse=True)), None)
        self.last = 0 if newest is None else int.from_bytes(newest[0][1:], "big")

    def find(self, batch: int) -> BatchRow | None:
        """The batch with this id."""
        row = self._recent.get(batch)
        if row is None:
            data = self._table.get(_key(batch))
            row = None if data is None else _decode(data)
        return row

    def of_seq(self, seq: int) -> BatchRow | None:
        """The batch that contains an input; None where it is not sealed yet."""
        for row in reversed(self._recent.values()):
            if row.first_seq <= seq <= row.last_seq:
                return row
        for _, value in self._table.scan(_end_key(seq), _end_key(U64_MAX)):
            found = self.find(int.from_bytes(value, "big"))
            return found if found is not None and found.first_seq <= seq else None
        return None

    def newest(self, limit: int, before: int = 0) -> list[BatchRow]:
        """Up to `limit` batches, newest first, with ids below `before` (0: from the newest)."""
        top = self.last if before == 0 else min(self.last, before - 1)
        rows = (self.find(number) for number in range(top, max(top - limit, -1), -1))
        return [row for row in rows if row is not None]

    def put(self, row: BatchRow) -> None:
        """Add or replace a batch."""
        self._recent[row.id] = row
        self._dirty[row.id] = row
        self.last = max(self.last, row.id)
        while len(self._recent) > KEPT_IN_MEMORY:
            oldest = next(iter(self._recent))
            if oldest in self._dirty:
                break
            del self._recent[oldest]

    def posted(self, batch: int, tx: bytes, block: int, time: int) -> None:
        """L1 has the batch."""
        self._update(batch, status=BatchStatus.POSTED, posted_tx=tx, posted_block=block, posted_time=time)

    def verified(self, batch: int, by: Address) -> None:
        """A watcher attested to the batch."""
        row = self.find(batch)
        if row is not None and by not in row.verified_by:
            status = max(row.status, BatchStatus.VERIFIED)
            self._update(batch, status=status, verified_by=(*row.verified_by, by))

    def finalised(self, batch: int, time: int) -> None:
        """The batch's challenge window is over."""
        self._update(batch, status=BatchStatus.FINAL, final_time=time)

    def unposted(self, batch: int) -> None:
        """L1 forgot the batch in a reorganisation."""
        self._update(
            batch, status=BatchStatus.SEALED, posted_tx=b"", posted_block=0, posted_time=0, verified_by=(), final_time=0
        )

    def _update(self, batch: int, **changes: object) -> None:
        row = self.find(batch)
        if row is not None:
            self.put(replace(row, **changes))  # type: ignore[arg-type]  # Field names are checked by `replace`.

    def take_rows(self) -> list[tuple[bytes, bytes]]:
        """Rows to write."""
        rows: list[tuple[bytes, bytes]] = []
        for row in self._dirty.values():
            rows.append((_key(row.id), _encode(row)))
            rows.append((_end_key(row.last_seq), row.id.to_bytes(8, "big")))
        self._dirty.clear()
        return rows


def _key(batch: int) -> bytes:
    return BATCH_PREFIX + batch.to_bytes(8, "big")


def _end_key(seq: int) -> bytes:
    return BATCH_END_PREFIX + seq.to_bytes(8, "big")


def _encode(row: BatchRow) -> bytes:
    packed: bytes = msgpack.packb(
        (
            row.id, row.first_seq, row.last_seq, row.ops_count, row.l2_time, row.prev_state_root, row.state_root, row.inputs_root,
            row.ops_root, row.data_hash, row.status, row.posted_tx, row.posted_block, row.posted_time, row.verified_by,
            row.final_time,
        )
    )  # fmt: skip
    return packed


def _decode(data: bytes) -> BatchRow:
    items = msgpack.unpackb(data)
    items[10], items[14] = BatchStatus(items[10]), tuple(Address(address) for address in items[14])
    return BatchRow(*items)
