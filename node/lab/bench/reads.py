"""Orders beside reads: how long orders take while strangers ask `/info` five hundred times a second, against how long they take alone.

Orders come at a steady rate over one connection. The questions are those that bots ask (books, mids, accounts, open orders, contexts,
trades, candles), from a process of its own over connections that stay open, sent by the clock. Quiet and asked parts take turns on
one node, so that what else the machine does meets both.
"""

import asyncio
import itertools
import json
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

import aiohttp

from node.client.client import NovateClient
from node.lab.bench.flow import Flow, load_flow
from node.lab.bench.load import Load
from node.lab.bench.machine import refuse_memory
from node.lab.bench.measure import BenchError, Result, Setting, collector_as_in_the_node, latencies_of
from node.lab.bench.venue import FUNDS, MAKER, OPENING, TAKER, Venue
from node.lab.deposits import deposit
from node.lab.feed.replay import REPORT_S, report
from node.lab.local_node import LocalNode, local_node
from node.lab.percentiles import percentile
from proto.units import MicroUsd

READS_PER_SECOND: Final = 500
ORDERS_PER_SECOND: Final = 500
PART_S: Final = 5.0
_PARTS: Final = 2
_CONNECTIONS: Final = 16
_TURN_S: Final = 0.002
_START_S: Final = 30.0


async def bench_reads(setting: Setting) -> Result:
    """Ratio of the 99th percentiles."""
    refuse_memory(setting.directory)
    flow = load_flow(setting.flow)
    with tempfile.TemporaryDirectory(prefix="novate-reads-", dir=setting.directory) as name:
        async with local_node(Path(name)) as node:
            return await _measure(node, flow, setting)


async def _measure(node: LocalNode, flow: Flow, setting: Setting) -> Result:
    await deposit(node.deposit_socket, {key.address: MicroUsd(FUNDS) for key in (MAKER, TAKER)})
    venue, began, answered = Venue(), time.perf_counter(), 0
    quiet: list[float] = []
    asked: list[float] = []
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(NovateClient(node.url))
        publishers = [await stack.enter_async_context(NovateClient(node.url, key)) for key in venue.publishers]
        market = await client.market(venue.market.name)
        await report(publishers, market, OPENING)
        venue.domain = client.domain
        part = int(ORDERS_PER_SECOND * PART_S)
        intents = venue.intents(flow, time.time_ns() // 1_000_000)
        if len(intents) < (2 * _PARTS + 1) * part:
            raise BenchError(f"the flow has {len(intents):,} rows, {(2 * _PARTS + 1) * part:,} are needed")
        signed = iter([venue.sign(key, intent) for key, intent in intents])

        async def keep_reporting() -> None:
            while True:
                await report(publishers, market, OPENING)
                await asyncio.sleep(REPORT_S)

        async def run(into: list[float]) -> None:
            load = Load(client)
            await load.send(list(itertools.islice(signed, part)), ORDERS_PER_SECOND)
            if load.refused:
                raise BenchError(f"{load.refused} orders were refused, first {load.first_refusal}")
            into.extend(load.latencies_ms)

        with collector_as_in_the_node():
            async with asyncio.TaskGroup() as group:
                reporter = group.create_task(keep_reporting())
                await run([])  # Fills the book, and warms up.
                for number in range(_PARTS):
                    setting.say(f"reads: part {number + 1} of {_PARTS}")
                    await run(quiet)
                    async with _Strangers(node.port) as strangers:
                        await run(asked)
                    answered += strangers.answered
                reporter.cancel()
    alone, beside = percentile(quiet, 0.99), percentile(asked, 0.99)
    note = (
        f"{ORDERS_PER_SECOND} orders/s: p99 {alone:.1f} ms alone, {beside:.1f} ms beside {answered / (_PARTS * PART_S):,.0f} reads/s;"
        " percentiles are those beside reads"
    )
    return Result("reads", beside / alone, "x alone", time.perf_counter() - began, latencies_of(asked), note)


class _Strangers:
    """The process that asks, while the context is open."""

    def __init__(self, port: int) -> None:
        self.answered = 0
        self._port = port
        self._child: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> "_Strangers":
        self._child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "node.lab.bench.reads", str(self._port),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert self._child.stdout is not None, "it was asked for"
        async with asyncio.timeout(_START_S):
            await self._child.stdout.readline()
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._child is not None, "entered first"
        assert self._child.stdin is not None, "it was asked for"
        self._child.stdin.close()  # Which ends it.
        async with asyncio.timeout(_START_S):
            out, _error = await self._child.communicate()
        found = json.loads(out)
        if found["failed"]:
            raise BenchError(f"{found['failed']} reads failed, first {found['why']}")
        self.answered = found["answered"]


def questions() -> list[dict[str, Any]]:
    """A hundred questions in the proportions of bots."""
    user, coins = "0x" + MAKER.address.hex(), ("BTC", "ETH", "ES")
    books: list[dict[str, Any]] = [{"type": "l2Book", "coin": coins[number % 3]} for number in range(40)]
    others: list[dict[str, Any]] = [
        *({"type": "allMids"} for _ in range(20)), *({"type": "clearinghouseState", "user": user} for _ in range(15)),
        *({"type": "openOrders", "user": "0x" + TAKER.address.hex()} for _ in range(10)),
        *({"type": "metaAndAssetCtxs"} for _ in range(5)), *({"type": "recentTrades", "coin": "ES"} for _ in range(5)),
        *({"type": "candleSnapshot", "req": {"coin": "ES", "interval": "1m", "startTime": 0}} for _ in range(5)),
    ]  # fmt: skip
    return [question for pair in itertools.zip_longest(books, others) for question in pair if question is not None]


async def ask(port: int, stop: asyncio.Event) -> dict[str, Any]:
    """Ask by the clock until told to stop."""
    url, found = f"http://127.0.0.1:{port}/info", {"answered": 0, "failed": 0, "why": ""}
    bodies = itertools.cycle([json.dumps(question).encode() for question in questions()])
    waiting: asyncio.Queue[bytes] = asyncio.Queue(READS_PER_SECOND)

    async def work(http: aiohttp.ClientSession) -> None:
        while True:
            body = await waiting.get()
            async with http.post(url, data=body) as answer:
                await answer.read()
                found["answered" if answer.status == 200 else "failed"] += 1  # type: ignore[operator]
                if answer.status != 200:
                    found["why"] = f"{answer.status} to {body.decode()}"

    async with aiohttp.ClientSession(headers={"Content-Type": "application/json"}) as http, asyncio.TaskGroup() as group:
        workers = [group.create_task(work(http)) for _ in range(_CONNECTIONS)]
        began, sent = time.perf_counter(), 0
        while not stop.is_set():
            due = int((time.perf_counter() - began) * READS_PER_SECOND)
            for _ in range(due - sent):
                if not waiting.full():
                    waiting.put_nowait(next(bodies))
            sent = due
            await asyncio.sleep(_TURN_S)
        for worker in workers:
            worker.cancel()
    return found


async def _main() -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    print(flush=True)
    loop.add_reader(sys.stdin, stop.set)  # Readable once it is closed.
    print(json.dumps(await ask(int(sys.argv[1]), stop)))


if __name__ == "__main__":
    asyncio.run(_main())
