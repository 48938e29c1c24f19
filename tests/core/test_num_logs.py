"""Fixed-point logarithm and square root within their stated errors, against arbitrary precision."""

import mpmath
from hypothesis import given
from hypothesis import strategies as st

from node.core.num import FIXED, ln_ratio, sqrt_ceil

wide = st.one_of(st.integers(1, 10**6), st.integers(1, 2**56), st.integers(1, 10**300))


@given(wide, wide)
def test_ln_within_its_bound(a: int, b: int) -> None:
    with mpmath.workdps(360):
        exact = mpmath.log(mpmath.mpf(a) / b) * FIXED
        assert abs(mpmath.mpf(ln_ratio(a, b)) - exact) < 1


@given(st.integers(1, 2**50), st.integers(-(10**6), 10**6))
def test_ln_of_prices_that_are_close(price: int, step: int) -> None:
    other = max(price + step, 1)
    assert ln_ratio(price, price) == 0
    with mpmath.workdps(60):
        exact = mpmath.log(mpmath.mpf(other) / price) * FIXED
        assert abs(mpmath.mpf(ln_ratio(other, price)) - exact) < 1
    assert abs(ln_ratio(other, price) + ln_ratio(price, other)) <= 1


@given(st.integers(0, 10**40), st.sampled_from([1, 10**6, 10**12, 10**18]))
def test_sqrt_is_the_least_that_is_enough(x: int, scale: int) -> None:
    root = sqrt_ceil(x, scale)
    assert root * root >= x * scale
    assert root == 0 or (root - 1) * (root - 1) < x * scale
