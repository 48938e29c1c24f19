"""`novate cancel`: cancel one open order, or all."""

from pathlib import Path

import click

from node.cli.connect import Where, find_key, find_url, key_options, node_options, talk
from node.cli.output import fail, json_option, print_json
from node.client.client import NovateClient
from proto.ids import ALL_MARKETS, OrderId
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
@key_options
@node_options
@json_option
def command(
    *,
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
    where = Where(find_url(url, data_dir), find_key(key_file, password_file, dev_account))
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
