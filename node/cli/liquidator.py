"""`novate liquidator`: a bot that takes over accounts in liquidation where it pays, and works the positions off in the book."""

from pathlib import Path

import click

from node.bots.liquidator import Liquidator, LiquidatorSettings
from node.cli.connect import DEFAULT_URL, find_key, find_url, key_options, node_options
from node.cli.output import fail
from node.cli.running import run_until_stopped
from node.client.amounts import AmountError, usd
from node.ops.logs import configure_logs
from proto.units import PPM, Ppm


@click.command("liquidator", epilog=f"Default node: {DEFAULT_URL}")
@click.option(
    "--price-max",
    type=click.FloatRange(0.01, 1),
    default=0.97,
    show_default=True,
    help="Part of mark value it pays at most.",
)
@click.option("--reward-min", default="0.1", show_default=True, help="USDC that a takeover must bring.")
@click.option("--inventory-max", default="500000", show_default=True, help="USDC of notional that it holds at most.")
@click.option(
    "--slip",
    type=click.FloatRange(0.0001, 0.5),
    default=0.002,
    show_default=True,
    help="How far from the mark it trades.",
)
@key_options
@node_options
def command(
    *, price_max: float, reward_min: str, inventory_max: str, slip: float, key_file: Path | None, password_file: Path | None,
    dev_account: int | None, url: str | None, data_dir: Path,
) -> None:  # fmt: skip
    """Watch who is in liquidation, bid where the discount pays, reduce what was taken, until stopped. The account needs USDC."""
    key = find_key(key_file, password_file, dev_account)
    try:
        settings = LiquidatorSettings(
            url=find_url(url, data_dir), price_max_ppm=Ppm(int(price_max * PPM)), reward_min=usd(reward_min),
            inventory_max=usd(inventory_max), slip_ppm=int(slip * PPM),
        )  # fmt: skip
    except (AmountError, ValueError) as error:
        fail(str(error))
    configure_logs("info")
    run_until_stopped(Liquidator(settings, key).run)
