"""Posting to a live node as a client of the dialect does, with signatures made here."""

import itertools
import time
from typing import Any

import aiohttp

from proto.hl.actions import HlL1Request, HlUserRequest
from proto.hl.schema import parse_action, parse_user_action
from proto.ids import Address
from proto.signing.hyperliquid import SOURCE_TESTNET, request_digest
from proto.signing.secp256k1 import SigningKey
from proto.units import TimeMs

_NONCES = itertools.count(time.time_ns() // 1_000_000)
CHAIN = {"signatureChainId": "0x66eee", "hyperliquidChain": "Testnet"}


def order(price: str, size: str = "0.01", *, buy: bool = True, tif: str = "Gtc", **more: Any) -> dict[str, Any]:
    """One order on BTC."""
    return {"a": 0, "b": buy, "p": price, "s": size, "r": False, "t": {"limit": {"tif": tif}}, **more}


def place(*orders: dict[str, Any]) -> dict[str, Any]:
    """An order action."""
    return {"type": "order", "orders": list(orders), "grouping": "na"}


def signature_object(signature: bytes) -> dict[str, Any]:
    """As the Python SDK writes it: without zeros on the left."""
    r, s = (int.from_bytes(part, "big") for part in (signature[:32], signature[32:64]))
    return {"r": hex(r), "s": hex(s), "v": signature[64]}


def envelope(
    key: SigningKey, action: dict[str, Any], *, vault: Address | None = None, expires: int = 0, nonce: int | None = None,
    source: bytes = SOURCE_TESTNET,
) -> dict[str, Any]:  # fmt: skip
    """A signed body."""
    nonce = next(_NONCES) if nonce is None else nonce
    signed = key.sign(request_digest(HlL1Request(parse_action(action), nonce, vault, TimeMs(expires)), source))
    return {
        "action": action, "nonce": nonce, "signature": signature_object(signed),
        "vaultAddress": None if vault is None else "0x" + vault.hex(), "expiresAfter": expires or None,
    }  # fmt: skip


def typed(key: SigningKey, action: dict[str, Any]) -> dict[str, Any]:
    """A signed body of a user-signed action; its nonce is filled in."""
    nonce = next(_NONCES)
    name = "time" if action["type"] in ("usdSend", "withdraw3") else "nonce"
    action = {**action, **CHAIN, name: nonce}
    parsed = parse_user_action(action)
    assert parsed is not None
    signed = key.sign(request_digest(HlUserRequest(*parsed)))
    return {"action": action, "nonce": nonce, "signature": signature_object(signed)}


async def exchange(url: str, body: Any) -> Any:
    """The JSON answer of `/exchange`, which must be 200."""
    async with aiohttp.ClientSession() as http, http.post(url + "/exchange", json=body) as response:
        assert response.status == 200, await response.text()
        assert response.content_type == "application/json"
        return await response.json()


async def info(url: str, **request: Any) -> Any:
    """The JSON answer of `/info`, which must be 200."""
    async with aiohttp.ClientSession() as http, http.post(url + "/info", json=request) as response:
        assert response.status == 200, await response.text()
        assert response.content_type == "application/json"
        return await response.json()


def statuses(answer: Any) -> list[Any]:
    """The statuses of an answer that is ok."""
    assert answer["status"] == "ok", answer
    found: list[Any] = answer["response"]["data"]["statuses"]
    return found
