"""The body of `POST /exchange` as an input: strictly read, made canonical, with its signature in the one form that is kept."""

from typing import Any, Final

from proto.hl.actions import HlL1Request, HlRequest, HlUserRequest
from proto.hl.reading import HlMalformedError, address, fields, text, uint
from proto.hl.schema import parse_action, parse_user_action
from proto.inputs import UserAction, hl_action
from proto.units import NONCE_MAX, TIME_MS_MAX, TimeMs

_WORD_DIGITS: Final = 64


class EnvelopeError(ValueError):
    """Well-formed, and refused before anything is sequenced; the text is the answer."""


def _word(value: Any) -> bytes:
    """32 bytes from hex that may lack zeros on the left."""
    digits = text(value).removeprefix("0x")
    if not 1 <= len(digits) <= _WORD_DIGITS:
        raise HlMalformedError("a signature word has 1..64 hex digits")
    try:
        return bytes.fromhex(digits.rjust(_WORD_DIGITS, "0"))
    except ValueError:
        raise HlMalformedError("a signature word is hex") from None


def _signature(value: Any) -> bytes:
    found = fields(value, ("r", "s", "v"))
    recovery = uint(found["v"], 28)
    if recovery in (0, 1):
        recovery += 27
    return _word(found["r"]) + _word(found["s"]) + bytes((recovery,))


def read_envelope(value: Any) -> UserAction:
    """The signed action in a body. Raises HlMalformedError, HlUnsupportedError, HlWrongChainError and EnvelopeError."""
    found = fields(value, ("action", "nonce", "signature"), ("vaultAddress", "expiresAfter", "isFrontend"))
    nonce, signature = uint(found["nonce"], NONCE_MAX), _signature(found["signature"])
    vault, expires = found.get("vaultAddress"), found.get("expiresAfter")
    until = 0 if expires is None else uint(expires, TIME_MS_MAX)
    if expires == 0:
        raise EnvelopeError("Action already expired")
    request: HlRequest
    signed = parse_user_action(found["action"])
    if signed is None:
        request = HlL1Request(
            parse_action(found["action"]), nonce, None if vault is None else address(vault), TimeMs(until)
        )
    else:
        action, own_nonce, chain_id = signed
        if vault is not None or until:
            raise HlMalformedError("typed data has neither vault nor expiry")
        if own_nonce != nonce:
            raise EnvelopeError("Nonce mismatch.")
        request = HlUserRequest(action, nonce, chain_id)
    return hl_action(request, signature)
