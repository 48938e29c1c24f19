"""Encoding and decoding against the ABI of a small contract, and of the committed ones."""

from typing import Any

import pytest

from node.l1.abi import AbiMismatch, Contract, load_contract
from node.l1.answers import L1Log
from proto.hashing import keccak
from proto.ids import Address

ALICE = Address(bytes(19) + b"\1")


def _inputs(*kinds: str) -> list[dict[str, Any]]:
    return [{"name": f"p{index}", "type": kind} for index, kind in enumerate(kinds)]


ABI: list[dict[str, Any]] = [
    {"type": "constructor", "inputs": _inputs("uint256")},
    {"type": "function", "name": "transfer", "inputs": _inputs("address", "uint256"), "outputs": _inputs("bool")},
    {"type": "function", "name": "over", "inputs": _inputs("uint8"), "outputs": []},
    {"type": "function", "name": "over", "inputs": _inputs("bytes32"), "outputs": []},
    {
        "type": "function",
        "name": "batch",
        "inputs": [
            {
                "name": "items",
                "type": "tuple[]",
                "components": [{"name": "to", "type": "address"}, {"name": "path", "type": "address[2]"}],
            }
        ],
        "outputs": [],
    },
    {
        "type": "event",
        "name": "Moved",
        "inputs": [
            {"name": "from", "type": "address", "indexed": True},
            {"name": "amount", "type": "uint256"},
            {"name": "note", "type": "string", "indexed": True},
            {"name": "to", "type": "address"},
        ],
    },
    {"type": "error", "name": "Short", "inputs": [{"name": "have", "type": "uint256"}]},
]
CONTRACT = Contract("Sample", ABI, b"\xfe")


def log(topics: tuple[bytes, ...], data: bytes) -> L1Log:
    """A log with these contents."""
    return L1Log(ALICE, topics, data, 1, bytes(32), bytes(32), 0, 0)


def test_calls_round_trip() -> None:
    calldata = CONTRACT.encode_call("transfer", ALICE, 5)
    assert calldata[:4].hex() == "a9059cbb"
    decoded = CONTRACT.decode_call(calldata)
    assert decoded is not None
    assert (decoded.name, dict(decoded.values)) == ("transfer", {"p0": ALICE, "p1": 5})
    assert CONTRACT.decode_return("transfer", (1).to_bytes(32, "big")) == (True,)
    assert CONTRACT.decode_call(b"\0\0\0\0") is None
    assert CONTRACT.encode_call("over(bytes32)", bytes(32))[:4] == keccak(b"over(bytes32)")[:4]
    assert CONTRACT.creation_code(7) == b"\xfe" + (7).to_bytes(32, "big")


def test_addresses_inside_tuples_are_bytes() -> None:
    calldata = CONTRACT.encode_call("batch", [(ALICE, (ALICE, ALICE))])
    decoded = CONTRACT.decode_call(calldata)
    assert decoded is not None
    assert decoded.values["items"] == ((ALICE, (ALICE, ALICE)),)


def test_events() -> None:
    topics = (CONTRACT.topic("Moved"), bytes(12) + ALICE, keccak(b"note"))
    data = (9).to_bytes(32, "big") + bytes(12) + ALICE
    decoded = CONTRACT.decode_event(log(topics, data))
    assert decoded is not None
    assert dict(decoded.values) == {"from": ALICE, "amount": 9, "note": keccak(b"note"), "to": ALICE}
    assert "amount=9" in str(decoded)
    assert CONTRACT.decode_event(log((bytes(32),), b"")) is None
    assert CONTRACT.decode_event(log((), b"")) is None
    for broken in (log(topics[:2], data), log(topics, data[:40]), log((topics[0], b"\1" * 32, topics[2]), data)):
        with pytest.raises(AbiMismatch):
            CONTRACT.decode_event(broken)


def test_errors_have_names() -> None:
    short = CONTRACT.decode_error(keccak(b"Short(uint256)")[:4] + (3).to_bytes(32, "big"))
    assert str(short) == "Short(have=3)"
    reason = bytes.fromhex("08c379a0") + (32).to_bytes(32, "big") + (2).to_bytes(32, "big") + b"no" + bytes(30)
    assert str(CONTRACT.decode_error(reason)) == "Error(reason=no)"
    assert CONTRACT.decode_error(b"") is None
    assert CONTRACT.decode_error(b"\1\2\3\4") is None
    with pytest.raises(AbiMismatch):
        CONTRACT.decode_error(keccak(b"Short(uint256)")[:4])


def test_what_does_not_fit_is_refused() -> None:
    for name, values in (("transfer", (ALICE,)), ("transfer", (ALICE, -1)), ("transfer", (b"", 1)), ("none", ())):
        with pytest.raises(AbiMismatch):
            CONTRACT.encode_call(name, *values)
    with pytest.raises(AbiMismatch):
        CONTRACT.decode_return("transfer", b"\1")
    with pytest.raises(AbiMismatch):
        CONTRACT.topic("Nothing")
    with pytest.raises(AbiMismatch):
        Contract("Abstract", ABI).creation_code(1)


@pytest.mark.parametrize("name", ["Novate", "TestToken"])
def test_committed_contracts_load(name: str) -> None:
    contract = load_contract(name)
    assert contract.bytecode
    assert contract.events
