"""Strict reading of an action's fields: exact types (a boolean is not an integer), bounds, and the refusal that says which field."""

from typing import Any, Final

from proto.reject import RejectCode

CLIENT_ID_BYTES: Final = 16


class IntentError(ValueError):
    """The bytes are not an action; `code` is the refusal."""

    def __init__(self, code: RejectCode, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


def wrong(code: RejectCode, detail: str) -> IntentError:
    """The error of a field that cannot be read."""
    return IntentError(code, detail)


def uint(value: Any, bound: int, name: str) -> int:
    """An integer in 0..bound."""
    if type(value) is not int:
        raise wrong(RejectCode.FIELD_WRONG_TYPE, f"{name} must be an integer")
    if not 0 <= value <= bound:
        raise wrong(RejectCode.FIELD_OUT_OF_RANGE, f"{name} must be in 0..{bound}")
    return value


def fixed(value: Any, length: int, name: str) -> bytes:
    """A byte string of `length` bytes."""
    if type(value) is not bytes:
        raise wrong(RejectCode.FIELD_WRONG_TYPE, f"{name} must be bytes")
    if len(value) != length:
        raise wrong(RejectCode.FIELD_OUT_OF_RANGE, f"{name} must have {length} bytes")
    return value


def u128(value: Any, name: str) -> int:
    """A 128-bit number in 16 bytes."""
    return int.from_bytes(fixed(value, CLIENT_ID_BYTES, name), "big")


def flag(value: Any, name: str) -> bool:
    """A boolean."""
    if type(value) is not bool:
        raise wrong(RejectCode.FIELD_WRONG_TYPE, f"{name} must be a boolean")
    return value


def rows(value: Any, most: int, name: str) -> list[Any]:
    """An array of 1..most elements."""
    if type(value) is not list:
        raise wrong(RejectCode.FIELD_WRONG_TYPE, f"{name} must be an array")
    if not value:
        raise wrong(RejectCode.BATCH_EMPTY, f"no {name}")
    if len(value) > most:
        raise wrong(RejectCode.BATCH_TOO_LARGE, f"{len(value)} {name}")
    return value


def array(value: Any, length: int, name: str) -> list[Any]:
    """An array of exactly `length` elements."""
    if type(value) is not list or len(value) != length:
        raise wrong(RejectCode.ACTION_MALFORMED, f"{name} is an array of {length} fields")
    return value
