"""How far each batch has come on L1: posted, final, or forgotten again.

Invariants:
- Rows follow the contract's events on the canonical chain, whoever sent the transactions.
- A row that was stored before a restart counts only once its event is seen again, or its block was final by then.
"""

from collections import deque
from dataclasses import dataclass, replace
from enum import IntEnum, unique
from typing import Final

from node.l1.vault import BatchCommitted
from node.settlement.ports import StatusListener
from node.store.table import Table
from proto.canonical import pack, unpack

MS_PER_S: Final = 1_000
_REPUBLISHED: Final = 1_000
"""Newest rows that are told to the listener at start: its own rows may be older than ours."""


@unique
class BatchStatus(IntEnum):
    """Where a batch stands on L1."""

    SEALED = 0
    POSTED = 1
    FINAL = 3  # 2 is kept for attested batches.


@dataclass(frozen=True, slots=True)
class BatchTrack:
    """One batch on L1. Times in seconds of L1; `data_transactions` as far as they were seen."""

    batch_id: int
    status: BatchStatus
    transaction_hash: bytes
    block: int
    posted_at_s: int
    final_at_s: int
    data_transactions: tuple[bytes, ...]


class Tracker:
    """All batches that L1 has, by id."""

    def __init__(self, table: Table, listener: StatusListener) -> None:
        self._table = table
        self._listener = listener
        self._open: deque[BatchTrack] = deque()  # Posted, not final, by id.
        self._data: dict[int, list[tuple[int, bytes]]] = {}  # Batch → (block, transaction) of its chunks.
        self._unconfirmed: dict[int, BatchTrack] = {}
        self.tip = 0
        """Newest batch that L1 has."""
        self.final = 0
        """Newest final one."""

    def load(self, believed_block: int) -> None:
        """Take stored rows in; those above `believed_block` wait to be seen again. Tells the listener the newest ones."""
        newest: list[BatchTrack] = []
        for _, value in self._table.scan(reverse=True):
            row = _decode(value)
            newest.append(row)
            if len(newest) >= _REPUBLISHED and row.status is BatchStatus.FINAL:
                break
        for row in reversed(newest):
            if row.block > believed_block:
                self._unconfirmed[row.batch_id] = row
                continue
            self.tip = row.batch_id
            self._publish(row)
            if row.status is BatchStatus.FINAL:
                self.final = row.batch_id
            else:
                self._open.append(row)

    def find(self, batch_id: int) -> BatchTrack | None:
        """A batch that L1 has, else None."""
        value = self._table.get(_key(batch_id))
        return None if value is None or batch_id in self._unconfirmed else _decode(value)

    def data_seen(self, batch_id: int, block: int, transaction_hash: bytes) -> None:
        """A chunk is in a canonical block."""
        self._data.setdefault(batch_id, []).append((block, transaction_hash))

    def data_reset(self, batch_id: int) -> None:
        """Its chunks so far do not count."""
        self._data.pop(batch_id, None)

    def committed(self, event: BatchCommitted, block: int, time_s: int, transaction_hash: bytes) -> None:
        """The contract accepted a batch in a canonical block."""
        batch_id = event.commitment.batch_id
        chunks = tuple(transaction for _, transaction in self._data.pop(batch_id, []))
        row = BatchTrack(batch_id, BatchStatus.POSTED, transaction_hash, block, time_s, event.final_at_s, chunks)
        self._unconfirmed.pop(batch_id, None)
        self._open.append(row)
        self.tip = batch_id
        self._put(row)

    def dropped(self, kept_block: int) -> None:
        """Blocks above `kept_block` are no longer canonical."""
        while self._open and self._open[-1].block > kept_block:
            row = self._open.pop()
            self._forget(row.batch_id)
            self.tip = row.batch_id - 1
        for batch_id in list(self._data):
            kept = [pair for pair in self._data[batch_id] if pair[0] <= kept_block]
            if kept:
                self._data[batch_id] = kept
            else:
                del self._data[batch_id]

    def caught_up(self) -> None:
        """The newest block was read: what is still unconfirmed is not on L1."""
        for batch_id in sorted(self._unconfirmed):
            self._forget(batch_id)
        self._unconfirmed.clear()

    def advance(self, time_s: int, believed_block: int) -> None:
        """L1's time is `time_s`, and blocks up to `believed_block` are believed: some windows may be over."""
        while self._open and self._open[0].final_at_s <= time_s and self._open[0].block <= believed_block:
            row = replace(self._open.popleft(), status=BatchStatus.FINAL)
            self.final = row.batch_id
            self._put(row)

    def _put(self, row: BatchTrack) -> None:
        self._table.put_batch([(_key(row.batch_id), _encode(row))])
        self._publish(row)

    def _forget(self, batch_id: int) -> None:
        self._table.put_batch((), [_key(batch_id)])
        self._listener.unposted(batch_id)

    def _publish(self, row: BatchTrack) -> None:
        self._listener.posted(row.batch_id, row.transaction_hash, row.block, row.posted_at_s * MS_PER_S)
        if row.status is BatchStatus.FINAL:
            self._listener.finalised(row.batch_id, row.final_at_s * MS_PER_S)


def _key(batch_id: int) -> bytes:
    return batch_id.to_bytes(8, "big")


def _encode(row: BatchTrack) -> bytes:
    return pack(
        [
            row.batch_id, row.status.value, row.transaction_hash, row.block, row.posted_at_s, row.final_at_s,
            list(row.data_transactions),
        ]
    )  # fmt: skip


def _decode(value: bytes) -> BatchTrack:
    batch_id, status, transaction_hash, block, posted_at_s, final_at_s, chunks = unpack(value)
    return BatchTrack(batch_id, BatchStatus(status), transaction_hash, block, posted_at_s, final_at_s, tuple(chunks))
