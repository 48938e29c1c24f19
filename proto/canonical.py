"""Canonical msgpack: one byte string per value, strict both ways.

Only arrays, non-negative and negative integers, booleans, byte strings and text are ever used; no maps (their order is not
data), no floats, no nil, no extensions. `unpack` refuses whatever `pack` would have written differently.
"""

from typing import Any, Final

import msgpack

DEPTH_MAX: Final = 8
ARRAY_ITEMS_MAX: Final = 4_096


class NotCanonicalError(ValueError):
    """The bytes are not the canonical encoding of a value made of arrays, integers, booleans, bytes and text."""


def pack(value: Any) -> bytes:
    """Canonical bytes of nested tuples or lists of int, bool, bytes and str."""
    packed: bytes = msgpack.packb(value, use_bin_type=True)
    return packed


def unpack(data: bytes) -> list[Any]:
    """The array that `data` encodes canonically.

    Raises NotCanonicalError for anything malformed, non-minimal, too deep, too long, or of a type outside the closed list.
    """
    try:
        value = msgpack.unpackb(
            data,
            raw=False,
            strict_map_key=True,
            max_array_len=ARRAY_ITEMS_MAX,
            max_map_len=0,
            max_ext_len=0,
            max_str_len=len(data),
            max_bin_len=len(data),
        )
    except (ValueError, msgpack.exceptions.UnpackException) as error:
        raise NotCanonicalError(f"not msgpack: {error}"[:200]) from None
    if type(value) is not list:
        raise NotCanonicalError("the outermost value must be an array")
    _check(value, DEPTH_MAX)
    if msgpack.packb(value, use_bin_type=True) != data:
        raise NotCanonicalError("not the shortest encoding of its value")
    return value


def _check(items: list[Any], depth: int) -> None:
    if depth == 0:
        raise NotCanonicalError(f"deeper than {DEPTH_MAX} levels")
    for item in items:
        kind = type(item)
        if kind is list:
            _check(item, depth - 1)
        elif kind is not int and kind is not bytes and kind is not bool and kind is not str:
            raise NotCanonicalError(f"{kind.__name__} is not allowed")
