"""The normal distribution in fixed point against mpmath: the stated error holds over the whole line, edges included."""

import mpmath
import pytest

from node.core.num import FIXED, normal_cdf, normal_pdf

STEPS = [*range(-9_000, 9_001, 37), -7_201, -7_200, -7_199, 7_199, 7_200, 7_201, -7_500, 7_500, -7_501, 7_501]
mpmath.mp.dps = 40


@pytest.mark.parametrize("milli", STEPS[:: len(STEPS) // 12])
def test_symmetry(milli: int) -> None:
    x = milli * FIXED // 1_000
    assert normal_cdf(x) + normal_cdf(-x) == FIXED
    assert normal_pdf(x) == normal_pdf(-x)


def test_distribution_is_within_a_unit() -> None:
    for milli in STEPS:
        x = milli * FIXED // 1_000 + 7
        exact = mpmath.ncdf(mpmath.mpf(x) / FIXED) * FIXED
        assert abs(normal_cdf(x) - exact) < 1, milli


def test_density_is_within_a_unit() -> None:
    for milli in STEPS:
        x = milli * FIXED // 1_000 + 7
        exact = mpmath.npdf(mpmath.mpf(x) / FIXED) * FIXED
        assert abs(normal_pdf(x) - exact) < 1, milli


def test_distribution_never_falls() -> None:
    values = [normal_cdf(x) for x in range(-8 * FIXED, 8 * FIXED, FIXED // 97)]
    assert values == sorted(values)
