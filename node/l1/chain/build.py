"""Fill and seal one block: run what the pool offers, within the gas limit, and compute the header.

Invariant: a block is a function of its parent, the world, its time and the offered transactions; no clock is read.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from node.l1.blobs import BLOBS_PER_BLOCK_MAX, GAS_PER_BLOB, blob_fee_wei, next_excess_gas
from node.l1.chain.block import Block, Header, Receipt, logs_bloom, receipts_root, transactions_root
from node.l1.chain.executor import BlockContext, ExecutionRefused, Executor, Message
from node.l1.chain.world import AccountChange, Diff, World, encode_diff, merge
from node.l1.transactions import GAS_PER_TRANSACTION, Transaction
from proto.hashing import ZERO_HASH, keccak
from proto.ids import Address

INITIAL_BASE_FEE_WEI: Final = 10**9
BASE_FEE_CHANGE_DIVISOR: Final = 8  # EIP-1559
ELASTICITY: Final = 2
BASE_FEE_MIN_WEI: Final = 7  # Where integer division stops the decay of empty blocks anyway.


@dataclass(frozen=True, slots=True)
class BlockSeed:
    """What distinguishes one block from another on the same parent. `salt` makes the hash unique in its file."""

    timestamp_s: int
    chain_id: int
    salt: int

    @property
    def extra(self) -> bytes:
        """The header's free field."""
        return self.chain_id.to_bytes(8, "big") + self.salt.to_bytes(8, "big")


def next_base_fee(parent: Header) -> int:
    """EIP-1559."""
    target = parent.gas_limit // ELASTICITY
    fee = parent.base_fee_wei
    if parent.gas_used > target:
        fee += max(fee * (parent.gas_used - target) // target // BASE_FEE_CHANGE_DIVISOR, 1)
    elif parent.gas_used < target:
        fee -= fee * (target - parent.gas_used) // target // BASE_FEE_CHANGE_DIVISOR
    return max(fee, BASE_FEE_MIN_WEI)


def next_blob_excess(parent: Header) -> int:
    """EIP-4844."""
    return next_excess_gas(parent.excess_blob_gas, parent.blob_gas_used)


def block_context(parent: Header, timestamp_s: int) -> BlockContext:
    """What the opcodes see in the block after `parent`."""
    return BlockContext(
        number=parent.number + 1,
        timestamp_s=timestamp_s,
        base_fee_wei=next_base_fee(parent),
        randao=keccak(parent.hash + timestamp_s.to_bytes(8, "big")),
        excess_blob_gas=next_blob_excess(parent),
    )


def genesis_diff(accounts: Iterable[tuple[Address, int]]) -> Diff:
    """The funded accounts as the change that block 0 makes."""
    return {
        address: AccountChange(exists=True, nonce=0, balance_wei=wei, code=None, storage=())
        for address, wei in accounts
        if wei
    }


def genesis_block(diff: Diff, seed: BlockSeed, gas_limit: int) -> Block:
    """Block 0."""
    header = Header(
        parent_hash=ZERO_HASH,
        state_root=keccak(ZERO_HASH + encode_diff(diff)),
        transactions_root=transactions_root(()),
        receipts_root=receipts_root(()),
        bloom=logs_bloom(()),
        number=0,
        gas_limit=gas_limit,
        gas_used=0,
        timestamp_s=seed.timestamp_s,
        extra=seed.extra,
        randao=ZERO_HASH,
        base_fee_wei=INITIAL_BASE_FEE_WEI,
    )
    return Block(header, (), (), diff)


def build_block(
    parent: Header, seed: BlockSeed, world: World, executor: Executor, offers: Iterable[Transaction]
) -> tuple[Block, Diff]:
    """Run the offers on `world` and seal. Returns the block and the diff that undoes it; `world` has moved on."""
    context = block_context(parent, seed.timestamp_s)
    transactions: list[Transaction] = []
    receipts: list[Receipt] = []
    diff: Diff = {}
    undo: Diff = {}
    gas_used = blob_gas = 0
    blob_fee = blob_fee_wei(context.excess_blob_gas)
    for tx in offers:
        if gas_used + GAS_PER_TRANSACTION > parent.gas_limit:
            break
        if gas_used + tx.gas_limit > parent.gas_limit or not _affordable(tx, world, context.base_fee_wei):
            continue
        if blob_gas + tx.blob_gas > BLOBS_PER_BLOCK_MAX * GAS_PER_BLOB or (
            tx.blob_gas and tx.max_blob_fee_wei < blob_fee
        ):
            continue
        price_wei = tx.effective_price(context.base_fee_wei)
        message = Message(
            sender=tx.sender,
            to=tx.to,
            value_wei=tx.value_wei,
            data=tx.data,
            gas_limit=tx.gas_limit,
            price_wei=price_wei,
            access_list=tx.access_list,
            nonce=tx.nonce,
            blob_hashes=tx.blob_hashes,
            burnt_wei=tx.blob_gas * blob_fee,
        )
        try:
            outcome = executor.run(message, context)
        except ExecutionRefused:
            continue  # The pool forgets it as soon as its nonce or balance shows that it cannot run.
        undo = merge(world.apply(outcome.diff), undo)
        executor.refresh(outcome.diff)
        diff = merge(diff, outcome.diff)
        gas_used += outcome.gas_used
        blob_gas += tx.blob_gas
        transactions.append(tx)
        receipts.append(
            Receipt(tx.kind, outcome.success, gas_used, outcome.gas_used, price_wei, outcome.contract, outcome.logs)
        )
    sealed = tuple(transactions), tuple(receipts)
    header = Header(
        parent_hash=parent.hash,
        state_root=keccak(parent.state_root + encode_diff(diff)),
        transactions_root=transactions_root(sealed[0]),
        receipts_root=receipts_root(sealed[1]),
        bloom=logs_bloom(tuple(log for receipt in receipts for log in receipt.logs)),
        number=context.number,
        gas_limit=parent.gas_limit,
        gas_used=gas_used,
        timestamp_s=seed.timestamp_s,
        extra=seed.extra,
        randao=context.randao,
        base_fee_wei=context.base_fee_wei,
        blob_gas_used=blob_gas,
        excess_blob_gas=context.excess_blob_gas,
    )
    return Block(header, *sealed, diff), undo


def _affordable(tx: Transaction, world: World, base_fee_wei: int) -> bool:
    account = world.get(tx.sender)
    return (
        account.nonce == tx.nonce
        and not account.code
        and tx.effective_tip(base_fee_wei) >= 0
        and account.balance_wei >= tx.cost_max_wei
    )
