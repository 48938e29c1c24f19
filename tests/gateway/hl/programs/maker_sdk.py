"""A small market maker on hyperliquid-python-sdk, unmodified. Arguments: URL, secret, seconds.

Quotes two levels a side around the mid, moves them by modification, leaves with nothing open, and prints what it believes it has.
"""

import json
import sys
import time
from typing import Any

import eth_account
from hyperliquid.exchange import Exchange
from hyperliquid.info import Info

URL, SECRET, SECONDS = sys.argv[1], sys.argv[2], float(sys.argv[3])
WALLET = eth_account.Account.from_key(SECRET)
ALO = {"limit": {"tif": "Alo"}}
LEVELS = ((True, 1), (True, 2), (False, 1), (False, 2))


def quote(middle: int, *, buy: bool, level: int) -> dict[str, Any]:
    """One level: 10 USDC apart, 0.02 BTC."""
    limit = middle - 10 * level if buy else middle + 10 * level
    return {"coin": "BTC", "is_buy": buy, "sz": 0.02, "limit_px": limit, "order_type": ALO, "reduce_only": False}


def main() -> None:
    """Quote until the time is up."""
    fills: list[Any] = []
    info, exchange = Info(URL, skip_ws=False), Exchange(WALLET, URL)
    info.subscribe({"type": "userFills", "user": WALLET.address}, lambda message: fills.extend(message["data"]["fills"]))
    deadline, round_, moved = time.monotonic() + SECONDS, 0, 0
    placed: dict[tuple[bool, int], int] = {}
    while time.monotonic() < deadline:
        round_ += 1
        middle = 60_000 + 5 * (round_ % 7)
        for side in LEVELS:
            order = quote(middle, buy=side[0], level=side[1])
            if side in placed:
                answer = exchange.bulk_modify_orders_new([{"oid": placed.pop(side), "order": order}])
                moved += 1
            else:
                answer = exchange.bulk_orders([order])
            status = answer["response"]["data"]["statuses"][0]
            if "resting" in status:
                placed[side] = status["resting"]["oid"]
        time.sleep(0.1)
    open_ = info.open_orders(WALLET.address)
    if open_:
        exchange.bulk_cancel([{"coin": row["coin"], "oid": row["oid"]} for row in open_])
    time.sleep(1.0)
    history = info.user_fills_by_time(WALLET.address, 0)
    state, spot = info.user_state(WALLET.address), info.spot_user_state(WALLET.address)
    left = info.open_orders(WALLET.address)
    info.disconnect_websocket()
    print(json.dumps({"fills": history, "heard": fills, "state": state, "spot": spot, "left": left, "moved": moved}))


main()
