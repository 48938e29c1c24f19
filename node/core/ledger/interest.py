"""The global index that interest on negative cash is paid by.

It is additive: interest on one micro-USDC grows by rate x time, and compounds only when an account's cash moves, which settles it.
Time counts from sample tick to sample tick, in whole sample intervals, so that it needs no word of its own.
"""

from typing import Final

from node.core.num import div_floor
from node.core.state import State
from proto.ops import OpKind
from proto.units import FUNDING_MAX, INDEX_SCALE, PPM

YEAR_MS: Final = 31_536_000_000


def accrue(state: State, elapsed_ms: int) -> None:
    """Let `elapsed_ms` of interest pass; rounded down, in 1e-12."""
    grown = div_floor(state.params.margin.borrow_rate_ppm * (INDEX_SCALE // PPM) * elapsed_ms, YEAR_MS)
    if grown:
        state.borrow_index += grown
        assert state.borrow_index <= FUNDING_MAX, "borrow index out of its leaf field"
        state.ops.append((OpKind.BORROW_INDEX_SET, state.borrow_index))
