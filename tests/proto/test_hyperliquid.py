"""The Hyperliquid-compatible dialect's bytes and signatures, against published vectors; and that nothing but the canonical form is read.

The published vectors lie beside the checkout; where they are missing the tests that need them say so and skip.
"""

import json
from pathlib import Path
from typing import Any

import msgpack
import pytest

from proto.canonical import pack, unpack
from proto.hl.actions import HlL1Request, HlUserRequest
from proto.hl.decimals import normal, scaled
from proto.hl.reading import HlMalformedError, HlUnsupportedError
from proto.hl.schema import HlWrongChainError, parse_action, parse_user_action
from proto.hl.wire import action_bytes, decode_l1_request, decode_user_request, encode_request
from proto.ids import Address
from proto.inputs import RecordError, decode_record, encode_record, hl_action
from proto.signing.hyperliquid import SOURCE_MAINNET, SOURCE_TESTNET, agent_digest, connection_id, request_digest
from proto.signing.secp256k1 import recover
from proto.units import TimeMs

VECTORS = Path(__file__).parents[3] / "shared" / "vectors" / "hl_signing.json"
SIGNER = Address(bytes.fromhex("14791697260e4c9a71f18484c9f997b308e59325"))
ORDER = {"a": 0, "b": True, "p": "50000.5", "s": "0.1", "r": False, "t": {"limit": {"tif": "Gtc"}}}
PLACE = {"type": "order", "orders": [ORDER], "grouping": "na"}
CANCEL = {"type": "cancel", "cancels": [{"a": 0, "o": 1}]}
CLOID = "0x" + "0" * 31 + "1"


def published() -> Any:
    if not VECTORS.exists():
        pytest.skip("the published signing vectors are not beside this checkout (../shared/vectors)")
    return json.loads(VECTORS.read_text())


def signature_of(row: dict[str, Any]) -> bytes:
    return int(row["r"], 16).to_bytes(32, "big") + int(row["s"], 16).to_bytes(32, "big") + bytes([row["v"]])


def vault_of(row: dict[str, Any]) -> Address | None:
    return Address(bytes.fromhex(row["vaultAddress"][2:])) if row["vaultAddress"] else None


def l1_rows() -> list[dict[str, Any]]:
    found = published()
    rows = [*found["sdk_tests"], *found["derived_with_sdk"]]
    return [row for row in rows if row["kind"] in ("l1_action", "connection_id")]


def test_published_action_signatures_recover() -> None:
    """Every action of the files, also of kinds that are not offered here: their bytes are msgpack all the same."""
    checked = 0
    for row in l1_rows():
        known = {**row.get("derived", {}), **row.get("expected", {}), **row}
        data = bytes.fromhex(known["msgpack_hex"])
        assert data == msgpack.packb(row["action"])
        connection = connection_id(data, row["nonce"], vault_of(row), row["expiresAfter"] or 0)
        assert "0x" + connection.hex() == known["connectionId"], row["name"]
        for network, source in (("mainnet", SOURCE_MAINNET), ("testnet", SOURCE_TESTNET)):
            if network in known:
                signature = known[network].get("signature", known[network])
                assert recover(agent_digest(connection, source), signature_of(signature)) == SIGNER, row["name"]
                checked += 1
    assert checked >= 40


def test_published_actions_are_read_and_written_the_same() -> None:
    """What is offered here parses, and its canonical bytes are those that were hashed; shuffled keys change nothing."""
    read, refused = 0, 0
    for row in l1_rows():
        action = row["action"]
        if action["type"] == "dummy":
            continue
        try:
            typed = parse_action(action)
        except HlUnsupportedError:
            refused += 1
            continue
        known = {**row.get("derived", {}), **row}
        assert action_bytes(typed).hex() == known["msgpack_hex"], row["name"]
        assert parse_action(dict(reversed(action.items()))) == typed
        request = HlL1Request(typed, row["nonce"], vault_of(row), TimeMs(row["expiresAfter"] or 0))
        assert decode_l1_request(encode_request(request)) == request
        read += 1
    assert (read, refused) == (22, 2)


def test_published_typed_data_signatures_recover() -> None:
    checked = 0
    found = published()
    for row in [*found["sdk_tests"], *found["derived_with_sdk"]]:
        if row["kind"] != "user_signed_action" or row["hyperliquidChain"] != "Testnet":
            continue
        names = {
            "UsdSend": "usdSend", "Withdraw": "withdraw3", "ApproveAgent": "approveAgent", "SpotSend": "spotSend",
            "SendAsset": "sendAsset", "UsdClassTransfer": "usdClassTransfer", "ApproveBuilderFee": "approveBuilderFee",
        }  # fmt: skip
        kind = names.get(row["primaryType"].partition(":")[2])
        if kind is None:
            continue
        plain = {
            "type": kind,
            **row["message"],
            "signatureChainId": row["signatureChainId"],
            "hyperliquidChain": "Testnet",
        }
        parsed = parse_user_action(plain)
        assert parsed is not None
        request = HlUserRequest(parsed[0], parsed[1], parsed[2])
        signature = signature_of(row.get("signature") or row["expected"])
        assert recover(request_digest(request), signature) == SIGNER, row["name"]
        assert decode_user_request(encode_request(request)) == request
        checked += 1
    assert checked >= 4


def test_published_recovery_example() -> None:
    row = published()["recover_example"]
    request = HlL1Request(parse_action(row["action"]), row["nonce"], vault_of(row), TimeMs(0))
    assert "0x" + recover(request_digest(request), signature_of(row["signature"])).hex() == row["recovered"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [("100", "100"), ("100.0", "100"), ("0.0147", "0.0147"), ("007.50", "7.5"), ("0.0", "0"), ("1" * 40, "1" * 40)],
)
def test_decimals_have_one_form(text: str, shown: str) -> None:
    assert normal(text) == shown


@pytest.mark.parametrize("text", ["", ".5", "5.", "-1", "+1", "1e5", "0x1", "1_0", " 1", "1 ", "NaN", "\u0661", "1" * 41])
def test_what_is_no_decimal(text: str) -> None:
    with pytest.raises(ValueError, match="not a decimal"):
        normal(text)


def test_scaled() -> None:
    assert scaled("50000.5", 1) == 500_005
    assert scaled("50000.5", 3) == 50_000_500
    assert scaled("50000.5", 0) is None
    assert scaled("0", 0) == 0


def test_padding_and_case_are_made_normal() -> None:
    padded = {**PLACE, "orders": [{**ORDER, "p": "50000.500", "s": "0.10", "c": "0x" + "AB" * 16}]}
    clean = {**PLACE, "orders": [{**ORDER, "c": "0x" + "ab" * 16}]}
    assert action_bytes(parse_action(padded)) == msgpack.packb(clean)


CHANGES: list[dict[str, Any]] = [
    {"a": True}, {"a": "0"}, {"a": -1}, {"a": 0.0}, {"a": 2**32}, {"a": None}, {"b": 1}, {"b": "true"}, {"r": None},
    {"p": 50000}, {"p": 50000.5}, {"p": "abc"}, {"p": "1e5"}, {"p": "-1"}, {"s": ""}, {"s": None}, {"x": 1},
    {"c": "1"}, {"c": "0x1"}, {"c": 1}, {"c": "0x" + "g" * 32}, {"c": "0x" + "0" * 32}, {"c": "0" * 31 + "1"},
    {"t": {}}, {"t": {"limit": {}}}, {"t": {"limit": {"tif": "Fok"}}}, {"t": {"limit": {"tif": "Gtc"}, "more": 1}},
    {"t": {"limit": {"tif": "Gtc", "more": 1}}}, {"t": "Gtc"}, {"t": {"trigger": {}}},
    {"t": {"limit": {"tif": ["Gtc"]}}}, {"t": {"limit": {"tif": "Gtc"}, "trigger": {}}},
    {"t": {"trigger": {"isMarket": True, "triggerPx": "x", "tpsl": "tp"}}},
    {"t": {"trigger": {"isMarket": True, "triggerPx": "1", "tpsl": "up"}}},
]  # fmt: skip
TRIGGER = {"isMarket": True, "triggerPx": "1.5", "tpsl": "tp"}
TRIGGERS: list[Any] = [
    {}, [], {"isMarket": True, "triggerPx": "1"}, {**TRIGGER, "isMarket": 1}, {**TRIGGER, "triggerPx": 1}, {**TRIGGER, "x": 1},
    {**TRIGGER, "triggerPx": "-1"}, {**TRIGGER, "triggerPx": None}, {**TRIGGER, "tpsl": "TP"}, {**TRIGGER, "tpsl": None},
]  # fmt: skip
TWAP = {"a": 0, "b": True, "s": "1", "r": False, "m": 5, "t": False}
TWAPS: list[Any] = [
    [], {}, *({**TWAP, **change} for change in ({"m": "5"}, {"m": -1}, {"t": 1}, {"r": None}, {"s": 5}, {"x": 1})),
]  # fmt: skip
SUB = "0x" + "1" * 40
MALFORMED: list[Any] = [
    {"type": "createSubAccount"}, {"type": "createSubAccount", "name": 5}, {"type": "subAccountModify", "name": "x"},
    {"type": "subAccountModify", "subAccountUser": "0x1", "name": "x"}, {"type": "registerReferrer"},
    {"type": "subAccountSpotTransfer", "subAccountUser": SUB, "isDeposit": True, "token": "ETH", "amount": 1},
    {"type": "subAccountSpotTransfer", "subAccountUser": SUB, "isDeposit": 1, "token": "ETH", "amount": "1"},
    {"type": "reserveRequestWeight", "weight": -1}, {"type": "reserveRequestWeight", "weight": "1"},
    {"type": "twapOrder"}, *({"type": "twapOrder", "twap": twap} for twap in TWAPS), {"type": "twapCancel", "a": 0},
    {"type": "twapCancel", "a": 0, "t": "1"}, {"type": "scheduleCancel", "time": "1"}, {"type": "scheduleCancel", "time": 2**48},
    {"type": "scheduleCancel", "at": 5},
    *({**PLACE, "orders": [{**ORDER, "t": {"trigger": trigger}}]} for trigger in TRIGGERS),
    {**PLACE, "orders": [{**ORDER, "t": {"trigger": TRIGGER, "limit": {"tif": "Gtc"}}}]}, {**PLACE, "grouping": None},
    {**PLACE, "grouping": ["na"]}, {**PLACE, "grouping": {"p": 1}},
    None, 5, "order", [], {}, {"type": 5}, {"type": "nothing"}, {"type": ["order"]},
    {**PLACE, "extra": 1}, {**PLACE, "grouping": "some"}, {**PLACE, "orders": []}, {**PLACE, "orders": [ORDER] * 51},
    {"type": "order", "orders": [ORDER]}, {"type": "order", "orders": {"0": ORDER}, "grouping": "na"},
    {**PLACE, "builder": {"b": "0x12", "f": 1}}, {**PLACE, "builder": {"b": "0x" + "1" * 40}},
    *({**PLACE, "orders": [{**ORDER, **change}]} for change in CHANGES),
    {**CANCEL, "cancels": [{"a": 0}]}, {**CANCEL, "cancels": [{"a": 0, "o": "1"}]}, {**CANCEL, "cancels": [[0, 1]]},
    {**CANCEL, "cancels": [{"a": 0, "o": 1, "c": 1}]}, {**CANCEL, "cancels": [{"a": 0, "o": 2**64}]},
    {"type": "cancelByCloid", "cancels": [{"asset": 0, "cloid": 5}]}, {"type": "cancelByCloid", "cancels": [{"a": 0}]},
    {"type": "modify", "oid": 0, "order": ORDER}, {"type": "modify", "oid": "5", "order": ORDER},
    {"type": "modify", "oid": 5}, {"type": "batchModify", "modifies": [{"oid": 5}]}, {"type": "batchModify", "oid": 5},
    {"type": "updateLeverage", "asset": 0, "isCross": 1, "leverage": 5}, {"type": "updateLeverage", "asset": 0},
    {"type": "updateLeverage", "asset": 0, "isCross": True, "leverage": "5"}, {"type": "noop", "x": 1},
    {"type": "setReferrer"}, {"type": "setReferrer", "code": 5}, {"type": "setReferrer", "code": "x" * 201},
    {"type": "setReferrer", "code": "\ud800"},
    {"type": "subAccountTransfer", "subAccountUser": "0x1", "isDeposit": True, "usd": 1},
    {"type": "subAccountTransfer", "subAccountUser": "0x" + "1" * 40, "isDeposit": True, "usd": 1.5},
]  # fmt: skip


@pytest.mark.parametrize("value", MALFORMED, ids=lambda value: json.dumps(value)[:80])
def test_malformed_actions_are_refused(value: Any) -> None:
    with pytest.raises(HlMalformedError):
        parse_action(value)


@pytest.mark.parametrize(
    "value",
    [
        {"type": "createVault"}, {"type": "multiSig"},
    ],
)  # fmt: skip
def test_known_actions_that_are_not_offered_are_named(value: Any) -> None:
    with pytest.raises(HlUnsupportedError, match="not supported"):
        parse_action(value)


SEND = {
    "type": "usdSend", "signatureChainId": "0x66eee", "hyperliquidChain": "Testnet", "destination": "0x" + "1" * 40,
    "amount": "1", "time": 5,
}  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        {"amount": 1}, {"amount": "-1"}, {"time": "5"}, {"time": 2**53}, {"destination": "0x1"}, {"signatureChainId": 5},
        {"signatureChainId": "66eee"}, {"signatureChainId": "0x"}, {"more": 1}, {"signatureChainId": "0x" + "f" * 17},
        {"time": None},
    ],
)  # fmt: skip
def test_malformed_typed_data_is_refused(change: dict[str, Any]) -> None:
    assert parse_user_action(SEND) is not None
    with pytest.raises(HlMalformedError):
        parse_user_action({**SEND, **change})


MORE: list[tuple[dict[str, Any], list[dict[str, Any]]]] = [
    (
        {"type": "spotSend", "destination": SUB, "token": "ETH:0x1", "amount": "1.5", "time": 5},
        [{"amount": "x"}, {"amount": 1}, {"token": 5}, {"destination": "me"}, {"time": -1}, {"more": 1}],
    ),
    (
        {
            "type": "sendAsset", "destination": SUB, "sourceDex": "", "destinationDex": "spot", "token": "USDC", "amount": "2",
            "fromSubAccount": "", "nonce": 5,
        },
        [{"amount": "-2"}, {"fromSubAccount": 5}, {"sourceDex": True}, {"nonce": "5"}, {"destination": None}, {"token": "x" * 201}],
    ),
    (
        {"type": "usdClassTransfer", "amount": "1", "toPerp": True, "nonce": 5},
        [{"toPerp": 1}, {"amount": 1}, {"nonce": 2**53}, {"time": 5}],
    ),
]  # fmt: skip
TYPED = {"signatureChainId": "0x66eee", "hyperliquidChain": "Testnet"}


@pytest.mark.parametrize(("good", "changes"), MORE, ids=lambda value: str(value)[:30])
def test_other_typed_data_is_read_strictly_and_written_the_same(good: dict[str, Any], changes: list[dict[str, Any]]) -> None:
    parsed = parse_user_action({**good, **TYPED})
    assert parsed is not None
    request = HlUserRequest(*parsed)
    assert decode_user_request(encode_request(request)) == request
    row = unpack(encode_request(request))
    for broken in (row[:-1], [*row, "x"], [*row[:2], 99, *row[3:]], [*row[:3], 5, *row[4:]]):
        with pytest.raises(HlMalformedError):
            decode_user_request(pack(broken))
    for change in changes:
        with pytest.raises(HlMalformedError):
            parse_user_action({**good, **TYPED, **change})


def test_main_network_is_refused_by_name() -> None:
    with pytest.raises(HlWrongChainError, match="Mainnet and testnet require different signature"):
        parse_user_action({**SEND, "hyperliquidChain": "Mainnet"})


def test_records_hold_the_canonical_form_only() -> None:
    """Another encoding of the same action, or one that is not offered, is no record."""
    parsed = parse_action(PLACE)
    good = encode_record(TimeMs(5), hl_action(HlL1Request(parsed, 7, None, TimeMs(0)), bytes(65)))
    time, kind, dialect, action, signature = unpack(good)
    assert encode_record(*decode_record(good)) == good
    nonce, vault, expires, data = unpack(action)
    shuffled = msgpack.packb(dict(reversed(PLACE.items())))
    padded = msgpack.packb({**PLACE, "orders": [{**ORDER, "p": "50000.50"}]})
    wide = data.replace(b"\xa1a\x00", b"\xa1a\xcc\x00")
    unoffered = msgpack.packb({"type": "multiSig"})
    for other in (shuffled, padded, wide, unoffered, b"", data + b"\x00", data[:-1]):
        with pytest.raises(RecordError):
            decode_record(pack([time, kind, dialect, pack([nonce, vault, expires, other]), signature]))
    for row in (
        [nonce, b"\x01", expires, data],
        [nonce, vault, expires],
        [2**53, vault, 0, data],
        [nonce, vault, -1, data],
    ):
        with pytest.raises(RecordError):
            decode_record(pack([time, kind, dialect, pack(row), signature]))
    for number in (0, 4, True):
        with pytest.raises(RecordError):
            decode_record(pack([time, kind, number, action, signature]))


def test_typed_data_records_are_strict() -> None:
    parsed = parse_user_action(SEND)
    assert parsed is not None
    good = encode_record(TimeMs(5), hl_action(HlUserRequest(*parsed), bytes(65)))
    assert encode_record(*decode_record(good)) == good
    time, kind, dialect, action, signature = unpack(good)
    nonce, chain, number, destination, amount = unpack(action)
    for row in (
        [nonce, chain, 9, destination, amount], [nonce, chain, True, destination, amount], [nonce, chain, number],
        [nonce, chain, number, destination, "x"], [nonce, chain, number, "0x1", amount], [nonce, -1, number, destination, amount],
        [nonce, chain, 3, destination, ""], [nonce, chain, 4, "0.01%", b""], [nonce, chain, number, b"", amount],
    ):  # fmt: skip
        with pytest.raises(RecordError):
            decode_record(pack([time, kind, dialect, pack(row), signature]))
