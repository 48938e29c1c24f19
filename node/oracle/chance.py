"""Chance that can be asked again: a normal variate is a function of a name and coordinates, not of what was drawn before.

So every publisher, started at any moment, sees the same path, and a restart goes on where the path is by now.
"""

import math
from hashlib import blake2b
from typing import Final

_HALF_BYTES: Final = 8
_SPAN: Final = float(2 ** (8 * _HALF_BYTES))


def normal(name: bytes, *coordinates: int) -> float:
    """A standard normal variate (Box-Muller over a hash)."""
    text = name + b"".join(at.to_bytes(16, "big", signed=True) for at in coordinates)
    digest = blake2b(text, digest_size=2 * _HALF_BYTES).digest()
    radius = (int.from_bytes(digest[:_HALF_BYTES], "big") + 1) / _SPAN  # In (0, 1].
    angle = int.from_bytes(digest[_HALF_BYTES:], "big") / _SPAN
    return math.sqrt(-2.0 * math.log(radius)) * math.cos(2.0 * math.pi * angle)
