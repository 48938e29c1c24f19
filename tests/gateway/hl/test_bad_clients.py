"""Clients that flood, stall, lie about their nonce or send again what was sent: each gets its own refusal, and nobody else waits."""

import asyncio
import contextlib
import dataclasses
import json
import socket
import statistics
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from node.gateway.settings import GatewaySettings, LimitSettings
from tests.gateway.hl.post import envelope, exchange, info, order, place
from tests.gateway.hl.test_exchange import ALICE, BOB, funded
from tests.gateway.live import LiveNode, eventually, live

LIMITED = GatewaySettings(port=0, limits=LimitSettings(weight_per_minute=0, budget_actions=20, refusals_burst=5))
BID = "50000"


async def healthy(node: LiveNode, count: int = 15) -> list[float]:
    """Seconds that each of a well-behaved trader's orders takes, over one connection."""
    found = []
    async with aiohttp.ClientSession() as http:
        for number in range(count):
            await node.price()  # However slow the machine is.
            body = envelope(BOB, place(order(str(50_000 + number))))
            began = time.perf_counter()
            async with http.post(node.http + "/exchange", json=body) as answer:
                assert "resting" in (await answer.json())["response"]["data"]["statuses"][0]
            found.append(time.perf_counter() - began)
    return found


@contextlib.asynccontextmanager
async def beside(*jobs: Any) -> AsyncIterator[None]:
    """Something bad that goes on meanwhile."""
    tasks = [asyncio.ensure_future(job) for job in jobs]
    await asyncio.sleep(0.2)
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def flood(node: LiveNode, bodies: list[bytes], said: list[Any]) -> None:
    """The same few signed bodies as fast as they are answered, over ten connections."""

    async def one(http: aiohttp.ClientSession, at: int) -> None:
        while True:
            async with http.post(node.http + "/exchange", data=bodies[at % len(bodies)]) as answer:
                said.append((answer.status, await answer.text()))
            at += 1

    async with aiohttp.ClientSession(headers={"Content-Type": "application/json"}) as http, asyncio.TaskGroup() as group:
        for number in range(10):
            group.create_task(one(http, number))


async def test_who_sends_again_what_was_sent_is_told_so_and_nothing_is_sequenced() -> None:
    async with live() as node:
        url = await funded(node)
        bodies = [envelope(ALICE, place(order(BID))) for _ in range(3)]
        for body in bodies:
            await exchange(url, body)
        account = node.state.accounts[node.state.by_address[ALICE.address]]
        said: list[Any] = []
        before = len(account.orders)
        async with beside(flood(node, [json.dumps(body).encode() for body in bodies], said)):
            seconds = await healthy(node)
        assert {status for status, _ in said} == {200}
        assert all("Invalid nonce: duplicate nonce" in text for _, text in said), said[0]
        assert len(said) > 20
        assert len(account.orders) == before
        assert statistics.median(seconds) < 5.0, seconds


@pytest.mark.parametrize(
    ("shift_ms", "text"),
    [(3 * 86_400_000, "Invalid nonce: nonce too high"), (-3 * 86_400_000, "Invalid nonce: nonce too low")],
)
async def test_nonces_that_lie_about_the_time_are_refused_before_they_are_sequenced(shift_ms: int, text: str) -> None:
    async with live() as node:
        url = await funded(node)
        seq = node.state.seq
        answer = await exchange(url, envelope(ALICE, place(order(BID)), nonce=node.now_ms() + shift_ms))
        assert answer["status"] == "err"
        assert answer["response"].startswith(text)
        account = node.state.accounts[node.state.by_address[ALICE.address]]
        assert not account.orders
        assert node.state.seq - seq < 50, "ticks alone"


async def test_a_budget_that_is_spent_is_told_in_the_words_that_clients_look_for() -> None:
    async with live(LIMITED) as node:
        url = await funded(node)
        for number in range(20):
            await exchange(url, envelope(ALICE, place(order(str(50_000 + number)))))
        await exchange(url, envelope(ALICE, place(order(BID))))  # One per ten seconds is left.
        refused = await exchange(url, envelope(ALICE, place(order(BID))))
        assert refused["status"] == "err"
        assert refused["response"].startswith("Too many cumulative requests sent (21 > 20) for cumulative volume traded $0.0")
        assert " ms." in refused["response"]
        used = await info(url, type="userRateLimit", user="0x" + ALICE.address.hex())
        assert (used["nRequestsUsed"], used["nRequestsCap"]) == (21, 20)
        account = node.state.accounts[node.state.by_address[ALICE.address]]
        for number in list(account.orders):
            cancelled = await exchange(url, envelope(ALICE, {"type": "cancel", "cancels": [{"a": 0, "o": number}]}))
            assert cancelled["response"]["data"]["statuses"] == ["success"], "cancels of open orders always pass"


async def test_too_much_weight_is_429_with_the_time_to_wait_and_cancels_pass() -> None:
    settings = GatewaySettings(port=0, limits=LimitSettings(weight_per_minute=20, budget_actions=0))
    async with live(settings) as node:
        url = await funded(node)
        placed = await exchange(url, envelope(ALICE, place(order(BID))))
        oid = placed["response"]["data"]["statuses"][0]["resting"]["oid"]
        async with aiohttp.ClientSession() as http:
            seen = []
            for _ in range(20):
                async with http.post(url + "/info", json={"type": "allMids"}) as answer:
                    seen.append((answer.status, await answer.text(), answer.headers.get("Retry-After")))
            assert seen[0][0] == 200
            assert seen[-1][:2] == (429, "null")
            assert int(seen[-1][2] or 0) >= 1
        cancel = {"type": "cancel", "cancels": [{"a": 0, "o": oid}]}
        assert (await exchange(url, envelope(ALICE, cancel)))["response"]["data"]["statuses"] == ["success"]


async def stall(node: LiveNode, ended: list[str]) -> None:
    """Subscribes to everything and never reads."""
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)  # Little is read on its behalf.
    raw.settimeout(0)
    await asyncio.get_running_loop().sock_connect(raw, ("127.0.0.1", node.gateway.port))
    reader, writer = await asyncio.open_connection(sock=raw, limit=1_024)
    writer.write(
        b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    await reader.readuntil(b"\r\n\r\n")
    for kind in ("l2Book", "bbo", "trades"):
        text = json.dumps({"method": "subscribe", "subscription": {"type": kind, "coin": "BTC"}}).encode()
        writer.write(bytes((0x81, 0x80 | 126)) + len(text).to_bytes(2, "big") + bytes(4) + text)
    post = json.dumps({"method": "post", "id": 1, "request": {"type": "info", "payload": {"type": "meta"}}}).encode()
    try:
        for number in range(12_000):
            writer.write(bytes((0x81, 0x80 | 126)) + len(post).to_bytes(2, "big") + bytes(4) + post)
            if number % 50 == 0:
                await writer.drain()
                await asyncio.sleep(0.02)
        await asyncio.sleep(60)
    finally:
        ended.append("left")
        writer.close()


@pytest.mark.timeout(60)
async def test_who_does_not_read_is_dropped_and_nobody_else_waits() -> None:
    limits = dataclasses.replace(LIMITED.limits, budget_actions=0, frames_per_minute=0)
    settings = GatewaySettings(port=0, limits=limits, send_high_bytes=16_384, send_held_bytes=65_536)
    async with live(settings) as node:
        await funded(node)
        ended: list[str] = []
        async with beside(*(stall(node, ended) for _ in range(2))):
            seconds = await healthy(node)
            await eventually(lambda: node.gateway.connections == 0, 20)
        assert statistics.median(seconds) < 5.0, seconds
