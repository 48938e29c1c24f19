"""A watcher that vouches for what it found to be right: one signature per batch, over the batch's commitment.

Invariants:
- Only a commitment that was re-executed and agrees is signed, and only after the key's record on disk says so (node.store.signed).
- What the record forbids is withheld for ever, and is an alarm: either L1 replaced a batch that was attested, or a second copy signs.
- Signatures are deterministic: after a crash the same ones are made again from the record, so they need no storage of their own.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from node.store.signed import SignedHeights
from proto.batch import Commitment
from proto.ids import Address
from proto.signing.eip712 import Domain, attestation_digest
from proto.signing.secp256k1 import SigningKey


class Attestation(NamedTuple):
    """One validator's word for one batch, and with it for all before."""

    batch_id: int
    commitment_hash: bytes
    validator: Address
    signature: bytes

    def to_json(self) -> dict[str, Any]:
        """For other validators and whoever posts."""
        return {
            "batch": self.batch_id,
            "commitmentHash": "0x" + self.commitment_hash.hex(),
            "validator": "0x" + self.validator.hex(),
            "signature": "0x" + self.signature.hex(),
        }


class Validator:
    """Signs with one key, in one domain."""

    def __init__(self, key: SigningKey, domain: Domain, heights: SignedHeights) -> None:
        self._key = key
        self._domain = domain
        self._heights = heights

    @property
    def address(self) -> Address:
        """Whose attestations these are."""
        return self._key.address

    @property
    def newest(self) -> int:
        """The newest batch attested to, 0 before any."""
        return self._heights.newest

    def agree(self, commitment: Commitment) -> Attestation | None:
        """Attest to a batch that is right; None where the key is long past it (a watcher that began again). Waits for the disk.

        Raises WouldContradict where the key has signed something else there, StoreFailed.
        """
        digest, batch_id = commitment.struct_hash(), commitment.batch_id
        if batch_id < self._heights.newest and self._heights.digest_at(batch_id) is None:
            return None
        self._heights.record(batch_id, digest)
        return self._signed(batch_id, digest)

    def attestations(self, first: int = 0) -> list[Attestation]:
        """Those of batches from `first` on that are still kept, ascending."""
        return [self._signed(height, digest) for height, digest in self._heights.entries() if height >= first]

    def _signed(self, batch_id: int, digest: bytes) -> Attestation:
        return Attestation(
            batch_id, digest, self.address, self._key.sign(attestation_digest(self._domain, batch_id, digest))
        )

    def close(self) -> None:
        """Release the record."""
        self._heights.close()


MakeValidator = Callable[[Domain], Validator]
"""Opens a validator's record once the contract, and so the domain, is known. Raises StoreError kinds."""
