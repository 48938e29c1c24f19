"""What a bot knows of the world: the mark, its own position and its own open orders in one market, all from streams."""

import asyncio
from typing import Any, NamedTuple

from node.client.amounts import Market
from node.client.client import NovateClient
from node.client.streams import open_orders_mirror, positions_mirror
from proto.events import IndexStatus, MarketStatus
from proto.units import Lots, Price


class Resting(NamedTuple):
    """An open order of the bot."""

    price: Price
    remaining: Lots


class Watch:
    """One market through the eyes of one account. Filled by `run`; read between two turns of the event loop."""

    def __init__(self, client: NovateClient, market: Market) -> None:
        self.market = market
        self.mark = 0
        self._client = client
        self._status = MarketStatus.OPEN
        self._index_status = IndexStatus.MISSING
        self._orders = open_orders_mirror()
        self._positions = positions_mirror()
        self._orders_known = False

    @property
    def ready(self) -> bool:
        """Whether there is a price to trade at, and own orders are known."""
        fresh = self._index_status in (IndexStatus.FRESH, IndexStatus.UNCERTAIN)
        return self.mark > 0 and fresh and self._status == MarketStatus.OPEN and self._orders_known

    @property
    def position(self) -> int:
        """Lots, signed."""
        row = self._positions.rows.get(self.market.id)
        return 0 if row is None else int(row["position_size"])

    def resting(self) -> dict[int, Resting]:
        """Own open orders in this market by client id."""
        return {
            row["client_id"]: Resting(row["price"], row["remaining"])
            for row in self._orders.rows.values()
            if row["market"] == self.market.id
        }

    async def run(self) -> None:
        """Follow the streams until the client leaves. Raises RefusedError."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow_ticker())
            tasks.create_task(self._follow_orders())
            tasks.create_task(self._follow_positions())

    async def _follow_ticker(self) -> None:
        async for event in self._client.subscribe("ticker", self.market.id):
            row: dict[str, Any] = event.data
            self.mark = row["mark"]
            self._status = MarketStatus(row["status"])
            self._index_status = IndexStatus(row["index_status"])

    async def _follow_orders(self) -> None:
        async for event in self._client.subscribe("orders", self._client.address):
            self._orders.apply(event)
            self._orders_known = True

    async def _follow_positions(self) -> None:
        async for event in self._client.subscribe("positions", self._client.address):
            self._positions.apply(event)
