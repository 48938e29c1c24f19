"""End to end: signed single-order actions through the WebSocket of a node in another process, each answered once it is durable.

Everything is signed before the clock starts. The loop is closed: a bounded number of actions is unanswered at any moment,
so that a latency is what a trader waits, and the rate is what the node does, not what a queue swallows. Publishers keep
reporting meanwhile.
"""

import asyncio
import tempfile
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

from node.client.client import NovateClient
from node.lab.bench.flow import Flow, load_flow
from node.lab.bench.machine import refuse_memory
from node.lab.bench.measure import BenchError, Result, Setting, collector_as_in_the_node, latencies_of
from node.lab.bench.venue import FUNDS, MAKER, OPENING, TAKER, Venue
from node.lab.deposits import deposit
from node.lab.feed.replay import REPORT_S, report
from node.lab.local_node import LocalNode, local_node
from node.lab.percentiles import percentile
from proto.frames import FrameKind
from proto.units import MicroUsd

WINDOW: Final = 96
_ANSWER_S_MAX: Final = 60.0
_YIELD: Final = 16


class _Action(NamedTuple):
    """Ready to be sent."""

    action: bytes
    signature: bytes


class _Run(NamedTuple):
    """One run over a fresh node."""

    rate: float
    seconds: float
    latencies_ms: list[float]
    node_cpu_share: float


async def bench_e2e(setting: Setting) -> Result:
    """Actions per second with durable answers; the run with the median rate."""
    refuse_memory(setting.directory)
    flow, runs = load_flow(setting.flow), []
    for number in range(setting.runs):
        setting.say(f"e2e: run {number + 1} of {setting.runs}")
        with tempfile.TemporaryDirectory(prefix="novate-e2e-", dir=setting.directory) as name:
            async with local_node(Path(name)) as node:
                runs.append(await _measure(node, flow))
    middle = percentile([run.rate for run in runs], 0.5)
    run = next(run for run in runs if run.rate == middle)
    note = f"{flow.name}, {WINDOW} unanswered at most, node busy {100 * run.node_cpu_share:.0f} % of a core"
    return Result("e2e", run.rate, "actions/s", sum(run.seconds for run in runs), latencies_of(run.latencies_ms), note)


async def _measure(node: LocalNode, flow: Flow) -> _Run:
    await deposit(node.deposit_socket, {key.address: MicroUsd(FUNDS) for key in (MAKER, TAKER)})
    venue = Venue()
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(NovateClient(node.url))
        publishers = [await stack.enter_async_context(NovateClient(node.url, key)) for key in venue.publishers]
        market = await client.market(venue.market.name)
        await report(publishers, market, OPENING)
        venue.domain = client.domain
        intents = venue.intents(flow, time.time_ns() // 1_000_000)
        signed = [venue.sign(key, intent) for key, intent in intents]
        load = _Load(client, [_Action(item.action, item.signature) for item in signed])

        async def keep_reporting() -> None:
            while True:
                await report(publishers, market, OPENING)
                await asyncio.sleep(REPORT_S)

        with collector_as_in_the_node():
            async with asyncio.TaskGroup() as group:
                reporter = group.create_task(keep_reporting())
                cpu, began = node.cpu_seconds(), time.perf_counter()
                await load.run()
                seconds, cpu = time.perf_counter() - began, node.cpu_seconds() - cpu
                reporter.cancel()
    if load.refused:
        raise BenchError(f"{load.refused} actions were refused, first {load.first_refusal}")
    return _Run(len(signed) / seconds, seconds, load.latencies_ms, cpu / seconds)


@dataclass(slots=True)
class _Load:
    """The closed loop."""

    client: NovateClient
    actions: list[_Action]
    latencies_ms: list[float] = field(default_factory=list)
    refused: int = 0
    first_refusal: str = ""
    _answered: int = 0
    _lost: bool = False
    _room: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Send everything, wait for every answer."""
        for sent, action in enumerate(self.actions):
            while sent - self._answered >= WINDOW:
                await self._wait()
            self._send(action)
            if sent % _YIELD == 0:
                await asyncio.sleep(0)
        while self._answered < len(self.actions):
            await self._wait()

    async def _wait(self) -> None:
        if self._lost:
            raise BenchError("the connection to the node was lost")
        self._room.clear()
        try:
            async with asyncio.timeout(_ANSWER_S_MAX):
                await self._room.wait()
        except TimeoutError:
            raise BenchError(f"the node answered nothing for {_ANSWER_S_MAX:.0f} s") from None

    def _send(self, action: _Action) -> None:
        sent_ns = time.perf_counter_ns()
        self.client.send_signed(action.action, action.signature, lambda items: self._take(sent_ns, items))

    def _take(self, sent_ns: int, items: list[Any] | None) -> None:
        self._answered += 1
        self._room.set()
        if items is None:
            self._lost = True
            return
        self.latencies_ms.append((time.perf_counter_ns() - sent_ns) / 1_000_000)
        if items[0] == FrameKind.REFUSAL:
            self.refused += 1
            self.first_refusal = self.first_refusal or items[4]
