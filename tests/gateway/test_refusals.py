"""Each kind of bad input has a refusal of its own, changes nothing, and leaves the connection alive where it can."""

import asyncio
import contextlib
import dataclasses
import time
from typing import Any

import aiohttp
import msgpack
import pytest

from node.gateway.settings import GatewaySettings, LimitSettings
from node.store.memory import MemoryDisk
from proto.frames import (
    FRAME_BYTES_MAX,
    ActionFrame,
    FrameKind,
    PingFrame,
    QueryFrame,
    ReportFrame,
    SubscribeFrame,
    encode_client_frame,
)
from proto.ids import Address, MarketId, OrderId
from proto.intents import (
    AmendOrder,
    CancelAll,
    CancelByClientId,
    CancelOrder,
    OrderSpec,
    OrderType,
    PlaceOrder,
    PlaceOrders,
    SelfTrade,
    Side,
    TimeInForce,
    encode_intent,
)
from proto.reject import RejectCode
from proto.signing.eip712 import Domain, intent_digest
from proto.signing.secp256k1 import SigningKey
from proto.units import LOTS_MAX, PRICE_MAX, Lots, Price, TimeMs
from tests.gateway.live import OPEN, LiveNode, live
from tests.gateway.wire import Peer, action_frame, peer
from tests.sequencer.venue import DOMAIN, PUBLISHERS, TRADERS, order, report

KEY = TRADERS[0]
ORDER_OF_CURVE = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


def order_items(**changes: Any) -> list[Any]:
    """A valid order's fields, with changes by position name."""
    names = ("market", "side", "type", "tif", "price", "size", "reduce_only", "client_id", "stp", "good_til")
    values: list[Any] = [1, 0, 0, 0, 60_000_0, 1_000, False, bytes(16), 0, 0]
    for name, value in changes.items():
        values[names.index(name)] = value
    return values


def raw_action(items: Any) -> bytes:
    """An action frame around any array, with a well-formed signature."""
    body = items if isinstance(items, bytes) else msgpack.packb(items, use_bin_type=True)
    return encode_client_frame(ActionFrame(5, body, KEY.sign(bytes(32))))


def place_items(nonce: int, **changes: Any) -> list[Any]:
    """A PlaceOrder's array with changes."""
    return [1, KEY.address, nonce, 0, order_items(**changes)]


FRAMES: dict[str, tuple[bytes, RejectCode]] = {
    "empty": (b"", RejectCode.FRAME_MALFORMED),
    "not msgpack": (b"\xc1", RejectCode.FRAME_MALFORMED),
    "text that says JSON": (b'{"a":1}', RejectCode.FRAME_MALFORMED),
    "a map": (b"\x81\x01\x02", RejectCode.FRAME_MALFORMED),
    "duplicate keys": (b"\x92\x01\x82\xa1a\x01\xa1a\x02", RejectCode.FRAME_MALFORMED),
    "bytes after the end": (b"\x92\x05\x01\x00", RejectCode.FRAME_MALFORMED),
    "longer than needed": (b"\x92\x05\xcd\x00\x01", RejectCode.FRAME_MALFORMED),
    "a float": (b"\x92\x05\xcb" + bytes(8), RejectCode.FRAME_MALFORMED),
    "nil": (b"\x92\x05\xc0", RejectCode.FRAME_MALFORMED),
    "deep": (b"\x91" * 20 + b"\x01", RejectCode.FRAME_MALFORMED),
    "id too wide": (msgpack.packb([5, 2**32]), RejectCode.FRAME_MALFORMED),
    "id negative": (msgpack.packb([5, -1]), RejectCode.FRAME_MALFORMED),
    "id boolean": (msgpack.packb([5, True]), RejectCode.FRAME_MALFORMED),
    "kind boolean": (msgpack.packb([True, 5]), RejectCode.FRAME_MALFORMED),
    "kind unknown": (msgpack.packb([63, 5]), RejectCode.FRAME_KIND_UNKNOWN),
    "kind of the node": (msgpack.packb([64, 5]), RejectCode.FRAME_KIND_UNKNOWN),
    "action without signature": (msgpack.packb([1, 5, b"x"]), RejectCode.FRAME_MALFORMED),
    "ping with more": (msgpack.packb([5, 5, 5]), RejectCode.FRAME_MALFORMED),
    "after negative": (msgpack.packb([3, 5, "book", [1], -1]), RejectCode.FRAME_MALFORMED),
    "oversized": (bytes(FRAME_BYTES_MAX + 1), RejectCode.FRAME_TOO_LARGE),
    "report unsorted": (msgpack.packb([6, 5, 1, [[2, 1, 1], [1, 1, 1]], bytes(65)]), RejectCode.FRAME_MALFORMED),
    "action no array": (raw_action(b"\x01"), RejectCode.ACTION_MALFORMED),
    "action empty": (raw_action([]), RejectCode.ACTION_MALFORMED),
    "action not canonical": (raw_action(b"\xdc\x00\x01\x01"), RejectCode.ACTION_MALFORMED),
    "action short": (raw_action([1, KEY.address, 1, 0]), RejectCode.ACTION_MALFORMED),
    "action long": (raw_action([*place_items(1), 1]), RejectCode.ACTION_MALFORMED),
    "action kind": (raw_action([99, KEY.address, 1, 0]), RejectCode.ACTION_KIND_UNKNOWN),
    "account text": (raw_action([5, "0x00", 1, 0, 1]), RejectCode.FIELD_WRONG_TYPE),
    "account short": (raw_action([5, bytes(19), 1, 0, 1]), RejectCode.FIELD_OUT_OF_RANGE),
    "nonce text": (raw_action([5, KEY.address, "1", 0, 1]), RejectCode.FIELD_WRONG_TYPE),
    "nonce boolean": (raw_action([5, KEY.address, True, 0, 1]), RejectCode.FIELD_WRONG_TYPE),
    "nonce negative": (raw_action([5, KEY.address, -1, 0, 1]), RejectCode.FIELD_OUT_OF_RANGE),
    "nonce enormous": (raw_action([5, KEY.address, 2**63, 0, 1]), RejectCode.FIELD_OUT_OF_RANGE),
    "order short": (raw_action([1, KEY.address, 1, 0, [1, 2]]), RejectCode.ACTION_MALFORMED),
    "size text": (raw_action(place_items(1, size="1")), RejectCode.FIELD_WRONG_TYPE),
    "size negative": (raw_action(place_items(1, size=-1)), RejectCode.FIELD_OUT_OF_RANGE),
    "size enormous": (raw_action(place_items(1, size=LOTS_MAX + 1)), RejectCode.FIELD_OUT_OF_RANGE),
    "price enormous": (raw_action(place_items(1, price=PRICE_MAX + 1)), RejectCode.FIELD_OUT_OF_RANGE),
    "good til negative": (raw_action(place_items(1, good_til=-1)), RejectCode.FIELD_OUT_OF_RANGE),
    "side": (raw_action(place_items(1, side=2)), RejectCode.FIELD_OUT_OF_RANGE),
    "reduce-only number": (raw_action(place_items(1, reduce_only=1)), RejectCode.FIELD_WRONG_TYPE),
    "client id short": (raw_action(place_items(1, client_id=bytes(15))), RejectCode.FIELD_OUT_OF_RANGE),
    "no orders": (raw_action([2, KEY.address, 1, 0, []]), RejectCode.BATCH_EMPTY),
    "too many orders": (raw_action([2, KEY.address, 1, 0, [order_items()] * 51]), RejectCode.BATCH_TOO_LARGE),
    "query": (encode_client_frame(QueryFrame(5, "nothing", [])), RejectCode.QUERY_UNKNOWN),
    "query argument": (encode_client_frame(QueryFrame(5, "order", ["1"])), RejectCode.FIELD_WRONG_TYPE),
    "query bound": (encode_client_frame(QueryFrame(5, "trades", [1, 501])), RejectCode.FIELD_OUT_OF_RANGE),
    "query surplus": (encode_client_frame(QueryFrame(5, "status", [1])), RejectCode.FRAME_MALFORMED),
    "query market": (encode_client_frame(QueryFrame(5, "book", ["X"])), RejectCode.MARKET_UNKNOWN),
    "query account": (encode_client_frame(QueryFrame(5, "account", [bytes(20)])), RejectCode.ACCOUNT_UNKNOWN),
    "query order": (encode_client_frame(QueryFrame(5, "order", [99])), RejectCode.ORDER_UNKNOWN),
    "query receipt": (encode_client_frame(QueryFrame(5, "receipt", [2**40])), RejectCode.RECEIPT_UNKNOWN),
    "query batch": (encode_client_frame(QueryFrame(5, "batch", [2**40])), RejectCode.BATCH_UNKNOWN),
    "query signer": (encode_client_frame(QueryFrame(5, "nonces", [bytes(20)])), RejectCode.SIGNER_UNKNOWN),
    "stream": (encode_client_frame(SubscribeFrame(5, "nothing", [], 0)), RejectCode.STREAM_UNKNOWN),
    "stream market": (encode_client_frame(SubscribeFrame(5, "book", [9], 0)), RejectCode.MARKET_UNKNOWN),
    "stream interval": (encode_client_frame(SubscribeFrame(5, "candles", [1, 61], 0)), RejectCode.FIELD_OUT_OF_RANGE),
    "stream account": (encode_client_frame(SubscribeFrame(5, "fills", [bytes(20)], 0)), RejectCode.ACCOUNT_UNKNOWN),
}


async def test_unreadable_frames_each_get_their_refusal() -> None:
    async with live() as node:
        async with peer(node) as wire:
            for name, (data, code) in FRAMES.items():
                assert await wire.refusal(data) == code.name, name
            await wire.socket.send_str("text")
            assert (await wire.read())[4] == "FRAME_MALFORMED"
        assert node.state.seq == node.views.seq
        assert not node.state.accounts[node.state.by_address[next(iter(node.state.by_address))]].orders


async def test_a_message_beyond_all_bounds_closes_the_connection() -> None:
    async with live() as node, peer(node) as wire:
        await wire.send(bytes(3 * FRAME_BYTES_MAX))
        async with asyncio.timeout(10):
            message = await wire.socket.receive()
        assert message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
        assert wire.socket.close_code == aiohttp.WSCloseCode.MESSAGE_TOO_BIG


async def test_signatures_that_do_not_hold(seed: int) -> None:
    async with live() as node:
        await node.fund(KEY, 1_000)
        before = node.state.seq
        intent = CancelAll(KEY.address, node.now_ms(), TimeMs(0), MarketId(0))
        good = KEY.sign(intent_digest(DOMAIN, intent))
        s = int.from_bytes(good[32:64], "big")
        high = good[:32] + (ORDER_OF_CURVE - s).to_bytes(32, "big") + bytes([55 - good[64]])
        bad = {
            "short": (good[:64], "SIGNATURE_MALFORMED"),
            "long": (good + b"\0", "SIGNATURE_MALFORMED"),
            "unsigned": (b"", "SIGNATURE_MALFORMED"),
            "recovery id": (good[:64] + b"\x00", "SIGNATURE_MALFORMED"),
            "high s": (high, "SIGNATURE_HIGH_S"),
            "no point": (bytes([255]) * 32 + good[32:], "SIGNATURE_INVALID"),
            "zero": (bytes(64) + b"\x1b", "SIGNATURE_INVALID"),
            "another key": (good[:32] + (s ^ 1).to_bytes(32, "big") + good[64:], "SIGNER_UNKNOWN"),
            "another domain": (KEY.sign(intent_digest(Domain(1, DOMAIN.contract), intent)), "SIGNER_UNKNOWN"),
        }
        async with peer(node) as wire:
            for name, (signature, code) in bad.items():
                frame = encode_client_frame(ActionFrame(5, encode_intent(intent), signature))
                assert await wire.refusal(frame) == code, name
            assert await wire.refusal(action_frame(5, KEY, intent)) == "NOTHING_TO_CANCEL"
        assert before < node.state.seq


def head(node: LiveNode, ahead: int = 0) -> tuple[Address, int, TimeMs]:
    """Account, unused nonce, no expiry."""
    signer = node.owner(KEY)
    return KEY.address, max([node.now_ms() + ahead, *(nonce + 1 for nonce in signer.nonces)]), TimeMs(0)


async def stamped(node: LiveNode, wire: Peer) -> dict[str, str]:
    """What each unacceptable action is refused with."""
    found: dict[str, str] = {}

    async def attempt(name: str, intent: Any, key: SigningKey = KEY) -> None:
        items = await wire.ask(action_frame(5, key, intent))
        if items[0] == FrameKind.ACK:
            found[name] = RejectCode(items[4][0][0]).name if items[4][0][0] else "accepted"
        else:
            found[name] = items[4]

    first = CancelAll(*head(node), MarketId(0))
    await attempt("nothing to cancel", first)
    await attempt("replayed", first)
    now = node.now_ms()
    await attempt("expired", CancelAll(KEY.address, head(node)[1], TimeMs(now - 5_000), MarketId(0)))
    await attempt("from the future", CancelAll(KEY.address, now + 2 * 86_400_000, TimeMs(0), MarketId(0)))
    await attempt("too old", CancelAll(KEY.address, now - 3 * 86_400_000, TimeMs(0), MarketId(0)))
    await attempt("account unknown", CancelAll(Address(bytes(20)), head(node)[1], TimeMs(0), MarketId(0)))
    await attempt("not authorised", CancelAll(TRADERS[1].address, head(node)[1], TimeMs(0), MarketId(0)))
    await attempt("unknown market", PlaceOrder(*head(node), order(9, Side.BUY, 600_000, 1)))
    await attempt("zero size", PlaceOrder(*head(node), order(1, Side.BUY, 600_000, 0)))
    await attempt("zero price", PlaceOrder(*head(node), order(1, Side.BUY, 0, 1)))
    await attempt("off tick", PlaceOrder(*head(node), order(1, Side.BUY, 1_234_567, 1)))
    await attempt("enormous", PlaceOrder(*head(node), order(1, Side.BUY, 600_000, LOTS_MAX)))
    await attempt("unknown order", CancelOrder(*head(node), OrderId(10**12)))
    await attempt("unknown client id", CancelByClientId(*head(node), 12345))
    await attempt("amend unknown", AmendOrder(*head(node), OrderId(0), 4, Price(1), Lots(1)))
    gtc_market = dataclasses.replace(order(1, Side.BUY, 0, 1), order_type=OrderType.MARKET)
    await attempt("market order resting", PlaceOrder(*head(node), gtc_market))
    resting = order(1, Side.BUY, 500_000, 10, client_id=8)
    await attempt("fine", PlaceOrder(*head(node), resting))
    await attempt("client id in use", PlaceOrder(*head(node), resting))
    await attempt("fill or kill", PlaceOrder(*head(node), order(1, Side.BUY, 500_000, 1, tif=TimeInForce.FOK)))
    reduce = OrderSpec(
        MarketId(1), Side.SELL, OrderType.LIMIT, TimeInForce.GTC, Price(600_000), Lots(1), reduce_only=True, client_id=0,
        self_trade=SelfTrade.EXPIRE_MAKER,
    )  # fmt: skip
    await attempt("reduce only", PlaceOrder(*head(node), reduce))
    await attempt("second of a batch", PlaceOrders(*head(node), (resting, reduce)))
    return found


async def test_refusals_of_the_rules_keep_the_connection_and_name_their_seq() -> None:
    async with live() as node:
        await node.fund(KEY, 1_000)
        await node.fund(TRADERS[1], 1_000)
        await node.price()
        async with peer(node) as wire:
            assert await stamped(node, wire) == {
                "nothing to cancel": "NOTHING_TO_CANCEL", "replayed": "NONCE_REPLAYED", "expired": "ACTION_EXPIRED",
                "from the future": "NONCE_TOO_FAR_AHEAD", "too old": "NONCE_TOO_OLD", "account unknown": "ACCOUNT_UNKNOWN",
                "not authorised": "SIGNER_NOT_AUTHORISED", "unknown market": "MARKET_UNKNOWN", "zero size": "ORDER_SIZE_ZERO",
                "zero price": "ORDER_PRICE_ZERO", "off tick": "ORDER_PRICE_OFF_TICK", "enormous": "MARGIN_INSUFFICIENT",
                "unknown order": "ORDER_UNKNOWN", "unknown client id": "ORDER_UNKNOWN", "amend unknown": "ORDER_UNKNOWN",
                "market order resting": "MARKET_ORDER_TIME_IN_FORCE", "fine": "accepted",
                "client id in use": "CLIENT_ID_IN_USE", "fill or kill": "FOK_NOT_FILLED",
                "reduce only": "REDUCE_ONLY_WOULD_INCREASE", "second of a batch": "CLIENT_ID_IN_USE",
            }  # fmt: skip


async def test_strangers_do_not_spend_an_accounts_actions() -> None:
    limits = LimitSettings(weight_per_minute=0, budget_actions=1, refusals_per_second=0)
    async with live(GatewaySettings(port=0, limits=limits)) as node:
        await node.fund(KEY, 1_000)
        await node.fund(TRADERS[1], 1_000)
        await node.price()
        async with peer(node) as wire:
            for number in range(3):
                stranger = action_frame(number, TRADERS[1], PlaceOrder(*head(node), order(1, Side.BUY, 500_000, 10)))
                answer = await wire.ask(stranger)
                assert (answer[2], answer[4]) == (0, "SIGNER_NOT_AUTHORISED")
            mine = action_frame(9, KEY, PlaceOrder(*head(node), order(1, Side.BUY, 500_000, 10)))
            assert (await wire.ask(mine))[0] == FrameKind.ACK


async def test_sending_public_inputs_again_costs_nothing_but_the_sender() -> None:
    limits = LimitSettings(weight_per_minute=0, budget_actions=2, refusals_burst=1, refusals_per_second=1)
    async with live(GatewaySettings(port=0, limits=limits)) as node:
        await node.fund(KEY, 1_000)
        await node.price()
        async with peer(node) as wire:
            mine = action_frame(1, KEY, PlaceOrder(*head(node), order(1, Side.BUY, 500_000, 10)))
            assert (await wire.ask(mine))[0] == FrameKind.ACK
            item, _ = report(PUBLISHERS[0], node.now_ms() + 1, (60_000 * 10**6, 3_000 * 10**6))
            told = encode_client_frame(ReportFrame(6, item))
            assert (await wire.ask(told))[0] == FrameKind.ACK
            for again, code in ((mine, "NONCE_REPLAYED"), (told, "REPORT_TIME_NOT_NEWER")) * 3:
                answer = await wire.ask(again)
                assert (answer[2], answer[4]) == (0, code), "refused before it gets a number"
            another = action_frame(9, KEY, PlaceOrder(*head(node), order(1, Side.BUY, 500_000, 10)))
            assert (await wire.ask(another))[0] == FrameKind.ACK


async def test_reports_come_from_publishers_only() -> None:
    async with live() as node, peer(node) as wire:
        item, _ = report(TRADERS[0], node.now_ms(), (1, 2))
        assert await wire.refusal(encode_client_frame(ReportFrame(5, item))) == "PUBLISHER_UNKNOWN"
        item, _ = report(PUBLISHERS[0], node.now_ms(), (60_000 * 10**6, 3_000 * 10**6))
        assert (await wire.ask(encode_client_frame(ReportFrame(6, item))))[:2] == [FrameKind.ACK, 6]
        assert await wire.refusal(encode_client_frame(ReportFrame(7, item))) == "REPORT_TIME_NOT_NEWER"


async def test_rates_say_how_long_to_wait() -> None:
    limits = LimitSettings(weight_per_minute=10, budget_actions=0, refusals_per_second=0)
    async with live(GatewaySettings(port=0, limits=limits)) as node:
        await node.fund(KEY, 1_000)
        await node.price()
        async with peer(node) as wire:
            bid = order(1, Side.BUY, 0, 1)
            answers = [await wire.ask(action_frame(n, KEY, PlaceOrder(*head(node), bid))) for n in range(12)]
            assert [items[4] for items in answers[:10]] == ["ORDER_PRICE_ZERO"] * 10
            assert {items[4] for items in answers[10:]} == {"RATE_LIMITED"}
            assert 0 < answers[10][8] <= 6_000
            assert answers[10][7] is True
            cancels = [await wire.ask(action_frame(n, KEY, CancelAll(*head(node), MarketId(0)))) for n in range(12)]
            assert [items[4] for items in cancels[:10]] == ["NOTHING_TO_CANCEL"] * 10, "orders are limited, cancels are not yet"
            assert {items[4] for items in cancels[10:]} == {"RATE_LIMITED"}


async def test_cancels_of_open_orders_pass_whatever_the_budget() -> None:
    limits = LimitSettings(weight_per_minute=0, budget_actions=3, refusals_per_second=0)
    async with live(GatewaySettings(port=0, limits=limits)) as node:
        await node.fund(KEY, 100_000)
        await node.price()
        async with peer(node) as wire:
            bids = tuple(order(2, Side.BUY, 300_000 - number * 10, 10, client_id=number) for number in range(1, 4))
            placed = await wire.ask(action_frame(1, KEY, PlaceOrders(*head(node), bids)))
            numbers = [OrderId(row[1]) for row in placed[4]]
            assert (await wire.ask(action_frame(2, KEY, PlaceOrder(*head(node), bids[0]))))[0] == FrameKind.REFUSAL
            answer = await wire.ask(action_frame(3, KEY, PlaceOrder(*head(node), bids[0])))
            assert (answer[4], answer[8] > 9_000) == ("RATE_LIMITED", True)
            assert answer[6].startswith("(4 > 3) for cumulative volume traded $0.000000"), answer
            gone = OrderId(10**9)
            found = [await wire.ask(action_frame(5, KEY, CancelOrder(*head(node), gone))) for _ in range(5)]
            assert [items[4] for items in found] == ["ORDER_UNKNOWN"] * 3 + ["RATE_LIMITED"] * 2
            for number in numbers:
                assert (await wire.ask(action_frame(6, KEY, CancelOrder(*head(node), number))))[0] == FrameKind.ACK
            shown = await wire.ask(encode_client_frame(QueryFrame(7, "limits", [KEY.address])))
            assert (shown[3]["requests_used"], shown[3]["requests_allowed"]) == (10, 3)
            assert 0 < shown[3]["retry_after_ms"] <= 10_000


async def test_what_was_used_survives_a_restart() -> None:
    limits = LimitSettings(weight_per_minute=0, budget_actions=3, refusals_per_second=0)
    disk = MemoryDisk()
    async with live(GatewaySettings(port=0, limits=limits), disk) as node:
        await node.fund(KEY, 100_000)
        await node.price()
        async with peer(node) as wire:
            for number in range(2):
                bid = order(2, Side.BUY, 300_000 - number * 10, 10)
                assert (await wire.ask(action_frame(1, KEY, PlaceOrder(*head(node), bid))))[0] == FrameKind.ACK
    async with live(GatewaySettings(port=0, limits=limits), disk) as node, peer(node) as wire:
        shown = await wire.ask(encode_client_frame(QueryFrame(7, "limits", [KEY.address])))
        assert (shown[3]["requests_used"], shown[3]["requests_allowed"]) == (2, 3)


async def test_a_connection_that_floods_is_read_more_slowly_and_others_are_not() -> None:
    limits = LimitSettings(weight_per_minute=0, frames_per_minute=600, budget_actions=0, refusals_per_second=0)
    async with live(GatewaySettings(port=0, limits=limits)) as node, peer(node) as flood, peer(node) as other:
        for number in range(700):
            await flood.send(encode_client_frame(PingFrame(number)))
        began = time.monotonic()
        for number in range(50):
            assert (await other.ask(encode_client_frame(PingFrame(number))))[0] == FrameKind.PONG
        assert time.monotonic() - began < 5.0
        answered = 0
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.5):
                while True:
                    await flood.read()
                    answered += 1
        assert 590 <= answered <= 640


async def test_an_account_earns_its_actions_by_trading() -> None:
    limits = LimitSettings(weight_per_minute=0, budget_actions=3, refusals_per_second=0)
    async with live(GatewaySettings(port=0, limits=limits)) as node:
        await node.fund(KEY, 100_000)
        await node.fund(TRADERS[1], 100_000)
        await node.price()
        async with peer(node) as wire:

            async def place(key: SigningKey, side: Side) -> str:
                nonce = max([node.now_ms(), *(n + 1 for n in node.owner(key).nonces)])
                intent = PlaceOrder(key.address, nonce, TimeMs(0), order(2, side, 300_000, 10))
                items = await wire.ask(action_frame(1, key, intent))
                return "ACK" if items[0] == FrameKind.ACK else items[4]

            assert [await place(KEY, Side.BUY) for _ in range(5)] == ["ACK"] * 4 + [
                "RATE_LIMITED"
            ]  # One per 10 s is left.
            cancel = CancelByClientId(*head(node), 77)
            assert (await wire.ask(action_frame(2, KEY, cancel)))[4] == "ORDER_UNKNOWN"  # Cancels have twice as many.
            assert await place(TRADERS[1], Side.SELL) == "ACK"  # 0.001 ETH at 3,000 USDC: three more actions for both.
            assert [await place(KEY, Side.BUY) for _ in range(2)] == ["ACK", "RATE_LIMITED"]


async def test_many_stamped_refusals_spend_the_budget() -> None:
    limits = LimitSettings(weight_per_minute=0, budget_actions=0, refusals_burst=5, refusals_per_second=1)
    async with live(GatewaySettings(port=0, limits=limits)) as node:
        await node.fund(KEY, 1_000)
        async with peer(node) as wire:
            names = [(await wire.ask(action_frame(n, KEY, CancelAll(*head(node), MarketId(0)))))[4] for n in range(8)]
            assert names[:6] == ["NOTHING_TO_CANCEL"] * 6
            assert "REFUSAL_BUDGET_SPENT" in names[6:]


@pytest.mark.parametrize(("waiting", "code"), [(600, "UNPOSTED_BATCH_BOUND"), (0, None)])
async def test_l1_that_lags_stops_orders_but_not_cancels(waiting: int, code: str | None) -> None:
    async with live() as node:
        await node.fund(KEY, 10_000)
        await node.price()
        node.settlement.waiting = waiting
        async with peer(node) as wire:
            items = await wire.ask(action_frame(1, KEY, PlaceOrder(*head(node), order(2, Side.BUY, 200_000, 10))))
            assert (items[4] if items[0] == FrameKind.REFUSAL else None) == code
            cancel = await wire.ask(action_frame(2, KEY, CancelAll(*head(node), MarketId(0))))
            assert cancel[0] == FrameKind.ACK or cancel[4] == "NOTHING_TO_CANCEL"


async def test_subscription_ids_and_limits() -> None:
    limits = dataclasses.replace(OPEN.limits, subscriptions=3)
    async with live(dataclasses.replace(OPEN, limits=limits)) as node, peer(node) as wire:
        for number in range(3):
            items = await wire.ask(encode_client_frame(SubscribeFrame(number, "book", [1], 0)))
            assert items[0] == FrameKind.SNAPSHOT
        assert await wire.refusal(encode_client_frame(SubscribeFrame(2, "bbo", [1], 0))) == "CORRELATION_ID_IN_USE"
        assert await wire.refusal(encode_client_frame(SubscribeFrame(3, "bbo", [1], 0))) == "SUBSCRIPTION_LIMIT"
        assert await wire.ask(b"\x92\x04\x02") == [FrameKind.UNSUBSCRIBED, 2, True]
        assert (await wire.ask(encode_client_frame(SubscribeFrame(3, "bbo", [1], 0))))[0] == FrameKind.SNAPSHOT


async def test_a_stopping_node_says_so() -> None:
    async with live() as node, peer(node) as wire:
        await node.fund(KEY, 1_000)
        node.sequencer.stop()
        intent = CancelAll(*head(node), MarketId(0))
        assert await wire.refusal(action_frame(1, KEY, intent)) == "NODE_STOPPING"
        node.gateway.stop()
        closing = await wire.read()
        assert (closing[0], closing[3]) == (FrameKind.CLOSING, "NODE_STOPPING")
