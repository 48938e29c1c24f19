"""Strict reading of plain values (as JSON or msgpack gives them): exact keys, exact types, bounds; a boolean is not an integer."""

from typing import Any, Final

from proto.hl.decimals import normal
from proto.ids import ADDRESS_BYTES, Address
from proto.units import CLIENT_ID_MAX

_HEX: Final = "0123456789abcdef"
_CLOID_DIGITS: Final = 32


class HlMalformedError(ValueError):
    """The value is not an action of the dialect."""


class HlUnsupportedError(ValueError):
    """The action is well known and not offered here; the text says which."""


def fields(value: Any, required: tuple[str, ...], optional: tuple[str, ...] = ()) -> dict[str, Any]:
    """An object with exactly these keys; an optional one that is null counts as absent."""
    if type(value) is not dict:
        raise HlMalformedError("not an object")
    for name in required:
        if value.get(name) is None:
            raise HlMalformedError(f"{name} is missing")
    for name in value:
        if name not in required and name not in optional:
            raise HlMalformedError(f"unknown field {str(name)[:40]}")
    return value


def items(value: Any, most: int) -> list[Any]:
    """A list of 1 to `most` elements."""
    if type(value) is not list or not 1 <= len(value) <= most:
        raise HlMalformedError(f"not a list of 1..{most}")
    return value


def uint(value: Any, bound: int) -> int:
    """An integer in 0..bound."""
    if type(value) is not int or not 0 <= value <= bound:
        raise HlMalformedError(f"not an integer in 0..{bound}")
    return value


def flag(value: Any) -> bool:
    """A boolean."""
    if type(value) is not bool:
        raise HlMalformedError("not a boolean")
    return value


def text(value: Any, most: int = 200) -> str:
    """Text of bounded length."""
    if type(value) is not str or len(value) > most:
        raise HlMalformedError("not a text, or too long")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise HlMalformedError("not valid text") from None
    return value


def decimal(value: Any) -> str:
    """The normal text of a decimal number."""
    try:
        return normal(text(value))
    except ValueError as error:
        raise HlMalformedError(str(error)) from None


def hex_digits(value: Any, digits: int, *, prefix: bool = True) -> str:
    """Lower-case hex digits of a fixed number; the 0x in front may be left out where `prefix` is False."""
    shown = text(value).lower()
    if prefix and not shown.startswith("0x"):
        raise HlMalformedError("hex begins with 0x")
    shown = shown.removeprefix("0x")
    if len(shown) != digits or any(digit not in _HEX for digit in shown):
        raise HlMalformedError(f"not {digits} hex digits")
    return shown


def address(value: Any) -> Address:
    """An address in any case, with or without 0x."""
    return Address(bytes.fromhex(hex_digits(value, 2 * ADDRESS_BYTES, prefix=False)))


def cloid(value: Any) -> int:
    """A client order id: 128 bits as 0x and 32 hex digits. Zero means `none` in the state and cannot be one."""
    number = int(hex_digits(value, _CLOID_DIGITS), 16)
    if not 0 < number <= CLIENT_ID_MAX:
        raise HlMalformedError("the client id must not be zero")
    return number


def cloid_text(number: int) -> str:
    """How a client order id is written."""
    return f"0x{number:032x}"


def address_text(value: bytes) -> str:
    """How an address is written: lower case."""
    return "0x" + value.hex()
