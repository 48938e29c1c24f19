"""Which ticks are due: a function of state and time, so that sequencer and watcher agree on what may be stamped."""

from node.core.book import expiry
from node.core.liquidation.work import is_due
from node.core.state import State
from proto.inputs import FundingTick, Input, SampleTick, WorkTick
from proto.units import TimeMs

WORK_UNITS_PER_TICK = 16  # Small enough for other inputs to pass in between.


def due_inputs(state: State, time: int) -> tuple[Input, ...]:
    """Ticks to stamp now, in order. Work ticks are due again while the queue or the orders' expiries hold due items."""
    due: list[Input] = []
    if time >= state.next_sample:
        due.append(SampleTick())
    if time >= state.next_funding:
        due.append(FundingTick())
    if expiry.is_due(state, TimeMs(time)) or any(is_due(item, TimeMs(time)) for item in state.work):
        due.append(WorkTick(WORK_UNITS_PER_TICK))
    return tuple(due)
