"""Streams under load: fifty connections with ten subscriptions each, while signed orders arrive at a steady rate.

Every connection reads the busy market's five streams and the five of the account whose orders fill its book, so each order is shown to
each connection at least twice. The book is filled first; then readers connect, then the clock starts. Orders are signed before, and
sent by the clock, not by the answers. A reader is healthy: it takes whatever has arrived. None of them may be dropped or miss a number.
"""

import asyncio
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

from node.client.client import NovateClient
from node.lab.bench.flow import Flow, load_flow
from node.lab.bench.machine import refuse_memory
from node.lab.bench.measure import BenchError, Result, Setting, collector_as_in_the_node, latencies_of
from node.lab.bench.readers import Reader, Seen, Wanted, connect
from node.lab.bench.venue import FUNDS, MAKER, OPENING, TAKER, Venue
from node.lab.deposits import deposit
from node.lab.feed.replay import REPORT_S, report
from node.lab.local_node import LocalNode, local_node
from node.views.streams import StreamName
from proto.frames import FrameKind
from proto.inputs import UserAction
from proto.units import MicroUsd

CONNECTIONS: Final = 50
ORDERS_PER_SECOND: Final = 1_000
_FILLING: Final = 9_000
"""Rows that fill the book before anybody reads."""
_UNANSWERED_MAX: Final = 2_000
_TURN_S: Final = 0.005
_SUBSCRIBE_S: Final = 60.0
_ANSWER_S: Final = 30.0
_SETTLE_S: Final = 1.0
_MINUTE_S: Final = 60


async def bench_streams(setting: Setting) -> Result:
    """Events that healthy readers get each second, and how long after its input's stamp each is read. One run: it is long."""
    refuse_memory(setting.directory)
    flow = load_flow(setting.flow)
    with tempfile.TemporaryDirectory(prefix="novate-streams-", dir=setting.directory) as name:
        async with local_node(Path(name)) as node:
            return await _measure(node, flow, setting)


async def _measure(node: LocalNode, flow: Flow, setting: Setting) -> Result:
    await deposit(node.deposit_socket, {key.address: MicroUsd(FUNDS) for key in (MAKER, TAKER)})
    venue, seen = Venue(), Seen()
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(NovateClient(node.url))
        publishers = [await stack.enter_async_context(NovateClient(node.url, key)) for key in venue.publishers]
        market = await client.market(venue.market.name)
        await report(publishers, market, OPENING)
        venue.domain = client.domain
        signed = [venue.sign(key, intent) for key, intent in venue.intents(flow, time.time_ns() // 1_000_000)]
        filling = min(_FILLING, len(signed) // 2)
        load = _Load(client)

        async def keep_reporting() -> None:
            while True:
                await report(publishers, market, OPENING)
                await asyncio.sleep(REPORT_S)

        with collector_as_in_the_node():
            async with asyncio.TaskGroup() as group:
                reporter = group.create_task(keep_reporting())
                setting.say(f"streams: filling the book with {filling:,} orders")
                await load.send(signed[:filling], ORDERS_PER_SECOND * 2)
                readers = await connect(node.port, CONNECTIONS, _streams(venue, market.id), seen, _SUBSCRIBE_S)
                setting.say(f"streams: {len(signed) - filling:,} orders at {ORDERS_PER_SECOND:,}/s, {CONNECTIONS} readers")
                seconds, cpu = await _under_load(node, load, signed[filling:], readers, seen)
                reporter.cancel()
    if load.refused:
        raise BenchError(f"{load.refused} orders were refused, first {load.first_refusal}")
    return _result(seen, (len(signed) - filling) / seconds, seconds, cpu)


def _streams(venue: Venue, market: int) -> list[Wanted]:
    """Ten streams: those of the market, and those of the maker."""
    of_market = (StreamName.BOOK, StreamName.TRADES, StreamName.BBO, StreamName.TICKER)
    of_account = (StreamName.ORDERS, StreamName.FILLS, StreamName.POSITIONS, StreamName.BALANCES, StreamName.FUNDING)
    return [
        *(Wanted(name.value, [market]) for name in of_market),
        Wanted(StreamName.CANDLES.value, [market, _MINUTE_S]),
        *(Wanted(name.value, [MAKER.address]) for name in of_account),
    ]


async def _under_load(
    node: LocalNode, load: "_Load", actions: list[UserAction], readers: list[Reader], seen: Seen
) -> tuple[float, float]:
    """Seconds the load took, and the node's share of a core in them."""
    seen.events, seen.late_ms = 0, []
    cpu, began = node.cpu_seconds(), time.perf_counter()
    await load.send(actions, ORDERS_PER_SECOND)
    seconds, cpu = time.perf_counter() - began, node.cpu_seconds() - cpu
    await asyncio.sleep(_SETTLE_S)  # The last events are on their way.
    for reader in readers:
        reader.close()
    return seconds, cpu / seconds


def _result(seen: Seen, rate: float, seconds: float, cpu: float) -> Result:
    """The figure. A gap is a broken promise, not a figure. Raises BenchError."""
    if seen.gaps:
        raise BenchError(f"{seen.gaps} events did not follow their stream's last number")
    if seen.dropped:
        raise BenchError(f"{len(seen.dropped)} of {CONNECTIONS} healthy readers were dropped: {seen.dropped[0]}")
    note = (
        f"{CONNECTIONS} connections x 10 subscriptions at {rate:,.0f} orders/s for {seconds:.0f} s: none dropped, no gap,"
        f" {seen.anew} snapshots in between; node busy {100 * cpu:.0f} % of a core; times from stamp to reader"
    )
    late = latencies_of([float(value) for value in seen.late_ms])
    return Result("streams", seen.events / seconds, "events/s", seconds, late, note)


class _Load:
    """Sends by the clock; holds back only where far too much is unanswered."""

    def __init__(self, client: NovateClient) -> None:
        self.refused = 0
        self.first_refusal = ""
        self._client = client
        self._unanswered = 0
        self._lost = False

    async def send(self, actions: list[UserAction], per_second: int) -> None:
        """Send all at the rate, and wait for every answer. Raises BenchError."""
        began, sent = time.perf_counter(), 0
        while sent < len(actions):
            due = min(len(actions), int((time.perf_counter() - began) * per_second), sent + _UNANSWERED_MAX - self._unanswered)
            for action in actions[sent:due]:
                self._unanswered += 1
                self._client.send_signed(action.action, action.signature, self._answered)
            sent = max(sent, due)
            await self._turn()
        waited_since = time.perf_counter()
        while self._unanswered:
            if time.perf_counter() - waited_since > _ANSWER_S:
                raise BenchError(f"{self._unanswered} orders had no answer within {_ANSWER_S:.0f} s")
            await self._turn()

    async def _turn(self) -> None:
        if self._lost:
            raise BenchError("the connection to the node was lost")
        await asyncio.sleep(_TURN_S)

    def _answered(self, items: list[Any] | None) -> None:
        self._unanswered -= 1
        if items is None:
            self._lost = True
        elif items[0] == FrameKind.REFUSAL:
            self.refused += 1
            self.first_refusal = self.first_refusal or items[4]
