"""Default probability and expected shortfall: closed forms against mpmath, and what must hold between accounts."""

import mpmath
from hypothesis import given, settings
from hypothesis import strategies as st

from node.core.margin.default_odds import outlook
from node.core.num import FIXED

mpmath.mp.dps = 40
amounts = st.integers(-(10**12), 10**13)
deviations = st.integers(1, 10**12)


@given(amounts, deviations)
@settings(max_examples=300)
def test_both_are_the_closed_forms(equity: int, deviation: int) -> None:
    found = outlook(equity, deviation)
    distance = mpmath.mpf(equity) / deviation
    touches = min(2 * mpmath.ncdf(-distance), mpmath.mpf(1))
    assert abs(found.probability - touches * FIXED) <= 4
    missing = deviation * mpmath.npdf(distance) - equity * mpmath.ncdf(-distance)
    assert abs(found.shortfall - missing) <= 3e-12 * (deviation + abs(equity)) + 2


@given(amounts, deviations, st.integers(0, 10**9))
@settings(max_examples=200)
def test_more_equity_is_never_worse(equity: int, deviation: int, more: int) -> None:
    poor, rich = outlook(equity, deviation), outlook(equity + more, deviation)
    assert rich.probability <= poor.probability
    assert rich.shortfall <= poor.shortfall + 1 + 3 * deviation // FIXED


def test_edges() -> None:
    assert outlook(0, 0) == (0, 0, 0)
    assert outlook(-5, 0) == (0, FIXED, 5)
    assert outlook(10**9, 10**6)[1:] == (0, 0)
    assert outlook(-(10**9), 10**6)[1:] == (FIXED, 10**9)
    assert outlook(0, 10**6).probability == FIXED
