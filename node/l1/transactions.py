"""Ethereum transactions as bytes: legacy (EIP-155), access-list (EIP-2930), fee-market (EIP-1559) and blob (EIP-4844).

One codec for both sides: the sender encodes and signs, the embedded chain decodes and recovers the sender.

Invariants:
- Decoding is strict: canonical RLP, no leading zeros, low-s, replay-protected; one transaction has one byte string.
- `sender` was recovered from the signature, never taken from anywhere else.
- A blob transaction's `raw` and `hash` are without its sidecar, as blocks hold it; `network_raw` is what a node is sent.
"""

from dataclasses import dataclass
from typing import Any, Final

import rlp
from rlp.exceptions import DecodingError

from node.l1.blobs import BLOB_BYTES, GAS_PER_BLOB, Sidecar
from proto.hashing import ZERO_HASH, keccak
from proto.ids import ADDRESS_BYTES, Address
from proto.signing.secp256k1 import SignatureError, SigningKey, recover

TYPE_LEGACY: Final = 0
TYPE_ACCESS_LIST: Final = 1
TYPE_FEE_MARKET: Final = 2
TYPE_BLOB: Final = 3

GAS_PER_TRANSACTION: Final = 21_000
GAS_PER_CREATION: Final = 32_000
GAS_PER_INITCODE_WORD: Final = 2  # EIP-3860
GAS_PER_ZERO_BYTE: Final = 4
GAS_PER_NONZERO_BYTE: Final = 16
GAS_PER_ACCESS_ADDRESS: Final = 2_400
GAS_PER_ACCESS_SLOT: Final = 1_900
FLOOR_GAS_PER_TOKEN: Final = 10  # EIP-7623; a zero byte is one token, another byte four.
TOKENS_PER_NONZERO_BYTE: Final = 4

_U64_MAX: Final = 2**64 - 1
_U256_MAX: Final = 2**256 - 1
_EIP155_OFFSET: Final = 35
_FIELDS: Final = {TYPE_LEGACY: 9, TYPE_ACCESS_LIST: 11, TYPE_FEE_MARKET: 12, TYPE_BLOB: 14}
_POINT_BYTES: Final = 48
_CELL_PROOFS: Final = 128
_WRAPPER_VERSION: Final = b"\x01"  # EIP-7594: cell proofs beside the blobs.

AccessList = tuple[tuple[bytes, tuple[int, ...]], ...]
"""(address, storage slots) pairs."""


class TransactionMalformed(ValueError):
    """The bytes are not an acceptable signed transaction; the text says why."""


@dataclass(frozen=True, slots=True)
class Transaction:
    """A signed transaction with its recovered sender. Fees are wei per gas; `to` is None for a creation."""

    kind: int
    chain_id: int
    nonce: int
    max_fee_wei: int
    max_priority_fee_wei: int
    gas_limit: int
    to: Address | None
    value_wei: int
    data: bytes
    access_list: AccessList
    v: int
    r: int
    s: int
    sender: Address
    raw: bytes
    hash: bytes
    max_blob_fee_wei: int = 0
    blob_hashes: tuple[bytes, ...] = ()
    sidecar: Sidecar | None = None  # Beside a blob transaction that came from outside; blocks do not hold it.

    def effective_price(self, base_fee_wei: int) -> int:
        """Wei per gas that the sender pays in a block with this base fee."""
        return min(self.max_fee_wei, base_fee_wei + self.max_priority_fee_wei)

    def effective_tip(self, base_fee_wei: int) -> int:
        """Wei per gas that the block's producer gets; negative when the transaction cannot be included."""
        return min(self.max_fee_wei - base_fee_wei, self.max_priority_fee_wei)

    @property
    def cost_max_wei(self) -> int:
        """The most that this transaction can take from its sender."""
        return self.gas_limit * self.max_fee_wei + self.value_wei + self.blob_gas * self.max_blob_fee_wei

    @property
    def blob_gas(self) -> int:
        """Blob gas that it uses."""
        return GAS_PER_BLOB * len(self.blob_hashes)

    @property
    def network_raw(self) -> bytes:
        """The bytes that a node is sent: with the sidecar, where there is one."""
        side = self.sidecar
        if side is None:
            return self.raw
        body = rlp.decode(self.raw[1:])
        lists = [list(side.blobs), list(side.commitments), list(side.proofs)]
        version = [_WRAPPER_VERSION] if len(side.proofs) != len(side.blobs) else []
        return bytes((TYPE_BLOB,)) + bytes(rlp.encode([body, *version, *lists]))


@dataclass(frozen=True, slots=True)
class FeeMarketFields:
    """What the sender chooses of an EIP-1559 transaction."""

    chain_id: int
    nonce: int
    max_fee_wei: int
    max_priority_fee_wei: int
    gas_limit: int
    to: Address | None
    value_wei: int
    data: bytes


def _tokens(data: bytes) -> int:
    zeros = data.count(0)
    return zeros + (len(data) - zeros) * TOKENS_PER_NONZERO_BYTE


def intrinsic_gas(data: bytes, access_list: AccessList, *, is_creation: bool) -> int:
    """Gas taken before the first instruction (Istanbul prices, EIP-2930, EIP-3860)."""
    gas = GAS_PER_TRANSACTION + _tokens(data) * GAS_PER_ZERO_BYTE
    if is_creation:
        gas += GAS_PER_CREATION + GAS_PER_INITCODE_WORD * ((len(data) + 31) // 32)
    for _, slots in access_list:
        gas += GAS_PER_ACCESS_ADDRESS + GAS_PER_ACCESS_SLOT * len(slots)
    return gas


def floor_gas(data: bytes) -> int:
    """The least a transaction with this calldata pays (EIP-7623)."""
    return GAS_PER_TRANSACTION + FLOOR_GAS_PER_TOKEN * _tokens(data)


@dataclass(frozen=True, slots=True)
class BlobFields:
    """What the sender of a blob transaction chooses beside the rest: the most per blob gas, the hashes, what goes beside them."""

    max_blob_fee_wei: int
    hashes: tuple[bytes, ...]
    sidecar: Sidecar


def sign_fee_market(fields: FeeMarketFields, key: SigningKey) -> Transaction:
    """Encode and sign an EIP-1559 transaction."""
    return _sign(TYPE_FEE_MARKET, fields, key, None)


def sign_blob(fields: FeeMarketFields, blobs: BlobFields, key: SigningKey) -> Transaction:
    """Encode and sign an EIP-4844 transaction."""
    assert fields.to is not None, "a blob transaction creates nothing"
    return _sign(TYPE_BLOB, fields, key, blobs)


def _sign(kind: int, fields: FeeMarketFields, key: SigningKey, blobs: BlobFields | None) -> Transaction:
    unsigned: list[Any] = [
        _int_bytes(fields.chain_id),
        _int_bytes(fields.nonce),
        _int_bytes(fields.max_priority_fee_wei),
        _int_bytes(fields.max_fee_wei),
        _int_bytes(fields.gas_limit),
        fields.to or b"",
        _int_bytes(fields.value_wei),
        fields.data,
        [],
    ]
    if blobs is not None:
        unsigned += [_int_bytes(blobs.max_blob_fee_wei), list(blobs.hashes)]
    signature = key.sign(keccak(bytes((kind,)) + rlp.encode(unsigned)))
    r, s, parity = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big"), signature[64] - 27
    raw = bytes((kind,)) + rlp.encode([*unsigned, _int_bytes(parity), _int_bytes(r), _int_bytes(s)])
    return Transaction(
        kind=kind,
        chain_id=fields.chain_id,
        nonce=fields.nonce,
        max_fee_wei=fields.max_fee_wei,
        max_priority_fee_wei=fields.max_priority_fee_wei,
        gas_limit=fields.gas_limit,
        to=fields.to,
        value_wei=fields.value_wei,
        data=fields.data,
        access_list=(),
        v=parity,
        r=r,
        s=s,
        sender=key.address,
        raw=raw,
        hash=keccak(raw),
        max_blob_fee_wei=0 if blobs is None else blobs.max_blob_fee_wei,
        blob_hashes=() if blobs is None else blobs.hashes,
        sidecar=None if blobs is None else blobs.sidecar,
    )


def created_address(sender: bytes, nonce: int) -> Address:
    """Address of the contract that `sender`'s transaction with this nonce creates."""
    return Address(keccak(rlp.encode([sender, _int_bytes(nonce)]))[12:])


def decode_transaction(raw: bytes) -> Transaction:
    """Decode signed bytes and recover the sender. Raises TransactionMalformed."""
    if not raw:
        raise TransactionMalformed("empty transaction")
    if raw[0] >= 0xC0:
        kind, body = TYPE_LEGACY, raw
    else:
        kind, body = raw[0], raw[1:]
        if kind not in (TYPE_ACCESS_LIST, TYPE_FEE_MARKET, TYPE_BLOB):
            raise TransactionMalformed("transaction type not supported")
    try:
        items = rlp.decode(body, strict=True)
    except (DecodingError, RecursionError) as error:
        raise TransactionMalformed(f"rlp: {type(error).__name__}") from None
    sidecar: Sidecar | None = None
    if kind == TYPE_BLOB and isinstance(items, list) and items and isinstance(items[0], list):
        items, sidecar = items[0], _sidecar(items[1:])
        raw = bytes((TYPE_BLOB,)) + bytes(rlp.encode(items))
    if not isinstance(items, list) or len(items) != _FIELDS[kind]:
        raise TransactionMalformed("rlp: wrong number of fields")
    return _legacy(raw, items) if kind == TYPE_LEGACY else _typed(kind, raw, items, sidecar)


def _sidecar(items: list[object]) -> Sidecar:
    """What follows the transaction in its network form, with the proofs of EIP-4844 or of EIP-7594. Their truth is checked elsewhere."""
    per_blob = 1
    if items and items[0] == _WRAPPER_VERSION:
        items, per_blob = items[1:], _CELL_PROOFS
    if len(items) != 3:
        raise TransactionMalformed("rlp: a sidecar is blobs, commitments and proofs")
    blobs, commitments, proofs = (_fixed_list(item, size) for item, size in zip(items, _SIDECAR_SIZES, strict=True))
    if not len(blobs) == len(commitments) == len(proofs) // per_blob or len(proofs) % per_blob:
        raise TransactionMalformed("a sidecar has a commitment and its proofs for each blob")
    return Sidecar(blobs, commitments, proofs)


_SIDECAR_SIZES: Final = (BLOB_BYTES, _POINT_BYTES, _POINT_BYTES)


def _fixed_list(item: object, size: int) -> tuple[bytes, ...]:
    if not isinstance(item, list) or any(not isinstance(each, bytes) or len(each) != size for each in item):
        raise TransactionMalformed(f"rlp: expected a list of {size} bytes each")
    return tuple(item)


def _legacy(raw: bytes, items: list[object]) -> Transaction:
    nonce, price, gas = _int(items[0], _U64_MAX), _int(items[1]), _int(items[2], _U64_MAX)
    v, r, s = _int(items[6]), _int(items[7]), _int(items[8])
    if v < _EIP155_OFFSET:
        raise TransactionMalformed("only replay-protected (EIP-155) transactions allowed over RPC")
    chain_id, parity = divmod(v - _EIP155_OFFSET, 2)
    digest = keccak(rlp.encode([*items[:6], _int_bytes(chain_id), b"", b""]))
    return Transaction(
        kind=TYPE_LEGACY,
        chain_id=chain_id,
        nonce=nonce,
        max_fee_wei=price,
        max_priority_fee_wei=price,
        gas_limit=gas,
        to=_to(items[3]),
        value_wei=_int(items[4]),
        data=_data(items[5]),
        access_list=(),
        v=v,
        r=r,
        s=s,
        sender=_sender(digest, parity, r, s),
        raw=raw,
        hash=keccak(raw),
    )


def _typed(kind: int, raw: bytes, items: list[object], sidecar: Sidecar | None) -> Transaction:
    unsigned, (parity_item, r_item, s_item) = items[:-3], items[-3:]
    fees = 1 if kind == TYPE_ACCESS_LIST else 2
    priority, maximum = _int(items[2]), _int(items[1 + fees])
    if priority > maximum:
        raise TransactionMalformed("max priority fee per gas higher than max fee per gas")
    if kind == TYPE_BLOB and not items[5]:
        raise TransactionMalformed("a blob transaction creates no contract")
    parity, r, s = _int(parity_item, 1), _int(r_item), _int(s_item)
    digest = keccak(bytes((kind,)) + rlp.encode(unsigned))
    rest = unsigned[2 + fees :]
    return Transaction(
        kind=kind,
        chain_id=_int(items[0], _U64_MAX),
        nonce=_int(items[1], _U64_MAX),
        max_fee_wei=maximum,
        max_priority_fee_wei=priority,
        gas_limit=_int(rest[0], _U64_MAX),
        to=_to(rest[1]),
        value_wei=_int(rest[2]),
        data=_data(rest[3]),
        access_list=_access_list(rest[4]),
        v=parity,
        r=r,
        s=s,
        sender=_sender(digest, parity, r, s),
        raw=raw,
        hash=keccak(raw),
        max_blob_fee_wei=_int(rest[5]) if kind == TYPE_BLOB else 0,
        blob_hashes=_fixed_list(rest[6], len(ZERO_HASH)) if kind == TYPE_BLOB else (),
        sidecar=sidecar,
    )


def _sender(digest: bytes, parity: int, r: int, s: int) -> Address:
    signature = r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes((27 + parity,))
    try:
        return recover(digest, signature)
    except SignatureError as error:
        raise TransactionMalformed(f"invalid sender: {error}") from None


def _int_bytes(value: int) -> bytes:
    """Big-endian without leading zeros, as RLP wants integers."""
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def _int(item: object, maximum: int = _U256_MAX) -> int:
    if not isinstance(item, bytes):
        raise TransactionMalformed("rlp: expected an integer")
    if item[:1] == b"\x00":
        raise TransactionMalformed("rlp: leading zero in an integer")
    value = int.from_bytes(item, "big")
    if value > maximum:
        raise TransactionMalformed("rlp: integer too large")
    return value


def _data(item: object) -> bytes:
    if not isinstance(item, bytes):
        raise TransactionMalformed("rlp: expected bytes")
    return item


def _to(item: object) -> Address | None:
    address = _data(item)
    if len(address) not in (0, ADDRESS_BYTES):
        raise TransactionMalformed("rlp: recipient is not an address")
    return Address(address) if address else None


def _access_list(item: object) -> AccessList:
    if not isinstance(item, list):
        raise TransactionMalformed("rlp: access list is not a list")
    entries: list[tuple[bytes, tuple[int, ...]]] = []
    for entry in item:
        if not isinstance(entry, list) or len(entry) != 2 or not isinstance(entry[1], list):
            raise TransactionMalformed("rlp: malformed access list entry")
        address = _data(entry[0])
        slots = [_data(slot) for slot in entry[1]]
        if len(address) != ADDRESS_BYTES or any(len(slot) != 32 for slot in slots):
            raise TransactionMalformed("rlp: malformed access list entry")
        entries.append((address, tuple(int.from_bytes(slot, "big") for slot in slots)))
    return tuple(entries)
