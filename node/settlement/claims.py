"""What a withdrawal needs on L1: its leaf, a proof against a final batch, and the roots that the contract opens.

The withdrawals tree is append-only and a leaf never changes, so the tree as of any batch is its first `withdrawalCount` leaves: nothing is
kept per batch, and any withdrawal can be proved against any final batch after it, for ever.
Invariant: a claim that is handed out was checked against the roots of its batch.
"""

from dataclasses import dataclass
from enum import IntEnum, unique
from typing import Any, Final, Protocol

from node.l1.vault import CONTRACT
from node.store.headers import BatchHeader
from proto.hashing import ZERO_HASH, keccak
from proto.ids import Address
from proto.ledger import DEPTHS, LEDGER_SECTIONS, SYSTEM_FIXED_WORDS, Section
from proto.merkle import SparseProof, sparse_node, sparse_proof_root

HASH_BYTES: Final = 32
_COUNT_AT: Final = SYSTEM_FIXED_WORDS.index("withdrawalCount") * HASH_BYTES


class Leaves(Protocol):
    """Leaves of the newest sealed state."""

    def leaf(self, section: int, key: int) -> tuple[bytes, bytes] | None:
        """Words and aux of a leaf."""
        ...


class Headers(Protocol):
    """Headers of sealed batches."""

    @property
    def sealed(self) -> BatchHeader:
        """The newest one."""
        ...

    def header(self, batch_id: int) -> BatchHeader | None:
        """One of them."""
        ...


@dataclass(frozen=True, slots=True)
class Claim:
    """Arguments of the contract's `withdraw`."""

    batch_id: int
    index: int
    account: int
    destination: Address
    asset: int
    amount: int
    proof: SparseProof
    ledger_roots: tuple[bytes, ...]
    system_hash: bytes
    venue_root: bytes

    def calldata(self) -> bytes:
        """The call that pays it."""
        return CONTRACT.encode_call(
            "withdraw", self.batch_id, self.index, self.account, self.destination, self.asset, self.amount, self.proof.bitmap,
            self.proof.siblings, self.ledger_roots, self.system_hash, self.venue_root,
        )  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """For HTTP; integers that a JavaScript number may not hold are text."""
        return {
            "batchId": self.batch_id,
            "index": self.index,
            "account": self.account,
            "destination": "0x" + self.destination.hex(),
            "asset": self.asset,
            "amount": str(self.amount),
            "bitmap": str(self.proof.bitmap),
            "siblings": ["0x" + sibling.hex() for sibling in self.proof.siblings],
            "ledgerRoots": ["0x" + root.hex() for root in self.ledger_roots],
            "systemHash": "0x" + self.system_hash.hex(),
            "venueRoot": "0x" + self.venue_root.hex(),
            "calldata": "0x" + self.calldata().hex(),
        }


@unique
class ClaimStage(IntEnum):
    """How far a withdrawal is on its way to L1."""

    UNKNOWN = 0  # No sealed batch has it.
    SEALED = 1  # Sealed, not on L1.
    POSTED = 2  # On L1, the challenge window is open.
    CLAIMABLE = 3


@dataclass(frozen=True, slots=True)
class ClaimStatus:
    """Where a withdrawal stands; `batch_id` is the first batch that holds it, `claim` is there once it is claimable."""

    stage: ClaimStage
    batch_id: int
    claim: Claim | None


class WithdrawalTree:
    """All withdrawal leaves so far; proofs for the tree of the first `count` of them in O(depth)."""

    def __init__(self) -> None:
        self.depth = DEPTHS[Section.WITHDRAWALS]
        self.count = 0
        # Level h holds the nodes over 2^h leaves that are full: they never change again.
        self._levels = [bytearray() for _ in range(self.depth + 1)]

    def append(self, leaf_hash: bytes) -> None:
        """One more leaf."""
        self._levels[0] += leaf_hash
        self.count += 1
        height, number = 0, self.count
        while number % 2 == 0:
            level = self._levels[height]
            self._levels[height + 1] += sparse_node(
                bytes(level[-2 * HASH_BYTES : -HASH_BYTES]), bytes(level[-HASH_BYTES:])
            )
            height, number = height + 1, number // 2

    def node(self, height: int, key: int, count: int) -> bytes:
        """A node of the tree of the first `count` leaves."""
        assert count <= self.count
        if key << height >= count:
            return ZERO_HASH
        if (key + 1) << height <= count:
            at = key * HASH_BYTES
            return bytes(self._levels[height][at : at + HASH_BYTES])
        return sparse_node(self.node(height - 1, 2 * key, count), self.node(height - 1, 2 * key + 1, count))

    def root(self, count: int) -> bytes:
        """Root of the tree of the first `count` leaves."""
        return self.node(self.depth, 0, count)

    def proof(self, index: int, count: int) -> SparseProof:
        """Siblings of leaf `index` in the tree of the first `count` leaves."""
        assert index < count
        bitmap, siblings = 0, []
        for height in range(self.depth):
            sibling = self.node(height, index >> height ^ 1, count)
            if sibling != ZERO_HASH:
                bitmap |= 1 << height
                siblings.append(sibling)
        return SparseProof(bitmap, tuple(siblings))


def withdrawal_count(header: BatchHeader) -> int:
    """Withdrawals in the state that a batch commits to."""
    return int.from_bytes(header.roots.system[_COUNT_AT : _COUNT_AT + HASH_BYTES], "big")


class Claims:
    """Makes claims from what is sealed."""

    def __init__(self, headers: Headers, leaves: Leaves) -> None:
        self._headers = headers
        self._leaves = leaves
        self._tree = WithdrawalTree()

    def status(self, index: int, posted_tip: int, final_tip: int) -> ClaimStatus:
        """Where withdrawal `index` stands, given the newest batches that L1 has and that are final there."""
        sealed = self._headers.sealed
        if not 0 <= index < withdrawal_count(sealed):
            return ClaimStatus(ClaimStage.UNKNOWN, 0, None)
        batch_id = self._first_batch(index, sealed.batch_id)
        if batch_id <= final_tip:
            return ClaimStatus(ClaimStage.CLAIMABLE, batch_id, self.claim(index, final_tip))
        return ClaimStatus(ClaimStage.POSTED if batch_id <= posted_tip else ClaimStage.SEALED, batch_id, None)

    def claim(self, index: int, batch_id: int) -> Claim:
        """The claim of withdrawal `index` against the state of a batch that holds it."""
        header = self._header(batch_id)
        count = withdrawal_count(header)
        assert index < count
        self._extend(count)
        proof = self._tree.proof(index, count)
        words = self._words(index)
        root = sparse_proof_root(keccak(words), index, self._tree.depth, proof)
        assert root == header.roots.sections[Section.WITHDRAWALS], "the withdrawals lead to the batch's root"
        parts = [words[at : at + HASH_BYTES] for at in range(0, len(words), HASH_BYTES)]
        number, account, destination, asset, amount = (int.from_bytes(part, "big") for part in parts)
        assert number == index
        return Claim(
            batch_id, index, account, Address(destination.to_bytes(20, "big")), asset, amount, proof,
            tuple(header.roots.sections[section] for section in LEDGER_SECTIONS), keccak(header.roots.system),
            header.roots.venue_root(),
        )  # fmt: skip

    def _extend(self, count: int) -> None:
        for index in range(self._tree.count, count):
            self._tree.append(keccak(self._words(index)))

    def _words(self, index: int) -> bytes:
        found = self._leaves.leaf(Section.WITHDRAWALS, index)
        assert found is not None, "withdrawals are never removed"
        return found[0]

    def _header(self, batch_id: int) -> BatchHeader:
        header = self._headers.header(batch_id)
        assert header is not None, "headers are dense"
        return header

    def _first_batch(self, index: int, newest: int) -> int:
        """The first batch whose state holds the withdrawal, by bisection."""
        low, high = 0, newest
        while low < high:
            middle = (low + high) // 2
            if withdrawal_count(self._header(middle)) > index:
                high = middle
            else:
                low = middle + 1
        return low
