"""Start-up, which is the same as recovery from a crash; and replay from genesis.

`recover` loads the last sealed state, checks its root against the header, and replays the journal after it: the open batch comes back
exactly, with its cycles and operations. A SealTick that was journaled and whose seal was not written is sealed now.
`replay` does the same from the genesis state and compares every header on the way.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, NamedTuple

from node.core.commit.forest import Forest, LeafRow
from node.core.commit.restore import restore
from node.core.commit.seal import collect
from node.core.genesis import genesis_state
from node.core.params import Params
from node.sequencer.machine import Machine, assert_sealed
from node.sequencer.released import ReleasedInput
from node.sequencer.seal import genesis_header, seal_header
from node.store.errors import ADVICE, StoreCorrupt, StoreMismatch
from node.store.headers import BatchHeader
from node.store.journal import Journal
from node.store.keys import CycleRow
from node.store.store import Store
from node.store.verify import Progress, no_progress
from proto.ids import Address
from proto.inputs import Input, RecordError, SealTick, decode_record
from proto.ledger import Section
from proto.signing.authority import signer_of
from proto.signing.eip712 import Domain
from proto.signing.secp256k1 import SignatureError
from proto.units import TimeMs

_PROGRESS_INPUTS: Final = 1_000
_GROUP_INPUTS: Final = 256
_GROUPS_AHEAD: Final = 8
OnCycle = Callable[[Sequence[ReleasedInput]], None]
"""Told each replayed cycle, as a listener is told a released one; read models catch up with it."""


WriteSeal = Callable[[BatchHeader, Sequence[LeafRow]], None]


class Recovered(NamedTuple):
    """Where the sequencer goes on."""

    machine: Machine
    forest: Forest
    sealed: BatchHeader
    replayed: int


class ReplayReport(NamedTuple):
    """What a replay from genesis found; it agrees, or it raised StoreCorrupt."""

    machine: Machine
    inputs: int
    batches: int
    state_root: bytes
    """Of the newest batch."""
    seconds: float

    @property
    def inputs_per_second(self) -> float:
        """Speed of the replay."""
        return self.inputs / max(self.seconds, 1e-9)


def ignore_cycle(_inputs: Sequence[ReleasedInput]) -> None:
    """For callers without read models."""


def recover(
    store: Store,
    params: Params,
    domain: Domain,
    *,
    on_cycle: OnCycle = ignore_cycle,
    progress: Progress = no_progress,
) -> Recovered:
    """Bring state and open batch back from `store`, writing the genesis state into an empty one.

    Raises StoreCorrupt, StoreMismatch, StoreFailed.
    """
    if store.is_empty:
        return _create(store, params)
    sealed = store.seals.last()
    assert sealed is not None, "opening a store verifies its headers"
    if sealed.rules_hash != params.rules_hash():
        raise StoreMismatch(f"Batch {sealed.batch_id} was sealed under other rules than this program's.")
    progress("load state", 0, 0)
    rows = (LeafRow(Section(section), key, leaf, aux) for section, key, leaf, aux in store.seals.leaves())
    state, forest = restore(params, rows, sealed.roots.system)
    if forest.roots(sealed.roots.system).state_root() != sealed.state_root:
        raise StoreCorrupt(f"The stored state is not the one that batch {sealed.batch_id} committed to. {ADVICE}")
    run = _Run(store, domain, Machine(state, sealed), forest, sealed, store.seals.write)
    run.play(on_cycle, progress, "replay journal")
    return Recovered(run.machine, run.forest, run.sealed, run.inputs)


def replay(
    store: Store,
    params: Params,
    domain: Domain,
    *,
    on_cycle: OnCycle = ignore_cycle,
    progress: Progress = no_progress,
) -> ReplayReport:
    """Execute the whole journal anew from genesis, comparing every sealed header. Writes nothing."""
    started_ns = time.monotonic_ns()
    state = genesis_state(params)
    forest = Forest()
    header = genesis_header(forest, collect(state), params.rules_hash())
    if header != store.seals.header(header.batch_id):
        raise StoreMismatch("The genesis state is not the one that this store began with.")
    run = _Run(store, domain, Machine(state, header), forest, header, _leave_unsealed)
    run.play(on_cycle, progress, "replay from genesis")
    seconds = (time.monotonic_ns() - started_ns) / 1e9
    return ReplayReport(run.machine, run.inputs, run.sealed.batch_id, run.sealed.state_root, seconds)


def _leave_unsealed(_header: BatchHeader, _rows: Sequence[LeafRow]) -> None:
    """A replay writes nothing: the next start seals what the journal says is to be sealed."""


def _create(store: Store, params: Params) -> Recovered:
    state = genesis_state(params)
    forest = Forest()
    leaves = collect(state)
    header = genesis_header(forest, leaves, params.rules_hash())
    store.create(header, leaves.rows)
    return Recovered(Machine(state, header), forest, header, 0)


class _Prepared(NamedTuple):
    """A cycle whose records were decoded and whose signers were recovered, ready to be applied."""

    row: CycleRow
    inputs: list[tuple[TimeMs, Input, Address]]


def _prepare(journal: Journal, domain: Domain, rows: list[CycleRow]) -> list[_Prepared]:
    """Decode and recover; needs no state. Raises StoreCorrupt."""
    prepared: list[_Prepared] = []
    for row in rows:
        inputs: list[tuple[TimeMs, Input, Address]] = []
        for record in journal.records(row.first_seq, row.last_seq):
            try:
                stamp_time, item = decode_record(record)
                inputs.append((stamp_time, item, signer_of(domain, item)))
            except (RecordError, SignatureError) as error:
                seq = row.first_seq + len(inputs)
                raise StoreCorrupt(f"Input {seq} of the journal is no input of this venue: {error}. {ADVICE}") from error
        prepared.append(_Prepared(row, inputs))
    return prepared


def _prepare_ahead(journal: Journal, domain: Domain, first: int) -> Iterator[_Prepared]:
    """All cycles from `first` on, in order, prepared by a second thread: most of a recovered signature leaves Python alone."""
    with ThreadPoolExecutor(1, "novate-replay") as pool:
        jobs: deque[Future[list[_Prepared]]] = deque()
        for rows in _grouped(journal.cycles(first)):
            jobs.append(pool.submit(_prepare, journal, domain, rows))
            if len(jobs) > _GROUPS_AHEAD:
                yield from jobs.popleft().result()
        while jobs:
            yield from jobs.popleft().result()


def _grouped(rows: Iterator[CycleRow]) -> Iterator[list[CycleRow]]:
    """Cycles in groups that are worth handing to a thread."""
    group: list[CycleRow] = []
    size = 0
    for row in rows:
        group.append(row)
        size += row.size
        if size >= _GROUP_INPUTS:
            yield group
            group, size = [], 0
    if group:
        yield group


class _Run:
    """One pass over the journal after `sealed`."""

    def __init__(
        self, store: Store, domain: Domain, machine: Machine, forest: Forest, sealed: BatchHeader, write_seal: WriteSeal
    ) -> None:
        self._store = store
        self._write_seal = write_seal
        self._domain = domain
        self.machine = machine
        self.forest = forest
        self.sealed = sealed
        self.inputs = 0

    def play(self, on_cycle: OnCycle, progress: Progress, stage: str) -> None:
        """Apply every cycle up to the journal's end."""
        total = self._store.journal.last_record_seq() - self.machine.seq
        reported = 0
        progress(stage, 0, total)
        for prepared in _prepare_ahead(self._store.journal, self._domain, self.machine.seq + 1):
            inputs = self._cycle(prepared)
            on_cycle(inputs)  # Before the seal, as when it was live: rows of read models are never behind it.
            if type(inputs[-1].item) is SealTick:
                assert_sealed(inputs[-1].outcome)
                self._seal()
            if self.inputs - reported >= _PROGRESS_INPUTS:
                reported = self.inputs
                progress(stage, reported, total)
        progress(stage, self.inputs, total)

    def _cycle(self, prepared: _Prepared) -> list[ReleasedInput]:
        machine = self.machine
        inputs: list[ReleasedInput] = []
        for stamp_time, item, signer in prepared.inputs:
            outcome = machine.step(stamp_time, item, signer)
            inputs.append(ReleasedInput(machine.seq, stamp_time, item, signer, outcome))
        if machine.end_cycle().head != prepared.row.head:
            raise StoreCorrupt(f"The cycle at input {prepared.row.first_seq} does not lead to its head. {ADVICE}")
        self.inputs += len(inputs)
        return inputs

    def _seal(self) -> None:
        work = self.machine.end_batch()
        header = seal_header(self.forest, work, self.sealed)
        stored = self._store.seals.header(header.batch_id)
        if stored is None:
            self._write_seal(header, work.leaves.rows)
        elif stored != header:
            raise StoreCorrupt(f"Replaying gives another header for batch {header.batch_id} than was sealed. {ADVICE}")
        self.sealed = header
