"""A Merkle-sum tree: a list of holders with what each is owed and owes, whose root states the totals.

leaf = H(0x02 ‖ content ‖ owed ‖ owing ‖ entries); node = H(0x03 ‖ left hash ‖ left sums ‖ right hash ‖ right sums), each number one signed
word; the shape is that of the list tree (RFC 6962). Sums of both children are bound in the node, each on its own: where only their total is
(as in the first such trees), a liar can hide one child's liabilities behind the other's.
Invariants:
- No sum of a node is below that of a child in `owed` or `owing`: both are never negative, deficits stand apart and offset nothing.
- A proof that is not well formed, or in which a sibling has a negative sum, leads to None.
"""

from collections.abc import Sequence
from typing import NamedTuple

from proto.hashing import ZERO_HASH, keccak

WORD = 32


class Sums(NamedTuple):
    """Totals of a part of the tree: Σ of what is owed to holders, Σ of what they owe, Σ of signed entry notionals."""

    owed: int
    owing: int
    entries: int

    def plus(self, other: "Sums") -> "Sums":
        """Both parts together."""
        return Sums(self.owed + other.owed, self.owing + other.owing, self.entries + other.entries)

    def encode(self) -> bytes:
        """Three signed words."""
        return b"".join(value.to_bytes(WORD, "big", signed=True) for value in self)


class SumNode(NamedTuple):
    """Hash and totals of a part of the tree."""

    hash: bytes
    sums: Sums


NOTHING = Sums(0, 0, 0)
EMPTY = SumNode(ZERO_HASH, NOTHING)


def sum_leaf(content: bytes, sums: Sums) -> SumNode:
    """A holder."""
    return SumNode(keccak(b"\x02" + content + sums.encode()), sums)


def sum_node(left: SumNode, right: SumNode) -> SumNode:
    """Two parts as one."""
    digest = keccak(b"\x03" + left.hash + left.sums.encode() + right.hash + right.sums.encode())
    return SumNode(digest, left.sums.plus(right.sums))


class SumTree:
    """The tree over fixed leaves, with every level kept, so that a proof costs O(log n)."""

    def __init__(self, leaves: Sequence[SumNode]) -> None:
        self.count = len(leaves)
        self._levels: list[list[SumNode]] = [list(leaves)]
        while len(self._levels[-1]) > 1:
            below = self._levels[-1]
            level = [sum_node(below[at], below[at + 1]) for at in range(0, len(below) - 1, 2)]
            if len(below) % 2:
                level.append(below[-1])  # The ragged edge goes up as it is: the shape of RFC 6962.
            self._levels.append(level)

    @property
    def root(self) -> SumNode:
        """Hash and totals of all."""
        return self._levels[-1][0] if self.count else EMPTY

    def proof(self, index: int) -> tuple[SumNode, ...]:
        """Siblings of leaf `index`, from the leaf up; levels without one are left out."""
        assert 0 <= index < self.count
        found: list[SumNode] = []
        for level in self._levels[:-1]:
            sibling = index ^ 1
            if sibling < len(level):
                found.append(level[sibling])
            index >>= 1
        return tuple(found)


def sum_proof_root(leaf: SumNode, index: int, count: int, siblings: Sequence[SumNode]) -> SumNode | None:
    """Root that the proof leads to, or None where it does not fit `index` of `count` or hides a negative sum."""
    if not 0 <= index < count or min(leaf.sums.owed, leaf.sums.owing) < 0:
        return None
    node, used, width = leaf, 0, count
    while width > 1:
        if index ^ 1 < width:
            if used == len(siblings):
                return None
            sibling = siblings[used]
            used += 1
            if len(sibling.hash) != WORD or min(sibling.sums.owed, sibling.sums.owing) < 0:
                return None
            node = sum_node(sibling, node) if index & 1 else sum_node(node, sibling)
        index >>= 1
        width = (width + 1) // 2
    return node if used == len(siblings) else None
