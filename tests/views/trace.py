"""Views fed by a random trace on the real rule book, with the in-memory store below."""

from collections.abc import Iterator
from typing import NamedTuple

from node.core.apply import apply
from node.core.genesis import genesis_state
from node.core.outcome import Applied
from node.core.schedule import due_inputs
from node.core.state import State
from node.store.memory import MemoryDatabase, MemoryDisk
from node.store.table import Table
from node.views.streams import StreamLimits
from node.views.venue import Views
from proto.events import Event
from proto.ids import ZERO_ADDRESS, Seq
from proto.inputs import Stamp
from proto.units import TimeMs
from tests.sequencer.venue import PARAMS, START_MS, Trace


class Step(NamedTuple):
    """One applied input."""

    seq: Seq
    time: TimeMs
    events: tuple[Event, ...]


def memory_table() -> Table:
    """An empty table of the in-memory store."""
    return Table(MemoryDatabase(MemoryDisk()), "views")


def new_views(table: Table, limits: StreamLimits | None = None) -> Views:
    """Views over a table, not seeded."""
    return Views(table, limits or StreamLimits())


def write(views: Views, table: Table) -> None:
    """Put the pending rows on disk."""
    _, rows = views.take_rows()
    table.put_batch(rows)


def steps(seed: int, inputs: int, state: State | None = None) -> Iterator[tuple[State, Step]]:
    """A random trace with its ticks, applied to `state` (the genesis state by default), step by step."""
    trace, now = Trace(seed), START_MS
    state = genesis_state(PARAMS) if state is None else state
    for _ in range(inputs):
        now += 37
        for item, signer in [*((tick, ZERO_ADDRESS) for tick in due_inputs(state, now)), trace.next(now)]:
            stamp = Stamp(Seq(state.seq + 1), TimeMs(now))
            outcome = apply(state, stamp, item, signer)
            yield state, Step(stamp.seq, stamp.time, outcome.events if isinstance(outcome, Applied) else ())
