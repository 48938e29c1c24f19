"""A node's store, written without a running node: the same machine, journal, seals and read models, one synced write per cycle."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

from node.config.operator import load_operator
from node.gateway.shelf import Shelf
from node.lab.bench.measure import BenchError
from node.lab.bench.venue import OPERATOR, Signed, Venue
from node.sequencer.machine import Machine, assert_sealed
from node.sequencer.receipts import sign_cycle
from node.sequencer.recover import Recovered, recover
from node.sequencer.released import ReleasedInput
from node.sequencer.seal import seal_header
from node.store.errors import StoreError
from node.store.store import Store, open_store
from node.views.venue import Views
from proto.ids import ZERO_ADDRESS

CYCLE_INPUTS: Final = 512
_BATCH_INPUTS: Final = 8_192


class Opened(NamedTuple):
    """A store as a starting node sees it after recovery."""

    store: Store
    shelf: Shelf
    recovered: Recovered


def open_prepared(data_dir: Path, venue: Venue) -> Opened:
    """Open and recover the store that a node would find in `data_dir`, read models included. Raises BenchError."""
    settings = load_operator(None, data_dir)
    try:
        store = open_store(settings.store, venue.params.digest())
        table = store.table("views")
        shelf = Shelf(Views(table, settings.gateway.streams), table)
        return Opened(store, shelf, recover(store, venue.params, venue.domain, on_cycle=shelf.replayed))
    except StoreError as error:
        raise BenchError(str(error)) from error


def prepare(data_dir: Path, venue: Venue, inputs: Iterable[Signed], *, sealed: bool) -> int:
    """Write the inputs, in cycles and (where `sealed`) batches, into an empty store; returns how many were written in all.

    Raises BenchError where one of them is refused.
    """
    store, shelf, recovered = open_prepared(data_dir, venue)
    try:
        writer = _Writer(venue, store, shelf, recovered)
        for given in inputs:
            writer.take(given, sealed=sealed)
        writer.end(sealed=sealed)
        shelf.flush()
    except StoreError as error:
        raise BenchError(str(error)) from error
    finally:
        store.close()
    return int(writer.machine.seq)


class _Writer:
    """Fills cycles and batches."""

    def __init__(self, venue: Venue, store: Store, shelf: Shelf, recovered: Recovered) -> None:
        self._venue = venue
        self._store = store
        self._shelf = shelf
        self._forest = recovered.forest
        self._sealed = recovered.sealed
        self._cycle: list[ReleasedInput] = []
        self.machine: Machine = recovered.machine

    def take(self, given: Signed, *, sealed: bool) -> None:
        """One input more."""
        self._step(given)
        if sealed and self.machine.batch.inputs >= _BATCH_INPUTS:
            self._seal()
        elif len(self._cycle) >= CYCLE_INPUTS:
            self._journal()

    def end(self, *, sealed: bool) -> None:
        """Write what is open."""
        if sealed:
            self._seal()
        elif self._cycle:
            self._journal()

    def _step(self, given: Signed) -> None:
        machine, time = self.machine, self._venue.time
        outcome = machine.step(time, given.item, given.signer)
        assert_sealed(outcome)  # Nothing that is prepared here can be refused.
        self._cycle.append(ReleasedInput(machine.seq, time, given.item, given.signer, outcome))

    def _journal(self) -> None:
        closed = self.machine.end_cycle()
        self._store.journal.append(sign_cycle(OPERATOR, self._venue.domain, closed), closed.records)
        self._shelf.replayed(self._cycle)
        self._cycle = []

    def _seal(self) -> None:
        self._step(Signed(self.machine.seal_tick(), ZERO_ADDRESS))
        self._journal()
        work = self.machine.end_batch()
        self._sealed = seal_header(self._forest, work, self._sealed)
        self._store.seals.write(self._sealed, work.leaves.rows)
