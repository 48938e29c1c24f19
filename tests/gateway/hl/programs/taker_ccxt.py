"""A taker on ccxt, unmodified. Arguments: URL, secret, seconds. Buys and sells at market in turns, and prints what it believes it has."""

import json
import sys
import time

import ccxt
import eth_account

URL, SECRET, SECONDS = sys.argv[1], sys.argv[2], float(sys.argv[3])
BTC = "BTC/USDC:USDC"


def main() -> None:
    """Trade until the time is up."""
    exchange = ccxt.hyperliquid(
        {
            "walletAddress": eth_account.Account.from_key(SECRET).address,
            "privateKey": SECRET,
            "urls": {"api": {"public": URL, "private": URL, "ws": {"public": URL.replace("http", "ws") + "/ws"}}},
            "options": {"sandboxMode": True},
            "enableRateLimit": False,
        }
    )
    exchange.load_markets()
    deadline, round_, missed = time.monotonic() + SECONDS, 0, 0
    while time.monotonic() < deadline:
        round_ += 1
        side, size = ("buy", "sell", "sell", "buy")[round_ % 4], 0.001 * (1 + round_ % 5)
        try:
            exchange.create_order(BTC, "market", side, size, 60_000, {"slippage": "0.01"})
        except ccxt.InvalidOrder:
            missed += 1  # Nothing was quoted at that moment.
        time.sleep(0.05)
    fills, balance = exchange.fetch_my_trades(BTC, 0, 2_000), exchange.fetch_balance()["USDC"]
    print(json.dumps({"fills": fills, "balance": balance, "rounds": round_, "missed": missed}))


main()
