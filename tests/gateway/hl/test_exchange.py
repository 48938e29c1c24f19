"""POST /exchange: what is refused and in which words, the traps of real clients, and that the batch alone tells who signed."""

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import aiohttp
import pytest

from node.core.apply import apply
from node.core.commit.forest import Forest
from node.core.commit.seal import collect
from node.core.genesis import genesis_state
from node.core.params import DialectParams
from node.sequencer.released import ReleasedInput
from node.store.headers import BatchHeader
from proto.ids import sub_account_address
from proto.inputs import Dialect, SealTick, Stamp, UserAction, decode_record, encode_record
from proto.intents import ApproveAgent, CreateSubAccount
from proto.signing.authority import signer_of
from proto.signing.hyperliquid import SOURCE_MAINNET
from proto.signing.secp256k1 import SigningKey
from proto.units import TimeMs
from tests.gateway.hl.post import envelope, exchange, info, order, place, statuses, typed
from tests.gateway.live import LiveNode, live
from tests.sequencer.venue import DOMAIN, PARAMS, TRADERS, signed

ALICE, BOB = TRADERS[:2]
STRANGER = SigningKey(b"\x77" * 32)
BOT = SigningKey(b"\x78" * 32)


async def funded(node: LiveNode) -> str:
    """Two accounts with money, and prices."""
    for key in (ALICE, BOB):
        await node.fund(key, 1_000_000)
    await node.price()
    return node.http


async def raw(url: str, path: str, body: bytes | str) -> tuple[int, str, str]:
    """Status, content type and text of an answer."""
    headers = {"Content-Type": "application/json"}
    async with aiohttp.ClientSession() as http, http.post(url + path, data=body, headers=headers) as response:
        return response.status, response.content_type, await response.text()


async def test_what_cannot_be_read_is_422_in_plain_text() -> None:
    async with live() as node:
        url = await funded(node)
        good = envelope(ALICE, place(order("59000")))
        bodies: list[bytes | str] = [
            "", "nonsense", "[]", "null", "5", "{}", b"\xff\xfe", "[" * 100_000, '{"a":' * 20_000, "[" * 1_000, '{"a":1,"a":2}', "NaN",
            json.dumps({**good, "more": 1}), json.dumps({**good, "nonce": "5"}), json.dumps({**good, "nonce": -1}),
            json.dumps({**good, "nonce": 2**53}), json.dumps({**good, "nonce": 1.5}), json.dumps({**good, "action": None}),
            json.dumps({**good, "action": {**good["action"], "extra": 1}}),
            json.dumps({**good, "signature": "0x"}), json.dumps({**good, "signature": {**good["signature"], "r": "zz"}}),
            json.dumps({**good, "signature": {**good["signature"], "r": "0x" + "1" * 65}}),
            json.dumps({**good, "signature": {**good["signature"], "v": 29}}),
            json.dumps({**good, "vaultAddress": "0x12"}), json.dumps({**good, "expiresAfter": "soon"}),
            json.dumps(good).replace('"r": false', '"r": false, "r": true'),
            json.dumps({**good, "action": place(order("1e5"))}), json.dumps({**good, "action": {"type": "unheardOf"}}),
        ]  # fmt: skip
        for body in bodies:
            status, kind, text = await raw(url, "/exchange", body)
            assert (status, kind) == (422, "text/plain"), (body[:200], text)
            assert text == "Failed to deserialize the JSON body into the target type"
        for body in (
            "",
            "[]",
            '{"type":"unheardOf"}',
            '{"type":"l2Book","coin":5}',
            '{"type":"openOrders","user":"0x1"}',
        ):
            assert (await raw(url, "/info", body))[0] == 422, body
        assert await info(url, type="openOrders", user="0x" + ALICE.address.hex()) == []


async def test_forms_of_signature_and_addresses_that_clients_send() -> None:
    """v as 0 or 1, r and s without padding, nulls, a vault without 0x, keys in another order, padded numbers."""
    async with live() as node:
        url = await funded(node)
        await node.sequence(*signed(ALICE, CreateSubAccount(ALICE.address, node.now_ms(), TimeMs(0), 0)))
        sub = sub_account_address(ALICE.address, 0)
        body = envelope(ALICE, place(order("59000")))
        body["signature"]["v"] -= 27
        assert "resting" in statuses(await exchange(url, body))[0]
        body = envelope(ALICE, {"type": "noop"}, vault=sub)
        body["vaultAddress"] = sub.hex().upper()
        assert await exchange(url, body) == {"status": "ok", "response": {"type": "default"}}
        body = envelope(ALICE, place(order("59000", "0.010")))
        body["action"] = dict(reversed(place(order("59000.00", "0.0100")).items()))
        assert "resting" in statuses(await exchange(url, {**body, "isFrontend": True}))[0]


async def test_a_signature_for_another_content_is_another_key() -> None:
    async with live() as node:
        url = await funded(node)
        body = envelope(ALICE, place(order("59000")))
        body["action"] = place(order("59001"))
        answer = await exchange(url, body)
        assert answer["status"] == "err"
        assert answer["response"].startswith("User or API Wallet 0x")
        assert answer["response"].endswith(" does not exist.")
        body["signature"] = {"r": "0x0", "s": "0x0", "v": 27}
        assert await exchange(url, body) == {"status": "err", "response": "Unable to recover signer."}
        high = envelope(ALICE, place(order("59000")))
        flipped = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141 - int(high["signature"]["s"], 16)
        high["signature"] = {**high["signature"], "s": hex(flipped), "v": 55 - high["signature"]["v"]}
        assert await exchange(url, high) == {"status": "err", "response": "Unable to recover signer."}


async def test_the_main_networks_signatures_are_refused_by_name() -> None:
    async with live() as node:
        url = await funded(node)
        wrong = {"status": "err", "response": "Mainnet and testnet require different signature."}
        assert await exchange(url, envelope(ALICE, place(order("59000")), source=SOURCE_MAINNET)) == wrong
        sent = typed(ALICE, {"type": "usdSend", "destination": "0x" + "1" * 40, "amount": "1"})
        sent["action"]["hyperliquidChain"] = "Mainnet"
        assert await exchange(url, sent) == wrong


async def test_nonces_expiry_strangers_and_vaults() -> None:
    async with live() as node:
        url, now = await funded(node), time.time_ns() // 1_000_000
        first = envelope(ALICE, {"type": "noop"}, nonce=now)
        assert (await exchange(url, first))["status"] == "ok"
        for body, text in (
            (first, f"Invalid nonce: duplicate nonce {now}"),
            (envelope(ALICE, {"type": "noop"}, nonce=5), "Invalid nonce: nonce too low 5"),
            (envelope(ALICE, {"type": "noop"}, nonce=2**53 - 1), f"Invalid nonce: nonce too high {2**53 - 1}"),
            (envelope(ALICE, {"type": "noop"}, expires=now - 1), "Action already expired"),
            ({**envelope(ALICE, {"type": "noop"}), "expiresAfter": 0}, "Action already expired"),
            (envelope(ALICE, {"type": "noop"}, vault=BOB.address), f"Vault not registered: 0x{BOB.address.hex()}"),
            (envelope(STRANGER, {"type": "noop"}), f"User or API Wallet 0x{STRANGER.address.hex()} does not exist."),
            (
                typed(STRANGER, {"type": "usdSend", "destination": "0x" + "1" * 40, "amount": "1"}),
                f"Must deposit before performing actions. User: 0x{STRANGER.address.hex()}",
            ),
            (
                {**typed(ALICE, {"type": "usdSend", "destination": "0x" + "1" * 40, "amount": "1"}), "nonce": 7},
                "Nonce mismatch.",
            ),
            (
                typed(ALICE, {"type": "withdraw3", "destination": "0x" + "1" * 40, "amount": "1000001"}),
                "Insufficient balance for withdrawal",
            ),
            (
                typed(ALICE, {"type": "approveAgent", "agentAddress": "0x" + "1" * 40, "agentName": "x" * 17}),
                "Extra agent name must be between 1 and 16 characters long",
            ),
        ):
            assert await exchange(url, body) == {"status": "err", "response": text}


@pytest.mark.parametrize(
    ("action", "text"),
    [
        ({"type": "createVault", "time": 1}, "createVault is not supported"),
        ({"type": "vaultModify", "amount": "1"}, "vaultModify is not supported"),
    ],
)
async def test_what_is_not_offered_says_so(action: dict[str, Any], text: str) -> None:
    async with live() as node:
        body = {**envelope(ALICE, {"type": "noop"}), "action": action}
        assert await exchange(node.http, body) == {"status": "err", "response": text}


async def test_one_status_per_order() -> None:
    async with live() as node:
        url = await funded(node)
        cloid = "0x" + "0" * 30 + "ab"
        first = await exchange(url, envelope(BOB, place(order("60100", buy=False), order("60200", buy=False))))
        assert statuses(first) == [{"resting": {"oid": 1}}, {"resting": {"oid": 2}}]
        mixed = place(
            order("60100", "0.005", tif="Ioc", c=cloid), order("60150", "0.01", c=cloid), order("60100", tif="Alo"),
            order("60300.55"), order("59000", "0.000001"), order("59000", "0"), {**order("59000"), "a": 9},
            {**order("61000", buy=False), "r": True, "s": "0.001"}, order("59000", tif="Ioc"),
        )  # fmt: skip
        found = statuses(await exchange(url, envelope(ALICE, mixed)))
        assert found[:2] == [
            {"filled": {"totalSz": "0.005", "avgPx": "60100.0", "oid": 3, "cloid": cloid}},
            {"resting": {"oid": 4, "cloid": cloid}},
        ]
        assert "resting" in found[2], "what it would have met was taken by the order before"
        texts = [status.get("error", "") for status in found]
        assert texts[3] == "Price must be divisible by tick size. asset=0"
        assert texts[4] == "Order has invalid size. asset=0"
        assert texts[5] == "Order has zero size. asset=0"
        assert texts[6].endswith("asset=9")
        assert texts[8] == "Order could not immediately match against any resting orders. asset=0"
        gone = {"type": "cancel", "cancels": [{"a": 0, "o": 4}, {"a": 0, "o": 4}, {"a": 1, "o": 2}]}
        never = "Order was never placed, already canceled, or filled."
        assert statuses(await exchange(url, envelope(ALICE, gone))) == [
            "success", {"error": f"{never} asset=0"}, {"error": f"{never} asset=1"},
        ]  # fmt: skip
        crossing = statuses(await exchange(url, envelope(ALICE, place(order("60200", tif="Alo")))))[0]["error"]
        assert crossing.startswith("Post only order would have immediately matched, bbo was ")
        assert " @ 60200.0. asset=0" in crossing


async def test_modify_answers_without_statuses_and_gives_a_new_id() -> None:
    async with live() as node:
        url, cloid = await funded(node), "0x" + "0" * 31 + "7"
        await exchange(url, envelope(ALICE, place(order("59000", c=cloid))))
        one = {"type": "modify", "oid": cloid, "order": order("59100", c=cloid)}
        assert await exchange(url, envelope(ALICE, one)) == {"status": "ok", "response": {"type": "default"}}
        assert await exchange(url, envelope(ALICE, {**one, "oid": 1})) == {
            "status": "err", "response": "Cannot modify canceled or filled order asset=0",
        }  # fmt: skip
        many = {
            "type": "batchModify",
            "modifies": [{"oid": 2, "order": order("59200")}, {"oid": 2, "order": order("1")}],
        }
        assert statuses(await exchange(url, envelope(ALICE, many))) == [
            {"resting": {"oid": 3}}, {"error": "Cannot modify canceled or filled order asset=0"},
        ]  # fmt: skip
        user = "0x" + ALICE.address.hex()
        assert (await info(url, type="orderStatus", user=user, oid=2))["order"]["status"] == "canceled"
        newest = await info(url, type="orderStatus", user=user, oid=cloid)
        assert (newest["order"]["order"]["oid"], newest["order"]["status"]) == (3, "open")


class Kept:
    """Remembers what was released."""

    def __init__(self) -> None:
        self.inputs: list[ReleasedInput] = []
        self.roots: dict[int, bytes] = {}

    def released(self, inputs: Sequence[ReleasedInput]) -> None:
        """Keep them."""
        self.inputs.extend(inputs)

    def sealed(self, header: BatchHeader) -> None:
        """Keep its root."""
        self.roots[header.batch_id] = header.state_root


async def test_the_batch_alone_tells_signer_and_effect() -> None:
    """Records as a watcher has them: decoded, their signers recovered again, applied to genesis; the state is the node's."""
    kept = Kept()
    async with live(listener=kept) as node:
        url = await funded(node)
        await exchange(url, typed(ALICE, {"type": "approveAgent", "agentAddress": "0x" + BOT.address.hex()}))
        await exchange(url, envelope(BOT, place(order("59000", c="0x" + "1" * 32), order("59500"))))
        await exchange(url, envelope(BOB, place(order("59500", "0.02", buy=False, tif="Ioc"))))
        await exchange(url, envelope(BOT, {"type": "modify", "oid": 1, "order": order("58000")}))
        await exchange(url, envelope(ALICE, {"type": "cancel", "cancels": [{"a": 0, "o": 1}]}))
        await exchange(
            url, typed(ALICE, {"type": "usdSend", "destination": "0x" + BOB.address.hex(), "amount": "12.50"})
        )
        await exchange(url, typed(ALICE, {"type": "withdraw3", "destination": "0x" + BOB.address.hex(), "amount": "3"}))
        await exchange(url, envelope(ALICE, {"type": "noop"}, expires=2**47))
    dialects, roots, state, forest = [], {}, genesis_state(PARAMS), Forest()
    forest.update(collect(state))
    for one in kept.inputs:
        found_time, item = decode_record(encode_record(one.time, one.item))
        assert (found_time, item) == (one.time, one.item)
        signer = signer_of(DOMAIN, item)
        assert signer == one.signer
        apply(state, Stamp(one.seq, found_time), item, signer)
        if isinstance(item, UserAction):
            dialects.append(item.dialect)
        if isinstance(item, SealTick):
            roots[item.batch_id] = forest.update(collect(state)).state_root()
    assert (dialects.count(Dialect.HL_L1), dialects.count(Dialect.HL_USER)) == (5, 3)
    assert roots == kept.roots
    assert state.seq == node.state.seq


async def test_closed_to_owners_it_takes_agents_that_were_approved_for_it() -> None:
    async with live() as node:
        url = await funded(node)
        node.state.params = replace(PARAMS, dialects=DialectParams())
        sentence = (
            "Here only agents that were approved natively for this dialect may use it; approve one, or sign natively."
        )
        assert await exchange(url, envelope(ALICE, place(order("59000")))) == {"status": "err", "response": sentence}
        native = ApproveAgent(ALICE.address, node.now_ms(), TimeMs(0), BOT.address, TimeMs(0), 5, bytes(32))
        await node.sequence(*signed(ALICE, native))
        assert "resting" in statuses(await exchange(url, envelope(BOT, place(order("59000")))))[0]
        sent = {"type": "usdSend", "destination": "0x" + BOB.address.hex(), "amount": "1"}
        assert (await exchange(url, typed(ALICE, sent)))["status"] == "err"
        assert (await exchange(url, typed(BOT, sent)))["status"] == "err"
        assert await exchange(url, envelope(BOT, {"type": "noop"})) == {"status": "ok", "response": {"type": "default"}}


async def test_browsers_may_ask() -> None:
    async with live() as node, aiohttp.ClientSession() as http, http.options(node.http + "/exchange") as response:
        assert response.status == 200
        assert response.headers["access-control-allow-origin"] == "*"
        assert "access-control-request-headers" in response.headers["vary"]


async def test_many_at_once_are_all_answered() -> None:
    async with live() as node:
        url = await funded(node)
        bodies = [envelope(ALICE, place(order(str(50_000 + number)))) for number in range(60)]
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(exchange(url, body)) for body in bodies]
        assert all("resting" in statuses(task.result())[0] for task in tasks)
        shown = await info(url, type="openOrders", user="0x" + ALICE.address.hex())
        assert len(shown) == 60
