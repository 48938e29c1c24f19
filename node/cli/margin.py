"""`novate margin`: an account's margin now, and after orders and price moves that are only supposed."""

from pathlib import Path
from typing import Any

import click

from node.cli.connect import Where, address_of, find_key, find_url, key_options, node_options, talk
from node.cli.output import json_option, print_json
from node.cli.tables import table
from node.client.amounts import Market, from_units, usd_of
from node.client.client import NovateClient
from node.client.suppositions import read_move, read_order

_PROBABILITY_DECIMALS = 12
_ROWS = (
    ("equity", "equity, USDC"), ("initial", "initial margin"), ("maintenance", "maintenance margin"), ("free", "free"),
    ("fees", "fees of the orders"), ("default_probability", "probability of default"), ("expected_shortfall", "expected shortfall"),
    ("allowed", "initial margin holds"), ("liquidatable", "liquidatable"),
)  # fmt: skip


@click.command("margin")
@click.argument("account", required=False)
@click.option(
    "--order",
    "orders",
    multiple=True,
    metavar="MARKET:SIDE:SIZE[@PRICE]",
    help="Suppose this order filled. Repeatable.",
)
@click.option(
    "--move",
    "moves",
    multiple=True,
    metavar="MARKET:±PCT",
    help="Suppose the mark moved, after the orders. Repeatable.",
)
@key_options
@node_options
@json_option
def command(
    *, account: str | None, orders: tuple[str, ...], moves: tuple[str, ...], key_file: Path | None, password_file: Path | None,
    dev_account: int | None, url: str | None, data_dir: Path, as_json: bool,
) -> None:  # fmt: skip
    """Show the margin of ACCOUNT, or of the key's account, now and after what is supposed, with liquidation prices and odds of default.

    For example: novate margin --order BTC-PERPETUAL:buy:0.5 --move BTC-PERPETUAL:-10
    """
    owner = address_of(account) if account else find_key(key_file, password_file, dev_account).address

    async def ask(client: NovateClient) -> tuple[dict[str, Any], dict[str, Any]]:
        wanted, moved = [read_order(text) for text in orders], [read_move(text) for text in moves]
        markets = {market.id: market for market in await client.markets()}
        now = _shown(await client.what_if([], [], owner), markets)
        return now, _shown(await client.what_if(wanted, moved, owner), markets) if orders or moves else now

    now, after = talk(Where(find_url(url, data_dir), None), ask)
    if as_json:
        print_json({"address": "0x" + owner.hex(), "now": now, "after": after})
        return
    supposed = bool(orders or moves)
    click.echo(f"account 0x{owner.hex()}")
    head = ("", "now", "after") if supposed else ("", "now")
    click.echo(table(head, [(words, now[name], *((after[name],) if supposed else ())) for name, words in _ROWS]))
    for title, found in (("now", now), ("after", after)) if supposed else (("now", now),):
        if found["positions"]:
            rows = [
                (p["market"], p["size"], p["mark"], p["unrealised_pnl"], p["liquidation_price"])
                for p in found["positions"]
            ]
            click.echo(table((f"positions {title}", "size", "mark", "unrealised", "liquidation"), rows))


def _shown(row: dict[str, Any], markets: dict[Any, Market]) -> dict[str, Any]:
    """The JSON form, in human units."""
    return {
        "equity": _usd(row["equity"]), "initial": _usd(row["initial_margin"]), "maintenance": _usd(row["maintenance_margin"]),
        "free": _usd(row["free_collateral"]), "fees": _usd(row["fees"]), "allowed": row["allowed"],
        "liquidatable": row["liquidatable"],
        "default_probability": f"{from_units(row['default_probability'], _PROBABILITY_DECIMALS):f}",
        "expected_shortfall": _usd(row["expected_shortfall"]),
        "positions": [_position(position, markets[position["market"]]) for position in row["positions"]],
    }  # fmt: skip


def _position(row: dict[str, Any], market: Market) -> dict[str, Any]:
    far = row["liquidation_price"]
    return {
        "market": market.name, "size": str(market.size_of(row["position_size"])), "mark": str(market.price_of(row["mark"])),
        "unrealised_pnl": _usd(row["unrealised_pnl"]), "maintenance": _usd(row["maintenance_margin"]),
        "liquidation_price": str(market.price_of(far)) if far else None,
    }  # fmt: skip


def _usd(units: int) -> str:
    return f"{usd_of(int(units)):f}"
