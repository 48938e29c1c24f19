"""Blobs (EIP-4844): bytes in field elements, the sidecar that carries them, and what they cost.

A blob is 4,096 field elements of 32 bytes, each below the curve's order. Data lies 31 bytes an element, low; the high byte is 0.
Invariants:
- One way to lay out data: `unpack_blob` refuses what `pack_blob` would not have made, so data and blob determine each other.
- Fees are Prague's: target 6 and at most 9 blobs a block.
"""

from dataclasses import dataclass
from typing import Final

ELEMENTS: Final = 4_096
ELEMENT_BYTES: Final = 32
DATA_PER_ELEMENT: Final = 31
BLOB_BYTES: Final = ELEMENTS * ELEMENT_BYTES
BLOB_DATA_MAX: Final = ELEMENTS * DATA_PER_ELEMENT
BLOBS_PER_TRANSACTION_MAX: Final = 6  # EIP-7594
GAS_PER_BLOB: Final = 131_072
BLOBS_PER_BLOCK_TARGET: Final = 6
BLOBS_PER_BLOCK_MAX: Final = 9
BLOB_FEE_MIN_WEI: Final = 1
FEE_UPDATE_FRACTION: Final = 5_007_716


class BlobMalformed(ValueError):
    """The bytes are not a blob, or not the blob they are said to be; the text says why."""


@dataclass(frozen=True, slots=True)
class Sidecar:
    """What travels beside a blob transaction and is not part of it, per blob. `proofs`: one each, or 128 each (EIP-7594)."""

    blobs: tuple[bytes, ...]
    commitments: tuple[bytes, ...]
    proofs: tuple[bytes, ...]


def pack_blob(data: bytes) -> bytes:
    """The blob that holds at most 126,976 bytes."""
    if len(data) > BLOB_DATA_MAX:
        raise BlobMalformed(f"{len(data)} bytes do not fit a blob")
    parts = [b"\0" + data[at : at + DATA_PER_ELEMENT] for at in range(0, len(data), DATA_PER_ELEMENT)]
    if parts:
        parts[-1] = parts[-1].ljust(ELEMENT_BYTES, b"\0")
    return b"".join(parts).ljust(BLOB_BYTES, b"\0")


def unpack_blob(blob: bytes, length: int) -> bytes:
    """The first `length` bytes of data in a blob. Raises BlobMalformed where there is more, or the layout is not ours."""
    if len(blob) != BLOB_BYTES or not 0 <= length <= BLOB_DATA_MAX:
        raise BlobMalformed("not a blob, or more data than one holds")
    data = b"".join(blob[at + 1 : at + ELEMENT_BYTES] for at in range(0, BLOB_BYTES, ELEMENT_BYTES))[:length]
    if pack_blob(data) != blob:
        raise BlobMalformed("the blob holds more than its length says, or is laid out otherwise")
    return data


def next_excess_gas(excess_gas: int, used_gas: int) -> int:
    """Excess blob gas of a block from its parent's (EIP-4844)."""
    return max(0, excess_gas + used_gas - BLOBS_PER_BLOCK_TARGET * GAS_PER_BLOB)


def blob_fee_wei(excess_gas: int) -> int:
    """Wei per blob gas in a block with this excess: 1 x e^(excess / fraction), by EIP-4844's integer series (rounded down)."""
    output, term, n = 0, BLOB_FEE_MIN_WEI * FEE_UPDATE_FRACTION, 1
    while term > 0:
        output += term
        term = term * excess_gas // (FEE_UPDATE_FRACTION * n)
        n += 1
    return output // FEE_UPDATE_FRACTION
