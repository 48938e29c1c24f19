"""What a verifier would write from PROTOCOL.md, with none of our code: hashes, trees, leaves, receipts; compared with the node's."""

import asyncio
import tomllib
from pathlib import Path
from typing import Any

import msgpack
import sha3
from eth_account import Account
from eth_account.messages import encode_typed_data

from node.client.client import NovateClient
from node.config.genesis import load_genesis
from node.core.commit.origin import genesis_root
from proto.intents import SelfTrade, Side
from proto.version import PROTOCOL_VERSION
from tests.docs.blocks import ROOT
from tests.docs.venue import TRADER, funded_node

GENESIS = ROOT / "config" / "genesis" / "devnet.toml"
OPERATOR_INDEX = 10  # Of the development mnemonic.
DEPTHS = (32, 32, 16, 32, 16, 16, 16, 32, 32, 32)  # Section 13.
ZERO = bytes(32)


def _h(data: bytes) -> bytes:
    digest: bytes = sha3.keccak_256(data).digest()
    return digest


def _w(value: int) -> bytes:
    return (value % 2**256).to_bytes(32, "big")


def _tree(leaves: dict[int, bytes], depth: int) -> bytes:
    """Root of a sparse tree, from the words of its leaves."""
    nodes = {key: _h(words) for key, words in leaves.items()}
    for _ in range(depth):
        parents = {}
        for key in {at // 2 for at in nodes}:
            pair = nodes.get(2 * key, ZERO) + nodes.get(2 * key + 1, ZERO)
            parents[key] = ZERO if pair == 2 * ZERO else _h(pair)
        nodes = parents
    return nodes.get(0, ZERO)


def _state_root(sections: list[bytes], system: bytes) -> bytes:
    return _h(_h(b"".join(sections[:5]) + _h(system)) + _h(b"".join(sections[5:])))


def _parameters(text: str) -> list[Any]:
    """Section 15: parameters of a genesis file in the order and units that are hashed."""
    file = tomllib.loads(text)
    usd, rate = 10**6, 10**6
    oracle, funding, fees, liquidation, limits = (
        file[name] for name in ("oracle", "funding", "fees", "liquidation", "limits")
    )
    return [
        file["network"], file["chain_id"],
        [
            [
                a["id"], a["symbol"], a["decimals"], int(a["deposit_cap"]) * 10 ** a["decimals"], a["index"],
                a["weight_initial_ppm"], a["weight_maintenance_ppm"], a["imf_ppm"],
            ]
            for a in file["assets"]
        ],
        [[i["id"], i["name"]] for i in file["indices"]],
        [
            [
                m["id"], m["name"], m["index"], m["size_decimals"],
                [[t["lower_notional"] * usd, t["leverage_max"]] for t in m["tiers"]],
                m["maintenance_ppm"], m["band_ppm"], m["mark_band_ppm"], m["minimum_notional"] * usd,
                m["open_interest_cap"] * usd, m["impact_notional"] * usd, m["order_cap"],
                m.get("position_cap", 0) * usd,
                m["open_interest_lower"] * usd, m["open_interest_upper"] * usd,
                m["liquidity_multiple"], m["liquidity_ppm"],
            ]
            for m in file["markets"]
        ],
        [[bytes.fromhex(p["address"][2:]), p["weight"]] for p in file["publishers"]],
        [
            oracle[k]
            for k in ("quorum", "stale_ms", "future_ms", "deviation_ppm", "confidence_ppm", "cancel_only_ms", "halt_ms", "jump_ppm")
        ],
        [
            funding["sample_ms"], funding["interval_ms"], funding["interest_8h_ppm"] * rate, funding["clamp_8h_ppm"] * rate,
            funding["cap_hourly_ppm"] * rate, funding["ema_ms"],
        ],
        [
            file["margin"][k]
            for k in ("borrow_cap_ppm", "borrow_rate_ppm", "depeg_threshold_ppm", "depeg_factor_ppm", "sale_discount_ppm")
        ],
        [
            *(fees[k] for k in ("taker_ppm", "maker_ppm", "insurance_ppm", "backstop_ppm")),
            [[tier["volume"] * usd, tier["taker_ppm"], tier["maker_ppm"]] for tier in fees["tiers"]],
        ],
        [
            liquidation["slice_notional"] * usd,
            *(
                liquidation[k]
                for k in (
                    "slice_ppm", "slice_wait_ms", "fee_ppm", "backstop_ppm", "takeover_start_ppm", "takeover_knee_ppm",
                    "takeover_knee_ms", "takeover_end_ms", "takeover_buffer_ppm", "vault_account_ppm", "vault_delay_ms",
                )
            ),
            liquidation["vault_minimum"] * usd, liquidation["unwind_ppm"], liquidation["unwind_wait_ms"],
        ],
        [
            limits[k]
            for k in (
                "orders_per_account", "agents_per_account", "sub_accounts", "positions_per_account", "fills_per_input",
                "cancels_per_input",
                "triggers_per_account",
                "twaps_per_account",
            )
        ],
        [file["dialects"]["hyperliquid_owners"]],
        [
            file["breakers"][k]
            for k in ("fast_ppm", "fast_window_ms", "post_only_ms", "deep_ppm", "deep_window_ms", "calm_ppm", "calm_ms")
        ],
        [file["volatility"][k] for k in ("z_ppm", "lambda_ppm", "sample_ms", "horizon_ms", "cap_ppm", "rise_ppm")],
        [file["depth"][k] for k in ("distance_ppm", "ema_ms")],
        [
            file["withdrawals"]["hour_ppm"], file["withdrawals"]["hour_amount"] * usd,
            file["withdrawals"]["day_ppm"], file["withdrawals"]["day_amount"] * usd, file["withdrawals"]["gate_ms"],
        ],
    ]  # fmt: skip


def _owner_authority(address: bytes, nonces: list[int]) -> bytes:
    return _h(_w(int.from_bytes(address)) + _w(1) + ZERO + ZERO + _h(b"".join(nonce.to_bytes(8, "big") for nonce in nonces)))


def test_genesis_by_hand() -> None:
    file = tomllib.loads(GENESIS.read_text(encoding="utf-8"))
    params = load_genesis(GENESIS)
    digest = _h(msgpack.packb(_parameters(GENESIS.read_text(encoding="utf-8"))))
    assert digest == params.digest()
    assert _h(_w(PROTOCOL_VERSION) + digest) == params.rules_hash()
    venue = [_h(b"novate." + name)[12:] for name in (b"insurance", b"treasury", b"backstop")]
    accounts = {}
    for number, address in enumerate(venue, 1):
        word = _w(int.from_bytes(address))
        accounts[number] = word + word + _owner_authority(address, []) + ZERO + ZERO
    markets = {market["id"]: 11 * ZERO for market in file["markets"]}
    guards = ZERO + _w(len(file["assets"])) + ZERO + ZERO + 3 * ZERO * len(file["assets"])
    sections: list[dict[int, bytes]] = [
        accounts, {}, markets, {}, {1: _w(1) + _w(3) + ZERO}, dict.fromkeys(markets, 19 * ZERO),
        {index["id"]: _w(0) + _w(0) + _w(3) + _w(0) + _w(0) for index in file["indices"]},
        {0: ZERO + ZERO + _w(1) + ZERO, 1: guards}, {}, {},
    ]  # fmt: skip
    assets = len(file["assets"])
    prices = [0, 0, 0, 0, 0, 10**6, *(0,) * (6 * (assets - 1))]
    system = b"".join(map(_w, (0, 0, 0, 0, 0, 4, 1, 1, 1, 0, 0, 0, assets, *prices)))
    roots = [_tree(leaves, depth) for leaves, depth in zip(sections, DEPTHS, strict=True)]
    assert _state_root(roots, system) == genesis_root(params)


async def _sealed_proof(client: NovateClient, seq: int) -> dict[str, Any]:
    """The account's proof against a sealed state that contains input `seq`."""
    while (await client.query("receipt", seq)).value["batch"] == 0:
        await asyncio.sleep(0.05)
    proof: dict[str, Any] = (await client.query("account_proof", TRADER.address)).value
    return proof


async def test_account_and_receipt_by_hand(tmp_path: Path) -> None:
    async with funded_node(tmp_path) as node, NovateClient(node.url, TRADER) as client:
        market = await client.market("BTC-PERPETUAL")
        seller = await client.place_order(market, Side.SELL, size="0.02", price="60000")
        bought = await client.place_order(
            market, Side.BUY, size="0.01", price="59000", self_trade=SelfTrade.EXPIRE_TAKER
        )
        assert (seller.code, bought.code) == (0, 0)
        row = (await client.query("order", bought.order)).value
        proof = await _sealed_proof(client, row["seq"])
        nonces = (await client.query("nonces", TRADER.address)).value
        receipt = (await client.query("receipt", row["seq"])).value
        facts = client.hello.facts
    _check_account(proof, nonces)
    _check_receipt(receipt, facts)


def _check_account(proof: dict[str, Any], nonces: list[int]) -> None:
    leaf, key = proof["leaf"], proof["account"]
    words = [leaf[at : at + 32] for at in range(0, len(leaf), 32)]
    address = _w(int.from_bytes(TRADER.address))
    assert words == [address, address, _owner_authority(TRADER.address, nonces), _w(10**12), ZERO]
    digest, siblings = _h(leaf), iter(proof["siblings"])
    for level in range(DEPTHS[0]):
        sibling = next(siblings) if proof["bitmap"] >> level & 1 else ZERO
        pair = sibling + digest if key >> level & 1 else digest + sibling
        digest = ZERO if pair == 2 * ZERO else _h(pair)
    assert next(siblings, None) is None
    assert digest == proof["sections"][0]
    assert _state_root(proof["sections"], proof["system"]) == proof["state_root"]


def _check_receipt(receipt: dict[str, Any], facts: dict[str, Any]) -> None:
    digest, index, count = _h(b"\x00" + receipt["record"]), receipt["position"], receipt["count"]
    sides = []
    while count > 1:
        split = 1 << (count - 1).bit_length() - 1
        sides.append(index >= split)
        index, count = (index - split, count - split) if index >= split else (index, split)
    for right, sibling in zip(reversed(sides), receipt["siblings"], strict=True):
        digest = _h(b"\x01" + (sibling + digest if right else digest + sibling))
    assert digest == receipt["root"]
    data = {
        "types": {
            "EIP712Domain": [
                {"name": "name", "type": "string"}, {"name": "version", "type": "string"}, {"name": "chainId", "type": "uint256"},
                {"name": "verifyingContract", "type": "address"},
            ],
            "Receipt": [
                {"name": "head", "type": "bytes32"}, {"name": "firstSeq", "type": "uint64"}, {"name": "count", "type": "uint32"},
                {"name": "root", "type": "bytes32"},
            ],
        },
        "primaryType": "Receipt",
        "domain": {
            "name": "Novate", "version": "1", "chainId": facts["chain_id"], "verifyingContract": "0x" + facts["contract"].hex(),
        },
        "message": {
            "head": receipt["head"], "firstSeq": receipt["first_seq"], "count": receipt["count"], "root": receipt["root"],
        },
    }  # fmt: skip
    Account.enable_unaudited_hdwallet_features()
    mnemonic = "test test test test test test test test test test test junk"
    operator = Account.from_mnemonic(mnemonic, account_path=f"m/44'/60'/0'/0/{OPERATOR_INDEX}").address
    assert Account.recover_message(encode_typed_data(full_message=data), signature=receipt["signature"]) == operator
