"""Integer arithmetic with named rounding, and fixed-point functions with stated error.

Python's // floors and an EVM's / truncates: every division of the core goes through one of these names.
"""

from math import isqrt
from typing import Final

FIXED: Final = 10**12
"""Scale of fixed-point arguments and results."""


def div_floor(a: int, b: int) -> int:
    """a / b rounded towards minus infinity (b > 0)."""
    return a // b


def div_ceil(a: int, b: int) -> int:
    """a / b rounded towards plus infinity (b > 0)."""
    return -(-a // b)


def div_trunc(a: int, b: int) -> int:
    """a / b rounded towards zero (b > 0)."""
    return a // b if a >= 0 else -(-a // b)


def div_half_up(a: int, b: int) -> int:
    """a / b rounded to nearest, halves towards plus infinity (b > 0)."""
    return (2 * a + b) // (2 * b)


def clamp(value: int, low: int, high: int) -> int:
    """`value` limited to [low, high]."""
    return low if value < low else high if value > high else value


def median3(a: int, b: int, c: int) -> int:
    """The middle of three."""
    return max(min(a, b), min(max(a, b), c))


_GUARD: Final = 10**6  # Extra digits inside exp_neg.


def exp_neg(x: int) -> int:
    """e^-x for x >= 0, both in 1e-12; absolute error below 1e-12.

    Halves the argument until it is under 1/16, sums the Taylor series with 18 digits, squares back. Arguments above 40 give 0.
    """
    assert x >= 0
    if x > 40 * FIXED:
        return 0
    scale = FIXED * _GUARD
    value, halvings = x * _GUARD, 0
    while value > scale >> 4:
        value = div_floor(value, 2)
        halvings += 1
    term, total, n = scale, scale, 1
    while term:
        term = div_floor(term * value, scale * n)
        total += -term if n & 1 else term
        n += 1
    for _ in range(halvings):
        total = div_floor(total * total, scale)
    return div_half_up(total, _GUARD)


_LN_SCALE: Final = 10**24
_LN2: Final = 693147180559945309417232  # ln 2 in 1e-24, to nearest.


def ln_ratio(a: int, b: int) -> int:
    """ln(a / b) for a, b > 0, in 1e-12; absolute error below 1e-12 while a / b lies between 2^-1000 and 2^1000.

    a / b = 2^k x m with m between 2/3 and 4/3; ln m = 2 atanh((m - 1) / (m + 1)), whose series falls by a factor of at least 25 a term.
    """
    assert a > 0
    assert b > 0
    k = a.bit_length() - b.bit_length()
    top, bottom = (a, b << k) if k >= 0 else (a << -k, b)
    if 3 * top > 4 * bottom:  # top / bottom lies between 1/2 and 2.
        bottom, k = bottom << 1, k + 1
    elif 3 * top < 2 * bottom:
        top, k = top << 1, k - 1
    z = div_trunc((top - bottom) * _LN_SCALE, top + bottom)
    square = div_floor(z * z, _LN_SCALE)
    power, total, n = z, 0, 1
    while power:
        total += div_trunc(power, n)
        power = div_trunc(power * square, _LN_SCALE)
        n += 2
    return div_half_up(k * _LN2 + 2 * total, _LN_SCALE // FIXED)


def sqrt_ceil(x: int, scale: int) -> int:
    """Square root of x / scale in 1 / scale, rounded up: the least r with r x r >= x x scale. x >= 0."""
    assert x >= 0
    return isqrt(x * scale - 1) + 1 if x else 0


_FINE: Final = (
    10**36
)  # Scale inside the normal distribution: at its edge the series multiplies an error of the exponential by 1e11.
_CDF_EDGE: Final = 7_200_000_000_000  # Beyond 7.2 deviations lies less than half a unit.
_PDF_EDGE: Final = 7_500_000_000_000  # Likewise for the density, from 7.4 deviations on.
_ROOT_TWO_PI: Final = 2_506628274631000502415765284811045253  # √(2π) in 1e-36, to nearest.


def _exp_neg_fine(x: int) -> int:
    """e^-x for 0 <= x <= 40, both in 1e-36; relative error below 1e-31."""
    scale, value, halvings = _FINE, x, 0
    while value > scale >> 4:
        value = div_floor(value, 2)
        halvings += 1
    term, total, n = scale, scale, 1
    while term:
        term = div_floor(term * value, scale * n)
        total += -term if n & 1 else term
        n += 1
    for _ in range(halvings):
        total = div_floor(total * total, scale)
    return total


def _density_fine(x: int) -> int:
    """Standard normal density at `x` in 1e-12 (|x| at most 8), in 1e-36."""
    half_square = div_floor(x * x * (_FINE // FIXED), 2 * FIXED)
    return div_floor(_exp_neg_fine(half_square) * _FINE, _ROOT_TWO_PI)


def normal_pdf(x: int) -> int:
    """Density of the standard normal distribution, `x` and result in 1e-12, to nearest; absolute error below 1e-12."""
    if abs(x) > _PDF_EDGE:
        return 0
    return div_half_up(_density_fine(x), _FINE // FIXED)


def normal_cdf(x: int) -> int:
    """Probability that a standard normal value is at most `x`, both in 1e-12; absolute error below 1e-12.

    1/2 + density x (x + x³/3 + x⁵/15 + x⁷/105 + …), all terms of one sign (Marsaglia 2004).
    """
    if abs(x) > _CDF_EDGE:
        return FIXED if x > 0 else 0
    magnitude = abs(x) * (_FINE // FIXED)
    square = div_floor(magnitude * magnitude, _FINE)
    term, total, n = magnitude, 0, 1
    while term:
        total += term
        n += 2
        term = div_floor(term * square, _FINE * n)
    part = div_half_up(div_floor(_density_fine(x) * total, _FINE), _FINE // FIXED)
    return FIXED // 2 + (part if x >= 0 else -part)
