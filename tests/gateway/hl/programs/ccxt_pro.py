"""A session with ccxt's WebSocket side, unmodified, pointed at a node by URL alone. Arguments: URL, secret, secret of another trader.

Runs in the clients' own environment. Prints one JSON object with everything it saw; what must hold is judged by the test that started it.
"""

import asyncio
import faulthandler
import json
import sys
from collections.abc import Awaitable
from typing import Any

import ccxt.pro
import eth_account

faulthandler.dump_traceback_later(80, exit=True)
URL, SECRET, OTHER = sys.argv[1:4]
BTC, ETH = "BTC/USDC:USDC", "ETH/USDC:USDC"
SEEN: dict[str, Any] = {}


def client(secret: str) -> Any:
    """As docs/clients/HYPERLIQUID.md shows it."""
    return ccxt.pro.hyperliquid(
        {
            "walletAddress": eth_account.Account.from_key(secret).address,
            "privateKey": secret,
            "urls": {"api": {"public": URL, "private": URL, "ws": {"public": URL.replace("http", "ws") + "/ws"}}},
            "options": {"sandboxMode": True},
        }
    )


async def first(name: str, waited: Awaitable[Any]) -> None:
    """The first thing that a subscription brings."""
    SEEN[name] = await asyncio.wait_for(waited, 20)


async def trade(mine: Any, other: Any) -> None:
    """Orders over the WebSocket."""
    SEEN["placed"] = await mine.create_order_ws(BTC, "limit", "buy", 0.01, 59_000)
    SEEN["edited"] = await mine.edit_order_ws(SEEN["placed"]["id"], BTC, "limit", "buy", 0.02, 59_100)
    SEEN["cancelled"] = await mine.cancel_order_ws(SEEN["edited"]["id"], BTC)
    await other.create_orders_ws([{"symbol": BTC, "type": "limit", "side": "sell", "amount": 0.05, "price": 60_100}])
    SEEN["taken"] = await mine.create_order_ws(BTC, "market", "buy", 0.03, 60_000)


async def main() -> None:
    """Everything, at once."""
    mine, other = client(SECRET), client(OTHER)
    try:
        await mine.load_markets()
        await other.load_markets()
        async with asyncio.TaskGroup() as group:
            group.create_task(first("orders", mine.watch_orders(BTC)))
            group.create_task(first("my trades", mine.watch_my_trades(BTC)))
            group.create_task(first("trades", mine.watch_trades(BTC)))
            group.create_task(first("book", mine.watch_order_book(BTC)))
            group.create_task(first("ticker", mine.watch_ticker(BTC)))
            group.create_task(first("tickers", mine.watch_tickers([BTC, ETH])))
            group.create_task(first("candles", mine.watch_ohlcv(BTC, "1m")))
            group.create_task(first("balance", mine.watch_balance()))
            group.create_task(first("positions", mine.watch_positions([BTC])))
            await asyncio.sleep(1.0)
            await trade(mine, other)
        SEEN["positions later"] = await asyncio.wait_for(mine.watch_positions([BTC]), 20)
        SEEN["balance later"] = await asyncio.wait_for(mine.watch_balance(), 20)
        SEEN["left"] = await asyncio.wait_for(mine.un_watch_order_book(BTC), 20)
    finally:
        await mine.close()
        await other.close()
    print(json.dumps(SEEN))


asyncio.run(main())
