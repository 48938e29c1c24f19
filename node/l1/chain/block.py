"""Blocks, receipts and logs of the embedded chain, in Ethereum's own encodings.

Invariants:
- `Header.hash` is keccak(rlp(header)) with Cancun's twenty fields; `parent_hash` chains them.
- Roots of transactions and receipts are real Merkle-Patricia roots. `state_root` is not: it is
  keccak(parent's state root ‖ block's state diff), which commits to the history of the state without a trie.
- A block's payload holds everything that a restart needs: header, transactions, receipts and state diff.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import rlp

from node.l1.chain.trie import EMPTY_ROOT, list_root
from node.l1.chain.world import Diff, decode_diff, encode_diff
from node.l1.transactions import TYPE_LEGACY, Transaction, decode_transaction
from proto.hashing import ZERO_HASH, keccak
from proto.ids import Address, derived_address

BLOOM_BYTES: Final = 256
EMPTY_UNCLES_HASH: Final = keccak(rlp.encode([]))
FEE_RECIPIENT: Final = derived_address(b"novate.l1.fees")
_HEADER_FIELDS: Final = 20
_LENGTH_BYTES: Final = 4
_NOTHING: Final = bytes(rlp.encode([[], [], encode_diff({})]))


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One event as a contract emitted it."""

    address: Address
    topics: tuple[bytes, ...]
    data: bytes

    def rlp_items(self) -> list[Any]:
        """What receipts encode."""
        return [self.address, list(self.topics), self.data]


def logs_bloom(logs: tuple[LogEntry, ...]) -> bytes:
    """The 2048-bit filter of addresses and topics (Yellow Paper, 4.3.1)."""
    bits = 0
    for log in logs:
        for item in (log.address, *log.topics):
            digest = keccak(item)
            for offset in (0, 2, 4):
                bits |= 1 << (int.from_bytes(digest[offset : offset + 2], "big") & 2047)
    return bits.to_bytes(BLOOM_BYTES, "big")


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a transaction did. Gas figures as paid."""

    kind: int
    success: bool
    cumulative_gas: int
    gas_used: int
    effective_price_wei: int
    contract: Address | None
    logs: tuple[LogEntry, ...]

    def consensus_bytes(self) -> bytes:
        """The bytes under the receipts root."""
        status = b"\x01" if self.success else b""
        items = [status, _integer(self.cumulative_gas), logs_bloom(self.logs), [log.rlp_items() for log in self.logs]]
        prefix = b"" if self.kind == TYPE_LEGACY else bytes((self.kind,))
        return prefix + bytes(rlp.encode(items))


@dataclass(frozen=True)
class Header:
    """The fields of a block header that vary here."""

    parent_hash: bytes
    state_root: bytes
    transactions_root: bytes
    receipts_root: bytes
    bloom: bytes
    number: int
    gas_limit: int
    gas_used: int
    timestamp_s: int
    extra: bytes
    randao: bytes
    base_fee_wei: int
    blob_gas_used: int = 0
    excess_blob_gas: int = 0

    @cached_property
    def encoded(self) -> bytes:
        """RLP of the full header; what the hash is taken over."""
        items = [
            self.parent_hash,
            EMPTY_UNCLES_HASH,
            FEE_RECIPIENT,
            self.state_root,
            self.transactions_root,
            self.receipts_root,
            self.bloom,
            b"",  # difficulty
            _integer(self.number),
            _integer(self.gas_limit),
            _integer(self.gas_used),
            _integer(self.timestamp_s),
            self.extra,
            self.randao,
            bytes(8),  # nonce
            _integer(self.base_fee_wei),
            EMPTY_ROOT,  # withdrawals
            _integer(self.blob_gas_used),
            _integer(self.excess_blob_gas),
            ZERO_HASH,  # parent beacon block root
        ]
        assert len(items) == _HEADER_FIELDS, "Cancun headers have twenty fields"
        return bytes(rlp.encode(items))

    @cached_property
    def hash(self) -> bytes:
        """The block's name."""
        return keccak(self.encoded)


def decode_header(encoded: bytes) -> Header:
    """Inverse of `Header.encoded`."""
    items = rlp.decode(encoded)
    integers = [int.from_bytes(items[index], "big") for index in (8, 9, 10, 11, 15, 17, 18)]
    number, gas_limit, gas_used, timestamp, base_fee, blob_gas, excess = integers
    return Header(
        parent_hash=items[0],
        state_root=items[3],
        transactions_root=items[4],
        receipts_root=items[5],
        bloom=items[6],
        number=number,
        gas_limit=gas_limit,
        gas_used=gas_used,
        timestamp_s=timestamp,
        extra=items[12],
        randao=items[13],
        base_fee_wei=base_fee,
        blob_gas_used=blob_gas,
        excess_blob_gas=excess,
    )


@dataclass(frozen=True)
class Block:
    """A sealed block with all that is known of it."""

    header: Header
    transactions: tuple[Transaction, ...]
    receipts: tuple[Receipt, ...]
    diff: Diff

    @property
    def number(self) -> int:
        """Height."""
        return self.header.number

    @property
    def hash(self) -> bytes:
        """keccak of the header."""
        return self.header.hash

    @cached_property
    def size_bytes(self) -> int:
        """Length of the block as peers would exchange it: header and transactions."""
        return len(self.header.encoded) + sum(len(tx.raw) for tx in self.transactions)

    @cached_property
    def first_log_index(self) -> tuple[int, ...]:
        """Per transaction, the block-wide index of its first log."""
        starts, total = [], 0
        for receipt in self.receipts:
            starts.append(total)
            total += len(receipt.logs)
        return tuple(starts)


def transactions_root(transactions: tuple[Transaction, ...]) -> bytes:
    """Merkle-Patricia root of the signed bytes."""
    return list_root([tx.raw for tx in transactions])


def receipts_root(receipts: tuple[Receipt, ...]) -> bytes:
    """Merkle-Patricia root of the consensus receipts."""
    return list_root([receipt.consensus_bytes() for receipt in receipts])


def encode_block(block: Block) -> bytes:
    """The payload that the block file keeps: length of the header, header, then the rest in one list."""
    receipts = [
        [
            b"\x01" if receipt.success else b"",
            _integer(receipt.gas_used),
            _integer(receipt.effective_price_wei),
            receipt.contract or b"",
            [log.rlp_items() for log in receipt.logs],
        ]
        for receipt in block.receipts
    ]
    raws = [tx.raw for tx in block.transactions]
    header = block.header.encoded
    return (
        len(header).to_bytes(_LENGTH_BYTES, "big")
        + header
        + bytes(rlp.encode([raws, receipts, encode_diff(block.diff)]))
    )


def split_payload(payload: bytes) -> tuple[bytes, bool]:
    """(header bytes, whether the block has nothing else), without decoding either."""
    end = _LENGTH_BYTES + int.from_bytes(payload[:_LENGTH_BYTES], "big")
    return payload[_LENGTH_BYTES:end], payload[end:] == _NOTHING


def decode_block(payload: bytes) -> Block:
    """Inverse of `encode_block`, for bytes whose checksum was verified."""
    header, _ = split_payload(payload)
    raws, rows, diff = rlp.decode(payload[_LENGTH_BYTES + len(header) :])
    transactions = tuple(decode_transaction(bytes(raw)) for raw in raws)
    receipts, cumulative = [], 0
    for transaction, (success, gas, price, contract, logs) in zip(transactions, rows, strict=True):
        gas_used = int.from_bytes(gas, "big")
        cumulative += gas_used
        receipts.append(
            Receipt(
                kind=transaction.kind,
                success=success == b"\x01",
                cumulative_gas=cumulative,
                gas_used=gas_used,
                effective_price_wei=int.from_bytes(price, "big"),
                contract=Address(contract) if contract else None,
                logs=tuple(
                    LogEntry(address=Address(address), topics=tuple(topics), data=data)
                    for address, topics, data in logs
                ),
            )
        )
    return Block(decode_header(header), transactions, tuple(receipts), decode_diff(bytes(diff)))


def _integer(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // 8, "big")
