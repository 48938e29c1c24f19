"""`novate book`: the markets, or the book of one."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import click

from node.cli.connect import Where, find_url, node_options, talk
from node.cli.output import json_option, print_json
from node.cli.tables import table
from node.client.amounts import Market
from node.client.client import NovateClient
from proto.events import MarketStatus


@click.command("book")
@click.argument("market", required=False)
@click.option("--depth", type=click.IntRange(1, 1_000), default=10, show_default=True, help="Levels a side.")
@node_options
@json_option
def command(*, market: str | None, depth: int, url: str | None, data_dir: Path, as_json: bool) -> None:
    """Show the order book of MARKET; without MARKET, all markets."""
    where = Where(find_url(url, data_dir), None)
    if market is None:
        _markets(where, as_json=as_json)
        return

    async def ask(client: NovateClient) -> tuple[Market, dict[str, Any]]:
        found = await client.market(market.upper())
        return found, (await client.query("book", found.id, depth)).value

    found, book = talk(where, ask)
    levels = {side: [_level(found, row) for row in book[side]] for side in ("bids", "asks")}
    if as_json:
        print_json({"market": found.name, **levels})
        return
    rows = [("ask", *row.values()) for row in reversed(levels["asks"])] + [
        ("bid", *row.values()) for row in levels["bids"]
    ]
    click.echo(table((found.name, "price", "size", "orders"), rows))


def _level(market: Market, row: list[int]) -> dict[str, str]:
    return {"price": str(market.price_of(row[0])), "size": str(market.size_of(row[1])), "orders": str(row[2])}


def _markets(where: Where, *, as_json: bool) -> None:
    async def ask(client: NovateClient) -> list[Market]:
        return await client.markets()

    rows = [_facts(market) for market in talk(where, ask)]
    if as_json:
        print_json({"markets": rows})
        return
    head = ("market", "mark", "index", "open interest", "funding/h", "status")
    click.echo(table(head, [tuple(row.values()) for row in rows]))


def _facts(market: Market) -> dict[str, str]:
    facts = market.facts
    rate = Decimal(facts["funding_rate"]).scaleb(-10)  # 1e-12 to percent.
    return {
        "market": market.name,
        "mark": str(market.price_of(facts["mark"])),
        "index": str(market.price_of(facts["index_price"])),
        "open_interest": str(market.size_of(facts["open_interest"])),
        "funding_percent": f"{rate:f}",
        "status": MarketStatus(facts["status"]).name.lower().replace("_", "-"),
    }
