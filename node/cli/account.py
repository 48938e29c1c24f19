"""`novate account`: what an account has, owes and has open."""

from pathlib import Path
from typing import Any

import click

from node.cli.connect import Where, address_of, find_key, find_url, key_options, node_options, talk
from node.cli.output import json_option, print_json
from node.cli.tables import table
from node.client.amounts import Market, from_units, usd_of
from node.client.client import NovateClient
from proto.ids import Address

_DECIMALS = {0: ("USDC", 6), 1: ("ETH", 9), 2: ("BTC", 8)}


@click.command("account")
@click.argument("address", required=False)
@key_options
@node_options
@json_option
def command(
    *,
    address: str | None,
    key_file: Path | None,
    password_file: Path | None,
    dev_account: int | None,
    url: str | None,
    data_dir: Path,
    as_json: bool,
) -> None:
    """Show ADDRESS, or the account of the key."""
    owner = address_of(address) if address else find_key(key_file, password_file, dev_account).address

    async def ask(client: NovateClient) -> tuple[dict[str, Any], list[dict[str, Any]], dict[int, Market]]:
        markets = {market.id: market for market in await client.markets()}
        return (
            await client.account(owner),
            await client.open_orders(owner),
            {int(key): value for key, value in markets.items()},
        )

    account, orders, markets = talk(Where(find_url(url, data_dir), None), ask)
    shown = describe(owner, account, orders, markets)
    if as_json:
        print_json(shown)
        return
    click.echo(f"account {shown['address']}")
    click.echo(
        f"  equity {shown['equity']}   free {shown['free']}   initial {shown['initial']}   maintenance {shown['maintenance']}   (USDC)"
    )
    click.echo(table(("asset", "balance"), [(row["asset"], row["balance"]) for row in shown["balances"]]))
    if shown["positions"]:
        rows = [(p["market"], p["size"], p["entry_price"], p["mark"], p["unrealised_pnl"]) for p in shown["positions"]]
        click.echo(table(("position", "size", "entry", "mark", "unrealised"), rows))
    if shown["orders"]:
        rows = [(o["order"], o["market"], o["side"], o["price"], o["remaining"]) for o in shown["orders"]]
        click.echo(table(("order", "market", "side", "price", "remaining"), rows))


def describe(
    owner: Address, account: dict[str, Any], orders: list[dict[str, Any]], markets: dict[int, Market]
) -> dict[str, Any]:
    """The JSON form, in human units."""
    positions = []
    for row in account["positions"]:
        market, lots = markets[row["market"]], row["position_size"]
        entry = usd_of(int(row["entry"])) / market.size_of(lots) if lots else None
        positions.append(
            {
                "market": market.name,
                "size": str(market.size_of(lots)),
                "entry_price": f"{entry:.{market.price_decimals}f}" if entry is not None else None,
                "mark": str(market.price_of(row["mark"])),
                "unrealised_pnl": str(usd_of(int(row["unrealised_pnl"]))),
            }
        )
    opened = [
        {
            "order": row["id"],
            "market": markets[row["market"]].name,
            "side": "buy" if row["side"] == 0 else "sell",
            "price": str(markets[row["market"]].price_of(row["price"])),
            "remaining": str(markets[row["market"]].size_of(row["remaining"])),
        }
        for row in orders
    ]
    return {
        "address": "0x" + owner.hex(),
        "account": account["account"],
        "equity": str(usd_of(int(account["equity"]))),
        "free": str(usd_of(int(account["free_collateral"]))),
        "initial": str(usd_of(int(account["initial_margin"]))),
        "maintenance": str(usd_of(int(account["maintenance_margin"]))),
        "balances": [_balance(row) for row in account["balances"]],
        "positions": positions,
        "orders": opened,
    }


def _balance(row: dict[str, Any]) -> dict[str, str]:
    symbol, decimals = _DECIMALS.get(row["asset"], (f"asset {row['asset']}", 0))
    return {"asset": symbol, "balance": str(from_units(int(row["balance"]), decimals))}
