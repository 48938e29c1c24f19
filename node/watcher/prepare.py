"""Records decoded, and signers recovered ahead of their turn by other processes: recovery is most of the work of re-execution, and needs
no state.

Small batches are recovered where they are used; processes are started by the first large one.
Invariant: what comes out is in order, and a record that cannot be read, or that nobody signed, is only an error when its turn comes.
"""

import os
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing import get_context, parent_process
from typing import Final, NamedTuple

from proto.batch import Body
from proto.ids import ADDRESS_BYTES, ZERO_ADDRESS, Address, Seq
from proto.inputs import Input, RecordError, decode_record
from proto.reject import RejectCode
from proto.signing.authority import signer_of
from proto.signing.eip712 import Domain
from proto.signing.secp256k1 import SignatureError
from proto.units import TimeMs

GROUP_RECORDS: Final = 256
WORTHWHILE_RECORDS: Final = 1_024
"""From so many records of a batch on, other processes are asked."""
PROCESSES_MAX: Final = 8


class Prepared(NamedTuple):
    """An input with its number, stamp and signer; `problem` where nobody signed it."""

    seq: Seq
    time: TimeMs
    item: Input
    signer: Address
    problem: SignatureError | None


class Unreadable(NamedTuple):
    """A record that is no input."""

    seq: Seq
    problem: RecordError


class Recovered(NamedTuple):
    """Signers of a group of records, 20 bytes each, and the refusals among them, by place."""

    signers: bytes
    problems: dict[int, int]


class BatchInputs:
    """All inputs of one batch, in order; to be walked once."""

    def __init__(self, body: Body, domain: Domain, groups: Sequence[Future[Recovered]] | None) -> None:
        self.body = body
        self._domain = domain
        self._groups = groups

    def __iter__(self) -> Iterator[Prepared | Unreadable]:
        """Inputs; waits for those whose signers are not recovered yet."""
        if self._groups is None:
            for seq, record in _numbered(self.body):
                yield _prepare(self._domain, seq, record)
            return
        numbered = _numbered(self.body)
        for group in self._groups:
            part = list(islice(numbered, GROUP_RECORDS))
            try:
                found = group.result()
            except BrokenProcessPool:  # Somebody killed a process: then it is done here.
                found = recover_signers(self._domain, [record for _, record in part])
            for at, (seq, record) in enumerate(part):
                yield _joined(seq, record, found, at)


class Recovery:
    """Other processes that recover signers, for one venue. Close it when done."""

    def __init__(self, domain: Domain, processes: int | None = None) -> None:
        """`processes`: as many as there are processors, up to a bound, where None; 0: none."""
        self._domain = domain
        self._processes = min(os.cpu_count() or 1, PROCESSES_MAX) if processes is None else processes
        self._pool: ProcessPoolExecutor | None = None

    def begin(self, body: Body) -> BatchInputs:
        """Start on a batch; what it gives is used when its turn comes."""
        records = sum(len(cycle.records) for cycle in body.cycles)
        if self._processes == 0 or records < WORTHWHILE_RECORDS:
            return BatchInputs(body, self._domain, None)
        every = [record for cycle in body.cycles for record in cycle.records]
        try:
            return BatchInputs(body, self._domain, self._submit(every))
        except BrokenProcessPool:
            self.close()
            return BatchInputs(body, self._domain, None)

    def _submit(self, every: list[bytes]) -> list[Future[Recovered]]:
        if self._pool is None:
            # Neither threads nor handles of this process reach the others.
            self._pool = ProcessPoolExecutor(self._processes, get_context("spawn"), _end_with_parent)
        return [
            self._pool.submit(recover_signers, self._domain, every[at : at + GROUP_RECORDS])
            for at in range(0, len(every), GROUP_RECORDS)
        ]

    def pids(self) -> list[int]:
        """Of the processes that run."""
        return [] if self._pool is None else list(self._pool._processes)

    def close(self) -> None:
        """End the processes; what they were asked is dropped."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None


def recover_signers(domain: Domain, records: Sequence[bytes]) -> Recovered:
    """Signers of records; a record that cannot be read has the zero address, its reader will find out."""
    signers: list[bytes] = []
    problems: dict[int, int] = {}
    for at, record in enumerate(records):
        try:
            signers.append(signer_of(domain, decode_record(record)[1]))
        except RecordError:
            signers.append(ZERO_ADDRESS)
        except SignatureError as error:
            problems[at] = error.code
            signers.append(ZERO_ADDRESS)
    return Recovered(b"".join(signers), problems)


def _numbered(body: Body) -> Iterator[tuple[Seq, bytes]]:
    for cycle in body.cycles:
        for seq, record in enumerate(cycle.records, cycle.first_seq):
            yield Seq(seq), record


def _prepare(domain: Domain, seq: Seq, record: bytes) -> Prepared | Unreadable:
    try:
        time, item = decode_record(record)
    except RecordError as error:
        return Unreadable(seq, error)
    try:
        return Prepared(seq, time, item, signer_of(domain, item), None)
    except SignatureError as error:
        return Prepared(seq, time, item, ZERO_ADDRESS, error)


def _joined(seq: Seq, record: bytes, found: Recovered, at: int) -> Prepared | Unreadable:
    try:
        time, item = decode_record(record)
    except RecordError as error:
        return Unreadable(seq, error)
    code = found.problems.get(at)
    problem = None if code is None else SignatureError(RejectCode(code))
    signer = Address(found.signers[ADDRESS_BYTES * at : ADDRESS_BYTES * (at + 1)])
    return Prepared(seq, time, item, signer, problem)


def _end_with_parent() -> None:
    """Signals are the parent's business; a process whose parent was killed would wait for ever."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    parent = parent_process()
    assert parent is not None, "started by another process"

    def wait() -> None:
        parent.join()
        os._exit(0)

    threading.Thread(target=wait, daemon=True, name="novate-end-with-parent").start()
