"""A session with hyperliquid-python-sdk, unmodified, pointed at a node by URL alone. Arguments: URL, secret, secret of another trader.

Runs in the clients' own environment. Prints one JSON object with everything it saw; what must hold is judged by the test that started it.
"""

import faulthandler
import json
import sys
import time
from typing import Any

import eth_account
from hyperliquid.exchange import Exchange
from hyperliquid.info import Info
from hyperliquid.utils.types import Cloid

faulthandler.dump_traceback_later(60, exit=True)
URL, SECRET, OTHER = sys.argv[1:4]
WALLET, MAKER = eth_account.Account.from_key(SECRET), eth_account.Account.from_key(OTHER)
GTC, IOC, ALO = ({"limit": {"tif": tif}} for tif in ("Gtc", "Ioc", "Alo"))
BUY, SELL = True, False
SEEN: dict[str, Any] = {}
FEED: dict[str, list[Any]] = {}


def listen(info: Info) -> None:
    """Subscribe to everything there is."""
    me, coin = WALLET.address, "BTC"
    wanted: list[dict[str, Any]] = [
        {"type": "allMids"},
        {"type": "userEvents", "user": me},
        {"type": "userFills", "user": me},
        {"type": "orderUpdates", "user": me},
        {"type": "userFundings", "user": me},
        {"type": "userNonFundingLedgerUpdates", "user": me},
        *({"type": kind, "coin": coin} for kind in ("l2Book", "trades", "bbo", "activeAssetCtx")),
        {"type": "candle", "coin": coin, "interval": "1m"},
        {"type": "candle", "coin": coin, "interval": "5m"},
        {"type": "webData2", "user": me},
        {"type": "activeAssetData", "user": me, "coin": coin},
    ]
    for subscription in wanted:
        name = subscription["type"] + subscription.get("interval", "")
        FEED[name] = []
        info.subscribe(subscription, FEED[name].append)


def trade(exchange: Exchange, maker: Exchange) -> None:
    """Orders of every kind that is offered."""
    cloid = Cloid.from_int(7)
    SEEN["bid"] = exchange.order("BTC", BUY, 0.01, 59_000, GTC, cloid=cloid)
    oid = SEEN["bid"]["response"]["data"]["statuses"][0]["resting"]["oid"]
    SEEN["duplicate"] = exchange.order("BTC", BUY, 0.01, 59_000, GTC, cloid=cloid)
    SEEN["asks"] = maker.bulk_orders(
        [
            {"coin": "BTC", "is_buy": False, "sz": 0.02, "limit_px": 60_100, "order_type": GTC, "reduce_only": False},
            {"coin": "BTC", "is_buy": False, "sz": 0.5, "limit_px": 60_200, "order_type": ALO, "reduce_only": False},
            {"coin": "BTC", "is_buy": False, "sz": 0.5, "limit_px": 1, "order_type": ALO, "reduce_only": False},
        ]
    )
    SEEN["tick"] = exchange.order("BTC", BUY, 0.01, 59_000.55, GTC)
    SEEN["reduce"] = exchange.order("BTC", SELL, 0.01, 61_000, GTC, reduce_only=True)
    SEEN["no match"] = exchange.order("BTC", BUY, 0.01, 59_500, IOC)
    SEEN["by id"] = exchange.info.query_order_by_oid(WALLET.address, oid)
    SEEN["modified"] = exchange.modify_order(cloid, "BTC", BUY, 0.02, 59_100, GTC, cloid=cloid)
    SEEN["by cloid"] = exchange.info.query_order_by_cloid(WALLET.address, cloid)
    SEEN["open"] = exchange.info.open_orders(WALLET.address)
    SEEN["frontend open"] = exchange.info.frontend_open_orders(WALLET.address)
    SEEN["market"] = exchange.market_open("BTC", BUY, 0.03)
    SEEN["state"] = exchange.info.user_state(WALLET.address)
    SEEN["closed"] = exchange.market_close("BTC", sz=0.01) if maker.order("BTC", BUY, 0.1, 59_900, GTC) else None
    SEEN["cancel"] = exchange.cancel_by_cloid("BTC", cloid)
    SEEN["cancel again"] = exchange.cancel("BTC", oid)
    SEEN["history"] = exchange.info.historical_orders(WALLET.address)


def waits(price: float, tpsl: str, *, market: bool = True) -> dict[str, Any]:
    """The type of an order that waits for the mark."""
    return {"trigger": {"isMarket": market, "triggerPx": price, "tpsl": tpsl}}


def member(size: float, limit: float, kind: dict[str, Any], *, buy: bool = False) -> dict[str, Any]:
    """One of a group on ETH; exits only reduce."""
    return {
        "coin": "ETH", "is_buy": buy, "sz": size, "limit_px": limit, "order_type": kind, "reduce_only": not buy,
    }  # fmt: skip


def wait(exchange: Exchange) -> None:
    """Orders that wait for the mark: alone, modified, and as a bracket around an entry."""
    me = WALLET.address
    SEEN["stop"] = exchange.order("BTC", SELL, 0.01, 49_000, waits(50_000, "sl"), reduce_only=True)
    oid = SEEN["stop"]["response"]["data"]["statuses"][0]["resting"]["oid"]
    SEEN["waiting"] = exchange.info.frontend_open_orders(me)
    SEEN["stop moved"] = exchange.modify_order(oid, "BTC", SELL, 0.01, 49_500, waits(51_000, "sl"), reduce_only=True)
    SEEN["wrong side"] = exchange.order("BTC", SELL, 0.01, 80_000, waits(90_000, "sl"), reduce_only=True)
    profit = waits(3_500, "tp", market=False)
    bracket = [member(0.5, 2_700, GTC, buy=True), member(0.5, 3_500, profit), member(0.5, 2_200, waits(2_500, "sl"))]
    SEEN["bracket"] = exchange.bulk_orders(bracket, grouping="normalTpsl")
    entry = SEEN["bracket"]["response"]["data"]["statuses"][0]["resting"]["oid"]
    SEEN["bracket open"] = exchange.info.frontend_open_orders(me)
    SEEN["bracket cancelled"] = exchange.cancel("ETH", entry)
    SEEN["bracket gone"] = [row["coin"] for row in exchange.info.frontend_open_orders(me)]
    last = SEEN["stop moved"]["response"]["data"]["statuses"][0]["resting"]["oid"]
    SEEN["stop cancelled"] = exchange.cancel("BTC", last)


def spend(exchange: Exchange) -> None:
    """Leverage, agents, transfers, and what is not offered."""
    SEEN["leverage"] = exchange.update_leverage(20, "BTC")
    SEEN["other leverage"] = exchange.update_leverage(3, "BTC")
    SEEN["too high leverage"] = exchange.update_leverage(41, "BTC")
    exchange.update_leverage(20, "BTC")
    SEEN["referrer"] = exchange.set_referrer("NOBODY")
    SEEN["builder"] = exchange.approve_builder_fee("0x8c967e73e7b15087c42a10d344cff4c96d877f1d", "0.001%")
    SEEN["noop"] = exchange.noop(int(time.time() * 1_000))
    SEEN["schedule"] = exchange.schedule_cancel(int(time.time() * 1_000) + 60_000)
    SEEN["schedule cleared"] = exchange.schedule_cancel(None)
    SEEN["sent"] = exchange.usd_transfer(1.5, MAKER.address)
    SEEN["withdrawn"] = exchange.withdraw_from_bridge(2.25, WALLET.address)
    SEEN["too much"] = exchange.withdraw_from_bridge(1e9, WALLET.address)
    approved, secret = exchange.approve_agent("bot")
    SEEN["agent"] = approved
    agent = Exchange(eth_account.Account.from_key(secret), URL, account_address=WALLET.address)
    SEEN["agent order"] = agent.order("ETH", BUY, 0.1, 2_900, GTC)
    SEEN["agent send"] = agent.usd_transfer(1.5, MAKER.address)
    agent.set_expires_after(int(time.time() * 1_000) - 1_000)
    SEEN["expired"] = agent.order("ETH", BUY, 0.1, 2_900, GTC)
    SEEN["stranger"] = Exchange(eth_account.Account.create(), URL).order("BTC", BUY, 0.01, 59_000, GTC)


def ask(info: Info) -> None:
    """Every read that is offered."""
    me, now = WALLET.address, int(time.time() * 1_000)
    SEEN["info"] = {
        "mids": info.all_mids(), "meta": info.meta(), "contexts": info.meta_and_asset_ctxs(), "spot": info.spot_meta(),
        "spot contexts": info.spot_meta_and_asset_ctxs(), "dexs": info.perp_dexs(), "spot state": info.spot_user_state(me),
        "fills": info.user_fills(me), "fills by time": info.user_fills_by_time(me, 0, now + 10_000),
        "book": info.l2_snapshot("BTC"), "candles": info.candles_snapshot("BTC", "5m", now - 3_600_000, now + 60_000),
        "rates": info.funding_history("BTC", 0), "funding": info.user_funding_history(me, 0), "fees": info.user_fees(me),
        "ledger": info.user_non_funding_ledger_updates(me, 0), "limit": info.user_rate_limit(me), "role": info.user_role(me),
        "agents": info.extra_agents(me), "abstraction": info.query_user_abstraction_state(me),
        "subs": info.query_sub_accounts(me), "referral": info.query_referral_state(me), "vaults": info.user_vault_equities(me),
        "unknown": info.query_order_by_oid(me, 999_999), "twap": info.user_twap_slice_fills(me),
        "nobody": info.user_state("0x" + "12" * 20), "portfolio": info.portfolio(me),
        "staking": [
            info.user_staking_summary(me), info.user_staking_delegations(me), info.user_staking_rewards(me),
            info.delegator_history(me), info.query_user_to_multi_sig_signers(me), info.query_perp_deploy_auction_status(),
            info.query_user_dex_abstraction_state(me), info.query_spot_deploy_auction_status(me),
        ],
    }  # fmt: skip


def watch(info: Info) -> None:
    """Trade while the WebSocket is watched, until everything was seen that is bound to come."""
    exchange, maker = Exchange(WALLET, URL), Exchange(MAKER, URL)
    listen(info)
    deadline = time.monotonic() + 30
    while not all(FEED[name] for name in ("allMids", "userFills", "bbo")) and time.monotonic() < deadline:
        time.sleep(0.02)
    trade(exchange, maker)
    wait(exchange)
    spend(exchange)
    ask(info)
    while not all(FEED.values()) and time.monotonic() < deadline:
        time.sleep(0.02)


def main() -> None:
    """Everything, in order."""
    info = Info(URL, skip_ws=False)
    try:
        watch(info)
    finally:
        info.disconnect_websocket()
        print(json.dumps({"seen": SEEN, "feed": FEED}))


main()
