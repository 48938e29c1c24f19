"""`novate stress`: drive the rule book through a price path with a leveraged population, and see who loses what."""

from pathlib import Path

import click

from node.cli.output import EXIT_FALSE, fail, json_option, print_json, say
from node.cli.tables import table
from node.config.genesis import find_genesis, load_genesis
from node.config.reading import ConfigError
from node.core.params import MarketParams, Params
from node.lab.stress.bars import BarsError, PricePath, read_bars
from node.lab.stress.paths import PATHS, make_path
from node.lab.stress.run import LEVERAGE_MAX, StressReport, StressSettings, run_stress, with_static_margin
from node.ops.progress import ProgressLine

_WORDS = {
    "inputs": "inputs applied, both passes",
    "liquidations": "accounts that entered liquidation in the book",
    "partial": "of those, healthy again with a part of the position",
    "takeovers": "takeovers by other accounts",
    "backstop": "positions taken by the backstop vault",
    "insurance_start": "insurance fund before, USDC, worse pass",
    "insurance_end": "insurance fund after, USDC, worse pass",
    "adl": "positions deleveraged",
    "socialised": "losses socialised",
    "deficit_accounts": "accounts left in deficit",
    "conserved": "money conserved",
    "seconds": "seconds",
}


@click.command("stress")
@click.argument("prices", required=False, type=click.Path(path_type=Path))
@click.option("--path", "made", type=click.Choice(list(PATHS)), help="A path made here, in place of a file.")
@click.option("--market", default="BTC-PERPETUAL", show_default=True, help="Where everybody trades.")
@click.option("--accounts", type=click.IntRange(2, 100_000), default=1_000, show_default=True)
@click.option(
    "--leverage-max", type=click.FloatRange(1, 1_000), default=LEVERAGE_MAX, show_default=True,
    help="Each account draws its leverage between 1 and this; the venue grants what it grants.",
)  # fmt: skip
@click.option("--seed", type=int, default=1, show_default=True, help="Of all chance: same seed, same report.")
@click.option("--plot", type=click.Path(path_type=Path, dir_okay=False), help="Write a picture here, as PNG.")
@click.option(
    "--static-margin", type=click.FloatRange(0.1, 100), metavar="PERCENT",
    help="Compare: this initial margin throughout, whatever size or volatility.",
)  # fmt: skip
@click.option(
    "--genesis", default="devnet", show_default=True, help="A genesis file, or the name of a shipped network."
)
@json_option
def command(
    *, prices: Path | None, made: str | None, market: str, accounts: int, leverage_max: float, seed: int, plot: Path | None,
    static_margin: float | None, genesis: str, as_json: bool,
) -> None:  # fmt: skip
    """Play PRICES, a CSV of bars (timestamp,open,high,low,close,volume; may be gzipped), twice: high first and low first inside each bar.

    Exit 0: money was conserved, no account is left in deficit, and something was liquidated. Exit 1: one of these is false.
    """
    if (prices is None) == (made is None):
        raise click.UsageError("give a file of PRICES, or --path with one of " + ", ".join(PATHS))
    if plot is not None and not plot.absolute().parent.is_dir():
        fail(f"{plot.absolute().parent} is not a directory; create it before a picture is written there.")
    params = _params(genesis)
    if static_margin is not None:
        params = with_static_margin(params, market, static_margin)
    settings = StressSettings(
        path=_path(prices, made, seed), params=params, market=_market(params, market), accounts=accounts,
        leverage_max=leverage_max, seed=seed,
    )  # fmt: skip
    report = run_stress(settings, ProgressLine())
    if plot is not None:
        _draw(report, settings, plot)
    shown = report.as_json()
    if as_json:
        print_json(shown)
    else:
        click.echo(table(("what", "figure"), [(_WORDS[name], str(value)) for name, value in shown.items()]))
    say(f"initial margin averaged {report.mean_initial:.2f} %")
    wrong = report.wrong()
    for sentence in wrong:
        say(f"novate: {sentence}")
    if wrong:
        click.get_current_context().exit(EXIT_FALSE)


def _params(genesis: str) -> Params:
    try:
        return load_genesis(find_genesis(genesis))
    except (ConfigError, OSError) as error:
        fail(str(error))


def _path(prices: Path | None, made: str | None, seed: int) -> PricePath:
    if made is not None:
        return make_path(made, seed)
    assert prices is not None
    try:
        return read_bars(prices)
    except BarsError as error:
        fail(str(error))


def _market(params: Params, name: str) -> MarketParams:
    found = next((market for market in params.markets if market.name == name), None)
    if found is None:
        fail(f"there is no market {name}; there are {', '.join(market.name for market in params.markets)}.")
    return found


def _draw(report: StressReport, settings: StressSettings, file: Path) -> None:
    from node.lab.stress.plot import PlotError, draw  # Here: matplotlib takes half a second to import.

    title = f"{settings.market.name}, {settings.path.name}: {settings.accounts:,} accounts, leverage to {settings.leverage_max:g}"
    try:
        draw(report, f"{title}, seed {settings.seed}", file)
    except PlotError as error:
        fail(str(error))
