"""What the installed Python SDK signs of each action is what is recovered here, from the canonical bytes as a batch keeps them."""

from pathlib import Path
from typing import Any

from proto.hl.actions import HlL1Request, HlUserRequest
from proto.hl.schema import parse_action, parse_user_action
from proto.hl.wire import decode_l1_request, decode_user_request, encode_request
from proto.ids import Address
from proto.signing.hyperliquid import request_digest
from proto.signing.secp256k1 import recover
from proto.units import TimeMs
from tests.gateway.hl.foreign import run

VECTORS = Path(__file__).parents[4] / "shared" / "vectors" / "hl_signing.json"
SECRET = "0x0123456789012345678901234567890123456789012345678901234567890123"


def signature_of(row: dict[str, Any]) -> bytes:
    return int(row["r"], 16).to_bytes(32, "big") + int(row["s"], 16).to_bytes(32, "big") + bytes([row["v"]])


async def test_signatures_of_the_installed_sdk_recover() -> None:
    made = await run("sdk_vectors", SECRET, str(VECTORS) if VECTORS.exists() else "-")
    signer = Address(bytes.fromhex(made["signer"][2:]))
    assert made["wrong"] == []
    for row in made["l1"]:
        vault = Address(bytes.fromhex(row["vaultAddress"][2:])) if row["vaultAddress"] else None
        request = HlL1Request(parse_action(row["action"]), row["nonce"], vault, TimeMs(row["expiresAfter"] or 0))
        again = decode_l1_request(encode_request(request))
        assert recover(request_digest(again), signature_of(row["signature"])) == signer, row["action"]
    for row in made["user"]:
        parsed = parse_user_action(row["action"])
        assert parsed is not None, row["action"]
        kept = decode_user_request(encode_request(HlUserRequest(*parsed)))
        assert recover(request_digest(kept), signature_of(row["signature"])) == signer, row["action"]
    assert (len(made["l1"]), len(made["user"])) == (24, 7)
