"""The client against a real server that stalls, lies, resets and overloads."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from node.l1.answers import L1AnswerTooLarge, L1Lied, L1Refused, L1Unavailable, L1WrongChain
from node.l1.rpc import CallMessage, L1Client, L1ClientSettings
from proto.ids import Address

ADDRESS = Address(b"\x11" * 20)
HASH = b"\x22" * 32
H = "0x" + HASH.hex()
LOG: dict[str, Any] = {
    "address": "0x" + ADDRESS.hex(),
    "topics": [H],
    "data": "0x",
    "blockNumber": "0x5",
    "blockHash": H,
    "transactionHash": H,
    "transactionIndex": "0x0",
    "logIndex": "0x0",
    "removed": False,
}
BLOCK = {"number": "0x5", "hash": H, "parentHash": H, "timestamp": "0x1", "baseFeePerGas": "0x7", "gasLimit": "0x1"}
RECEIPT = {
    "transactionHash": H,
    "blockNumber": "0x5",
    "blockHash": H,
    "status": "0x1",
    "gasUsed": "0x5208",
    "effectiveGasPrice": "0x1",
    "contractAddress": None,
    "logs": [LOG],
}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def server(handler: Handler, **settings: Any) -> AsyncIterator[L1Client]:
    """A client of a server with this handler."""
    application = web.Application()
    application.router.add_post("/", handler)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        port = runner.addresses[0][1]
        async with L1Client(L1ClientSettings(url=f"http://127.0.0.1:{port}", **settings)) as client:
            yield client
    finally:
        await runner.cleanup()


def answering(result: Any) -> Handler:
    """Answer every request with this result."""

    async def handler(request: web.Request) -> web.Response:
        return web.json_response({"jsonrpc": "2.0", "id": (await request.json())["id"], "result": result})

    return handler


def raw(body: bytes, status: int = 200) -> Handler:
    """Answer every request with these bytes."""

    async def handler(_: web.Request) -> web.Response:
        return web.Response(body=body, status=status)

    return handler


async def test_a_stalling_server_is_unavailable() -> None:
    released = asyncio.Event()

    async def stall(_: web.Request) -> web.Response:
        await released.wait()
        return web.Response()

    async with server(stall, timeout_s=0.1) as client:
        with pytest.raises(L1Unavailable):
            await client.chain_id()
        released.set()


async def test_a_reset_connection_is_unavailable() -> None:
    async def reset(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async with server(reset) as client:
        with pytest.raises(L1Unavailable):
            await client.chain_id()


async def test_a_truncated_answer_is_unavailable() -> None:
    async def truncate(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b'{"jsonrpc"')
        assert request.transport is not None
        request.transport.abort()
        return response

    async with server(truncate) as client:
        with pytest.raises(L1Unavailable):
            await client.chain_id()


async def test_nobody_listening_is_unavailable() -> None:
    async with L1Client(L1ClientSettings(url="http://127.0.0.1:1")) as client:
        with pytest.raises(L1Unavailable):
            await client.chain_id()


@pytest.mark.parametrize("status", [429, 500, 502, 503])
async def test_overload_is_unavailable(status: int) -> None:
    async with server(raw(b"overloaded", status)) as client:
        with pytest.raises(L1Unavailable):
            await client.chain_id()


async def test_an_endless_answer_is_cut() -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while request.transport is not None and not request.transport.is_closing():
            await response.write(b"0" * 65_536)
        return response

    async with server(endless, response_bytes_max=1_000_000) as client:
        with pytest.raises(L1AnswerTooLarge):
            await client.chain_id()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"[" * 1_000_000,
        b'{"id":' * 200_000,
        b"[]",
        b"{}",
        b'{"jsonrpc":"2.0","id":999,"result":"0x1"}',
        b'{"jsonrpc":"2.0","id":1}',
        b'{"jsonrpc":"2.0","id":1,"error":"boom"}',
        b'{"jsonrpc":"2.0","id":1,"error":{"code":"x"}}',
        b'{"jsonrpc":"2.0","id":1,"result":31337}',
        b'{"jsonrpc":"2.0","id":1,"result":"0xzz"}',
        b'{"jsonrpc":"2.0","id":1,"result":null}',
    ],
)
async def test_answers_that_make_no_sense_are_lies(body: bytes) -> None:
    async with server(raw(body)) as client:
        with pytest.raises(L1Lied):
            await client.chain_id()


async def test_refusals_carry_code_message_and_data() -> None:
    for detail in ("0x1234", {"data": "0x1234"}):
        error = {"code": 3, "message": "execution reverted", "data": detail}
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "error": error}).encode()
        for status in (200, 400):
            async with server(raw(body, status)) as client:
                with pytest.raises(L1Refused) as refused:
                    await client.call(CallMessage(ADDRESS, b""))
                assert (refused.value.code, refused.value.data) == (3, b"\x12\x34")


async def test_another_chain_is_named() -> None:
    async with server(answering("0x1")) as client:
        with pytest.raises(L1WrongChain, match="chain id 1, expected 31337"):
            await client.expect_chain(31337)


def _log(**changes: Any) -> dict[str, Any]:
    return LOG | changes


@pytest.mark.parametrize(
    "logs",
    [
        None,
        {},
        [None],
        [_log(blockNumber="0x9")],
        [_log(address="0x" + "33" * 20)],
        [_log(topics=["0x" + "33" * 32])],
        [_log(topics=[])],
        [_log(topics=[H] * 5)],
        [_log(removed=True)],
        [_log(data="0x1")],
        [_log(blockHash=None)],
        [_log(), _log()],
        [_log(logIndex="0x1"), _log()],
        [_log(), _log(logIndex="0x1", blockHash="0x" + "44" * 32)],
    ],
)
async def test_logs_that_were_not_asked_for_are_lies(logs: Any) -> None:
    async with server(answering(logs)) as client:
        with pytest.raises(L1Lied):
            await client.logs(1, 5, (ADDRESS,), (HASH,))


async def test_answers_are_checked_against_the_question() -> None:
    async with server(answering(BLOCK)) as client:
        block = await client.block(5)
        assert block is not None
        with pytest.raises(L1Lied):
            await client.block(6)
        with pytest.raises(L1Lied):
            await client.block_by_hash(bytes(32))
    async with server(answering([_log(blockHash="0x" + "44" * 32)])) as client:
        with pytest.raises(L1Lied):
            await client.logs_of_block(block, (ADDRESS,))
    async with server(answering(RECEIPT)) as client:
        assert (await client.receipt(HASH)) is not None
        with pytest.raises(L1Lied):
            await client.receipt(bytes(32))
    async with server(answering(RECEIPT | {"status": "0x2"})) as client:
        with pytest.raises(L1Lied):
            await client.receipt(HASH)
    async with server(answering(H)) as client:
        await client.send_raw(b"", HASH)
        with pytest.raises(L1Lied):
            await client.send_raw(b"", bytes(32))


async def test_missing_things_are_none() -> None:
    async with server(answering(None)) as client:
        assert await client.block(5) is None
        assert await client.block_by_hash(HASH) is None
        assert await client.receipt(HASH) is None
        assert await client.transaction(HASH) is None
