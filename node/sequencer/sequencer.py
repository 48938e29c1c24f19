"""THE WRITER as a running thing: one task fills cycles, one journals and releases them, one seals batches.

Invariants:
- Only `_fill` changes state, and it does not suspend; everybody else runs between two fills.
- At most one cycle is being written; the next one fills meanwhile, and nothing of it leaves. What is on disk is released in order:
  replies, listeners, reads.
- A seal starts when its SealTick's cycle was released, and no batch is closed while the one before is being sealed.
- StoreFailed ends `run` at once and is raised from it: the caller must end the process (os._exit: a stuck disk may hold a thread)
  and must not use the store again. Nothing is released after it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import NamedTuple, TypeVar

from node.core.state import State
from node.ops.clock import NS_PER_MS, Clock
from node.ops.metrics import Metrics
from node.sequencer.cycle import Cycle, OpenCycle
from node.sequencer.durability import Durability, SequencerStopped
from node.sequencer.gauges import SequencerGauges
from node.sequencer.guard_gauges import GuardGauges
from node.sequencer.inbox import Inbox
from node.sequencer.machine import SealWork
from node.sequencer.receipts import ReceiptProof, receipt_proof, sign_cycle
from node.sequencer.recover import Recovered
from node.sequencer.released import Listener, Reply
from node.sequencer.seal import seal_header
from node.sequencer.settings import SequencerSettings
from node.sequencer.stamp import Stamper
from node.store.errors import ADVICE, StoreCorrupt, StoreFailed
from node.store.headers import BatchHeader
from node.store.keys import CycleRow
from node.store.store import Store
from proto.batch import Body
from proto.batch import Cycle as BodyCycle
from proto.ids import Address, Seq
from proto.inputs import Input
from proto.ledger import Section
from proto.merkle import SparseProof
from proto.reject import RejectCode
from proto.signing.eip712 import Domain
from proto.signing.secp256k1 import SigningKey
from proto.units import TimeMs

T = TypeVar("T")


class Identity(NamedTuple):
    """Whose receipts these are, and where they are valid."""

    key: SigningKey
    domain: Domain


class LeafProof(NamedTuple):
    """A leaf of the newest sealed state with its path; `words` is empty where there is no such leaf."""

    header: BatchHeader
    words: bytes
    aux: bytes
    proof: SparseProof


class Sequencer:
    """Made from what `recover` returned; `run` must be running for anything to happen."""

    def __init__(
        self,
        recovered: Recovered,
        store: Store,
        identity: Identity,
        clock: Clock,
        settings: SequencerSettings,
        metrics: Metrics,
        executor: Callable[[str], Executor] = lambda name: ThreadPoolExecutor(1, name),
    ) -> None:
        """`executor` gives the journal and the sealing thread; a test may run both in place."""
        self._machine = recovered.machine
        self._forest = recovered.forest
        self._sealed = recovered.sealed
        self._forest_is_sealed = True
        self._store = store
        self._identity = identity
        self._clock = clock
        self._settings = settings
        self._gauges = SequencerGauges(metrics)
        self._guards = GuardGauges(metrics)
        self._guards.seed(recovered.machine.state)
        self._stamper = Stamper(clock, recovered.machine.time)
        self._inbox = Inbox(settings)
        self._open = OpenCycle(self._machine, self._inbox, settings, self._stamper.now())
        self._durability = Durability(self._machine.seq, settings.reads_waiting_max)
        self._listeners: list[Listener] = []
        self._journal_thread = executor("novate-journal")
        self._seal_thread = executor("novate-seal")
        self._wake = asyncio.Event()
        self._to_write: asyncio.Queue[Cycle | None] = asyncio.Queue(maxsize=1)
        self._to_seal: asyncio.Queue[SealWork | None] = asyncio.Queue(maxsize=1)
        self._running = False
        self._writing = False
        self._write_began_ns = 0
        self._sealing = False
        self._final_seal = True
        self._ended = False

    # ------------------------------------------------------------------------------------------------------------ use

    def submit(self, item: Input, signer: Address, reply: Reply | None = None) -> RejectCode | None:
        """Queue an input whose signature recovered to `signer`; None where it was taken in and `reply` will be called.

        Otherwise NODE_BUSY or NODE_STOPPING, and it will never be applied. Call on the event loop only.
        """
        refusal = self._inbox.put(item, signer, reply)
        if not self._wake.is_set():
            self._wake.set()
        return refusal

    async def read(self, fn: Callable[[State], T]) -> T:
        """`fn(state)` between two cycles, once all that it may show is durable. `fn` must return nothing that the state owns.

        Raises TooManyReads, SequencerStopped.
        """
        value = fn(self._machine.state)
        if self._machine.seq > self._durability.seq:
            await self._durability.wait_for(self._machine.seq)
        return value

    def peek(self, fn: Callable[[State], T]) -> T:
        """`fn(state)` at once, for decisions inside the node (admission): the value must not be shown to anybody."""
        return fn(self._machine.state)

    def add_listener(self, listener: Listener) -> None:
        """Tell `listener` everything from the next release on. Call before `run`, so that it misses nothing after recovery."""
        self._listeners.append(listener)

    def bound_time(self, at_most: TimeMs) -> None:
        """Stamp nothing later than this, until told otherwise: what L1 would refuse as a batch from the future."""
        self._stamper.bound(at_most)

    @property
    def sealed(self) -> BatchHeader:
        """Header of the newest durable batch."""
        return self._sealed

    @property
    def durable_seq(self) -> Seq:
        """Number of the newest durable input."""
        return self._durability.seq

    @property
    def waiting(self) -> int:
        """Inputs in the inbox."""
        return len(self._inbox)

    @property
    def now(self) -> TimeMs:
        """The stamp that an input applied now would get."""
        return self._stamper.now()

    def complaint(self) -> str | None:
        """Why nobody should send orders here now, for readiness; None where all is well."""
        if not self._running or self._inbox.closed:
            return "The sequencer takes no inputs: it is starting or stopping."
        if self._writing:
            waited_ms = (self._clock.monotonic_ns() - self._write_began_ns) // NS_PER_MS
            if waited_ms > self._settings.write_slow_ms:
                return f"A journal write has been under way for {waited_ms} ms; look at the disk."
        if len(self._inbox) >= self._settings.inbox_inputs_max:
            return f"{len(self._inbox)} inputs wait; new ones are refused."
        return None

    def receipt(self, seq: int) -> ReceiptProof | None:
        """The signed receipt and path of a durable input; None for one that is not durable."""
        return receipt_proof(self._store.journal, seq) if 0 < seq <= self._durability.seq else None

    def header(self, batch_id: int) -> BatchHeader | None:
        """A sealed batch's header, or None."""
        return self._store.seals.header(batch_id) if 0 <= batch_id <= self._sealed.batch_id else None

    def body(self, batch_id: int) -> Body:
        """A sealed batch's body from the journal. Raises StoreCorrupt where the journal lost it, KeyError for no such batch."""
        header = self.header(batch_id)
        if header is None or batch_id == 0:
            raise KeyError(batch_id)
        return batch_body(self._store, header)

    async def prove(self, section: Section, key: int) -> LeafProof:
        """A leaf of the newest sealed state and its path to the section's root. Runs in the sealing thread, after what it does."""

        def job() -> LeafProof:
            if not self._forest_is_sealed:  # Its write failed: the trees are ahead of the disk, and the process is ending.
                raise SequencerStopped("the newest seal was not written")
            words, aux = self._store.seals.leaf(section, key) or (b"", b"")
            return LeafProof(self._sealed, words, aux, self._forest.proof(section, key))

        return await self._bounded(asyncio.get_running_loop().run_in_executor(self._seal_thread, job))

    # -------------------------------------------------------------------------------------------------------- running

    async def run(self) -> None:
        """Sequence until `stop`. Raises StoreFailed: then end the process."""
        self._running = True
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._fill_loop())
                tasks.create_task(self._write_loop())
                tasks.create_task(self._seal_loop())
        except ExceptionGroup as group:
            failed = group.subgroup(StoreFailed)
            if failed is None:
                raise
            raise _first(failed) from group
        finally:
            self._running = False
            self._inbox.closed = True
            self._durability.stop()
            self._journal_thread.shutdown(wait=False, cancel_futures=True)
            self._seal_thread.shutdown(wait=False, cancel_futures=True)

    def stop(self, *, seal: bool = True) -> None:
        """Refuse new inputs, finish what was taken in, seal the open batch (unless told not to), and let `run` return."""
        self._inbox.closed = True
        self._final_seal = seal
        self._wake.set()

    async def _fill_loop(self) -> None:
        clock = asyncio.get_running_loop().time
        pause = self._settings.write_pause_ms / 1_000
        write_from = 0.0
        while not self._is_finished():
            self._fill()
            wait = self._settings.tick_ms / 1_000
            if not self._writing and self._machine.cycle_inputs:
                early = write_from - clock()
                if early > 0 and self._may_fill():
                    wait = early
                elif (cycle := self._open.take()) is not None:
                    self._writing, self._write_began_ns = True, self._clock.monotonic_ns()
                    self._to_write.put_nowait(cycle)
                    write_from = clock() + pause
            if (len(self._inbox) or self._open.work_due) and self._may_fill():
                await asyncio.sleep(0)  # Let frames in and answers out, then go on.
            else:
                await self._idle(wait)
        self._to_write.put_nowait(None)
        self._to_seal.put_nowait(None)

    async def _idle(self, seconds: float) -> None:
        """Until something happened (an input, a write, a seal, a stop), or `seconds` have passed."""
        self._wake.clear()
        timer = asyncio.get_running_loop().call_later(seconds, self._wake.set)
        await self._wake.wait()
        timer.cancel()

    def _is_finished(self) -> bool:
        return self._ended and not (self._machine.cycle_inputs or self._writing or self._sealing)

    def _may_fill(self) -> bool:
        """A full batch waits for the seal of the one before; a full cycle for the write of the one before."""
        full = self._sealing and self._open.batch_is_full()
        return self._open.has_room() and not full and not self._ended

    def _fill(self) -> None:
        if not self._may_fill():
            return
        now = self._stamper.now()
        self._open.fill(now)
        is_last = self._inbox.closed and not len(self._inbox)
        seals = is_last and self._final_seal and self._machine.batch.inputs > 0
        if not self._sealing and (seals or self._open.seal_is_due(now)):
            self._open.seal(now)
            self._sealing = True
            seals = False
        self._ended = is_last and not seals

    async def _write_loop(self) -> None:
        loop = asyncio.get_running_loop()
        while (cycle := await self._to_write.get()) is not None:
            row = await self._bounded(loop.run_in_executor(self._journal_thread, self._journal, cycle))
            self._writing = False
            self._release(cycle, row, (self._clock.monotonic_ns() - self._write_began_ns) / 1e9)
            self._wake.set()

    def _journal(self, cycle: Cycle) -> CycleRow:
        row = sign_cycle(self._identity.key, self._identity.domain, cycle.closed)
        self._store.journal.append(row, cycle.closed.records)
        return row

    def _release(self, cycle: Cycle, row: CycleRow, seconds: float) -> None:
        for reply, released in cycle.replies:
            reply(released)
        for listener in self._listeners:
            listener.released(cycle.inputs)
        self._durability.reached(row.last_seq)
        self._guards.take(cycle.inputs)
        self._gauges.cycle(cycle.inputs, len(self._inbox), seconds, self._stamper.wall_error_ms())
        if cycle.seal is not None:
            self._to_seal.put_nowait(cycle.seal)

    async def _seal_loop(self) -> None:
        loop = asyncio.get_running_loop()
        while (work := await self._to_seal.get()) is not None:
            started_ns = self._clock.monotonic_ns()
            header = await self._bounded(loop.run_in_executor(self._seal_thread, self._seal, work))
            self._sealing = False
            self._gauges.sealed(header, (self._clock.monotonic_ns() - started_ns) / 1e9)
            for listener in self._listeners:
                listener.sealed(header)
            self._wake.set()

    def _seal(self, work: SealWork) -> BatchHeader:
        self._forest_is_sealed = False
        header = seal_header(self._forest, work, self._sealed)
        self._store.seals.write(header, work.leaves.rows)
        self._sealed, self._forest_is_sealed = header, True
        return header

    async def _bounded(self, job: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout(self._settings.write_ms_max / 1_000):
                return await job
        except TimeoutError as error:
            raise StoreFailed(f"The disk did not answer within {self._settings.write_ms_max} ms.") from error


def batch_body(store: Store, header: BatchHeader) -> Body:
    """The records of a sealed batch, by cycle. Raises StoreCorrupt."""
    cycles = tuple(
        BodyCycle(row.first_seq, tuple(store.journal.records(row.first_seq, row.last_seq)))
        for row in store.journal.cycles(header.first_seq, header.last_seq)
    )
    if len(cycles) != header.cycles:
        raise StoreCorrupt(
            f"Batch {header.batch_id} has {len(cycles)} cycles in the journal, not {header.cycles}. {ADVICE}"
        )
    return Body(header.batch_id, header.first_seq, cycles)


def _first(group: ExceptionGroup[StoreFailed]) -> StoreFailed:
    """The first failure itself, out of the groups around it."""
    error: StoreFailed | ExceptionGroup[StoreFailed] = group
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error
