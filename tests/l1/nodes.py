"""The two L1 nodes that the suite runs against, behind the same few test controls."""

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from node.l1.chain import ChainSettings, serve
from node.l1.rpc import L1Client, L1ClientSettings

ROOT = Path(__file__).resolve().parents[2]
ANVIL = ROOT / "node_modules" / "@foundry-rs" / "anvil-linux-amd64" / "bin" / "anvil"
START_TIMEOUT_S = 30.0
FIRST_BASE_FEE_WEI = 875_000_000


@dataclass
class L1Node:
    """A running node that mines only when told to, and a client for it."""

    kind: str
    url: str
    client: L1Client

    async def rpc(self, method: str, *params: Any) -> Any:
        """A plain JSON-RPC call."""
        return await self.client.request(method, *params)

    async def mine(self, blocks: int = 1) -> None:
        """Seal blocks."""
        for _ in range(blocks):
            await self.rpc("evm_mine")

    async def reorg(self, depth: int) -> None:
        """Replace the newest blocks by empty ones."""
        if self.kind == "anvil":
            await self.rpc("anvil_reorg", depth, [])
        else:
            await self.rpc("dev_reorg", depth)


@asynccontextmanager
async def embedded(data_dir: Path, finalized_distance: int) -> AsyncIterator[L1Node]:
    """The embedded chain in this process, on a free port."""
    settings = ChainSettings(
        data_dir=data_dir,
        port=0,
        block_time_ms=0,
        safe_distance_blocks=finalized_distance // 2,
        finalized_distance_blocks=finalized_distance,
    )
    url: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    async with asyncio.TaskGroup() as tasks:
        server = tasks.create_task(serve(settings, url.set_result))
        async with L1Client(L1ClientSettings(url=await asyncio.wait_for(url, START_TIMEOUT_S))) as client:
            yield L1Node("embedded", url.result(), client)
        server.cancel()


@asynccontextmanager
async def anvil(finalized_distance: int) -> AsyncIterator[L1Node]:
    """anvil, with the limits switched on that it does not impose by itself."""
    process = await asyncio.create_subprocess_exec(
        ANVIL,
        *("--port", "0", "--no-mining", "--enable-tx-gas-limit"),
        *("--block-base-fee-per-gas", str(FIRST_BASE_FEE_WEI)),  # What follows an empty genesis at 1 gwei.
        *("--slots-in-an-epoch", str(finalized_distance // 2)),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        url = await asyncio.wait_for(_listening(process.stdout), START_TIMEOUT_S)
        # The first blob makes it load its KZG setup: seconds, more on a busy machine.
        settings = L1ClientSettings(url=url, timeout_s=60.0)
        async with L1Client(settings) as client, asyncio.TaskGroup() as tasks:
            drain = tasks.create_task(process.stdout.read())  # A full pipe would stop it.
            yield L1Node("anvil", url, client)
            process.terminate()
            await drain
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _listening(stdout: asyncio.StreamReader) -> str:
    while line := await stdout.readline():
        if found := re.search(rb"Listening on ([\d.]+:\d+)", line):
            return f"http://{found.group(1).decode()}"
    raise AssertionError("anvil ended before it listened")


@asynccontextmanager
async def mining(l1: L1Node) -> AsyncIterator[None]:
    """Blocks keep coming."""

    async def forever() -> None:
        while True:
            await l1.mine()
            await asyncio.sleep(0.01)

    async with asyncio.TaskGroup() as tasks:
        miner = tasks.create_task(forever())
        yield
        miner.cancel()


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Poll until it holds; the test's own timeout ends a vain wait."""
    while True:
        if await holds():
            return
        await asyncio.sleep(0.002)


async def start_chain_process(data_dir: Path, block_ms: int) -> tuple[asyncio.subprocess.Process, str]:
    """The embedded chain as its own process; returns it and its URL."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(Path(__file__).with_name("chain_process.py")), str(data_dir), str(block_ms)),
        stdout=asyncio.subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert process.stdout is not None
    line = await asyncio.wait_for(process.stdout.readline(), START_TIMEOUT_S)
    assert line, "the chain process ended before it answered"
    return process, line.decode().strip()
