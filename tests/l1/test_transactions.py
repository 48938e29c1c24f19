"""Our transaction codec against eth-account, both ways, and its strictness."""

import random

import pytest
import rlp
from eth_account import Account
from eth_utils.address import to_checksum_address

from node.l1.transactions import (
    FeeMarketFields,
    TransactionMalformed,
    created_address,
    decode_transaction,
    intrinsic_gas,
    sign_fee_market,
)
from proto.ids import Address
from proto.signing.secp256k1 import SigningKey

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


def random_fields(chance: random.Random) -> dict[str, object]:
    """One transaction of a random kind, as eth-account takes it."""
    fields: dict[str, object] = {
        "chainId": chance.choice((1, 31337, 2**40)),
        "nonce": chance.choice((0, 1, 127, 128, 2**32)),
        "gas": chance.randrange(21_000, 2**24),
        "value": chance.choice((0, 1, 10**18, 2**200)),
        "data": chance.randbytes(chance.choice((0, 1, 55, 56, 300))),
    }
    if chance.random() < 0.8:
        fields["to"] = Account.from_key(chance.randbytes(32)).address
    kind = chance.randrange(3)
    if kind == 2:
        fields |= {"maxFeePerGas": 10**10 + chance.randrange(10**9), "maxPriorityFeePerGas": chance.randrange(10**10)}
    else:
        fields["gasPrice"] = chance.randrange(10**12)
    if kind:
        slots = ["0x" + chance.randbytes(32).hex() for _ in range(chance.randrange(3))]
        fields["accessList"] = [{"address": Account.from_key(chance.randbytes(32)).address, "storageKeys": slots}]
        fields["type"] = kind
    return fields


def test_decodes_what_eth_account_signs(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(200):
        account = Account.from_key(chance.randbytes(32))
        fields = random_fields(chance)
        signed = account.sign_transaction(fields)
        tx = decode_transaction(bytes(signed.raw_transaction))
        assert tx.hash == bytes(signed.hash)
        assert "0x" + tx.sender.hex() == account.address.lower()
        assert (tx.chain_id, tx.nonce, tx.gas_limit) == (fields["chainId"], fields["nonce"], fields["gas"])
        assert (tx.value_wei, tx.data) == (fields["value"], fields["data"])
        assert tx.max_fee_wei == fields.get("maxFeePerGas", fields.get("gasPrice"))
        to = fields.get("to")
        assert tx.to == (None if to is None else bytes.fromhex(str(to)[2:]))


def test_signs_what_eth_account_signs(seed: int) -> None:
    chance = random.Random(seed)
    for to in (Address(chance.randbytes(20)), None):
        secret = chance.randbytes(32)
        recipient = {} if to is None else {"to": to_checksum_address(to)}
        fields = FeeMarketFields(31337, 7, 10**10, 10**9, 100_000, to, 5, chance.randbytes(100))
        theirs = Account.from_key(secret).sign_transaction(
            {
                "type": 2,
                "chainId": 31337,
                "nonce": 7,
                "maxFeePerGas": 10**10,
                "maxPriorityFeePerGas": 10**9,
                "gas": 100_000,
                "value": 5,
                "data": fields.data,
            }
            | recipient
        )
        ours = sign_fee_market(fields, SigningKey(secret))
        assert decode_transaction(ours.raw) == ours
        assert ours.raw == bytes(theirs.raw_transaction)


def _resigned(raw: bytes, index: int, value: bytes) -> bytes:
    items = rlp.decode(raw[1:])
    items[index] = value
    return raw[:1] + bytes(rlp.encode(items))


def _nested(depth: int) -> bytes:
    """Lists in lists."""
    encoded = b"\xc0"
    for _ in range(depth):
        size = len(encoded)
        head = bytes((0xC0 + size,)) if size < 56 else b"\xf9" + size.to_bytes(2, "big")
        encoded = (head if size < 56 or size > 255 else b"\xf8" + bytes((size,))) + encoded
    return encoded


def test_malformed_bytes_are_refused(seed: int) -> None:
    chance = random.Random(seed)
    fields = FeeMarketFields(31337, 1, 10**10, 10**9, 100_000, Address(bytes(20)), 5, b"data")
    raw = sign_fee_market(fields, SigningKey(chance.randbytes(32))).raw
    items = rlp.decode(raw[1:])
    high_s = ORDER - int.from_bytes(items[11], "big")
    broken = [
        b"",
        b"\x03" + raw[1:],  # A blob transaction.
        b"\x7f" + raw[1:],
        raw[:-1],
        raw + b"\0",
        _resigned(raw, 1, b"\0\1"),  # A leading zero.
        _resigned(raw, 5, bytes(19)),
        _resigned(raw, 9, b"\2"),
        _resigned(raw, 11, high_s.to_bytes(32, "big")),
        _resigned(raw, 10, b""),
        _resigned(raw, 10, b"\xff" * 32),
        _resigned(raw, 2, (10**11).to_bytes(5, "big")),  # A tip above the fee.
        _resigned(raw, 8, b"x"),
        raw[:1] + bytes(rlp.encode(items[:-1])),
        raw[:1] + bytes(rlp.encode(b"text")),
        raw[:1] + _nested(2_000),
    ]
    for attempt in broken:
        with pytest.raises(TransactionMalformed):
            decode_transaction(attempt)


def test_random_damage_never_keeps_the_sender(seed: int) -> None:
    """Any flipped bit is refused or becomes another transaction of somebody else."""
    chance = random.Random(seed)
    fields = FeeMarketFields(31337, 1, 10**10, 10**9, 100_000, Address(bytes(20)), 5, b"data")
    tx = sign_fee_market(fields, SigningKey(chance.randbytes(32)))
    for position in range(len(tx.raw) * 8):
        damaged = bytearray(tx.raw)
        damaged[position // 8] ^= 1 << position % 8
        try:
            assert decode_transaction(bytes(damaged)).sender != tx.sender
        except TransactionMalformed:
            continue


def test_addresses_and_gas_of_known_cases() -> None:
    sender = bytes.fromhex("6ac7ea33f8831ea9dcc53393aaa88b25a785dbf0")  # The example every Ethereum FAQ uses.
    assert created_address(sender, 0).hex() == "cd234a471b72ba2f1ccf0a70fcaba648a5eecd8d"
    assert created_address(sender, 1).hex() == "343c43a37d37dff08ae8c4a11544c718abb4fcf8"
    assert intrinsic_gas(b"", (), is_creation=False) == 21_000
    assert intrinsic_gas(b"\0\1", (), is_creation=False) == 21_020
    assert intrinsic_gas(b"", ((bytes(20), (1, 2)),), is_creation=True) == 21_000 + 32_000 + 2_400 + 3_800


def test_unprotected_legacy_transactions_are_refused() -> None:
    fields = {"nonce": 0, "gasPrice": 1, "gas": 21_000, "to": Account.create().address, "value": 0, "data": b""}
    raw = Account.create().sign_transaction(fields).raw_transaction
    with pytest.raises(TransactionMalformed, match="replay-protected"):
        decode_transaction(bytes(raw))
