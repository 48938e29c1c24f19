"""A session with ccxt, unmodified, pointed at a node by URL alone. Arguments: URL, secret, secret of another trader.

Runs in the clients' own environment. Prints one JSON object with everything it saw; what must hold is judged by the test that started it.
"""

import faulthandler
import json
import sys
import time
from typing import Any

import ccxt
import eth_account

faulthandler.dump_traceback_later(60, exit=True)
URL, SECRET, OTHER = sys.argv[1:4]
BTC, ETH = "BTC/USDC:USDC", "ETH/USDC:USDC"


def client(secret: str) -> Any:
    """As docs/clients/HYPERLIQUID.md shows it."""
    return ccxt.hyperliquid(
        {
            "walletAddress": eth_account.Account.from_key(secret).address,
            "privateKey": secret,
            "urls": {"api": {"public": URL, "private": URL, "ws": {"public": URL.replace("http", "ws") + "/ws"}}},
            "options": {"sandboxMode": True},
        }
    )


def refusal(fn: Any) -> str:
    """Name of the error that a call raises."""
    try:
        fn()
    except ccxt.BaseError as error:
        return f"{type(error).__name__}: {error}"
    return "none"


def main() -> None:
    """Everything, in order."""
    mine, other = client(SECRET), client(OTHER)
    seen: dict[str, Any] = {}
    markets = mine.load_markets()
    seen["markets"] = {
        name: [markets[name]["baseId"], markets[name]["precision"], markets[name]["swap"]] for name in markets
    }
    seen["balance"] = mine.fetch_balance()["USDC"]
    placed = mine.create_order(BTC, "limit", "buy", 0.01, 59_000, {"clientOrderId": "0x" + "0" * 31 + "9"})
    seen["placed"] = placed
    seen["fetched"] = mine.fetch_order(placed["id"], BTC)
    edited = mine.edit_order(placed["id"], BTC, "limit", "buy", 0.02, 59_100)
    seen["edited"] = edited
    seen["open"] = mine.fetch_open_orders(BTC)
    other.create_order(BTC, "limit", "sell", 0.05, 60_100)
    seen["post only"] = refusal(lambda: mine.create_order(BTC, "limit", "buy", 0.01, 60_200, {"postOnly": True}))
    seen["no money"] = refusal(lambda: mine.create_order(BTC, "limit", "buy", 9_000, 59_000))
    seen["market"] = mine.create_order(BTC, "market", "buy", 0.03, 60_000)
    seen["positions"] = mine.fetch_positions()
    seen["canceled"] = mine.cancel_order(edited["id"], BTC)
    seen["cancel again"] = refusal(lambda: mine.cancel_order(edited["id"], BTC))
    seen["position"] = mine.fetch_position(BTC)["contracts"]
    seen["stop"] = mine.create_order(BTC, "market", "sell", 0.03, 50_000, {"stopLossPrice": 50_500, "reduceOnly": True})
    seen["profit"] = mine.create_order(BTC, "limit", "sell", 0.03, 70_000, {"takeProfitPrice": 70_000, "reduceOnly": True})
    seen["waiting"] = [[row["id"], row["triggerPrice"], row["type"]] for row in mine.fetch_open_orders(BTC)]
    seen["stops gone"] = mine.cancel_orders([seen["stop"]["id"], seen["profit"]["id"]], BTC)
    seen["orders"] = mine.create_orders(
        [
            {"symbol": ETH, "type": "limit", "side": "buy", "amount": 0.5, "price": 2_900},
            {"symbol": ETH, "type": "limit", "side": "buy", "amount": 0.5, "price": 2_800},
        ]
    )
    seen["canceled all"] = mine.cancel_orders([order["id"] for order in seen["orders"]], ETH)
    seen["history"] = len(mine.fetch_orders(BTC))
    seen["closed"] = mine.fetch_closed_orders(BTC)
    seen["cancelled"] = mine.fetch_canceled_orders(ETH)
    seen["trades"] = mine.fetch_my_trades(BTC)
    seen["book"] = mine.fetch_order_book(BTC)
    seen["ticker"] = mine.fetch_ticker(BTC)
    seen["tickers"] = sorted(mine.fetch_tickers())
    seen["candles"] = mine.fetch_ohlcv(BTC, "1m", int(time.time() * 1_000) - 600_000)
    seen["rates"] = mine.fetch_funding_rates([BTC])
    seen["rate history"] = mine.fetch_funding_rate_history(BTC, 0)
    seen["funding"] = mine.fetch_funding_history(BTC)
    seen["deposits"] = mine.fetch_deposits("USDC", 0)
    seen["withdrawals"] = mine.fetch_withdrawals("USDC", 0)
    seen["hours"] = [len(mine.fetch_ohlcv(BTC, name, 0)) for name in ("3m", "2h", "8h", "3d", "1w", "1M")]
    seen["currencies"] = sorted(mine.fetch_currencies())
    seen["ledger"] = mine.fetch_ledger("USDC", 0)
    seen["fees"] = mine.fetch_trading_fee(BTC)["taker"]
    seen["interest"] = mine.fetch_open_interest(BTC)["openInterestAmount"]
    seen["leverage"] = mine.set_leverage(20, BTC, {"marginMode": "cross"})
    seen["withdrawn"] = mine.withdraw("USDC", 5, mine.walletAddress)
    seen["time"] = mine.fetch_time()
    seen["status"] = mine.fetch_status()["status"]
    print(json.dumps(seen))


main()
