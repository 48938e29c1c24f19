"""What a node answers while it recovers: alive, not ready, try again; and a signal ends even a long recovery."""

import asyncio
import signal
import sys
from pathlib import Path

import aiohttp
import pytest

from node.client.client import NovateClient
from node.gateway.settings import GatewaySettings
from node.gateway.waiting import waiting_room
from node.lab.bench.flow import Flow, generate
from node.lab.bench.prepared import prepare
from node.lab.bench.venue import START, Signed, Venue
from node.lab.devnet.program import free_port
from tests.docs.blocks import ROOT


async def test_a_recovering_node_is_alive_and_not_ready_and_says_how_far_it_is() -> None:
    settings = GatewaySettings(port=free_port())
    base = f"http://127.0.0.1:{settings.port}"
    async with waiting_room(settings, lambda: "replay journal, 7 %"), aiohttp.ClientSession() as session:
        async with session.get(f"{base}/healthz") as answer:
            assert (answer.status, await answer.json()) == (200, {"ok": True, "reasons": []})
        async with session.get(f"{base}/readyz") as answer:
            assert answer.status == 503
            assert (await answer.json())["reasons"] == ["start: replay journal, 7 %"]
        async with session.get(f"{base}/v1/markets") as answer:
            error = (await answer.json())["error"]
            assert (answer.status, error["name"], error["retry"]) == (503, "NODE_BUSY", True)
            assert "7 %" in error["detail"]
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(f"{base}/v1/ws")


async def test_nobody_answers_where_nobody_could_ask() -> None:
    async with waiting_room(GatewaySettings(port=0), lambda: ""):
        pass


async def test_a_client_waits_for_a_node_that_recovers_and_a_signal_ends_it(tmp_path: Path) -> None:
    flow, venue = Flow(generate(8_000), "generated"), Venue()
    inputs = [*venue.opening(signed=True)]
    inputs.extend(Signed(venue.sign(key, intent), key.address) for key, intent in venue.intents(flow, START))
    prepare(tmp_path / "data", Venue(), inputs, sealed=False)
    for stop_at_once in (True, False):
        port = free_port()
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "node", "run", "--data-dir", str(tmp_path / "data"), "--port", str(port),
            cwd=ROOT, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            async with asyncio.timeout(60):
                if stop_at_once:
                    await _alive(port)
                else:
                    async with NovateClient(f"ws://127.0.0.1:{port}/v1/ws") as client:
                        assert (await client.query("status")).seq >= len(inputs)
                process.send_signal(signal.SIGTERM)
                _, said = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert process.returncode == 0, said.decode()
        assert b"stopped" in said


async def _alive(port: int) -> None:
    async with aiohttp.ClientSession() as session:
        while True:
            try:
                async with session.get(f"http://127.0.0.1:{port}/healthz"):
                    return
            except aiohttp.ClientError:
                await asyncio.sleep(0.01)
