"""Verified state on disk, so that a watcher that restarts goes on where it was.

Leaves, header and the place in L1's history are one write. Invariants:
- Only verified state is kept, and it is believed again only if it hashes to its root and L1 still has that batch at that place.
- Losing all of it costs time, nothing else.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

from node.core.commit.forest import Forest, LeafRow
from node.core.commit.restore import restore
from node.core.params import Params
from node.core.state import State
from node.l1.follow import BlockPoint
from node.l1.vault import ActionQueued, DepositQueued
from node.store.headers import BatchHeader
from node.store.keys import table_prefix
from node.store.leveldb import LevelDatabase
from node.store.seals import Seals
from node.store.settings import StoreSettings
from node.watcher.facts import QueueFacts, QueueItem
from node.watcher.feed import Place
from node.watcher.verify import Verifier
from proto.batch import Commitment
from proto.canonical import pack, unpack
from proto.hashing import ZERO_HASH
from proto.ids import Address, AssetId, Seq
from proto.ledger import Roots, Section
from proto.units import AssetUnits

FORMAT: Final = 2
_KEY: Final = table_prefix("watcher") + b"place"
_PAID: Final = table_prefix("watcher") + b"paid"
_SUM_BYTES: Final = 16


class Kept(NamedTuple):
    """Where to go on."""

    state: State
    forest: Forest
    roots: Roots
    place: Place
    open_data: tuple[bytes, ...]
    queue: tuple[int, bytes, list[int], list[QueueItem]]
    paid: list[int]
    withdrawals: dict[int, bytes]


class KeptState:
    """One watcher's directory."""

    def __init__(self, directory: Path, identity: bytes) -> None:
        """`identity` is what the state is about: genesis and contract; another's state is not used. Raises StoreError kinds."""
        directory.mkdir(parents=True, exist_ok=True)
        path = directory / "verified"
        settings = StoreSettings(directory)
        self._database = LevelDatabase(path, settings, create=not (path / "CURRENT").exists())
        self._seals = Seals(self._database)
        self._identity = identity
        self._rows: dict[tuple[int, int], LeafRow] = {}
        self._newly_paid: list[int] = []

    def load(self, params: Params) -> Kept | None:
        """What was kept, if it is whole and about the same contract."""
        value, header = self._database.get(_KEY), self._seals.last()
        if value is None or header is None:
            return None
        found = unpack(value)
        if found[:2] != [FORMAT, self._identity]:
            return None
        number, block_hash, log_index, base, base_hash, consumed, items, paid, open_data, batch_id = found[2:]
        if batch_id != header.batch_id:
            return None
        rows = [LeafRow(Section(section), key, leaf, aux) for section, key, leaf, aux in self._seals.leaves()]
        state, forest = restore(params, rows, header.roots.system)
        if forest.roots(header.roots.system).state_root() != header.state_root:
            return None
        unpaid = {row.key: row.leaf for row in rows if row.section is Section.WITHDRAWALS}
        for key, _ in self._database.scan(_PAID, _PAID + b"\xff" * 9):
            unpaid.pop(int.from_bytes(key[len(_PAID) :], "big"), None)
        queue = (base, base_hash, _sums(consumed), _items(items))
        place = Place(BlockPoint(number, block_hash), log_index)
        hashes = tuple(open_data[at : at + 32] for at in range(0, len(open_data), 32))
        return Kept(state, forest, header.roots, place, hashes, queue, _sums(paid), unpaid)

    def clear(self, genesis: Iterable[LeafRow]) -> None:
        """Begin anew. Raises StoreFailed."""
        keys = [key for key, _ in self._database.scan(b"", b"\xff")]
        self._database.write((), keys, sync=True)
        self._rows, self._newly_paid = {}, []
        self.take(genesis)

    def take(self, rows: Iterable[LeafRow]) -> None:
        """Leaves that one more batch has touched, to be written with the next `write`."""
        for row in rows:
            self._rows[row.section, row.key] = row

    def paid(self, index: int) -> None:
        """L1 paid a withdrawal."""
        self._newly_paid.append(index)

    def write(self, verifier: Verifier, commitment: Commitment, place: Place, open_data: tuple[bytes, ...]) -> None:
        """Make everything up to this batch durable. Raises StoreFailed."""
        queue = verifier.queue
        value = pack(
            [
                FORMAT, self._identity, place.block.number, place.block.hash, place.log_index, queue.base, queue.base_hash,
                _pack_sums(queue.consumed), _pack_items(queue), _pack_sums(verifier.paid), b"".join(open_data),
                commitment.batch_id,
            ]
        )  # fmt: skip
        extra = [(_KEY, value), *((_PAID + index.to_bytes(8, "big"), b"") for index in self._newly_paid)]
        self._seals.write(_header(commitment, verifier.roots), self._rows.values(), extra)
        self._rows, self._newly_paid = {}, []

    def close(self) -> None:
        """Release the directory."""
        self._database.close()


def _header(c: Commitment, roots: Roots) -> BatchHeader:
    """A header of the fields that a commitment has; those of a journal are empty here."""
    return BatchHeader(
        c.batch_id, Seq(c.last_seq), Seq(c.last_seq), 0, c.l2_time, c.prev_state_root, c.state_root, c.inputs_root, c.ops_root,
        c.ops_count, c.data_hash, c.rules_hash, c.queue_hash, c.queue_cursor, ZERO_HASH, 0, roots,
    )  # fmt: skip


def _pack_sums(sums: list[int]) -> bytes:
    return b"".join(value.to_bytes(_SUM_BYTES, "big") for value in sums)


def _sums(data: bytes) -> list[int]:
    return [int.from_bytes(data[at : at + _SUM_BYTES], "big") for at in range(0, len(data), _SUM_BYTES)]


def _pack_items(queue: QueueFacts) -> bytes:
    return b"".join(map(_pack_item, queue.waiting()))


def _pack_item(item: QueueItem) -> bytes:
    """Kind, index, time, queue hash; then owner, asset, amount; or sender, length, payload."""
    head = item.index.to_bytes(8, "big") + item.time_s.to_bytes(8, "big") + item.queue_hash
    match item:
        case DepositQueued():
            return b"\0" + head + item.owner + item.asset.to_bytes(2, "big") + item.amount.to_bytes(8, "big")
        case ActionQueued():
            return b"\1" + head + item.sender + len(item.payload).to_bytes(2, "big") + item.payload


def _items(data: bytes) -> list[QueueItem]:
    items, at = list[QueueItem](), 0
    while at < len(data):
        index, time_s = int.from_bytes(data[at + 1 : at + 9], "big"), int.from_bytes(data[at + 9 : at + 17], "big")
        queue_hash, who = data[at + 17 : at + 49], Address(data[at + 49 : at + 69])
        number = int.from_bytes(data[at + 69 : at + 71], "big")  # The asset, or the payload's length.
        if data[at] == 0:
            amount = AssetUnits(int.from_bytes(data[at + 71 : at + 79], "big"))
            items.append(DepositQueued(index, who, AssetId(number), amount, time_s, queue_hash))
            at += 79
        else:
            items.append(ActionQueued(index, who, data[at + 71 : at + 71 + number], time_s, queue_hash))
            at += 71 + number
    return items
