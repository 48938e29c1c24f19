"""Two kinds of Merkle tree, and the proofs a contract can check.

* List tree, for append-only lists (records of a cycle, cycles of a batch, operations of a batch): the shape of RFC 6962 with
  keccak; leaf = H(0x00 ‖ data), node = H(0x01 ‖ left ‖ right), so a leaf can never pass for a node.
* Sparse tree, for ledger sections keyed by dense ids: fixed depth, node = H(left ‖ right), H(0, 0) = 0, empty leaf = 0. A leaf is the
  keccak of its 32-byte words; no leaf has exactly two words, so a leaf can never pass for a node.

A list proof is (siblings from the leaf up); a sparse proof is (bitmap of non-zero siblings, those siblings from the leaf up).
"""

from collections.abc import Sequence
from typing import NamedTuple

from proto.hashing import ZERO_HASH, keccak


def leaf_hash(data: bytes) -> bytes:
    """Hash of a list-tree leaf."""
    return keccak(b"\x00" + data)


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node of the list tree."""
    return keccak(b"\x01" + left + right)


class ListTree:
    """Append-only accumulator of a list tree: root in O(log n), two hashes per append on average.

    `_peaks` holds the roots of the perfect subtrees that the list splits into, largest first; their sizes are the bits of `count`.
    """

    __slots__ = ("_peaks", "count")

    def __init__(self) -> None:
        self._peaks: list[bytes] = []
        self.count = 0

    def append(self, data: bytes) -> None:
        """Add one leaf with the given content."""
        digest = keccak(b"\x00" + data)
        peaks, rest = self._peaks, self.count
        while rest & 1:
            digest = keccak(b"\x01" + peaks.pop() + digest)
            rest >>= 1
        peaks.append(digest)
        self.count += 1

    def extend(self, items: Sequence[bytes]) -> None:
        """Add many leaves: the same tree as by single appends, level by level, which costs a third less."""
        peaks, rest, low = self._peaks, self.count, []
        level = [keccak(b"\x00" + data) for data in items]
        while level:
            if rest & 1:
                level.insert(0, peaks.pop())
            if len(level) & 1:
                low.append(level.pop())
            level = [keccak(b"\x01" + left + right) for left, right in zip(level[::2], level[1::2], strict=True)]
            rest >>= 1
        peaks.extend(reversed(low))
        self.count += len(items)

    def root(self) -> bytes:
        """Root of the list so far; 32 zero bytes for the empty list."""
        if not self._peaks:
            return ZERO_HASH
        digest = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            digest = node_hash(peak, digest)
        return digest


def list_root(items: Sequence[bytes]) -> bytes:
    """Root of the list tree over `items`."""
    tree = ListTree()
    for item in items:
        tree.append(item)
    return tree.root()


def _split(count: int) -> int:
    """Largest power of two smaller than `count` (count >= 2)."""
    return 1 << ((count - 1).bit_length() - 1)


def list_proof(items: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    """Siblings from leaf `index` up to the root of the list tree over `items`."""
    assert 0 <= index < len(items)
    if len(items) == 1:
        return ()
    split = _split(len(items))
    if index < split:
        return (*list_proof(items[:split], index), list_root(items[split:]))
    return (*list_proof(items[split:], index - split), list_root(items[:split]))


def list_sides(index: int, count: int) -> int:
    """For each sibling of a proof, from the leaf up, a bit: 1 where our node is the right one. For readers that only know a path."""
    assert 0 <= index < count
    sides: list[bool] = []
    while count > 1:
        split = _split(count)
        sides.append(index >= split)
        index, count = (index - split, count - split) if index >= split else (index, split)
    return sum(1 << level for level, right in enumerate(reversed(sides)) if right)


def list_proof_root(data: bytes, index: int, count: int, siblings: Sequence[bytes]) -> bytes | None:
    """Root that the proof leads to, or None where its length does not fit `index` of `count`."""
    if not 0 <= index < count:
        return None
    sides: list[bool] = []  # From the root down: True where the leaf is in the right part.
    while count > 1:
        split = _split(count)
        sides.append(index >= split)
        index, count = (index - split, count - split) if index >= split else (index, split)
    if len(sides) != len(siblings):
        return None
    digest = leaf_hash(data)
    for right, sibling in zip(reversed(sides), siblings, strict=True):
        digest = node_hash(sibling, digest) if right else node_hash(digest, sibling)
    return digest


def sparse_node(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node of a sparse tree: two empty halves make an empty node."""
    if left == ZERO_HASH and right == ZERO_HASH:
        return ZERO_HASH
    return keccak(left + right)


class SparseProof(NamedTuple):
    """Siblings of one leaf, from the leaf up; bit i of `bitmap` says whether level i's sibling is given (else it is zero)."""

    bitmap: int
    siblings: tuple[bytes, ...]


def sparse_proof_root(leaf: bytes, key: int, depth: int, proof: SparseProof) -> bytes | None:
    """Root that the proof leads to for `leaf` at `key`, or None where the proof is not well formed.

    Well formed: exactly as many siblings as set bits, none of them zero, no bit at or above `depth`, key inside the tree.
    """
    if key >> depth or proof.bitmap >> depth or key < 0 or proof.bitmap.bit_count() != len(proof.siblings):
        return None
    if ZERO_HASH in proof.siblings:
        return None
    digest, used = leaf, 0
    for level in range(depth):
        sibling = ZERO_HASH
        if proof.bitmap >> level & 1:
            sibling = proof.siblings[used]
            used += 1
        digest = sparse_node(sibling, digest) if key >> level & 1 else sparse_node(digest, sibling)
    return digest
