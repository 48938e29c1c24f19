"""Which ticks are due: a function of state and time, so that sequencer and watcher agree on what may be stamped."""

from node.core.book import expiry
from node.core.ledger import switch
from node.core.liquidation import work
from node.core.state import State
from node.core.twap import schedule as twaps
from proto.inputs import FundingTick, Input, SampleTick, WorkTick
from proto.units import TimeMs

WORK_UNITS_PER_TICK = 16  # Small enough for other inputs to pass in between.


def due_inputs(state: State, time: int) -> tuple[Input, ...]:
    """Ticks to stamp now, in order. Work ticks are due again while there is work that is due."""
    due: list[Input] = []
    if time >= state.next_sample:
        due.append(SampleTick())
    if time >= state.next_funding:
        due.append(FundingTick())
    if _work_is_due(state, TimeMs(time)):
        due.append(WorkTick(WORK_UNITS_PER_TICK))
    return tuple(due)


def _work_is_due(state: State, time: TimeMs) -> bool:
    if expiry.is_due(state, time) or switch.is_due(state, time) or twaps.is_due(state, time):
        return True
    return work.is_due(state, time)


def timed_work_since(state: State) -> TimeMs | None:
    """Since (or from) when time alone gives work ticks something to do: the first goodTil, scheduled cancel or slice. None: nothing
    waits."""
    firsts = [heap[0][0] for heap in (state.expiries, state.cancel_times, state.twap_times) if heap]
    return TimeMs(min(firsts)) if firsts else None
