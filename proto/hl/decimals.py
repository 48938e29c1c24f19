"""Decimal numbers as text: prices, sizes and amounts arrive as strings and never pass through a float.

Invariant: `normal` gives one text per value (no padding, no exponent, no sign), and clients sign over exactly that text.
"""

import re
from typing import Final

DECIMAL_CHARS_MAX: Final = 40
_DECIMAL: Final = re.compile(r"[0-9]+(\.[0-9]+)?")


def normal(text: str) -> str:
    """The shortest text of a decimal number that is not negative. Raises ValueError."""
    if len(text) > DECIMAL_CHARS_MAX or not _DECIMAL.fullmatch(text):
        raise ValueError("not a decimal number")
    whole, _, part = text.partition(".")
    part = part.rstrip("0")
    whole = whole.lstrip("0") or "0"
    return f"{whole}.{part}" if part else whole


def scaled(text: str, decimals: int) -> int | None:
    """The value of a normal text in units of 10^-decimals, or None where it is no whole number of them."""
    whole, _, part = text.partition(".")
    if len(part) > decimals:
        return None
    return int(whole + part.ljust(decimals, "0"))
