"""Transactions waiting for a block, by sender and nonce.

Invariants:
- Whatever is here was acceptable when it came: signed for this chain, within size and gas limits, affordable.
- One transaction per sender and nonce; another replaces it only with both fees at least a tenth higher.
- Transactions behind a nonce gap wait; they are offered once the gap is filled.
- A blob transaction has its sidecar, and each proof was verified; a sender has transactions with blobs, or without, never both.
- Nothing here is durable: a transaction is promised only once its block is on disk.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from node.l1.blobs import BLOBS_PER_TRANSACTION_MAX
from node.l1.chain.settings import ChainSettings
from node.l1.chain.world import World
from node.l1.kzg.commitments import are_cells_of, is_blob_of, versioned_hash
from node.l1.transactions import TYPE_BLOB, Transaction, floor_gas, intrinsic_gas

POOL_TRANSACTIONS_MAX: Final = 4_096
SENDER_TRANSACTIONS_MAX: Final = 512
NONCE_AHEAD_MAX: Final = 1_024
REPLACEMENT_PERCENT: Final = 110
BLOB_REPLACEMENT_PERCENT: Final = 200  # As geth's pool of blobs.
INITCODE_BYTES_MAX: Final = 49_152  # EIP-3860


class PoolRefused(ValueError):
    """The transaction was not taken; the text is geth's, because clients match on it."""


@dataclass(frozen=True, slots=True)
class _Limits:
    chain_id: int
    gas_cap: int
    bytes_max: int


class Mempool:
    """The pool of one chain; consulted and changed from the event loop only."""

    def __init__(self, settings: ChainSettings) -> None:
        self._limits = _Limits(settings.chain_id, settings.transaction_gas_cap, settings.transaction_bytes_max)
        self._by_sender: dict[bytes, dict[int, Transaction]] = {}
        self._by_hash: dict[bytes, Transaction] = {}

    def __len__(self) -> int:
        return len(self._by_hash)

    def get(self, transaction_hash: bytes) -> Transaction | None:
        """A waiting transaction."""
        return self._by_hash.get(transaction_hash)

    def add(self, tx: Transaction, world: World) -> None:
        """Take a transaction or raise PoolRefused."""
        self._check_form(tx)
        if tx.hash in self._by_hash:
            raise PoolRefused("already known")
        account = world.get(tx.sender)
        if tx.nonce < account.nonce:
            raise PoolRefused(f"nonce too low: next nonce {account.nonce}, tx nonce {tx.nonce}")
        if tx.nonce > account.nonce + NONCE_AHEAD_MAX:
            raise PoolRefused(f"nonce too far ahead: next nonce {account.nonce}, tx nonce {tx.nonce}")
        if account.code:
            raise PoolRefused("sender not an eoa")
        queue = self._by_sender.get(tx.sender, {})
        earlier_wei = sum(other.cost_max_wei for nonce, other in queue.items() if nonce < tx.nonce)
        if account.balance_wei < earlier_wei + tx.cost_max_wei:
            raise PoolRefused(
                f"insufficient funds for gas * price + value: balance {account.balance_wei}, "
                f"queued cost {earlier_wei}, tx cost {tx.cost_max_wei}"
            )
        if any(bool(other.blob_hashes) != bool(tx.blob_hashes) for other in queue.values()):
            raise PoolRefused("address already reserved")
        present = queue.get(tx.nonce)
        if present is not None:
            self._check_replacement(present, tx)
            self._drop(present)
        elif len(self._by_hash) >= POOL_TRANSACTIONS_MAX or len(queue) >= SENDER_TRANSACTIONS_MAX:
            raise PoolRefused("txpool is full")
        self._by_sender.setdefault(tx.sender, {})[tx.nonce] = tx
        self._by_hash[tx.hash] = tx

    def _check_form(self, tx: Transaction) -> None:
        limits = self._limits
        if len(tx.raw) > limits.bytes_max:
            raise PoolRefused(f"oversized data: transaction size {len(tx.raw)}, limit {limits.bytes_max}")
        if tx.chain_id != limits.chain_id:
            raise PoolRefused(f"invalid chain id for signer: have {tx.chain_id} want {limits.chain_id}")
        if tx.gas_limit > limits.gas_cap:
            raise PoolRefused(f"transaction gas limit too high (cap: {limits.gas_cap}, tx: {tx.gas_limit})")
        if tx.to is None and len(tx.data) > INITCODE_BYTES_MAX:
            raise PoolRefused(f"max initcode size exceeded: code size {len(tx.data)}, limit {INITCODE_BYTES_MAX}")
        needed = max(intrinsic_gas(tx.data, tx.access_list, is_creation=tx.to is None), floor_gas(tx.data))
        if tx.gas_limit < needed:
            raise PoolRefused(f"intrinsic gas too low: gas {tx.gas_limit}, minimum needed {needed}")
        if tx.kind == TYPE_BLOB:
            _check_sidecar(tx)

    def _check_replacement(self, present: Transaction, tx: Transaction) -> None:
        percent = BLOB_REPLACEMENT_PERCENT if present.blob_hashes else REPLACEMENT_PERCENT
        fee_floor = present.max_fee_wei * percent
        tip_floor = present.max_priority_fee_wei * percent
        blob_floor = present.max_blob_fee_wei * percent
        if (
            tx.max_fee_wei * 100 < fee_floor
            or tx.max_priority_fee_wei * 100 < tip_floor
            or tx.max_blob_fee_wei * 100 < blob_floor
        ):
            raise PoolRefused("replacement transaction underpriced")

    def _drop(self, tx: Transaction) -> None:
        queue = self._by_sender[tx.sender]
        del queue[tx.nonce]
        del self._by_hash[tx.hash]
        if not queue:
            del self._by_sender[tx.sender]

    def next_nonce(self, sender: bytes, world: World) -> int:
        """The first nonce of this sender that is neither used nor waiting without a gap."""
        nonce = world.get(sender).nonce
        queue = self._by_sender.get(sender, {})
        while nonce in queue:
            nonce += 1
        return nonce

    def offers(self, world: World, base_fee_wei: int) -> Iterator[Transaction]:
        """Candidates for a block: best tip first, each sender's in nonce order, none behind a gap.

        The consumer changes `world` between two offers; a sender whose next transaction was not included is not
        offered again.
        """
        heads = {sender: world.get(sender).nonce for sender in self._by_sender}
        while heads:
            ready = {
                sender: self._by_sender[sender][nonce]
                for sender, nonce in heads.items()
                if nonce in self._by_sender[sender] and self._by_sender[sender][nonce].effective_tip(base_fee_wei) >= 0
            }
            if not ready:
                return
            # Equal tips go by hash, so that the order does not depend on arrival.
            best = max(ready.values(), key=lambda tx: (tx.effective_tip(base_fee_wei), tx.hash))
            yield best
            heads = {sender: heads[sender] for sender in ready}
            if world.get(best.sender).nonce == best.nonce + 1:
                heads[best.sender] = best.nonce + 1
            else:
                del heads[best.sender]

    def prune(self, world: World) -> None:
        """After a block: forget what is used or no longer affordable."""
        for tx in list(self._by_hash.values()):
            account = world.get(tx.sender)
            if tx.nonce < account.nonce or account.balance_wei < tx.cost_max_wei:
                self._drop(tx)


def _check_sidecar(tx: Transaction) -> None:
    """Whether a blob transaction comes with the blobs that it names."""
    side = tx.sidecar
    if side is None:
        raise PoolRefused("missing sidecar in blob transaction")
    if not 1 <= len(tx.blob_hashes) <= BLOBS_PER_TRANSACTION_MAX:
        raise PoolRefused(
            f"a blob transaction has 1 to {BLOBS_PER_TRANSACTION_MAX} blobs, this one {len(tx.blob_hashes)}"
        )
    if tuple(versioned_hash(commitment) for commitment in side.commitments) != tx.blob_hashes:
        raise PoolRefused("the blob hashes are not those of the commitments")
    per_blob = len(side.proofs) // len(side.blobs)
    for at, (blob, commitment) in enumerate(zip(side.blobs, side.commitments, strict=True)):
        proofs = side.proofs[at * per_blob : (at + 1) * per_blob]
        if not (is_blob_of(blob, commitment, proofs[0]) if per_blob == 1 else are_cells_of(blob, commitment, proofs)):
            raise PoolRefused(f"invalid blob {at}: its proof does not hold")
