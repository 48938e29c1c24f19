"""What L1 itself says, beside the batches: the queue of deposits and forced actions, and the money paid out.

Invariants:
- Queue items are dense by index, and the hash chain over them is recomputed here; the contract's must be equal.
- Sums count what L1 events say, nothing that an operator wrote.
"""

from collections import deque

from node.l1.answers import L1Lied
from node.l1.vault import ActionQueued, DepositQueued
from proto.batch import action_item_hash, deposit_item_hash, next_queue_hash
from proto.hashing import ZERO_HASH

QueueItem = DepositQueued | ActionQueued


class QueueFacts:
    """The queue as L1 events tell it; items before `base` were consumed by verified batches."""

    def __init__(self, assets: int) -> None:
        self.base = 0
        self.base_hash = ZERO_HASH
        self._items: deque[QueueItem] = deque()
        self.consumed = [0] * assets
        """Per asset: sum of the deposits before `base`, ledger units."""

    @property
    def length(self) -> int:
        """Items that L1 has."""
        return self.base + len(self._items)

    def append(self, item: QueueItem) -> None:
        """The next item. Raises L1Lied where it is not."""
        if item.index != self.length:
            raise L1Lied(f"queue item {item.index} comes where {self.length} is next")
        last = self._items[-1].queue_hash if self._items else self.base_hash
        if item.queue_hash != next_queue_hash(last, _item_hash(item)):
            raise L1Lied(f"queue item {item.index} does not lead to the contract's queue hash")
        if isinstance(item, DepositQueued) and item.asset >= len(self.consumed):
            raise L1Lied(f"queue item {item.index} is of asset {item.asset}, which genesis does not have")
        self._items.append(item)

    def find(self, index: int) -> QueueItem | None:
        """An item that is not consumed, None where L1 has none at this index."""
        return self._items[index - self.base] if self.base <= index < self.length else None

    def consume(self, cursor: int) -> None:
        """A verified batch has taken items up to `cursor` (not included)."""
        while self.base < cursor:
            item = self._items.popleft()
            self.base, self.base_hash = item.index + 1, item.queue_hash
            if isinstance(item, DepositQueued):
                self.consumed[item.asset] += item.amount

    def waiting(self) -> list[QueueItem]:
        """Items that no verified batch has taken."""
        return list(self._items)

    def restore(self, base: int, base_hash: bytes, consumed: list[int], items: list[QueueItem]) -> None:
        """Take the place of another one's facts."""
        self.base, self.base_hash, self.consumed = base, base_hash, consumed
        self._items = deque(items)


def _item_hash(item: QueueItem) -> bytes:
    match item:
        case DepositQueued():
            return deposit_item_hash(item.index, item.owner, item.asset, item.amount)
        case ActionQueued():
            return action_item_hash(item.index, item.sender, item.payload)
