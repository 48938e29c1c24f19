"""HTTP reads: exact human units, the same codes as everywhere, proofs that verify from the answer alone."""

import datetime
import ssl
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from node.client.amounts import AmountError, from_units, to_units, wire_units
from node.client.client import NovateClient
from node.gateway.human import Human, decimal_text
from node.gateway.settings import GatewaySettings, LimitSettings
from proto.hashing import keccak
from proto.intents import Side, TimeInForce
from proto.ledger import DEPTHS, Roots, Section
from proto.merkle import SparseProof, list_proof_root, sparse_proof_root
from proto.reject import SENTENCES, RejectCode
from proto.signing.eip712 import receipt_digest
from proto.signing.secp256k1 import recover
from tests.gateway.live import UNLIMITED, LiveNode, eventually, live
from tests.gateway.wire import peer
from tests.sequencer.venue import DOMAIN, OPERATOR, PARAMS, TRADERS


async def get(node: LiveNode, path: str) -> tuple[int, Any]:
    """Status and JSON of a read."""
    async with aiohttp.ClientSession() as session, session.get(node.http + path) as response:
        return response.status, await response.json()


async def data(node: LiveNode, path: str) -> Any:
    """The data of a read that must succeed."""
    status, body = await get(node, path)
    assert status == 200, body
    return body["data"]


def unhex(text: str) -> bytes:
    """Bytes of 0x text."""
    return bytes.fromhex(text[2:])


async def trade_once(node: LiveNode) -> int:
    """One maker, one taker, one fill of 0.2 BTC at 60,010. Returns the maker's order."""
    for key in TRADERS[:2]:
        await node.fund(key, 1_000_000)
    await node.price()
    async with NovateClient(node.url, TRADERS[0]) as maker, NovateClient(node.url, TRADERS[1]) as taker:
        market = await maker.market("BTC-PERPETUAL")
        rests = await maker.place_order(market, Side.SELL, price="60010", size="0.5", client_id=7)
        await taker.place_order(market, Side.BUY, price="60010", size="0.2", time_in_force=TimeInForce.IOC)
    return rests.order


async def test_reads_show_a_trade_in_human_units() -> None:
    async with live() as node:
        order = await trade_once(node)
        maker, taker = (f"0x{key.address.hex()}" for key in TRADERS[:2])
        assert (await data(node, "/v1/book/BTC-PERPETUAL"))["asks"] == [["60010", "0.3", 1]]
        [trade] = (await data(node, "/v1/trades/1"))["rows"]
        assert (trade["price"], trade["size"], trade["taker_side"], trade["market_name"]) == (
            "60010",
            "0.2",
            "buy",
            "BTC-PERPETUAL",
        )
        [candle] = await data(node, "/v1/candles/BTC-PERPETUAL?interval=60")
        assert (candle["open"], candle["volume"], candle["quote"], candle["trades"]) == ("60010", "0.2", "12002", 1)
        [position] = (await data(node, f"/v1/accounts/{taker}"))["positions"]
        assert (position["position_size"], position["entry"], position["mark"][:2]) == ("0.2", "12002", "60")
        [fill] = (await data(node, f"/v1/accounts/{maker}/fills"))["rows"]
        assert (fill["side"], fill["is_taker"], fill["fee"], fill["client_id"]) == (
            "sell",
            False,
            "1.8003",
            f"0x{7:032x}",
        )
        [open_] = await data(node, f"/v1/accounts/{maker}/orders")
        assert (open_["id"], open_["remaining"], open_["status"], open_["type"]) == (order, "0.3", "open", "limit")
        [ended] = (await data(node, f"/v1/accounts/{taker}/order_history"))["rows"]
        assert (ended["status"], ended["reason"], ended["quote"]) == ("filled", "filled", "12002")
        ledger = (await data(node, f"/v1/accounts/{taker}/ledger?newest_first=false"))["rows"]
        assert (ledger[0]["delta"], ledger[0]["reason"], ledger[0]["asset_name"]) == ("1000000", "deposit", "USDC")
        assert sum(Decimal(row["delta"]) for row in ledger) == Decimal(ledger[-1]["balance"])
        market = await data(node, "/v1/markets/BTC-PERPETUAL")
        assert (market["size_decimals"], market["price_decimals"], market["status"]) == (5, 1, "open")
        assert market["open_interest"] == "0.2"
        assert (await data(node, "/v1/status"))["seq"] >= 7


async def test_pages_follow_their_cursors() -> None:
    async with live() as node:
        await trade_once(node)
        path = f"/v1/accounts/0x{TRADERS[1].address.hex()}/ledger"
        whole = (await data(node, path))["rows"]
        assert len(whole) > 1
        rows, cursor = [], ""
        while True:
            page = await data(node, f"{path}?limit=1" + (f"&cursor={cursor}" if cursor else ""))
            rows.extend(page["rows"])
            cursor = page["next"]
            if not cursor:
                break
        assert rows == whole
        assert rows[0]["cursor"] == f"{rows[0]['seq']}-{rows[0]['position']}"


async def test_the_life_of_an_order_ends_in_a_batch_with_its_settlement() -> None:
    async with live() as node:
        order = await trade_once(node)

        async def sealed() -> bool:
            return len((await data(node, f"/v1/orders/{order}"))["batches"]) > 0

        await eventually(sealed)
        batches = node.views.batches
        number = (await data(node, f"/v1/orders/{order}"))["batches"][0]["id"]
        batches.posted(number, b"\xaa" * 32, 12, 34)
        batches.verified(number, TRADERS[3].address)
        node.shelf.settled()
        life = await data(node, f"/v1/orders/{order}")
        assert life["order"]["address"] == f"0x{TRADERS[0].address.hex()}"
        assert [fill["size"] for fill in life["fills"]] == ["0.2"]
        assert {row["seq"] for row in life["inputs"]} == {life["order"]["seq"], life["fills"][0]["seq"]}
        [batch] = [batch for batch in life["batches"] if batch["id"] == number]
        assert (batch["status"], batch["posted_tx"], batch["posted_block"]) == ("verified", "0x" + "aa" * 32, 12)
        assert batch["verified_by"] == [f"0x{TRADERS[3].address.hex()}"]
        batches.finalised(number, 56)
        assert (await data(node, f"/v1/batches/{number}"))["status"] == "final"
        batches.unposted(number)
        assert (await data(node, f"/v1/batches/{number}"))["status"] == "sealed"
        newest = await data(node, "/v1/batches?limit=2")
        assert [batch["id"] for batch in newest] == sorted((batch["id"] for batch in newest), reverse=True)


async def test_a_receipt_verifies_from_the_answer_alone() -> None:
    async with live() as node:
        await trade_once(node)
        for seq in range(1, node.views.seq + 1):
            answer = await data(node, f"/v1/receipts/{seq}")
            root = list_proof_root(
                unhex(answer["record"]),
                answer["position"],
                answer["count"],
                [unhex(text) for text in answer["siblings"]],
            )
            assert root == unhex(answer["root"])
            assert answer["first_seq"] + answer["position"] == seq
            digest = receipt_digest(DOMAIN, unhex(answer["head"]), answer["first_seq"], answer["count"], root)
            assert recover(digest, unhex(answer["signature"])) == OPERATOR.address


async def test_an_account_proof_leads_to_the_state_root() -> None:
    async with live() as node:
        await trade_once(node)
        path = f"/v1/accounts/0x{TRADERS[0].address.hex()}/proof"

        async def proved() -> bool:
            return (await get(node, path))[0] == 200

        await eventually(proved)
        answer = await data(node, path)
        bitmap = int(answer["bitmap"])
        proof = SparseProof(bitmap, tuple(unhex(text) for text in answer["siblings"]))
        section = sparse_proof_root(keccak(unhex(answer["leaf"])), answer["account"], DEPTHS[Section.ACCOUNTS], proof)
        sections = tuple(unhex(text) for text in answer["sections"])
        assert section == sections[Section.ACCOUNTS]
        assert Roots(sections, unhex(answer["system"])).state_root() == unhex(answer["state_root"])
        assert unhex(answer["leaf"])[12:32] == TRADERS[0].address


ERRORS = {
    "/v1/markets/NONE": (404, "MARKET_UNKNOWN"),
    "/v1/book/7": (404, "MARKET_UNKNOWN"),
    "/v1/accounts/0x00": (400, "FIELD_WRONG_TYPE"),
    "/v1/accounts/0x" + "00" * 20: (404, "ACCOUNT_UNKNOWN"),
    "/v1/accounts/0x" + "00" * 20 + "/nothing": (404, "QUERY_UNKNOWN"),
    "/v1/orders/abc": (400, "FIELD_WRONG_TYPE"),
    "/v1/orders/77": (404, "ORDER_UNKNOWN"),
    "/v1/receipts/999999": (404, "RECEIPT_UNKNOWN"),
    "/v1/batches/99999": (404, "BATCH_UNKNOWN"),
    "/v1/trades/1?limit=501": (400, "FIELD_OUT_OF_RANGE"),
    "/v1/trades/1?limit=0": (400, "FIELD_OUT_OF_RANGE"),
    "/v1/trades/1?cursor=1-2-3": (400, "FRAME_MALFORMED"),
    "/v1/trades/1?newest_first=1": (400, "FIELD_WRONG_TYPE"),
    "/v1/candles/1?interval=7": (400, "FIELD_OUT_OF_RANGE"),
    "/v1/ws": (400, "FRAME_MALFORMED"),
}


async def test_errors_carry_the_codes_of_the_protocol() -> None:
    async with live() as node:
        for path, (expected, name) in ERRORS.items():
            status, body = await get(node, path)
            error = body["error"]
            assert (status, error["name"]) == (expected, name), path
            assert error["code"] == RejectCode[name].value
            assert error["sentence"] == SENTENCES[RejectCode[name]]


async def test_reads_have_a_rate() -> None:
    limits = LimitSettings(weight_per_minute=8)
    async with live(GatewaySettings(port=0, limits=limits)) as node:
        statuses = [(await get(node, "/v1/markets"))[0] for _ in range(5)]
        assert statuses == [200, 200, 200, 200, 429]


async def test_health_and_readiness_tell_the_truth() -> None:
    async with live() as node, aiohttp.ClientSession() as session:
        async with session.get(node.http + "/readyz") as response:
            assert response.status == 200
        node.health.reasons = ["L1 is out of reach"]
        async with session.get(node.http + "/readyz") as response:
            assert response.status == 503
            assert (await response.json()) == {"ok": False, "reasons": ["L1 is out of reach"]}
        async with session.get(node.http + "/healthz") as response:
            assert response.status == 200


async def test_metrics_count_orders_signers_and_connections() -> None:
    async with live() as node:
        await trade_once(node)
        async with peer(node), aiohttp.ClientSession() as session, session.get(node.http + "/metrics") as response:
            page = await response.text()
        assert "novate_gateway_orders_total 2.0" in page
        assert "novate_gateway_signers 2.0" in page
        assert "novate_gateway_connections 1.0" in page
        assert "novate_gateway_ack_seconds_count 2.0" in page


async def test_tls_serves_the_same(tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False).sign(key, hashes.SHA256())
    )  # fmt: skip
    pem, secret = tmp_path / "node.pem", tmp_path / "node.key"
    pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    settings = GatewaySettings(port=0, limits=UNLIMITED, tls_certificate=pem, tls_key=secret)
    async with live(settings) as node, aiohttp.ClientSession() as session:
        trust = ssl.create_default_context(cafile=str(pem))
        url = f"https://localhost:{node.gateway.port}/v1/status"
        async with session.get(url, ssl=trust) as response:
            assert response.status == 200
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await session.get(url)


def test_decimal_text_is_exact() -> None:
    human = Human(PARAMS)
    assert [decimal_text(units, 6) for units in (0, 1, -1, 1_500_000, -12_345_678)] == [
        "0",
        "0.000001",
        "-0.000001",
        "1.5",
        "-12.345678",
    ]
    for units in (-(10**30) - 1, -7, 0, 3, 10**25 + 9):
        for decimals in (0, 1, 6, 12):
            assert to_units(decimal_text(units, decimals), decimals, "it") == units
            assert from_units(units, decimals) == Decimal(decimal_text(units, decimals))
    assert human.show({"asset": 1, "balance": 1_500_000_000}) == {"asset": 1, "balance": "1.5", "asset_name": "ETH"}


def test_human_amounts_are_never_rounded() -> None:
    assert to_units("60000.5", 1, "price") == 600_005
    assert to_units(Decimal("0.00001"), 5, "size") == 1
    assert to_units(3, 4, "size") == 30_000
    assert from_units(600_005, 1) == Decimal("60000.5")
    for amount in ("0.000001", "1e-9", "", "x", "NaN", "Infinity", Decimal("0.0000001"), "1e400", "1e999999999", "1e-999999999"):
        with pytest.raises(AmountError):
            to_units(amount, 5, "size")
    assert wire_units("18446744073709.551615", 6, "amount") == 2**64 - 1
    for amount, trouble in (("-1", "below zero"), ("18446744073709.551616", "too large")):
        with pytest.raises(AmountError, match=trouble):
            wire_units(amount, 6, "amount")
    with pytest.raises(AmountError, match="float"):
        to_units(0.5, 5, "size")  # type: ignore[arg-type]
