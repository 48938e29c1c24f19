"""Keccak-256 and 32-byte words, the way an EVM sees them."""

from typing import Final

import sha3

ZERO_HASH: Final = bytes(32)
_keccak = sha3.keccak_256


def keccak(data: bytes) -> bytes:
    """Keccak-256 (not SHA3-256) of `data`, 32 bytes."""
    digest: bytes = _keccak(data).digest()
    return digest


def word(value: int) -> bytes:
    """Big-endian 32-byte word; negative values in two's complement."""
    return value.to_bytes(32, "big", signed=value < 0)


def address_word(address: bytes) -> bytes:
    """20 bytes, left-padded to a word."""
    return bytes(12) + address
