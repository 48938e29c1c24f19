"""Integer arithmetic with named rounding, and fixed-point functions with stated error.

Python's // floors and an EVM's / truncates: every division of the core goes through one of these names.
"""

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
