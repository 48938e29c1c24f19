"""A node in a process of its own with money and fresh prices: what a program from the documents needs to trade."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from node.client.client import NovateClient
from node.lab.deposits import deposit
from node.lab.local_node import LocalNode, local_node
from node.ops.keystore import development_keys
from proto.ids import IndexId
from proto.inputs import IndexPrice
from proto.signing.secp256k1 import SigningKey
from proto.units import MicroPrice, MicroUsd, TimeMs

USD = 1_000_000
PRICES = (60_000 * USD, 3_000 * USD, 5_000 * USD)  # BTC, ETH, ES of the devnet's genesis.
KEYS = development_keys(31337, 23)
TRADER, PUBLISHERS = KEYS[0], KEYS[20:23]


class Done(NamedTuple):
    """How a program ended."""

    code: int
    out: str
    err: str


@asynccontextmanager
async def funded_node(directory: Path) -> AsyncIterator[LocalNode]:
    """A node whose first development account holds a million USDC, with publishers that report while the context is open."""
    async with local_node(directory) as node:
        await deposit(node.deposit_socket, {TRADER.address: MicroUsd(1_000_000 * USD)})
        async with asyncio.TaskGroup() as group:
            ready = [asyncio.Event() for _ in PUBLISHERS]
            tasks = [
                group.create_task(_publish(node.url, key, event)) for key, event in zip(PUBLISHERS, ready, strict=True)
            ]
            async with asyncio.timeout(30):
                for event in ready:
                    await event.wait()
            yield node
            for task in tasks:
                task.cancel()


async def _publish(url: str, key: SigningKey, ready: asyncio.Event) -> None:
    lines = tuple(IndexPrice(IndexId(at), MicroPrice(price), MicroPrice(0)) for at, price in enumerate(PRICES, 1))
    async with NovateClient(url, key) as client:
        while True:
            await client.report(TimeMs(time.time_ns() // 1_000_000), lines)
            ready.set()
            await asyncio.sleep(0.5)


async def run_program(*command: str, cwd: Path) -> Done:
    """Run a program to its end."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *command, cwd=cwd, stdin=asyncio.subprocess.DEVNULL, stdout=pipe, stderr=pipe
    )
    try:
        async with asyncio.timeout(60):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode is not None
    return Done(process.returncode, out.decode(), err.decode())


async def rows_of(url: str, seqs: Sequence[int]) -> list[bytes]:
    """The records that the node journaled under these numbers."""
    async with NovateClient(url) as client:
        return [(await client.query("receipt", seq)).value["record"] for seq in seqs]
