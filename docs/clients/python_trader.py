"""Trade with the Python client: python docs/clients/python_trader.py [ws://127.0.0.1:8080/v1/ws [PRIVATE_KEY_HEX]]"""

import asyncio
import sys

from node.client.client import NovateClient
from proto.intents import Side, TimeInForce
from proto.signing.secp256k1 import SigningKey

DEVELOPMENT_KEY = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"  # Public: worth nothing outside a devnet.


async def main(url: str = "ws://127.0.0.1:8080/v1/ws", secret: str = DEVELOPMENT_KEY) -> None:
    async with NovateClient(url, SigningKey(bytes.fromhex(secret))) as client:
        market = await client.market("BTC-PERPETUAL")
        price = market.price_of(market.facts["mark"]) * 95 // 100  # Whole USDC, five percent below the mark: it rests.
        order = await client.place_order(market, Side.BUY, size="0.01", price=price, time_in_force=TimeInForce.POST_ONLY)
        print(f"order {order.order} rests at {price}")
        await client.amend(order.order, market.price(price - 1), market.size("0.005"))
        await client.cancel(order.order)
        print("equity", (await client.account())["equity"] / 1_000_000, "USDC")


asyncio.run(main(*sys.argv[1:]))
