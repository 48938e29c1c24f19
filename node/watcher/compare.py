"""A data directory against L1: the same inputs, the same headers, the same leaves.

Batches that L1 has are verified from L1 alone and then compared with the journal, input by input. Batches that are sealed but not posted
are re-executed from the journal. At the end every sealed leaf is compared with the state that was rebuilt.
"""

import time
from typing import Final

from node.core.commit.forest import Forest, LeafRow
from node.core.params import Params
from node.store.errors import StoreCorrupt
from node.store.headers import BatchHeader
from node.store.store import Store
from node.watcher.report import Disagreement, Unheard, Verdict, WatchListener, WatchReport
from node.watcher.settings import WatcherSettings
from node.watcher.verify import PostedBatch, Verifier
from node.watcher.watch import Watch, open_client
from proto.batch import Body, BodyError, Cycle, decode_body
from proto.hashing import keccak
from proto.ledger import Section

_FIELDS: Final = (
    "batch_id", "prev_state_root", "state_root", "inputs_root", "ops_root", "data_hash", "rules_hash", "queue_hash", "last_seq",
    "ops_count", "queue_cursor", "l2_time",
)  # fmt: skip


async def verify_store(
    settings: WatcherSettings, params: Params, store: Store, listener: WatchListener | None = None
) -> WatchReport:
    """Rebuild from L1 and compare with an open store, whose node is stopped."""
    started_s = time.monotonic()
    async with open_client(settings) as client:
        comparison = _Comparison(store)
        run = Watch(client, settings, params, listener or Unheard(), once=True, inspect=comparison.batch)
        report = await run.run()
        if report.verdict is not Verdict.AGREES or run.verifier is None:
            return report
        found = comparison.rest(run.verifier)
        verdict = Verdict.AGREES if found is None else Verdict.DISAGREES
        verifier, seconds = run.verifier, time.monotonic() - started_s
        inputs = report.inputs + comparison.unposted_inputs
        return WatchReport(verdict, verifier.batch_id, verifier.last_seq, verifier.state_root, inputs, seconds, found)


class _Comparison:
    """One pass over a store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.unposted_inputs = 0

    def batch(self, posted: PostedBatch) -> Disagreement | None:
        """A batch that L1 has, and that is right: the journal must have the same."""
        c = posted.commitment
        header = self._store.seals.header(c.batch_id)
        if header is None:
            return _finding(c.batch_id, c.last_seq, "batchId", "absent", c.batch_id, "L1 has a batch that the directory lacks.")
        found = self._inputs(header, posted)
        if found is not None:
            return found
        ours = header.commitment()
        for field in _FIELDS:
            left, right = _value(ours, field), _value(c, field)
            if left != right:
                return _finding(c.batch_id, c.last_seq, field, left, right, "The directory has another header than L1.")
        return None

    def _inputs(self, header: BatchHeader, posted: PostedBatch) -> Disagreement | None:
        try:
            body = decode_body(b"".join(posted.chunks))
        except BodyError as error:
            raise AssertionError("a verified batch decodes") from error
        records = [record for cycle in body.cycles for record in cycle.records]
        for seq, record in enumerate(records, body.first_seq):
            ours = self._store.journal.record(seq)
            if ours != record:
                shown = "absent" if ours is None else ours
                return _finding(header.batch_id, seq, "record", shown, record, "The journal has another input than L1.")
        return None

    def rest(self, verifier: Verifier) -> Disagreement | None:
        """Batches that are only sealed, and then all leaves."""
        newest = self._store.seals.last()
        assert newest is not None, "an open store has a genesis header"
        for header in self._store.seals.headers(verifier.batch_id + 1):
            result = verifier.verify_body(header.commitment(), self._body(header))
            if isinstance(result, Disagreement):
                return result
            self.unposted_inputs += result.inputs
        if newest.state_root != verifier.state_root:
            return _finding(
                newest.batch_id, newest.last_seq, "stateRoot", newest.state_root, verifier.state_root, "The newest header is wrong."
            )
        return self._leaves(verifier, newest)

    def _body(self, header: BatchHeader) -> Body:
        journal = self._store.journal
        cycles = tuple(
            Cycle(row.first_seq, tuple(journal.records(row.first_seq, row.last_seq)))
            for row in journal.cycles(header.first_seq, header.last_seq)
        )
        if not cycles:
            raise StoreCorrupt(f"Batch {header.batch_id} has no cycles in the journal.")
        return Body(header.batch_id, header.first_seq, cycles)

    def _leaves(self, verifier: Verifier, newest: BatchHeader) -> Disagreement | None:
        forest = Forest()
        for number, key, leaf, aux in self._store.seals.leaves():
            section = Section(number)
            forest.load([LeafRow(section, key, leaf, aux)])
            expected = verifier.forest.leaf_hash(section, key)
            if keccak(leaf) != expected:
                name = f"leaf {section.name.lower()}/{key}"
                return _finding(newest.batch_id, newest.last_seq, name, keccak(leaf), expected, "The directory has another leaf.")
        root = forest.roots(newest.roots.system).state_root()
        if root != verifier.state_root:
            return _finding(
                newest.batch_id, newest.last_seq, "leaves", root, verifier.state_root, "Leaves are missing, or system words differ."
            )
        return None


def _value(commitment: object, field: str) -> object:
    return getattr(commitment, field)


def _finding(batch_id: int, seq: int, field: str, claimed: object, found: object, sentence: str) -> Disagreement:
    def shown(value: object) -> str:
        return "0x" + value.hex() if isinstance(value, bytes) else str(value)

    return Disagreement(batch_id, seq, seq, field, shown(claimed), shown(found), sentence)
