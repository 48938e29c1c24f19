"""`novate devnet`: a whole venue on this machine, with one command."""

import asyncio
import sys
from pathlib import Path

import click

from node.cli.output import EXIT_FALSE, fail, json_option, print_json, say
from node.cli.running import run_until_stopped
from node.config.genesis import find_genesis, load_genesis
from node.config.reading import ConfigError
from node.core.params import Params
from node.l1.answers import L1Error
from node.lab.devnet.lines import tell_lines, tell_summary
from node.lab.devnet.people import VALIDATORS_MAX
from node.lab.devnet.processes import ChildEnded, ChildSilent
from node.lab.devnet.program import Devnet
from node.lab.devnet.record import DirectoryBusy
from node.lab.devnet.settings import DATA_DIR, L1_PORT, PORT, DevnetSettings
from node.lab.devnet.summary import Summary
from node.ops.keystore import KeystoreError
from node.oracle.choose import choose_files
from node.oracle.source import SourceInvalid


@click.command("devnet")
@click.option("--seconds", type=float, help="Trade for so long, then stop and sum up; without it, until Ctrl-C.")
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=PORT, show_default=True, help="Of the node; 0 takes any free one."
)
@click.option(
    "--l1-port", type=click.IntRange(0, 65_535), default=L1_PORT, show_default=True, help="Of L1; 0 takes any free one."
)
@click.option(
    "--data-dir", type=click.Path(path_type=Path, file_okay=False), default=DATA_DIR, show_default=True,
    help="Everything is kept here; the same directory again goes on with the same chain.",
)  # fmt: skip
@click.option(
    "--prices", multiple=True, metavar="[MARKET=]FILE",
    help="Play recorded bars (CSV, may be .gz) instead of the built-in path; for the first market, or for MARKET. Repeatable.",
)  # fmt: skip
@click.option("--price-speed", type=float, default=1.0, show_default=True, help="Bars played per second.")
@click.option(
    "--validators", type=click.IntRange(1, VALIDATORS_MAX), default=2, show_default=True,
    help="Watchers that re-execute every batch and sign what is right, each in its own process.",
)  # fmt: skip
@click.option("--no-bots", is_flag=True, help="No makers and takers: an empty venue.")
@click.option("--no-liquidator", is_flag=True, help="Nobody takes over what is liquidated.")
@json_option
def command(
    *,
    seconds: float | None,
    port: int,
    l1_port: int,
    data_dir: Path,
    prices: tuple[str, ...],
    price_speed: float,
    validators: int,
    no_bots: bool,
    no_liquidator: bool,
    as_json: bool,
) -> None:
    """Run a whole venue: L1, contract, price publishers, node, watchers, and bots that trade.

    Ten accounts of the public development mnemonic hold 1,000,000 USDC each, deposited through the contract. Ends with a summary;
    exit code 0 only if every watcher agreed with every batch and the audit holds.
    """
    try:
        params = load_genesis(find_genesis("devnet"))
        settings = DevnetSettings(
            data_dir=data_dir, port=port, l1_port=l1_port, seconds=seconds, prices=_absolute(params, prices),
            price_speed=price_speed, bots=not no_bots, liquidator=not no_liquidator, validators=validators,
        )  # fmt: skip
        summary = _run(settings, params, as_json=as_json)
    except (ConfigError, KeystoreError, SourceInvalid, ValueError, OSError) as error:
        fail(str(error))
    except (ChildEnded, ChildSilent, DirectoryBusy, L1Error) as error:
        fail(str(error))
    if as_json:
        print_json(summary.to_json())
    else:
        click.echo(tell_summary(summary))
    sys.exit(0 if summary.good else EXIT_FALSE)


def _absolute(params: Params, prices: tuple[str, ...]) -> tuple[str, ...]:
    """The files by market, from anywhere. Raises SourceInvalid."""
    names = {market.index: market.name for market in reversed(params.markets)}
    files = choose_files(params, prices)
    for path in files.values():
        if not path.is_file():
            raise SourceInvalid(f"{path}: there is no such file")
    return tuple(f"{names[index]}={path.absolute()}" for index, path in files.items())


def _run(settings: DevnetSettings, params: Params, *, as_json: bool) -> Summary:
    """Run with the screen on a terminal, with progress lines elsewhere."""
    on_screen = sys.stdout.isatty() and not as_json
    devnet = Devnet(settings, params, _silent if on_screen else say)
    ended: list[Summary] = []

    async def program(stop: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as group:
            showing = group.create_task(_screen(devnet) if on_screen else tell_lines(devnet.view, say))
            ended.append(await devnet.run(stop))
            showing.cancel()

    run_until_stopped(program)
    return ended[0]


async def _screen(devnet: Devnet) -> None:
    from node.lab.devnet.screen import show_screen

    await show_screen(devnet.view)


def _silent(_text: str) -> None:
    return
