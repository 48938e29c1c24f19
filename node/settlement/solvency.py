"""Statements of solvency: every so often, a sum tree over the sealed leaves, signed; anybody may ask for a path in the newest.

Invariants:
- Work is done in a thread, from what is on disk: neither the writer nor its state is touched.
- A tree whose totals are not those of its batch is our own fault and stops the node; it is never shown.
- The newest statement is in memory with its trees; what was signed before is kept as rows, so that it can be compared.
"""

import asyncio
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple, Protocol

from node.core.commit.forest import LeafRow
from node.core.commit.liabilities import AssetTree, Holder, HolderKind, liabilities
from node.core.params import Params
from node.ops.clock import NS_PER_MS, Clock
from node.ops.logs import room_log
from node.store.headers import BatchHeader
from node.store.table import Table
from proto.canonical import pack
from proto.ids import Address
from proto.ledger import Section
from proto.signing.eip712 import Domain
from proto.signing.secp256k1 import SigningKey
from proto.solvency import AssetStatement, Statement, differing_assets
from proto.sum_tree import SumNode

KEPT_STATEMENTS: Final = 10_000
_TRIES: Final = 100
_log = room_log("settlement")


class SealedLeaves(Protocol):
    """The leaves of the last sealed state."""

    def last(self) -> BatchHeader | None:
        """The newest header."""
        ...

    def leaves(self) -> Iterator[tuple[int, int, bytes, bytes]]:
        """All leaves as of the moment that the first is asked for: section, key, words, aux."""
        ...


class Snapshot(NamedTuple):
    """A statement with everything behind it."""

    header: BatchHeader
    statement: Statement
    signature: bytes
    trees: tuple[AssetTree, ...]
    places: dict[Address, tuple[tuple[int, int], ...]]
    """Per account: (asset, leaf) pairs."""


class Solvency:
    """Makes statements and answers for the newest."""

    def __init__(
        self,
        sealed: SealedLeaves,
        params: Params,
        key: SigningKey,
        domain: Domain,
        kept: Table,
        clock: Clock,
        period_ms: int,
    ) -> None:
        self._sealed = sealed
        self._params = params
        self._key = key
        self._domain = domain
        self._kept = kept
        self._clock = clock
        self._period_s = period_ms / 1_000
        self.newest: Snapshot | None = None

    async def run(self) -> None:
        """State now and each period, until cancelled. Raises StoreCorrupt, StoreFailed."""
        while True:
            snapshot = await asyncio.to_thread(self.snapshot)
            if snapshot is not None:
                self.newest = snapshot
                self._keep(snapshot)
                _log.info("solvency stated", batch=snapshot.header.batch_id, holders=len(snapshot.places))
            await asyncio.sleep(self._period_s)

    def snapshot(self) -> Snapshot | None:
        """A statement about the newest sealed batch; None where seals come faster than one can be read."""
        for _ in range(_TRIES):
            header, rows = self._sealed.last(), self._sealed.leaves()
            first = next(rows, None)  # From here on the rows are those of one moment.
            if header is None or first is None:
                return None
            again = self._sealed.last()
            if again is not None and again.batch_id == header.batch_id:
                return self._state(header, _rows(first, rows))
            del rows
        return None

    def _state(self, header: BatchHeader, rows: Iterable[LeafRow]) -> Snapshot:
        trees = liabilities(self._params, rows)
        assets = tuple(AssetStatement(tree.tree.root, tree.tree.count) for tree in trees)
        statement = Statement(header.batch_id, header.state_root, assets)
        assert not differing_assets(statement, header.roots.system), "sealed leaves add up to the running totals"
        places: dict[Address, tuple[tuple[int, int], ...]] = {}
        for asset, tree in enumerate(trees):
            for at, holder in enumerate(tree.holders):
                if holder.kind is HolderKind.ACCOUNT:
                    places[holder.address] = (*places.get(holder.address, ()), (asset, at))
        signature = self._key.sign(statement.digest(self._domain))
        return Snapshot(header, statement, signature, trees, places)

    def _keep(self, snapshot: Snapshot) -> None:
        statement = snapshot.statement
        row = pack([self._clock.wall_ns() // NS_PER_MS, statement.trees_hash(), snapshot.signature])
        self._kept.put_batch([(statement.batch_id.to_bytes(8, "big"), row)])
        old = [key for key, _ in self._kept.scan(reverse=True)][KEPT_STATEMENTS:]
        if old:
            self._kept.delete_batch(old)

    # -------------------------------------------------------------------------------------------------------- answers

    def statement(self) -> dict[str, Any] | None:
        """The newest statement with the opening of its batch's state root; None before the first."""
        found = self.newest
        if found is None:
            return None
        roots = found.header.roots
        return {
            "batch": found.statement.batch_id, "state_root": found.statement.state_root, "signature": found.signature,
            "assets": [_node(asset.root) | {"count": asset.count} for asset in found.statement.assets],
            "sections": list(roots.sections), "system": roots.system,
        }  # fmt: skip

    def proof(self, address: Address) -> dict[str, Any] | None:
        """The account's leaves and paths in the newest statement; None before the first. Without any balance: no leaves."""
        found = self.newest
        if found is None:
            return None
        leaves = [_leaf(found.trees[asset], asset, at) for asset, at in found.places.get(address, ())]
        return {"batch": found.statement.batch_id, "leaves": leaves}


def _rows(first: tuple[int, int, bytes, bytes], rest: Iterator[tuple[int, int, bytes, bytes]]) -> Iterator[LeafRow]:
    yield LeafRow(Section(first[0]), *first[1:])
    for section, key, leaf, aux in rest:
        yield LeafRow(Section(section), key, leaf, aux)


def _node(node: SumNode) -> dict[str, Any]:
    return {"hash": node.hash, "owed": node.sums.owed, "owing": node.sums.owing, "entries": node.sums.entries}


def _leaf(tree: AssetTree, asset: int, at: int) -> dict[str, Any]:
    holder: Holder = tree.holders[at]
    return {
        "asset": asset, "kind": int(holder.kind), "account": holder.id, "index": at, "owed": holder.sums.owed,
        "owing": holder.sums.owing, "entries": holder.sums.entries, "siblings": [_node(node) for node in tree.tree.proof(at)],
    }  # fmt: skip
