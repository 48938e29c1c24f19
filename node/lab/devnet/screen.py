"""The live terminal view of a devnet."""

import asyncio
import time
from typing import Final

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from node.client.amounts import from_units
from node.lab.devnet.glance import Glance, follow
from node.lab.devnet.program import Place, View
from node.lab.devnet.tally import Tally

FRAMES_PER_S: Final = 2
_RATE_DECIMALS: Final = 12
_WAIT_S: Final = 0.1


async def show_screen(view: View) -> None:
    """Draw until cancelled."""
    glance = Glance()
    with Live(console=Console(), refresh_per_second=FRAMES_PER_S, transient=True, auto_refresh=False) as live:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_follow_when_there(view, glance))
            while True:
                live.update(draw(view, glance), refresh=True)
                await asyncio.sleep(1 / FRAMES_PER_S)


async def _follow_when_there(view: View, glance: Glance) -> None:
    while (place := view.place) is None:
        await asyncio.sleep(_WAIT_S)
    await follow(place.url, glance)


def draw(view: View, glance: Glance) -> RenderableType:
    """One frame."""
    if view.place is None or view.eye is None:
        return Panel(Text(f"{view.stage} …"), title="novate devnet")
    return Group(
        Panel(_markets(glance), title="markets"),
        Panel(_trades(glance), title="newest trades"),
        Panel(_numbers(view, view.eye.last), title=view.stage),
        Panel(_connect(view.place), title="connect"),
    )


def _markets(glance: Glance) -> Table:
    table = Table(box=None, expand=True)
    table.add_column("market")
    for name in ("mark", "index", "bid", "size", "ask", "size", "open interest", "funding %/h"):
        table.add_column(name, justify="right")
    for row in glance.markets:
        market, facts = row.market, row.market.facts
        funding = from_units(facts["funding_rate"], _RATE_DECIMALS - 2)
        table.add_row(
            market.name, f"{market.price_of(facts['mark']):,}", f"{market.price_of(facts['index_price']):,}",
            f"{market.price_of(row.bid):,}", f"{market.size_of(row.bid_size)}", f"{market.price_of(row.ask):,}",
            f"{market.size_of(row.ask_size)}", f"{market.size_of(facts['open_interest'])}", f"{funding:.6f}",
        )  # fmt: skip
    return table


def _trades(glance: Glance) -> Table:
    table = Table(box=None, expand=True, show_header=False)
    for _ in range(5):
        table.add_column()
    for row in reversed(glance.trades):
        clock = time.strftime("%H:%M:%S", time.localtime(row.time_ms / 1_000))
        side = Text("buy", style="green") if row.is_buy else Text("sell", style="red")
        table.add_row(
            clock, row.market.name, side, f"{row.market.size_of(row.size)}", f"{row.market.price_of(row.price):,}"
        )
    return table


def _numbers(view: View, tally: Tally) -> Table:
    table = Table(box=None, show_header=False)
    watched = view.watched
    rows = [
        (
            "orders",
            f"{tally.orders:,} ({tally.orders_per_s:.0f}/s) from {tally.signers} signers on {tally.connections} connections",
        ),
        ("ack", f"p50 {tally.ack_p50_ms:.1f} ms, p99 {tally.ack_p99_ms:.1f} ms, each after it was durable"),
        (
            "batches",
            f"{tally.sealed} sealed → {tally.posted} posted on L1 → {watched.verified} verified by the watcher → {tally.final} final",
        ),
    ]
    rows.append(
        (
            "totals",
            f"{tally.deposited_usdc:,.2f} USDC deposited, {tally.withdrawn_usdc:,.2f} withdrawn; "
            f"owed {tally.owed_usdc:,.2f}, open entries {tally.entries_usdc:,.2f}",
        )
    )
    if not watched.agrees:
        rows.append(("ALARM", watched.disagreement))
    for name, text in rows:
        table.add_row(name, text)
    return table


def _connect(place: Place) -> Table:
    table = Table(box=None, show_header=False)
    table.add_row("WebSocket", place.url)
    table.add_row("HTTP", f"http://127.0.0.1:{place.port}/v1/status")
    table.add_row("L1", f"{place.rpc}  contract 0x{place.deployed.contract.hex()}")
    table.add_row("trade", "novate order BTC-PERPETUAL buy 0.01   (another terminal; --dev-account 0 to 9 have money)")
    table.add_row("stop", "Ctrl-C")
    return table
