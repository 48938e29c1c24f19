"""`novate order`: sign and place one order."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Final

import click

from node.cli.bridge import l1_option
from node.cli.connect import Where, find_key, find_url, key_options, node_options, talk
from node.cli.forced import find_l1, force, genesis_market, head_of, via_l1_options
from node.cli.output import fail, json_option, print_json
from node.client.amounts import AmountError, Market, order_spec, usd_of
from node.client.answers import OrderAnswer
from node.client.client import NovateClient
from proto.intents import OrderSpec, OrderType, PlaceOrder, SelfTrade, Side, TimeInForce, TriggerKind, TriggerSpec
from proto.units import Price, TimeMs

_TIME_IN_FORCE: Final = {
    "gtc": TimeInForce.GTC,
    "ioc": TimeInForce.IOC,
    "fok": TimeInForce.FOK,
    "post-only": TimeInForce.POST_ONLY,
}
_SELF_TRADE: Final = {
    "maker": SelfTrade.EXPIRE_MAKER,
    "taker": SelfTrade.EXPIRE_TAKER,
    "both": SelfTrade.EXPIRE_BOTH,
}


@click.command("order")
@click.argument("market")
@click.argument("side", type=click.Choice(["buy", "sell"]))
@click.argument("size")
@click.option("--price", help="Limit price in USDC; without it the order is a market order.")
@click.option("--time-in-force", type=click.Choice(list(_TIME_IN_FORCE)), help="gtc with a price, ioc without.")
@click.option("--reduce-only", is_flag=True, help="Never open or increase a position.")
@click.option("--client-id", type=click.IntRange(0, 2**128 - 1), default=0, help="Your own number for it.")
@click.option(
    "--self-trade",
    type=click.Choice(list(_SELF_TRADE)),
    default="maker",
    show_default=True,
    help="Which of your orders goes.",
)
@click.option("--stop", help="Wait until the mark is at this level: above it for a buy, below it for a sell.")
@click.option("--take-profit", help="Wait until the mark is at this level: below it for a buy, above it for a sell.")
@click.option("--good-for", type=click.IntRange(1, 31_536_000), help="Seconds after which what is left of it is cancelled.")
@via_l1_options
@l1_option
@click.option("--genesis", default="devnet", show_default=True, help="With --via-l1: where the markets are listed.")
@key_options
@node_options
@json_option
def command(
    *,
    via_l1: bool,
    contract: str | None,
    rpc: str | None,
    genesis: str,
    market: str,
    side: str,
    size: str,
    price: str | None,
    time_in_force: str | None,
    reduce_only: bool,
    client_id: int,
    self_trade: str,
    stop: str | None,
    take_profit: str | None,
    good_for: int | None,
    key_file: Path | None,
    password_file: Path | None,
    dev_account: int | None,
    url: str | None,
    data_dir: Path,
    as_json: bool,
) -> None:
    """Place an order: MARKET like BTC-PERPETUAL, SIDE, SIZE in units of the underlying.

    For example: novate order BTC-PERPETUAL buy 0.01 --price 60000
    """

    if stop is not None and take_profit is not None:
        fail("give --stop or --take-profit, not both.")
    if via_l1 and (stop or take_profit):
        fail("--via-l1 takes plain orders.")

    async def place(client: NovateClient) -> tuple[Market, OrderAnswer]:
        found = await client.market(market.upper())
        good_til = TimeMs(await client.ping() + good_for * 1_000) if good_for is not None else TimeMs(0)
        spec = order_spec(
            found,
            Side.BUY if side == "buy" else Side.SELL,
            size=size,
            price=price,
            time_in_force=_TIME_IN_FORCE[time_in_force] if time_in_force else None,
            reduce_only=reduce_only,
            client_id=client_id,
            self_trade=_SELF_TRADE[self_trade],
            good_til=good_til,
        )
        level = stop or take_profit
        if level is None:
            return found, await client.place(spec)
        kind = TriggerKind.STOP if stop is not None else TriggerKind.TAKE_PROFIT
        return found, await client.place_trigger(TriggerSpec(kind, found.price(level), spec))

    key = find_key(key_file, password_file, dev_account)
    if via_l1:
        spec = _spec(genesis_market(genesis, market), side, size, price, time_in_force, reduce_only=reduce_only)
        full = replace(spec, client_id=client_id, self_trade=_SELF_TRADE[self_trade], good_til=_good_til(good_for))
        queued = force(find_l1(rpc, contract, data_dir), key, PlaceOrder(*head_of(key), full))
        if as_json:
            print_json(queued)
        return
    where = Where(find_url(url, data_dir), key)
    found, answer = talk(where, place)
    _show(found, answer, as_json=as_json)


def _show(found: Market, answer: OrderAnswer, *, as_json: bool) -> None:
    average = usd_of(answer.quote) / found.size_of(answer.filled) if answer.filled else None
    if as_json:
        print_json(
            {
                "order": answer.order,
                "state": answer.state.name.lower(),
                "filled": str(found.size_of(answer.filled)),
                "remaining": str(found.size_of(answer.remaining)),
                "average_price": str(average) if average is not None else None,
            }
        )
        return
    click.echo(f"order {answer.order}: {answer.state.name.lower()}, {found.size_of(answer.filled)} filled", nl=False)
    click.echo(f" at {average:f} on average" if average is not None else "", nl=False)
    click.echo(f", {found.size_of(answer.remaining)} left")
    click.echo(f"next: novate inspect {answer.order}   novate cancel {answer.order}   novate account", err=True)


def _spec(market: Market, side: str, size: str, price: str | None, tif: str | None, *, reduce_only: bool) -> OrderSpec:
    """The order in units. Ends the program where an amount is none."""
    kind = OrderType.MARKET if price is None else OrderType.LIMIT
    default = TimeInForce.IOC if price is None else TimeInForce.GTC
    try:
        limit = Price(0) if price is None else market.price(price)
        lots = market.size(size)
    except AmountError as error:
        fail(str(error))
    taker_side = Side.BUY if side == "buy" else Side.SELL
    chosen = _TIME_IN_FORCE[tif] if tif else default
    return OrderSpec(market.id, taker_side, kind, chosen, limit, lots, reduce_only, 0, SelfTrade.EXPIRE_MAKER)


def _good_til(seconds: int | None) -> TimeMs:
    return TimeMs(0) if seconds is None else TimeMs(int((time.time() + seconds) * 1_000))
