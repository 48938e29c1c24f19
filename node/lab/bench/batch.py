"""What a signed batch of twenty orders costs a trader against one order: time to the durable answer, one action at a time.

Orders rest far from the market and are cancelled between the rounds, which is not timed. Singles and batches take turns, so that what
else the machine does meets both.
"""

import asyncio
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

from node.client.amounts import Market
from node.client.client import NovateClient
from node.lab.bench.machine import refuse_memory
from node.lab.bench.measure import BenchError, Result, Setting, collector_as_in_the_node, latencies_of
from node.lab.bench.venue import FUNDS, MAKER, OPENING, Venue
from node.lab.deposits import deposit
from node.lab.feed.replay import REPORT_S, report
from node.lab.local_node import LocalNode, local_node
from node.lab.percentiles import percentile
from proto.intents import (
    Intent,
    OrderSpec,
    OrderType,
    PlaceOrder,
    PlaceOrders,
    SelfTrade,
    Side,
    TimeInForce,
    encode_intent,
)
from proto.units import Lots, MicroUsd, Price

BATCH: Final = 20
ROUNDS: Final = 300
_BELOW: Final = 100
"""Whole USDC below the opening price at which orders rest."""
_USDC: Final = 1_000_000


async def bench_batch(setting: Setting) -> Result:
    """Ratio of the two medians."""
    refuse_memory(setting.directory)
    with tempfile.TemporaryDirectory(prefix="novate-batch-", dir=setting.directory) as name:
        async with local_node(Path(name)) as node:
            return await _measure(node, setting)


async def _measure(node: LocalNode, setting: Setting) -> Result:
    await deposit(node.deposit_socket, {MAKER.address: MicroUsd(FUNDS)})
    venue = Venue()
    singles: list[float] = []
    batches: list[float] = []
    began = time.perf_counter()
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(NovateClient(node.url, MAKER))
        publishers = [await stack.enter_async_context(NovateClient(node.url, key)) for key in venue.publishers]
        market = await client.market(venue.market.name)
        await report(publishers, market, OPENING)

        async def keep_reporting() -> None:
            while True:
                await report(publishers, market, OPENING)
                await asyncio.sleep(REPORT_S)

        setting.say(f"batch: {ROUNDS} rounds of one order and of {BATCH}")
        with collector_as_in_the_node():
            async with asyncio.TaskGroup() as group:
                reporter = group.create_task(keep_reporting())
                for _ in range(ROUNDS):
                    singles.append(await _timed(client, PlaceOrder(*client.head(), _order(market, 0))))
                    orders = tuple(_order(market, number) for number in range(BATCH))
                    batches.append(await _timed(client, PlaceOrders(*client.head(), orders)))
                    await client.cancel_all()
                reporter.cancel()
    one, many = percentile(singles, 0.5), percentile(batches, 0.5)
    note = f"one order p50 {one:.2f} ms, a batch of {BATCH} p50 {many:.2f} ms, {ROUNDS} rounds; percentiles are the batch's"
    return Result("batch", many / one, "x one order", time.perf_counter() - began, latencies_of(batches), note)


def _order(market: Market, number: int) -> OrderSpec:
    price = Price(int(OPENING) // _USDC * 10**market.price_decimals - (_BELOW + number) * 10**market.price_decimals)
    return OrderSpec(
        market.id, Side.BUY, OrderType.LIMIT, TimeInForce.POST_ONLY, price, Lots(1), reduce_only=False, client_id=0,
        self_trade=SelfTrade.EXPIRE_MAKER,
    )  # fmt: skip


async def _timed(client: NovateClient, intent: Intent) -> float:
    """Milliseconds from sending to the durable answer; the signature is made before. Raises BenchError where an order is refused."""
    action, signature = encode_intent(intent), client.sign(intent)
    done: asyncio.Future[list[Any] | None] = asyncio.get_running_loop().create_future()
    began = time.perf_counter_ns()
    client.send_signed(action, signature, done.set_result)
    items = await done
    took_ms = (time.perf_counter_ns() - began) / 1_000_000
    if items is None or len(items) != 5 or any(row[0] for row in items[4]):
        raise BenchError(f"an order was refused: {items}")
    return took_ms
