"""From a sealed batch to what is posted: chunks, commitment, the operator's signature, what L1 opens of the state.

Invariant: the data posted is what the header committed to; a journal that says otherwise stops the node.
"""

from typing import Any, NamedTuple

from node.l1.vault import CONTRACT, commitment_fields, post_data_call
from node.store.errors import ADVICE, StoreCorrupt
from node.store.headers import BatchHeader
from proto.batch import Body, Commitment, chunks_of, encode_body
from proto.hashing import ZERO_HASH, keccak
from proto.ledger import LEDGER_SECTIONS, Roots
from proto.signing.eip712 import Domain
from proto.signing.secp256k1 import SigningKey

WORD_BYTES = 32


class Postable(NamedTuple):
    """A batch ready for L1. `data_hashes[k]` is what the contract has after the first k chunks."""

    commitment: Commitment
    signature: bytes
    roots: Roots
    chunks: tuple[bytes, ...]
    data_hashes: tuple[bytes, ...]

    def data_call(self, index: int) -> bytes:
        """Calldata that posts chunk `index`."""
        return post_data_call(self.commitment.batch_id, index, self.chunks[index])

    def commit_call(self) -> bytes:
        """Calldata that commits the batch."""
        return CONTRACT.encode_call("commit", *commit_args(self.commitment, self.signature, self.roots))


def commit_args(commitment: Commitment, signature: bytes, roots: Roots) -> tuple[Any, ...]:
    """Arguments of the contract's `commit`."""
    system = roots.system
    words = [system[at : at + WORD_BYTES] for at in range(0, len(system), WORD_BYTES)]
    sections = [roots.sections[section] for section in LEDGER_SECTIONS]
    return (commitment_fields(commitment), signature, sections, roots.venue_root(), words)


def build(header: BatchHeader, body: Body, key: SigningKey, domain: Domain) -> Postable:
    """Everything that posting needs. Raises StoreCorrupt where the journal does not give the header's data."""
    chunks = chunks_of(encode_body(body))
    hashes = [ZERO_HASH]
    for chunk in chunks:
        hashes.append(keccak(hashes[-1] + keccak(chunk)))
    if hashes[-1] != header.data_hash:
        raise StoreCorrupt(f"The journal gives other data for batch {header.batch_id} than was sealed. {ADVICE}")
    commitment = header.commitment()
    return Postable(commitment, key.sign(commitment.digest(domain)), header.roots, chunks, tuple(hashes))
