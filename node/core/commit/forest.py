"""The section trees in memory: flat arrays of nodes per level, updated from the leaves touched since the last seal.

Invariants:
- nodes are a function of the leaves: H(left ‖ right), H(0, 0) = 0; nothing of the trees is stored, `restore` rebuilds them;
- an array holds only the used left part of its level; everything to its right is empty, and above the used part a single path
  leads to the root.
Used by the sealing thread only; `apply` never reads it.
"""

from collections.abc import Iterable
from typing import NamedTuple

from proto.hashing import ZERO_HASH, keccak
from proto.ledger import DEPTHS, Roots, Section
from proto.merkle import SparseProof

_HASH = 32


class LeafRow(NamedTuple):
    """One leaf as stored: `leaf` are its words, empty where it was deleted; `aux` what the words only hash."""

    section: Section
    key: int
    leaf: bytes
    aux: bytes


class SealLeaves(NamedTuple):
    """Everything a seal writes, encoded before the next input is applied."""

    batch_id: int
    rows: tuple[LeafRow, ...]
    system: bytes


class _Tree:
    """One section."""

    __slots__ = ("_levels", "depth")

    def __init__(self, depth: int) -> None:
        self.depth = depth
        self._levels = [bytearray() for _ in range(depth + 1)]

    def set_leaves(self, changes: Iterable[tuple[int, bytes]]) -> None:
        """Set leaf hashes (zero: empty) and bring all nodes above them up to date, level by level."""
        level = self._levels[0]
        keys = []
        for key, digest in changes:
            assert 0 <= key < 1 << self.depth, "key outside the tree"
            _put(level, key, digest)
            keys.append(key >> 1)
        for height in range(1, self.depth + 1):
            below, level = self._levels[height - 1], self._levels[height]
            parents = dict.fromkeys(keys)
            keys = []
            for key in parents:
                pair = bytes(below[2 * key * _HASH : (2 * key + 2) * _HASH])
                if len(pair) < 2 * _HASH:
                    pair += bytes(2 * _HASH - len(pair))
                _put(level, key, ZERO_HASH if pair == _EMPTY_PAIR else keccak(pair))
                keys.append(key >> 1)

    def node(self, height: int, key: int) -> bytes:
        """Node `key` of a level; zero right of the used part."""
        found = bytes(self._levels[height][key * _HASH : (key + 1) * _HASH])
        return found or ZERO_HASH

    def root(self) -> bytes:
        return self.node(self.depth, 0)


_EMPTY_PAIR = bytes(2 * _HASH)


def _put(level: bytearray, key: int, digest: bytes) -> None:
    end = (key + 1) * _HASH
    if len(level) < end:
        level.extend(bytes(end - len(level)))
    level[end - _HASH : end] = digest


class Forest:
    """All section trees of one state."""

    def __init__(self) -> None:
        self._trees = {section: _Tree(DEPTHS[section]) for section in Section}

    def update(self, leaves: SealLeaves) -> Roots:
        """Take a seal's leaves in and return the roots with them."""
        self.load(leaves.rows)
        return self.roots(leaves.system)

    def load(self, rows: Iterable[LeafRow]) -> None:
        """Set many leaves at once."""
        changes: dict[Section, list[tuple[int, bytes]]] = {section: [] for section in Section}
        for row in rows:
            changes[row.section].append((row.key, keccak(row.leaf) if row.leaf else ZERO_HASH))
        for section, pairs in changes.items():
            if pairs:
                self._trees[section].set_leaves(pairs)

    def roots(self, system: bytes) -> Roots:
        """Section roots with the given system words."""
        return Roots(tuple(self._trees[section].root() for section in Section), system)

    def proof(self, section: Section, key: int) -> SparseProof:
        """Siblings of a leaf, for proto.merkle.sparse_proof_root."""
        tree = self._trees[section]
        bitmap, siblings = 0, []
        for height in range(tree.depth):
            sibling = tree.node(height, key >> height ^ 1)
            if sibling != ZERO_HASH:
                bitmap |= 1 << height
                siblings.append(sibling)
        return SparseProof(bitmap, tuple(siblings))

    def leaf_hash(self, section: Section, key: int) -> bytes:
        """Hash of a leaf as of the last update; zero where empty."""
        return self._trees[section].node(0, key)
