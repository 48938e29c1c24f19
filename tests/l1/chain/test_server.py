"""The chain's process: its HTTP rim, its end, and what it does when the disk fails."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from node.l1.chain import ChainSettings, serve
from node.l1.chain.blockfile import ChainInUse, ChainStorageFailed
from node.l1.chain.server import BATCH_MAX, REQUEST_BYTES_MAX
from tests.l1.nodes import start_chain_process, until

BLOCK_NUMBER = {"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber", "params": []}


@asynccontextmanager
async def serving(settings: ChainSettings) -> AsyncIterator[tuple[aiohttp.ClientSession, str]]:
    """A chain in this process and a plain HTTP session."""
    url: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    async with asyncio.TaskGroup() as tasks:
        server = tasks.create_task(serve(settings, url.set_result))
        async with aiohttp.ClientSession() as session:
            yield session, await asyncio.wait_for(url, 10)
        server.cancel()


def settings(tmp_path: Path) -> ChainSettings:
    """A chain that mines when told to."""
    return ChainSettings(data_dir=tmp_path / "l1", port=0, block_time_ms=0)


async def post(session: aiohttp.ClientSession, url: str, payload: object) -> Any:
    """One POST; the decoded answer."""
    async with session.post(url, json=payload) as response:
        return await response.json()


async def test_malformed_requests_have_their_codes(tmp_path: Path) -> None:
    async with serving(settings(tmp_path)) as (session, url):
        assert (await post(session, url, {"id": 1}))["error"]["code"] == -32600
        assert (await post(session, url, 5))["error"]["code"] == -32600
        assert (await post(session, url, []))["error"]["code"] == -32600
        assert (await post(session, url, [BLOCK_NUMBER] * (BATCH_MAX + 1)))["error"]["code"] == -32600
        assert (await post(session, url, BLOCK_NUMBER | {"params": {}}))["error"]["code"] == -32602
        assert (await post(session, url, BLOCK_NUMBER | {"params": [1]}))["error"]["code"] == -32602
        for body in (b"not json", b"[" * 500_000, b"\xff"):
            async with session.post(url, data=body, headers={"Content-Type": "application/json"}) as response:
                assert (await response.json())["error"]["code"] == -32700


async def test_notifications_get_no_answer(tmp_path: Path) -> None:
    async with serving(settings(tmp_path)) as (session, url):
        notification = {key: value for key, value in BLOCK_NUMBER.items() if key != "id"}
        for payload in (notification, [notification]):
            async with session.post(url, json=payload) as response:
                assert await response.read() == b""
        assert len(await post(session, url, [notification, BLOCK_NUMBER])) == 1


async def test_other_content_and_oversized_bodies_are_refused(tmp_path: Path) -> None:
    async with serving(settings(tmp_path)) as (session, url):
        async with session.post(url, data=json.dumps(BLOCK_NUMBER), headers={"Content-Type": "text/plain"}) as response:
            assert response.status == 415
        headers = {"Content-Type": "application/json"}
        async with session.post(url, data=BytesIO(b" " * (REQUEST_BYTES_MAX + 1)), headers=headers) as response:
            assert response.status == 413
        async with session.get(url) as response:
            assert response.status == 405


async def test_test_methods_only_in_development(tmp_path: Path) -> None:
    real = replace(settings(tmp_path), development=False, block_time_ms=60_000)
    async with serving(real) as (session, url):
        for method in ("evm_mine", "evm_increaseTime", "dev_reorg"):
            answer = await post(session, url, BLOCK_NUMBER | {"method": method})
            assert answer["error"]["code"] == -32601


async def test_blocks_come_by_themselves(tmp_path: Path) -> None:
    async with serving(replace(settings(tmp_path), block_time_ms=5)) as (session, url):

        async def five_blocks() -> bool:
            return int((await post(session, url, BLOCK_NUMBER))["result"], 16) >= 5

        await until(five_blocks)


async def test_a_cancelled_chain_ends_and_continues_later(tmp_path: Path) -> None:
    mine = BLOCK_NUMBER | {"method": "evm_mine"}
    async with serving(settings(tmp_path)) as (session, url):
        await post(session, url, [mine] * 7)
        with pytest.raises(ChainInUse):
            await serve(settings(tmp_path), lambda _: None)
    async with serving(settings(tmp_path)) as (session, url):
        assert (await post(session, url, BLOCK_NUMBER))["result"] == "0x7"


async def test_a_failing_disk_ends_the_process_and_shows_nothing(tmp_path: Path) -> None:
    """The block that could not be written is never seen; `serve` raises."""
    chosen = settings(tmp_path)
    url: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    mine = BLOCK_NUMBER | {"method": "evm_mine"}

    async def break_the_disk() -> None:
        async with aiohttp.ClientSession() as session:
            where = await url
            await post(session, where, mine)
            log = str(chosen.data_dir / "blocks.log")
            (descriptor,) = [fd for fd in map(int, os.listdir("/proc/self/fd")) if _target(fd) == log]
            read_only = os.open(log, os.O_RDONLY)
            os.dup2(read_only, descriptor)  # From here on every write to it fails.
            os.close(read_only)
            answers = await post(session, where, [mine, BLOCK_NUMBER])
            assert all("error" in answer for answer in answers)

    results = await asyncio.gather(serve(chosen, url.set_result), break_the_disk(), return_exceptions=True)
    assert isinstance(results[0], ChainStorageFailed)
    assert results[1] is None
    async with serving(chosen) as (session, where):
        assert (await post(session, where, BLOCK_NUMBER))["result"] == "0x1"


def _target(descriptor: int) -> str:
    try:
        return os.readlink(f"/proc/self/fd/{descriptor}")
    except OSError:
        return ""


async def test_a_taken_port_and_a_taken_directory_are_said(tmp_path: Path) -> None:
    process, url = await start_chain_process(tmp_path / "l1", 50)
    port = int(url.rsplit(":", 1)[1])
    with pytest.raises(ChainInUse):
        await serve(settings(tmp_path), lambda _: None)
    with pytest.raises(OSError, match="in use"):
        await serve(ChainSettings(data_dir=tmp_path / "other", port=port), lambda _: None)
    process.terminate()
    await process.wait()
