"""Beginning at a snapshot instead of genesis: what makes its state believable, and what L1 must say on the way to it.

The leaves are hashed anew; the root must be that of a batch which L1 has and which is final. The queue and all payments are read from L1
from the contract's first block, so that every sum is L1's own; only the data of the batches before the snapshot is not read, nor executed.
"""

from node.core.audit import AuditError, audit
from node.core.commit.forest import Forest, LeafRow
from node.core.commit.restore import restore
from node.core.commit.seal import collect
from node.core.params import Params
from node.core.state import State
from node.l1.answers import L1Lied
from node.l1.vault import Vault
from node.store.headers import BatchHeader
from node.store.snapshot import Snapshot
from node.watcher.verify import PostedBatch, Verifier
from proto.ledger import Section


class SnapshotRefused(Exception):
    """The snapshot is not to be believed; the message says why."""


async def check_on_l1(vault: Vault, header: BatchHeader) -> None:
    """L1 has this very batch, and it is final. Raises SnapshotRefused, L1Error kinds."""
    tip = await vault.tip()
    if header.batch_id > tip:
        raise SnapshotRefused(f"the snapshot is of batch {header.batch_id}, L1 has {tip} batches: another contract, or L1 lags")
    if (await vault.batch(header.batch_id)).state_root != header.state_root:
        raise SnapshotRefused(f"batch {header.batch_id} on L1 has another state root than the snapshot")
    final = await vault.final_tip()
    if header.batch_id > final:
        raise SnapshotRefused(
            f"batch {header.batch_id} is not final yet (the newest final one is {final}): wait, or take an older snapshot"
        )


def load_into(verifier: Verifier, params: Params, snapshot: Snapshot) -> None:
    """Put the verifier into the snapshot's state, if that is what its root says and all money is there. Raises SnapshotRefused."""
    header = snapshot.header
    if header.rules_hash != params.rules_hash():
        raise SnapshotRefused("the snapshot was made under other rules than this program's")
    forest = Forest()
    forest.load(snapshot.rows)
    roots = forest.roots(header.roots.system)
    if roots.state_root() != header.state_root:
        raise SnapshotRefused("the snapshot's leaves do not hash to its state root")
    try:
        state, _ = restore(params, snapshot.rows, header.roots.system)
        unread = _unread(state, snapshot)
    except (ValueError, KeyError, IndexError, AssertionError) as error:  # What stands beside a leaf is no part of its hash.
        raise SnapshotRefused(f"the snapshot's leaves are not those of a state: {error}") from error
    if unread is not None:
        raise SnapshotRefused(f"the snapshot says something beside leaf {unread} that its hash does not cover")
    if (state.batch_id, state.seq) != (header.batch_id, header.last_seq):
        raise SnapshotRefused("the snapshot's header contradicts its state")
    try:
        audit(state)
    except AuditError as error:
        raise SnapshotRefused(f"money is out of balance in the snapshot: {error}") from error
    verifier.resume(state, forest, roots)
    verifier.withdrawals = {row.key: row.leaf for row in snapshot.rows if row.section is Section.WITHDRAWALS}


def _unread(state: State, snapshot: Snapshot) -> str | None:
    """A leaf that the state would not be written as, None where every one comes back byte for byte with what stands beside it."""
    expected: dict[tuple[Section, int], LeafRow] = {
        (row.section, row.key): row for row in snapshot.rows if row.section is not Section.WITHDRAWALS
    }
    for section, key in expected:
        state.touched[section][key] = None
    leaves = collect(state)
    for row in leaves.rows:
        if expected.pop((row.section, row.key), None) != row:
            return f"{row.section.name.lower()}/{row.key}"
    if leaves.system != snapshot.header.roots.system:
        return "of the system words"
    return next((f"{section.name.lower()}/{key}" for section, key in expected), None)


class Passing:
    """The batches up to the snapshot's, as L1 shows them on the way."""

    def __init__(self, header: BatchHeader) -> None:
        self._header = header
        self._passed = 0

    @property
    def is_over(self) -> bool:
        """Whether the snapshot's batch was reached."""
        return self._passed == self._header.batch_id

    def take(self, verifier: Verifier, batch: PostedBatch) -> None:
        """The next batch. Raises L1Lied where L1 contradicts itself, SnapshotRefused where it contradicts the snapshot."""
        c = batch.commitment
        self._passed += 1
        if c.batch_id != self._passed:
            raise L1Lied(f"batch {c.batch_id} comes where {self._passed} is next")
        if not self.is_over:
            return
        if c != self._header.commitment():
            raise SnapshotRefused(f"batch {c.batch_id} on L1 has another commitment than the snapshot")
        queue, state = verifier.queue, verifier.state
        if queue.length < c.queue_cursor:
            raise L1Lied(f"batch {c.batch_id} takes {c.queue_cursor} queue items, L1 shows {queue.length}")
        queue.consume(c.queue_cursor)
        if queue.base_hash != state.queue_hash:
            raise SnapshotRefused("the snapshot took other queue items than L1 has")
        if [totals.deposited for totals in state.totals] != queue.consumed:
            raise SnapshotRefused("the snapshot has other deposits than L1")
