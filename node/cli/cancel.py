"""`novate cancel`: cancel one open order, or all."""

from pathlib import Path

import click

from node.cli.bridge import l1_option
from node.cli.connect import Where, find_key, find_url, key_options, node_options, talk
from node.cli.forced import find_l1, force, genesis_market, head_of, via_l1_options
from node.cli.output import fail, json_option, print_json
from node.client.client import NovateClient
from proto.ids import ALL_MARKETS, MarketId, OrderId
from proto.intents import CancelAll, CancelByClientId, CancelOrder, Intent
from proto.signing.secp256k1 import SigningKey
from proto.units import TimeMs


@click.command("cancel")
@click.argument("order", type=click.IntRange(1, 2**63), required=False)
@click.option("--client-id", type=click.IntRange(1, 2**128 - 1), help="Cancel by your own number.")
@click.option("--all", "every", is_flag=True, help="Cancel every open order (of --market, if given).")
@click.option("--market", help="With --all: only in this market.")
@click.option(
    "--all-in",
    type=click.IntRange(0, 31_536_000),
    help="Cancel every order SECONDS from now (at least 5) unless told otherwise before; 0 clears that.",
)
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
    order: int | None,
    client_id: int | None,
    every: bool,
    market: str | None,
    all_in: int | None,
    key_file: Path | None,
    password_file: Path | None,
    dev_account: int | None,
    url: str | None,
    data_dir: Path,
    as_json: bool,
) -> None:
    """Cancel ORDER, or the order with --client-id, or --all; or schedule it with --all-in."""
    if sum((order is not None, client_id is not None, every, all_in is not None)) != 1:
        fail("give an order number, or --client-id N, or --all, or --all-in SECONDS.")
    key = find_key(key_file, password_file, dev_account)
    if via_l1:
        if all_in is not None:
            fail("--all-in is for the node; with --via-l1 cancel now.")
        intent = _intent(key, order, client_id, genesis_market(genesis, market).id if market else ALL_MARKETS)
        found = force(find_l1(rpc, contract, data_dir), key, intent)
        if as_json:
            print_json(found)
        return
    where = Where(find_url(url, data_dir), key)
    if all_in is not None:
        _schedule(where, all_in, as_json=as_json)
        return

    async def cancel(client: NovateClient) -> int:
        if order is not None:
            await client.cancel(OrderId(order))
            return 1
        if client_id is not None:
            await client.cancel_client_id(client_id)
            return 1
        found = (await client.market(market.upper())).id if market else ALL_MARKETS
        return await client.cancel_all(found)

    cancelled = talk(where, cancel)
    if as_json:
        print_json({"cancelled": cancelled})
    else:
        click.echo(f"{cancelled} order{'s' if cancelled != 1 else ''} cancelled")


def _intent(key: SigningKey, order: int | None, client_id: int | None, market: MarketId) -> Intent:
    if order is not None:
        return CancelOrder(*head_of(key), OrderId(order))
    if client_id is not None:
        return CancelByClientId(*head_of(key), client_id)
    return CancelAll(*head_of(key), market)


def _schedule(where: Where, seconds: int, *, as_json: bool) -> None:
    async def schedule(client: NovateClient) -> int:
        time = TimeMs(await client.ping() + seconds * 1_000) if seconds else TimeMs(0)
        await client.schedule_cancel(time)
        return time

    time = talk(where, schedule)
    if as_json:
        print_json({"cancel_at": time})
    else:
        click.echo(f"all orders will be cancelled in {seconds} s" if time else "no cancel is scheduled")
