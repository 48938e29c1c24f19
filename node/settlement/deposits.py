"""Items of the L1 queue, deposits and forced actions, become inputs: in queue order, once, when they are deep enough.

Invariants:
- The state alone says what is credited: the feed begins at its queue cursor, and the core refuses whatever is not the next item.
- An item that a reorganisation drops before it is deep enough was never an input.
- Nothing is skipped: a gap in the queue's indices means that L1 was read from too late a block, and is an error.
"""

from collections import deque
from typing import NamedTuple

from node.l1.answers import L1Lied
from node.l1.vault import ActionQueued, DepositQueued
from node.settlement.ports import Writer
from proto.ids import ZERO_ADDRESS, Address
from proto.inputs import DepositSeen, QueueItemSeen


class PendingDeposit(NamedTuple):
    """A deposit that L1 shows and the venue has not taken in yet."""

    item: DepositQueued
    block: int
    transaction_hash: bytes


class _Waiting(NamedTuple):
    """A queue item that L1 shows and the venue has not taken in yet."""

    item: DepositQueued | ActionQueued
    block: int
    transaction_hash: bytes


class DepositFeed:
    """From L1 events to the writer."""

    def __init__(self, writer: Writer, next_index: int | None = None) -> None:
        """`next_index`: where an earlier feed of this process had come to; None asks the state."""
        self._writer = writer
        self._waiting: deque[_Waiting] = deque()  # Not deep enough, in chain order.
        self._ready: deque[_Waiting] = deque()  # Deep enough, not taken in.
        self.next_index = writer.peek(lambda state: state.queue_cursor) if next_index is None else next_index
        """The queue item that the writer gets next."""

    def seen(self, item: DepositQueued | ActionQueued, block: int, transaction_hash: bytes) -> None:
        """A canonical block has this item."""
        self._waiting.append(_Waiting(item, block, transaction_hash))

    def dropped(self, kept_block: int) -> None:
        """Blocks above `kept_block` are no longer canonical."""
        while self._waiting and self._waiting[-1].block > kept_block:
            self._waiting.pop()

    def deep(self, block: int) -> None:
        """Blocks up to `block` are believed."""
        while self._waiting and self._waiting[0].block <= block:
            self._ready.append(self._waiting.popleft())

    def drain(self) -> None:
        """Hand over what is ready, as far as the writer has room. Raises L1Lied for a gap in the queue."""
        while self._ready:
            item = self._ready[0].item
            if item.index > self.next_index:
                raise L1Lied(f"queue item {self.next_index} is missing before item {item.index}")
            if item.index == self.next_index:
                if self._writer.submit(_input(item), ZERO_ADDRESS) is not None:
                    return
                self.next_index += 1
            self._ready.popleft()

    @property
    def is_drained(self) -> bool:
        """Whether the writer has everything that is deep enough."""
        return not self._ready

    def pending(self, owner: Address | None = None) -> list[PendingDeposit]:
        """What waits for depth or for the writer, oldest first; of one owner, if given."""
        deposits = [
            PendingDeposit(row.item, row.block, row.transaction_hash)
            for row in (*self._ready, *self._waiting)
            if isinstance(row.item, DepositQueued) and row.item.index >= self.next_index
        ]
        return [row for row in deposits if owner in (None, row.item.owner)]


def _input(item: DepositQueued | ActionQueued) -> DepositSeen | QueueItemSeen:
    match item:
        case DepositQueued():
            return DepositSeen(item.index, item.owner, item.asset, item.amount)
        case ActionQueued():
            return QueueItemSeen(item.index, item.sender, item.payload)
