"""Bring read models and state back together at start, and build the read models anew where they cannot follow.

Recovery replays from the last seal, and read models that are on disk at least that far go on from there. Where they are not (their rows
were deleted, or a crash fell between a seal and its rows), they are cleared and fed the whole journal from genesis.
"""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from node.core.state import State
from node.gateway.ports import Released
from node.gateway.shelf import Shelf
from node.views.streams import StreamLimits
from node.views.table import OrderedTable
from node.views.venue import Views, ViewsOutOfStepError

Recovered = TypeVar("Recovered")
OnCycle = Callable[[Sequence[Released]], None]


class ClearableTable(OrderedTable, Protocol):
    """A table that can be emptied."""

    def clear(self) -> None:
        """Delete every row."""
        ...


def awaken(
    table: ClearableTable,
    limits: StreamLimits,
    recover: Callable[[OnCycle], Recovered],
    state_of: Callable[[Recovered], State],
    replay: Callable[[OnCycle], object],
) -> tuple[Shelf, Recovered]:
    """Read models that show exactly the recovered state, and what `recover` returned.

    `recover` and `replay` call what they are given with every cycle they apply: from the last seal on, and from genesis. Both must give
    the same results when called again; their own errors are raised as they are.
    """
    try:
        return _follow(Shelf(Views(table, limits), table), recover, state_of)
    except ViewsOutOfStepError:
        table.clear()
        shelf = Shelf(Views(table, limits), table)
        replay(shelf.replayed)
        return _follow(shelf, recover, state_of)


def _follow(
    shelf: Shelf, recover: Callable[[OnCycle], Recovered], state_of: Callable[[Recovered], State]
) -> tuple[Shelf, Recovered]:
    recovered = recover(shelf.replayed)
    shelf.views.seed(state_of(recovered))
    return shelf, recovered
