"""`what_if` over WebSocket and HTTP: the same supposition, human units on the one, every bad argument named."""

import urllib.parse

import pytest

from node.client.amounts import AmountError
from node.client.client import NovateClient
from node.client.errors import RefusedError
from node.client.suppositions import MoveText, OrderText, read_move, read_order
from proto.intents import Side
from proto.reject import RejectCode
from tests.gateway.live import live
from tests.gateway.test_http import data, get, trade_once
from tests.sequencer.venue import TRADERS


async def test_both_doors_suppose_the_same() -> None:
    async with live() as node:
        await trade_once(node)
        owner = TRADERS[1].address
        async with NovateClient(node.url, TRADERS[1]) as client:
            now = await client.what_if([], [])
            account = await client.account()
            after = await client.what_if([read_order("btc-perpetual:buy:2@60000")], [read_move("BTC-PERPETUAL:-50%")])
        assert (now["equity"], now["maintenance_margin"]) == (account["equity"], account["maintenance_margin"])
        assert now["default_probability"] == account["default_probability"]
        query = urllib.parse.urlencode([("order", "BTC-PERPETUAL:buy:2@60000"), ("move", "BTC-PERPETUAL:-50")])
        shown = await data(node, f"/v1/accounts/0x{owner.hex()}/what_if?{query}")
        assert shown["equity"] == str(after["equity"] / 10**6)
        assert shown["fees"] == "54"
        assert shown["positions"][0]["position_size"] == "2.2"
        assert shown["positions"][0]["market_name"] == "BTC-PERPETUAL"
        assert float(shown["positions"][0]["liquidation_price"]) == after["positions"][0]["liquidation_price"] / 10
        assert after["equity"] < now["equity"] - 60_000 * 10**6


async def test_what_cannot_be_supposed_is_refused_by_name() -> None:
    async with live() as node:
        await trade_once(node)
        owner = TRADERS[1].address
        async with NovateClient(node.url, TRADERS[1]) as client:
            for params, code in (
                ([bytes(19)], RejectCode.FIELD_OUT_OF_RANGE),
                ([b"\x07" * 20], RejectCode.ACCOUNT_UNKNOWN),
                ([owner, [[1, 0, 0, 0]]], RejectCode.ORDER_SIZE_ZERO),
                ([owner, [[1, 2, 1, 0]]], RejectCode.FIELD_OUT_OF_RANGE),
                ([owner, [[99, 0, 1, 0]]], RejectCode.MARKET_UNKNOWN),
                ([owner, [7]], RejectCode.FIELD_WRONG_TYPE),
                ([owner, [[1, 0, 1, 0, 0]]], RejectCode.FRAME_MALFORMED),
                ([owner, [[1, 0, 1, 0]] * 51], RejectCode.FIELD_OUT_OF_RANGE),
                ([owner, [[1, 0, 2**40 - 1, 1]] * 20], RejectCode.POSITION_LIMIT),
                ([owner, [], [[1, -1_000_000]]], RejectCode.FIELD_OUT_OF_RANGE),
                ([owner, [], [[1, True]]], RejectCode.FIELD_WRONG_TYPE),
                ([owner, [], [], 0], RejectCode.FRAME_MALFORMED),
            ):
                with pytest.raises(RefusedError) as refused:
                    await client.query("what_if", *params)
                assert refused.value.code == code, params
        for query, name in (("order=BTC-PERPETUAL", "FIELD_WRONG_TYPE"), ("move=NOPE:1", "MARKET_UNKNOWN")):
            status, body = await get(node, f"/v1/accounts/0x{owner.hex()}/what_if?{query}")
            assert (status // 100, body["error"]["name"]) == (4, name)


def test_suppositions_are_read_as_written() -> None:
    assert read_order("BTC-PERPETUAL:SELL:0.5@60000.5") == OrderText("BTC-PERPETUAL", Side.SELL, "0.5", "60000.5")
    assert read_order("eth-perpetual:buy:1") == OrderText("ETH-PERPETUAL", Side.BUY, "1", None)
    assert read_move("BTC-PERPETUAL:+12.5%") == MoveText("BTC-PERPETUAL", 125_000)
    assert read_move("BTC-PERPETUAL:-3") == MoveText("BTC-PERPETUAL", -30_000)
    for text in ("BTC-PERPETUAL:buy", "BTC-PERPETUAL:hold:1", "BTC-PERPETUAL:buy:1@", "BTC-PERPETUAL:buy:@5"):
        with pytest.raises(AmountError, match="PERPETUAL"):
            read_order(text)
    for text in (
        "BTC-PERPETUAL",
        ":5",
        "BTC-PERPETUAL:x",
        "BTC-PERPETUAL:-100",
        "BTC-PERPETUAL:1e9",
        "BTC-PERPETUAL:1.00001",
    ):
        with pytest.raises(AmountError):
            read_move(text)
