"""Signatures that the installed hyperliquid-python-sdk makes: one of each action and of each shape that its hash covers.

Runs in the clients' own environment. Arguments: secret, and a file of published vectors or `-`. Prints the actions with their signatures,
and for the published ones whether the SDK signs them as published.
"""

import json
import sys
from pathlib import Path
from typing import Any

import eth_account
from hyperliquid.utils import signing

SECRET, PUBLISHED = sys.argv[1:3]
WALLET = eth_account.Account.from_key(SECRET)
OTHER = "0x1719884eb866cb12b2287399b15f7db5e7d775ea"
CLOID = "0x" + "0" * 31 + "1"
ORDER: dict[str, Any] = {"a": 1, "b": True, "p": "100", "s": "100", "r": False, "t": {"limit": {"tif": "Gtc"}}}
STOP = {**ORDER, "b": False, "r": True, "t": {"trigger": {"isMarket": True, "triggerPx": "90.5", "tpsl": "sl"}}}
PROFIT = {**STOP, "t": {"trigger": {"isMarket": False, "triggerPx": "110", "tpsl": "tp"}}, "c": CLOID}
PLACE: dict[str, Any] = {"type": "order", "orders": [ORDER], "grouping": "na"}
L1: list[tuple[dict[str, Any], str | None, int | None]] = [
    (PLACE, None, None), (PLACE, OTHER, None), (PLACE, None, 1_700_000_060_000), (PLACE, OTHER, 1_700_000_060_000),
    ({**PLACE, "orders": [ORDER, PROFIT, STOP], "grouping": "normalTpsl"}, None, None),
    ({**PLACE, "orders": [{**PROFIT, "s": "0"}, {**STOP, "s": "0"}], "grouping": "positionTpsl"}, None, None),
    ({**PLACE, "builder": {"b": OTHER, "f": 10}}, None, None),
    ({"type": "cancel", "cancels": [{"a": 1, "o": 77}]}, None, None),
    ({"type": "cancelByCloid", "cancels": [{"asset": 1, "cloid": CLOID}]}, None, None),
    ({"type": "modify", "oid": 77, "order": STOP}, None, None),
    ({"type": "batchModify", "modifies": [{"oid": 77, "order": ORDER}, {"oid": CLOID, "order": PROFIT}]}, None, None),
    ({"type": "twapOrder", "twap": {"a": 1, "b": True, "s": "100", "r": False, "m": 30, "t": True}}, None, None),
    ({"type": "twapCancel", "a": 1, "t": 12}, None, None),
    ({"type": "scheduleCancel"}, None, None), ({"type": "scheduleCancel", "time": 123_456_789}, None, None),
    ({"type": "updateLeverage", "asset": 1, "isCross": True, "leverage": 21}, None, None),
    ({"type": "createSubAccount", "name": "example"}, None, None),
    ({"type": "subAccountModify", "subAccountUser": OTHER, "name": "other"}, None, None),
    ({"type": "subAccountTransfer", "subAccountUser": OTHER, "isDeposit": True, "usd": 10}, None, None),
    (
        {"type": "subAccountSpotTransfer", "subAccountUser": OTHER, "isDeposit": False, "token": "ETH:0x1", "amount": "1.5"},
        None, None,
    ),
    ({"type": "setReferrer", "code": "ASDFASDF"}, None, None), ({"type": "registerReferrer", "code": "ASDFASDF"}, None, None),
    ({"type": "reserveRequestWeight", "weight": 5}, None, None), ({"type": "noop"}, None, None),
]  # fmt: skip
USER: list[tuple[Any, dict[str, Any]]] = [
    (signing.sign_usd_transfer_action, {"type": "usdSend", "destination": OTHER, "amount": "1", "time": 1_687_816_341_423}),
    (signing.sign_withdraw_from_bridge_action, {"type": "withdraw3", "destination": OTHER, "amount": "1", "time": 1_687_816_341_423}),
    (
        signing.sign_spot_transfer_action,
        {"type": "spotSend", "destination": OTHER, "token": "ETH:0x1", "amount": "1.25", "time": 1_687_816_341_423},
    ),
    (signing.sign_usd_class_transfer_action, {"type": "usdClassTransfer", "amount": "1", "toPerp": True, "nonce": 1_687_816_341_423}),
    (
        signing.sign_send_asset_action,
        {
            "type": "sendAsset", "destination": OTHER, "sourceDex": "", "destinationDex": "spot", "token": "USDC", "amount": "2.5",
            "fromSubAccount": "", "nonce": 1_687_816_341_423,
        },
    ),
    (signing.sign_agent, {"type": "approveAgent", "agentAddress": OTHER, "agentName": "bot", "nonce": 1_687_816_341_423}),
    (
        signing.sign_approve_builder_fee,
        {"type": "approveBuilderFee", "maxFeeRate": "0.01%", "builder": OTHER, "nonce": 1_687_816_341_423},
    ),
]  # fmt: skip


def published() -> list[str]:
    """Names of published actions that the SDK signs otherwise than they say, on either network."""
    if PUBLISHED == "-":
        return []
    found, wrong = json.loads(Path(PUBLISHED).read_text()), []
    for row in [*found["sdk_tests"], *found["derived_with_sdk"]]:
        if row["kind"] != "l1_action":
            continue
        known = {**row.get("derived", {}), **row.get("expected", {}), **row}
        for network in ("mainnet", "testnet"):
            if network in known:
                expected = known[network].get("signature", known[network])
                made = signing.sign_l1_action(
                    WALLET, row["action"], row["vaultAddress"], row["nonce"], row["expiresAfter"], network == "mainnet"
                )
                if (int(made["r"], 16), int(made["s"], 16)) != (int(expected["r"], 16), int(expected["s"], 16)):
                    wrong.append(row["name"])
    return wrong


def main() -> None:
    """Sign everything."""
    nonce, l1 = 1_700_000_000_123, []
    for action, vault, expires in L1:
        signature = signing.sign_l1_action(WALLET, action, vault, nonce, expires, False)  # noqa: FBT003 - the SDK's signature
        l1.append({"action": action, "nonce": nonce, "vaultAddress": vault, "expiresAfter": expires, "signature": signature})
    user = []
    for sign, plain in USER:
        action = dict(plain)
        signature = sign(WALLET, action, False)  # noqa: FBT003 - the SDK's signature
        user.append({"action": {**plain, **action}, "signature": signature})
    print(json.dumps({"signer": WALLET.address, "l1": l1, "user": user, "wrong": published()}))


if __name__ == "__main__":
    main()
