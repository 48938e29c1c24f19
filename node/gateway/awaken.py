"""Bring read models and state back together at start, and build the read models anew where they cannot follow.

Recovery replays from the last seal, and read models that are on disk at least that far go on from there. Where they are not (their rows
were deleted, or a crash fell between a seal and its rows), they are cleared and fed the whole journal from genesis.
"""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from node.core.state import State
from node.gateway.ports import Released
from node.gateway.settings import GatewaySettings
from node.gateway.shelf import Shelf
from node.views.retention import ForgetfulTable
from node.views.venue import Views, ViewsOutOfStepError

Recovered = TypeVar("Recovered")
OnCycle = Callable[[Sequence[Released]], None]


class ClearableTable(ForgetfulTable, Protocol):
    """A table that can be emptied."""

    def clear(self) -> None:
        """Delete every row."""
        ...


def awaken(
    table: ClearableTable,
    settings: GatewaySettings,
    genesis: Callable[[], State],
    recover: Callable[[OnCycle], Recovered],
    state_of: Callable[[Recovered], State],
    replay: Callable[[OnCycle], object],
) -> tuple[Shelf, Recovered]:
    """Read models that show exactly the recovered state, and what `recover` returned. `genesis` makes the state that a replay begins with.

    `recover` and `replay` call what they are given with every cycle they apply: from the last seal on, and from genesis. Both must give
    the same results when called again; their own errors are raised as they are.
    """

    def shelf_on(table: ClearableTable) -> Shelf:
        return Shelf(Views(table, settings.streams), table, settings.history_days)

    try:
        return _follow(shelf_on(table), recover, state_of)
    except ViewsOutOfStepError:
        table.clear()
        shelf = shelf_on(table)
        shelf.views.seed(genesis())  # What is sampled as time goes on needs the present, from the beginning.
        replay(shelf.replayed)
        return _follow(shelf, recover, state_of)


def _follow(
    shelf: Shelf, recover: Callable[[OnCycle], Recovered], state_of: Callable[[Recovered], State]
) -> tuple[Shelf, Recovered]:
    recovered = recover(shelf.replayed)
    shelf.views.seed(state_of(recovered))
    return shelf, recovered
