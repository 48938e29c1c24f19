"""Streams under load: connections with ten subscriptions each, while signed orders arrive at a steady rate.

`streams`: each of 50 connections reads the busy market's five streams and the five of the account whose orders fill its book, so each order
is shown to each connection at least twice. `crowd`: 200 connections read best prices, trades and tickers of three markets and the busy
one's candles; 20 of them mirror its book, level by level and order by order, instead of two quiet ones.

The book is filled first; then readers connect, then the clock starts. Orders are signed before, and sent by the clock, not by the answers.
A reader is healthy: it takes whatever has arrived. None of them may be dropped or miss a number.
"""

import asyncio
import tempfile
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final, NamedTuple

from node.client.client import NovateClient
from node.lab.bench.flow import Flow, load_flow
from node.lab.bench.load import Load
from node.lab.bench.machine import refuse_memory
from node.lab.bench.measure import BenchError, Result, Setting, collector_as_in_the_node, latencies_of
from node.lab.bench.readers import Reader, Seen, Wanted, connect
from node.lab.bench.venue import FUNDS, MAKER, OPENING, TAKER, Venue
from node.lab.deposits import deposit
from node.lab.feed.replay import REPORT_S, report
from node.lab.local_node import LocalNode, local_node
from node.views.streams import StreamName
from proto.inputs import UserAction
from proto.units import MicroUsd


class Crowd(NamedTuple):
    """Who reads what, and how fast orders come."""

    name: str
    orders_per_second: int
    readers: Callable[[Venue, int], list[tuple[int, list[Wanted]]]]
    """Groups of connections with the streams that each of a group reads, given the venue and the busy market."""


_FILLING: Final = 9_000
"""Rows that fill the book before anybody reads."""
_SUBSCRIBE_S: Final = 60.0
_FILLING_RATE: Final = 2_000
_SETTLE_S: Final = 1.0
_MINUTE_S: Final = 60


def _following(_venue: Venue, market: int) -> list[tuple[int, list[Wanted]]]:
    """Fifty that read all of the market and all of the maker."""
    of_market = (StreamName.BOOK, StreamName.TRADES, StreamName.BBO, StreamName.TICKER)
    of_account = (StreamName.ORDERS, StreamName.FILLS, StreamName.POSITIONS, StreamName.BALANCES, StreamName.FUNDING)
    wanted = [
        *(Wanted(name.value, [market]) for name in of_market),
        Wanted(StreamName.CANDLES.value, [market, _MINUTE_S]),
        *(Wanted(name.value, [MAKER.address]) for name in of_account),
    ]
    return [(50, wanted)]


def _watching(venue: Venue, market: int) -> list[tuple[int, list[Wanted]]]:
    """180 that watch all markets, and 20 that mirror the busy one's book."""
    names = (StreamName.BBO, StreamName.TRADES, StreamName.TICKER)
    busy = [Wanted(name.value, [market]) for name in names] + [Wanted(StreamName.CANDLES.value, [market, _MINUTE_S])]
    quiet = [Wanted(name.value, [row.id]) for row in venue.params.markets if row.id != market for name in names]
    mirrored = [Wanted(name.value, [market]) for name in (StreamName.BOOK, StreamName.BOOK_ORDERS)]
    return [(180, busy + quiet[:6]), (20, busy + mirrored + quiet[:4])]


STREAMS: Final = Crowd("streams", 1_000, _following)
CROWD: Final = Crowd("crowd", 2_000, _watching)


async def bench_streams(setting: Setting) -> Result:
    """Events that fifty healthy readers get each second, and how long after its input's stamp each is read."""
    return await _bench(STREAMS, setting)


async def bench_crowd(setting: Setting) -> Result:
    """The same for two hundred connections at twice the rate."""
    return await _bench(CROWD, setting)


async def _bench(crowd: Crowd, setting: Setting) -> Result:
    """One run: it is long."""
    refuse_memory(setting.directory)
    flow = load_flow(setting.flow)
    with tempfile.TemporaryDirectory(prefix=f"novate-{crowd.name}-", dir=setting.directory) as name:
        async with local_node(Path(name)) as node:
            return await _measure(node, flow, crowd, setting)


async def _measure(node: LocalNode, flow: Flow, crowd: Crowd, setting: Setting) -> Result:
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
        load = Load(client)

        async def keep_reporting() -> None:
            while True:
                await report(publishers, market, OPENING)
                await asyncio.sleep(REPORT_S)

        with collector_as_in_the_node():
            async with asyncio.TaskGroup() as group:
                reporter = group.create_task(keep_reporting())
                rate = crowd.orders_per_second
                setting.say(f"{crowd.name}: filling the book with {filling:,} orders")
                await load.send(signed[:filling], _FILLING_RATE)
                readers: list[Reader] = []
                for count, wanted in crowd.readers(venue, market.id):
                    readers += await connect(node.port, count, wanted, seen, _SUBSCRIBE_S)
                setting.say(f"{crowd.name}: {len(signed) - filling:,} orders at {rate:,}/s, {len(readers)} readers")
                before = node.rss_bytes()
                seconds, cpu = await _under_load(node, load, signed[filling:], readers, seen, rate)
                grown = node.rss_bytes() - before
                reporter.cancel()
    if load.refused:
        raise BenchError(f"{load.refused} orders were refused, first {load.first_refusal}")
    return _result(crowd, seen, len(readers), (len(signed) - filling) / seconds, seconds, cpu, grown)


async def _under_load(
    node: LocalNode, load: Load, actions: list[UserAction], readers: list[Reader], seen: Seen, rate: int
) -> tuple[float, float]:
    """Seconds the load took, and the node's share of a core in them."""
    seen.events, seen.late_ms = 0, []
    cpu, began = node.cpu_seconds(), time.perf_counter()
    await load.send(actions, rate)
    seconds, cpu = time.perf_counter() - began, node.cpu_seconds() - cpu
    await asyncio.sleep(_SETTLE_S)  # The last events are on their way.
    for reader in readers:
        reader.close()
    return seconds, cpu / seconds


def _result(
    crowd: Crowd, seen: Seen, connections: int, rate: float, seconds: float, cpu: float, grown: int
) -> Result:
    """The figure. A gap is a broken promise, not a figure. Raises BenchError."""
    if seen.gaps:
        raise BenchError(f"{seen.gaps} events did not follow their stream's last number")
    if seen.dropped:
        raise BenchError(f"{len(seen.dropped)} of {connections} healthy readers were dropped: {seen.dropped[0]}")
    note = (
        f"{connections} connections x 10 subscriptions at {rate:,.0f} orders/s for {seconds:.0f} s: none dropped, no gap,"
        f" {seen.anew} snapshots in between; node busy {100 * cpu:.0f} % of a core,"
        f" {grown / 2**20:,.0f} MiB larger after; times from stamp to reader"
    )
    late = latencies_of([float(value) for value in seen.late_ms])
    return Result(crowd.name, seen.events / seconds, "events/s", seconds, late, note)
