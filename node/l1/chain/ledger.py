"""The chain itself: opens from disk, mines, rolls back, and answers what its state is at a recent block.

Invariants:
- One writer: `mine` and `reorganise` run to their end without suspending, and touch what readers see only after the
  block file has returned, so nothing that is shown can be lost.
- The head's world equals all diffs of the canonical blocks applied in order; states of the last HISTORY_BLOCKS are
  reached by undoing diffs.
- After ChainStorageFailed nothing more is written or shown: the process ends.
"""

from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from node.l1.blobs import Sidecar
from node.l1.chain.blobshelf import BlobShelf
from node.l1.chain.block import Block, decode_block, encode_block, split_payload
from node.l1.chain.blockfile import KIND_BLOCK, KIND_ROLLBACK, BlockFile, ChainStorageCorrupt, NewRecord, Record
from node.l1.chain.build import BlockSeed, build_block, genesis_block, genesis_diff, next_base_fee
from node.l1.chain.executor import Executor
from node.l1.chain.index import BlockIndex
from node.l1.chain.mempool import Mempool, PoolRefused
from node.l1.chain.settings import ChainSettings
from node.l1.chain.world import Diff, World
from node.l1.kzg.commitments import commitment_of, proof_of
from node.l1.transactions import Transaction
from proto.hashing import keccak

HISTORY_BLOCKS: Final = 128
CACHED_STATES: Final = 4
STRICT_TIME_BLOCK_MS: Final = 1_000
"""Chains with shorter blocks may repeat a timestamp, because seconds are all that a header has."""


class ChainMismatch(Exception):
    """The data directory holds another chain than the settings describe."""


class StateUnavailable(ValueError):
    """The state of that block is older than the history that is kept."""


class ReorgRefused(ValueError):
    """The rollback would undo a finalized block or more than is kept."""


@dataclass(frozen=True, slots=True)
class State:
    """World and EVM at one block, for reading."""

    world: World
    executor: Executor


class Chain:
    """One embedded chain over one data directory."""

    def __init__(self, settings: ChainSettings, now_s: int) -> None:
        """Open or create. Raises ChainInUse, ChainMismatch, ChainStorageCorrupt, ChainStorageFailed."""
        self.settings = settings
        self.pool = Mempool(settings)
        self._file = BlockFile(settings.data_dir)
        self._blobs = BlobShelf(settings.data_dir)
        self._history: deque[Diff] = deque(maxlen=HISTORY_BLOCKS)
        self._states: OrderedDict[bytes, State] = OrderedDict()
        self._world = World()
        self._is_whole = True
        self.index = BlockIndex(self._file)
        try:
            if self._file.is_new:
                diff = genesis_diff(settings.accounts.items())
                seed = BlockSeed(timestamp_s=now_s, chain_id=settings.chain_id, salt=0)
                self._file.create(_record(genesis_block(diff, seed, settings.block_gas_limit)))
            self._replay()
        except BaseException:
            self._file.close()
            raise
        self._executor = self._executor_for(self._world)
        self._offset_s = max(0, self.head.header.timestamp_s - now_s)

    def _replay(self) -> None:
        for record, payload in self._file.open():
            if record.kind == KIND_ROLLBACK:
                if record.number > self.index.head_number:
                    raise ChainStorageCorrupt(f"rollback to block {record.number}, which is not there")
                while self.index.head_number > record.number:
                    self.index.remove_head()
                    self._world.apply(self._history.pop())
                continue
            self._replay_block(record, payload)

    def _replay_block(self, record: Record, payload: bytes) -> None:
        height = self.index.head_number
        header, is_empty = split_payload(payload)
        if keccak(header) != record.hash or record.number != height + 1:
            raise ChainStorageCorrupt(f"block {record.number} is not the one its record names")
        if height >= 0 and record.parent_hash != self.index.hash_at(height):
            raise ChainStorageCorrupt(f"block {record.number} does not follow its parent")
        if is_empty and height >= 0:  # Most blocks of a quiet chain: nothing to decode makes a restart quick.
            self._history.append({})
            self.index.add_empty(record)
            return
        block = decode_block(payload)
        if (block.number, block.header.parent_hash) != (record.number, record.parent_hash):
            raise ChainStorageCorrupt(f"block {record.number} is not the one its record names")
        if record.number == 0:
            self._check_genesis(block)
        self._history.append(self._world.apply(block.diff))
        self.index.add(record, block)

    def _check_genesis(self, found: Block) -> None:
        settings = self.settings
        chain_id = int.from_bytes(found.header.extra[:8], "big")
        if chain_id != settings.chain_id:
            raise ChainMismatch(f"{settings.data_dir} holds chain id {chain_id}, settings say {settings.chain_id}")
        if found.diff != genesis_diff(settings.accounts.items()):
            raise ChainMismatch(f"{settings.data_dir} was created with other funded accounts")
        limit = found.header.gas_limit
        if limit != settings.block_gas_limit:
            raise ChainMismatch(
                f"{settings.data_dir} has block gas limit {limit}, settings say {settings.block_gas_limit}"
            )

    def close(self) -> None:
        """Release the data directory."""
        self._file.close()

    @property
    def head(self) -> Block:
        """The newest block."""
        return self.index.block(self.index.head_number)

    @property
    def safe_number(self) -> int:
        """Height of the `safe` tag."""
        return max(0, self.index.head_number - self.settings.safe_distance_blocks)

    @property
    def finalized_number(self) -> int:
        """Height of the `finalized` tag."""
        return max(0, self.index.head_number - self.settings.finalized_distance_blocks)

    def increase_time(self, seconds: int) -> int:
        """Move the clock of coming blocks forward; returns the total offset."""
        assert seconds >= 0, "time goes forward"
        self._offset_s += seconds
        return self._offset_s

    def next_timestamp(self, now_s: int) -> int:
        """The time that a block mined now gets."""
        block_ms = self.settings.block_time_ms
        step = 0 if 0 < block_ms < STRICT_TIME_BLOCK_MS else 1
        return max(self.head.header.timestamp_s + step, now_s + self._offset_s)

    def submit(self, tx: Transaction) -> None:
        """Offer a transaction to the pool. Raises PoolRefused."""
        if self.index.transaction(tx.hash) is not None:
            raise PoolRefused("already known")
        self.pool.add(tx, self._world)

    def mine(self, now_s: int) -> Block:
        """Seal one block from the pool, make it durable, show it. Raises ChainStorageFailed."""
        self._begin_change()
        parent = self.head.header
        seed = BlockSeed(self.next_timestamp(now_s), self.settings.chain_id, self._file.end)
        offers = self.pool.offers(self._world, next_base_fee(parent))
        block, undo = build_block(parent, seed, self._world, self._executor, offers)
        self._blobs.keep(block.number, _blobs_of(block))
        (placed,) = self._file.append([_record(block)])
        self._history.append(undo)
        self.index.add(placed, block)
        self._states.clear()
        self.pool.prune(self._world)
        self._blobs.prune(block.number)
        self._is_whole = True
        return block

    def _begin_change(self) -> None:
        """From here to the end of the change what readers see and what the world holds may differ."""
        assert self._is_whole, "an earlier change did not end: this process has to"
        self._is_whole = False

    @property
    def is_whole(self) -> bool:
        """Whether every change has ended; a chain that is not must show nothing any more."""
        return self._is_whole

    def reorganise(self, depth: int, now_s: int, *, keep_transactions: bool) -> Block:
        """Replace the newest `depth` blocks by as many empty ones, durably and at once; for tests.

        Transactions of the removed blocks return to the pool if they are to be kept, and vanish otherwise.
        Raises ReorgRefused, ChainStorageFailed.
        """
        keep_number = self.index.head_number - depth
        if depth < 1 or keep_number < self.finalized_number or depth > len(self._history):
            raise ReorgRefused(
                f"cannot replace {depth} blocks: head {self.index.head_number}, finalized {self.finalized_number}"
            )
        self._begin_change()
        removed: list[Transaction] = []
        for _ in range(depth):
            removed[:0] = self.index.remove_head().transactions
            self._world.apply(self._history.pop())
        self._executor = self._executor_for(self._world)
        kept = self.head
        records = [NewRecord(KIND_ROLLBACK, kept.number, kept.hash, kept.header.parent_hash, b"")]
        blocks: list[Block] = []
        parent, timestamp = kept.header, kept.header.timestamp_s
        for position in range(depth):
            timestamp = max(timestamp + 1, now_s + self._offset_s - depth + position + 1)
            seed = BlockSeed(timestamp, self.settings.chain_id, self._file.end + position)
            block, undo = build_block(parent, seed, self._world, self._executor, ())
            blocks.append(block)
            records.append(_record(block))
            self._history.append(undo)
            parent = block.header
        placed = self._file.append(records)
        for place, block in zip(placed[1:], blocks, strict=True):
            self.index.add(place, block)
        self._states.clear()
        if keep_transactions:
            self._return_to_pool(removed)
        self.pool.prune(self._world)
        self._is_whole = True
        return blocks[-1]

    def blobs_of(self, number: int) -> list[tuple[bytes, bytes | None]]:
        """(versioned hash, blob) of every blob of a block, in order; None for one that is no longer kept. Raises ChainStorageCorrupt."""
        hashes = [blob_hash for tx in self.index.block(number).transactions for blob_hash in tx.blob_hashes]
        return [(blob_hash, self._blobs.read(blob_hash)) for blob_hash in hashes]

    def _return_to_pool(self, transactions: Iterable[Transaction]) -> None:
        for tx in transactions:
            try:
                self.pool.add(self._with_sidecar(tx), self._world)
            except PoolRefused:
                continue  # Replaced or unaffordable on the new branch: real pools forget it too.

    def _with_sidecar(self, tx: Transaction) -> Transaction:
        """A blob transaction of a block with what it had when it came."""
        blobs = [self._blobs.read(blob_hash) for blob_hash in tx.blob_hashes]
        whole = [blob for blob in blobs if blob is not None]
        if not whole or len(whole) < len(blobs):
            return tx
        commitments = tuple(commitment_of(blob) for blob in whole)
        proofs = tuple(proof_of(blob, commitment) for blob, commitment in zip(whole, commitments, strict=True))
        return replace(tx, sidecar=Sidecar(tuple(whole), commitments, proofs))

    def state_at(self, number: int) -> State:
        """World and EVM as of an existing block. Raises StateUnavailable beyond the history."""
        back = self.index.head_number - number
        if back == 0:
            return State(self._world, self._executor)
        if back > len(self._history):
            raise StateUnavailable(f"state of block {number} is not kept; the last {HISTORY_BLOCKS} are")
        block_hash = self.index.hash_at(number)
        state = self._states.get(block_hash)
        if state is None:
            world = self._world.copy()
            for steps in range(1, back + 1):
                world.apply(self._history[-steps])
            state = State(world, self._executor_for(world))
            self._states[block_hash] = state
            if len(self._states) > CACHED_STATES:
                self._states.popitem(last=False)
        return state

    def _executor_for(self, world: World) -> Executor:
        return Executor(world, self.settings.chain_id, self.settings.block_gas_limit)


def _blobs_of(block: Block) -> Iterator[tuple[bytes, bytes]]:
    """What came beside the transactions of a block that was just built."""
    for tx in block.transactions:
        if tx.blob_hashes:
            assert tx.sidecar is not None, "the pool takes no blob transaction without"
            yield from zip(tx.blob_hashes, tx.sidecar.blobs, strict=True)


def _record(block: Block) -> NewRecord:
    return NewRecord(KIND_BLOCK, block.number, block.hash, block.header.parent_hash, encode_block(block))
