"""The one door to the KZG library: commitment, proof and versioned hash of a blob.

Invariants:
- Loading takes seconds and is done once, on first use; call from a thread where an event loop waits.
- A proof that does not verify, and bytes that are no point or no field element, are False or BlobMalformed, never another exception.
"""

import gzip
import hashlib
import tempfile
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any, Final

import ckzg

from node.l1.blobs import BLOB_BYTES, BlobMalformed

SETUP_SHA256: Final = "d39b9f2d047cc9dca2de58f264b6a09448ccd34db967881a6713eacacf0f26b7"
POINT_BYTES: Final = 48
CELL_PROOFS: Final = 128
VERSION_KZG: Final = b"\x01"


@cache
def _setup() -> Any:
    text = gzip.decompress((files(__package__) / "trusted_setup.txt.gz").read_bytes())
    assert hashlib.sha256(text).hexdigest() == SETUP_SHA256, "the trusted setup is damaged: install the program again"
    with tempfile.NamedTemporaryFile() as file:  # The library reads a path.
        file.write(text)
        file.flush()
        return ckzg.load_trusted_setup(file.name, 0)


def versioned_hash(commitment: bytes) -> bytes:
    """What the EVM's BLOBHASH shows of a commitment."""
    return VERSION_KZG + hashlib.sha256(commitment).digest()[1:]


def commitment_of(blob: bytes) -> bytes:
    """48 bytes. Raises BlobMalformed."""
    _check(blob)
    try:
        return bytes(ckzg.blob_to_kzg_commitment(blob, _setup()))
    except (RuntimeError, ValueError) as error:
        raise BlobMalformed(f"not a blob: {error}") from None


def proof_of(blob: bytes, commitment: bytes) -> bytes:
    """The proof that travels beside a blob (EIP-4844), 48 bytes. Raises BlobMalformed."""
    _check(blob)
    try:
        return bytes(ckzg.compute_blob_kzg_proof(blob, commitment, _setup()))
    except (RuntimeError, ValueError) as error:
        raise BlobMalformed(f"no such commitment: {error}") from None


def cell_proofs_of(blob: bytes) -> tuple[bytes, ...]:
    """The 128 proofs that travel beside a blob since EIP-7594. Raises BlobMalformed."""
    _check(blob)
    try:
        return tuple(bytes(proof) for proof in ckzg.compute_cells_and_kzg_proofs(blob, _setup())[1])
    except (RuntimeError, ValueError) as error:
        raise BlobMalformed(f"not a blob: {error}") from None


def is_blob_of(blob: bytes, commitment: bytes, proof: bytes) -> bool:
    """Whether the proof shows that the commitment is the blob's."""
    if len(blob) != BLOB_BYTES or len(commitment) != POINT_BYTES or len(proof) != POINT_BYTES:
        return False
    try:
        return bool(ckzg.verify_blob_kzg_proof(blob, commitment, proof, _setup()))
    except (RuntimeError, ValueError):
        return False


def are_cells_of(blob: bytes, commitment: bytes, proofs: Sequence[bytes]) -> bool:
    """Whether the 128 proofs of EIP-7594 show that the commitment is the blob's."""
    if len(blob) != BLOB_BYTES or len(commitment) != POINT_BYTES or len(proofs) != CELL_PROOFS:
        return False
    try:
        cells = ckzg.compute_cells(blob, _setup())
        places = list(range(CELL_PROOFS))
        return bool(ckzg.verify_cell_kzg_proof_batch([commitment] * CELL_PROOFS, places, cells, list(proofs), _setup()))
    except (RuntimeError, ValueError):
        return False


def element_proof(blob: bytes, place: bytes) -> tuple[bytes, bytes]:
    """(proof, value) of the blob's polynomial at `place` (32 bytes): what the EVM's point evaluation checks. Raises BlobMalformed."""
    _check(blob)
    try:
        proof, value = ckzg.compute_kzg_proof(blob, place, _setup())
    except (RuntimeError, ValueError) as error:
        raise BlobMalformed(f"not a field element: {error}") from None
    return bytes(proof), bytes(value)


def _check(blob: bytes) -> None:
    if len(blob) != BLOB_BYTES:
        raise BlobMalformed(f"a blob has {BLOB_BYTES} bytes, not {len(blob)}")
