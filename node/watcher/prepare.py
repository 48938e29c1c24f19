"""Records decoded and signers recovered ahead of their turn, in a second thread: most of a recovered signature leaves Python alone.

Invariant: what comes out is in order, and a record that cannot be read is only an error when its turn comes.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import Final, NamedTuple

from proto.batch import Body
from proto.ids import ZERO_ADDRESS, Address, Seq
from proto.inputs import Input, RecordError, decode_record
from proto.signing.authority import signer_of
from proto.signing.eip712 import Domain
from proto.signing.secp256k1 import SignatureError
from proto.units import TimeMs

_GROUP_RECORDS: Final = 256
_GROUPS_AHEAD: Final = 8


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


def prepared_inputs(body: Body, domain: Domain) -> Iterator[Prepared | Unreadable]:
    """All inputs of a batch, in order."""
    records = ((Seq(cycle.first_seq + at), record) for cycle in body.cycles for at, record in enumerate(cycle.records))
    first = list(islice(records, _GROUP_RECORDS))
    if len(first) < _GROUP_RECORDS:
        yield from _prepare(first, domain)
        return
    with ThreadPoolExecutor(1, "novate-signers") as pool:
        jobs: deque[Future[list[Prepared | Unreadable]]] = deque([pool.submit(_prepare, first, domain)])
        try:
            while group := list(islice(records, _GROUP_RECORDS)):
                jobs.append(pool.submit(_prepare, group, domain))
                if len(jobs) > _GROUPS_AHEAD:
                    yield from jobs.popleft().result()
            while jobs:
                yield from jobs.popleft().result()
        finally:  # Where a finding ends the batch early.
            for job in jobs:
                job.cancel()


def _prepare(records: Sequence[tuple[Seq, bytes]], domain: Domain) -> list[Prepared | Unreadable]:
    found: list[Prepared | Unreadable] = []
    for seq, record in records:
        try:
            time, item = decode_record(record)
        except RecordError as error:
            found.append(Unreadable(seq, error))
            continue
        try:
            found.append(Prepared(seq, time, item, signer_of(domain, item), None))
        except SignatureError as error:
            found.append(Prepared(seq, time, item, ZERO_ADDRESS, error))
    return found
