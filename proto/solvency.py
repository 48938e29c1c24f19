"""A statement of solvency: per asset the root of a sum tree over one batch's state, signed by the operator, and what to check of it.

Three checks make it a proof: a holder finds its own leaf under the root; the root's totals are those of the batch's system words, which
L1 opened when the batch was posted; and L1 holds at least what those totals owe. The signature makes two different statements about one
batch evidence against the operator.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from proto.hashing import keccak, word
from proto.ledger import asset_totals
from proto.signing.eip712 import Domain, solvency_digest
from proto.sum_tree import SumNode


@dataclass(frozen=True, slots=True)
class AssetStatement:
    """One asset's tree: its root with the totals, and its number of leaves."""

    root: SumNode
    count: int


@dataclass(frozen=True, slots=True)
class Statement:
    """All assets of one batch."""

    batch_id: int
    state_root: bytes
    assets: tuple[AssetStatement, ...]

    def trees_hash(self) -> bytes:
        """keccak over per asset: root, owed, owing, entries, count, as words."""
        return keccak(b"".join(a.root.hash + a.root.sums.encode() + word(a.count) for a in self.assets))

    def digest(self, domain: Domain) -> bytes:
        """The 32 bytes that the operator signs."""
        return solvency_digest(domain, self.batch_id, self.state_root, self.trees_hash())


def differing_assets(statement: Statement, system: bytes) -> tuple[int, ...]:
    """Assets whose tree does not add up to the running totals in the system words."""
    totals = asset_totals(system)
    if len(totals) != len(statement.assets):
        return tuple(range(max(len(totals), len(statement.assets))))
    stated = [tuple(asset.root.sums) for asset in statement.assets]
    return tuple(number for number, row in enumerate(totals) if row[:3] != stated[number])


def uncovered_assets(system: bytes, escrow: Sequence[int]) -> tuple[int, ...]:
    """Assets of which L1 holds less than is owed: owed − owing − entries, and withdrawals that are not paid yet.

    `escrow` per asset: what L1 received less what it paid out, plus what it paid (ledger units), which is what it ever received.
    """
    found: list[int] = []
    for number, (owed, owing, entries, withdrawn, *_) in enumerate(asset_totals(system)):
        if owed + withdrawn - owing - entries > escrow[number]:
            found.append(number)
    return tuple(found)
