"""Where everything is: canonical blocks by number and hash, transactions by hash, logs by block.

Block bodies stay on disk and are read through a small cache; what is kept per block is a few hundred bytes, and the
logs, which queries scan. All of it is a function of the block file.
"""

from bisect import bisect_left, bisect_right
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from node.l1.chain.block import Block, LogEntry, decode_block
from node.l1.chain.blockfile import BlockFile, Record
from proto.ids import Address

CACHED_BLOCKS: Final = 64


@dataclass(frozen=True, slots=True)
class PlacedLog:
    """A log with its place in the chain."""

    entry: LogEntry
    block_number: int
    block_hash: bytes
    transaction_hash: bytes
    transaction_index: int
    log_index: int


@dataclass(frozen=True, slots=True)
class LogFilter:
    """What eth_getLogs asks for. Empty sets match everything; a topic position holds alternatives or nothing."""

    addresses: frozenset[Address]
    topics: tuple[frozenset[bytes], ...]

    def matches(self, entry: LogEntry) -> bool:
        """Whether a log passes."""
        if self.addresses and entry.address not in self.addresses:
            return False
        if len(self.topics) > len(entry.topics):
            return False
        return all(not wanted or topic in wanted for wanted, topic in zip(self.topics, entry.topics, strict=False))


class BlockIndex:
    """Canonical chain from block 0 to the head."""

    def __init__(self, file: BlockFile) -> None:
        self._file = file
        self._records: list[Record] = []
        self._number_by_hash: dict[bytes, int] = {}
        self._transactions: dict[bytes, tuple[int, int]] = {}
        self._logs: dict[int, tuple[PlacedLog, ...]] = {}
        self._numbers_with_logs: list[int] = []
        self._cache: OrderedDict[bytes, Block] = OrderedDict()

    @property
    def head_number(self) -> int:
        """Height of the newest block."""
        return len(self._records) - 1

    def hash_at(self, number: int) -> bytes:
        """Hash of the canonical block at this height, which exists."""
        return self._records[number].hash

    def number_of(self, block_hash: bytes) -> int | None:
        """Height of a canonical block."""
        return self._number_by_hash.get(block_hash)

    def block(self, number: int) -> Block:
        """The canonical block at this height, which exists."""
        record = self._records[number]
        cached = self._cache.get(record.hash)
        if cached is None:
            cached = decode_block(self._file.read(record))
            self._remember(cached)
        else:
            self._cache.move_to_end(record.hash)
        return cached

    def transaction(self, transaction_hash: bytes) -> tuple[int, int] | None:
        """(block number, index in the block) of a mined transaction."""
        return self._transactions.get(transaction_hash)

    def add(self, record: Record, block: Block) -> None:
        """Extend the chain by one block that is on disk."""
        self.add_empty(record)
        for index, tx in enumerate(block.transactions):
            self._transactions[tx.hash] = (record.number, index)
        logs = tuple(
            PlacedLog(entry, record.number, record.hash, tx.hash, index, first + position)
            for index, (tx, receipt, first) in enumerate(
                zip(block.transactions, block.receipts, block.first_log_index, strict=True)
            )
            for position, entry in enumerate(receipt.logs)
        )
        if logs:
            self._logs[record.number] = logs
            self._numbers_with_logs.append(record.number)
        self._remember(block)

    def add_empty(self, record: Record) -> None:
        """Extend the chain by one block that nothing happened in, without looking into it."""
        assert record.number == len(self._records), "blocks come in order"
        self._records.append(record)
        self._number_by_hash[record.hash] = record.number

    def remove_head(self) -> Block:
        """Forget the newest block (a rollback); returns it."""
        block = self.block(self.head_number)
        record = self._records.pop()
        del self._number_by_hash[record.hash]
        self._cache.pop(record.hash, None)
        for tx in block.transactions:
            del self._transactions[tx.hash]
        if self._logs.pop(record.number, None) is not None:
            self._numbers_with_logs.pop()
        return block

    def logs(self, first: int, last: int, wanted: LogFilter, limit: int) -> list[PlacedLog] | None:
        """Matching logs of blocks first…last in order, or None if there are more than `limit`."""
        found: list[PlacedLog] = []
        numbers = self._numbers_with_logs
        for number in numbers[bisect_left(numbers, first) : bisect_right(numbers, last)]:
            found.extend(log for log in self._logs[number] if wanted.matches(log.entry))
            if len(found) > limit:
                return None
        return found

    def _remember(self, block: Block) -> None:
        self._cache[block.hash] = block
        if len(self._cache) > CACHED_BLOCKS:
            self._cache.popitem(last=False)
