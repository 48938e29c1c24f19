"""secp256k1 with public-key recovery (libsecp256k1 through coincurve), low-s only.

A signature is 65 bytes, r ‖ s ‖ v with v 27 or 28. Any other form is refused, so that one message has one signature per key and nonce.
"""

from typing import Final

import coincurve

from proto.hashing import keccak
from proto.ids import Address
from proto.reject import RejectCode

SIGNATURE_BYTES: Final = 65
_ORDER: Final = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_HALF_ORDER_BYTES: Final = (_ORDER // 2).to_bytes(32, "big")


class SignatureError(ValueError):
    """The signature is not acceptable; `code` is the refusal."""

    def __init__(self, code: RejectCode) -> None:
        super().__init__(code.name)
        self.code = code


class SigningKey:
    """A private key that signs digests and knows its address."""

    __slots__ = ("_key", "address")

    def __init__(self, secret: bytes) -> None:
        """`secret` is 32 bytes, a valid secp256k1 scalar; raises ValueError otherwise."""
        self._key = coincurve.PrivateKey(secret)
        self.address = Address(keccak(self._key.public_key.format(compressed=False)[1:])[12:])

    @property
    def secret(self) -> bytes:
        """The 32 secret bytes, for the keystore only."""
        return bytes(self._key.secret)

    def sign(self, digest: bytes) -> bytes:
        """Deterministic (RFC 6979), low-s signature of a 32-byte digest."""
        raw = self._key.sign_recoverable(digest, hasher=None)
        return bytes(raw[:64]) + bytes((raw[64] + 27,))


def recover(digest: bytes, signature: bytes) -> Address:
    """Address whose key signed `digest`. Raises SignatureError."""
    if len(signature) != SIGNATURE_BYTES or signature[64] not in (27, 28):
        raise SignatureError(RejectCode.SIGNATURE_MALFORMED)
    if signature[32:64] > _HALF_ORDER_BYTES:
        raise SignatureError(RejectCode.SIGNATURE_HIGH_S)
    try:
        public = coincurve.PublicKey.from_signature_and_message(
            signature[:64] + bytes((signature[64] - 27,)), digest, hasher=None
        )
    except ValueError:  # coincurve raises bare ValueError (its own Exception subclass) for points off the curve.
        raise SignatureError(RejectCode.SIGNATURE_INVALID) from None
    return Address(keccak(public.format(compressed=False)[1:])[12:])
