"""What a running venue looks like to a client without a key: markets, best prices, newest trades."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from node.client.amounts import Market
from node.client.client import NovateClient
from node.client.errors import NotConnectedError, ProtocolError, RefusedError

TRADES_SHOWN: Final = 8
_LOOK_S: Final = 0.5
_AGAIN_S: Final = 0.5


class MarketRow(NamedTuple):
    """One market now; prices in its price units, sizes in lots."""

    market: Market
    bid: int
    bid_size: int
    ask: int
    ask_size: int


class TradeRow(NamedTuple):
    """One trade."""

    market: Market
    time_ms: int
    price: int
    size: int
    is_buy: bool


@dataclass(slots=True)
class Glance:
    """Filled by `follow`, read by whoever draws."""

    markets: list[MarketRow] = field(default_factory=list)
    trades: deque[TradeRow] = field(default_factory=lambda: deque(maxlen=TRADES_SHOWN))


async def follow(url: str, glance: Glance) -> None:
    """Keep the glance fresh until cancelled; a node that is away leaves it as it was."""
    while True:
        try:
            async with NovateClient(url) as client:
                await _follow(client, glance)
        except* (RefusedError, NotConnectedError, ProtocolError, TimeoutError):
            await asyncio.sleep(_AGAIN_S)


async def _follow(client: NovateClient, glance: Glance) -> None:
    async with asyncio.TaskGroup() as tasks:
        for market in await client.markets():
            tasks.create_task(_trades(client, market, glance))
        while True:
            markets = await client.markets()
            glance.markets = [_row(market, (await client.query("book", market.id, 1)).value) for market in markets]
            await asyncio.sleep(_LOOK_S)


async def _trades(client: NovateClient, market: Market, glance: Glance) -> None:
    async for event in client.subscribe("trades", market.id):
        for row in event.data:
            glance.trades.append(TradeRow(market, row["time"], row["price"], row["size"], row["taker_side"] == 0))


def _row(market: Market, book: dict[str, Any]) -> MarketRow:
    bid, bid_size = _best(book["bids"])
    ask, ask_size = _best(book["asks"])
    return MarketRow(market, bid, bid_size, ask, ask_size)


def _best(levels: Sequence[Sequence[int]]) -> tuple[int, int]:
    return (levels[0][0], levels[0][1]) if levels else (0, 0)
