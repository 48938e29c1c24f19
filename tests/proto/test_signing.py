"""EIP-712 digests equal those of an independent implementation; signatures have one acceptable form."""

import re
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data
from hypothesis import given, settings
from hypothesis import strategies as st

from proto.hashing import keccak
from proto.ids import ZERO_ADDRESS
from proto.inputs import Input, OracleReport, RevokePublisher, SampleTick
from proto.intents import Intent, OrderSpec
from proto.reject import RejectCode
from proto.signing.authority import signer_of
from proto.signing.eip712 import (
    TYPES,
    commitment_digest,
    intent_digest,
    receipt_digest,
    report_digest,
    revocation_digest,
)
from proto.signing.secp256k1 import SignatureError, SigningKey, recover
from tests.proto.strategies import intents, reports, revocations
from tests.vectors import samples

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
EIP712_DOMAIN = [
    {"name": "name", "type": "string"}, {"name": "version", "type": "string"}, {"name": "chainId", "type": "uint256"},
    {"name": "verifyingContract", "type": "address"},
]  # fmt: skip


def struct_types(name: str) -> dict[str, list[dict[str, str]]]:
    """The types of one struct as JSON typed data, read from its type string."""
    found = {}
    for kind, body in re.findall(r"(\w+)\(([^)]*)\)", TYPES[name]):
        fields = [part.rsplit(" ", 1) for part in body.split(",")]
        found[kind] = [{"name": field, "type": of} for of, field in fields]
    return found


def independent_digest(name: str, message: dict[str, Any]) -> bytes:
    """The digest as eth-account computes it."""
    signable = encode_typed_data(
        full_message={
            "types": {"EIP712Domain": EIP712_DOMAIN, **struct_types(name)},
            "primaryType": name,
            "domain": {
                "name": "Novate", "version": "1", "chainId": samples.DOMAIN.chain_id,
                "verifyingContract": "0x" + samples.DOMAIN.contract.hex(),
            },
            "message": message,
        }
    )  # fmt: skip
    return keccak(b"\x19" + signable.version + signable.header + signable.body)


def json_field(name: str) -> str:
    """snake_case to the camelCase of the typed data."""
    first, *rest = name.split("_")
    return first + "".join(part.title() for part in rest)


def message_of(value: Any) -> Any:
    """Fields of a message by their typed-data names."""
    if isinstance(value, tuple):
        return [message_of(part) for part in value]
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value)
    return {json_field(name): message_of(getattr(value, name)) for name in type(value).__dataclass_fields__}


@given(intents)
@settings(max_examples=150)
def test_actions_have_the_digest_that_wallets_compute(intent: Intent) -> None:
    expected = independent_digest(type(intent).__name__, message_of(intent))
    assert intent_digest(samples.DOMAIN, intent) == expected


@given(reports)
@settings(max_examples=40)
def test_reports_have_the_digest_that_wallets_compute(report: OracleReport) -> None:
    message = {"time": int(report.time), "prices": message_of(report.prices)}
    assert report_digest(samples.DOMAIN, report.time, report.prices) == independent_digest("Report", message)


@given(revocations)
@settings(max_examples=20)
def test_revocations_have_the_digest_that_wallets_compute(vote: RevokePublisher) -> None:
    message = {"publisher": message_of(vote.publisher), "time": int(vote.time)}
    assert revocation_digest(samples.DOMAIN, vote.publisher, vote.time) == independent_digest("RevokePublisher", message)


def test_receipts_and_commitments_have_the_digest_that_wallets_compute() -> None:
    head, root = bytes(range(32)), bytes(range(1, 33))
    message = {"head": "0x" + head.hex(), "firstSeq": 12, "count": 3, "root": "0x" + root.hex()}
    assert receipt_digest(samples.DOMAIN, head, 12, 3, root) == independent_digest("Receipt", message)
    made = samples.commitment(root, head)
    expected = independent_digest("Commitment", message_of(made))
    assert made.digest(samples.DOMAIN) == expected == commitment_digest(samples.DOMAIN, made.words())


def test_every_struct_is_compared() -> None:
    compared = {type(intent).__name__ for intent in samples.INTENTS.values()}
    nested = {"Order", "Trigger", "Amend", "IndexPrice"}
    named = {"Report", "Receipt", "Commitment", "RevokePublisher", "Solvency", "Attestation"}
    assert compared | nested | named == set(TYPES)
    assert len(OrderSpec.__dataclass_fields__) == len(struct_types("Order")["Order"])


@given(st.binary(min_size=32, max_size=32))
def test_signatures_recover_and_equal_another_library(digest: bytes) -> None:
    signature = samples.KEY.sign(digest)
    assert recover(digest, signature) == samples.KEY.address
    other = Account.unsafe_sign_hash(digest, samples.KEY.secret)
    assert bytes(other.signature) == signature


def test_a_signature_has_one_form() -> None:
    digest = bytes(range(32))
    good = samples.KEY.sign(digest)
    s = int.from_bytes(good[32:64], "big")
    variants = {
        RejectCode.SIGNATURE_MALFORMED: [good[:64], good + b"\0", good[:64] + b"\0", good[:64] + b"\x1d", b""],
        RejectCode.SIGNATURE_HIGH_S: [good[:32] + (ORDER - s).to_bytes(32, "big") + bytes([55 - good[64]])],
        RejectCode.SIGNATURE_INVALID: [
            bytes(32) + good[32:], good[:32] + bytes(32) + good[64:], b"\xff" * 32 + good[32:],
            ORDER.to_bytes(32, "big") + good[32:],
        ],
    }  # fmt: skip
    for code, signatures in variants.items():
        for signature in signatures:
            with pytest.raises(SignatureError) as error:
                recover(digest, signature)
            assert error.value.code == code, signature.hex()


def test_keys_out_of_range_are_refused() -> None:
    for secret in (bytes(32), ORDER.to_bytes(32, "big"), b"\xff" * 32):
        with pytest.raises(ValueError, match=r"."):
            SigningKey(secret)


def test_authority_is_the_signer_or_nobody() -> None:
    item: Input = samples.INPUTS["UserAction"]
    assert signer_of(samples.DOMAIN, item) == samples.KEY.address
    assert signer_of(samples.DOMAIN, samples.REPORT) == samples.KEY.address
    assert signer_of(samples.DOMAIN, SampleTick()) == ZERO_ADDRESS
