"""`novate bots`: market makers and takers on a development venue."""

from dataclasses import replace

import click

from node.bots.crew import crew_size, hire, run_crew
from node.bots.settings import CrewSettings
from node.cli.output import fail
from node.cli.running import run_until_stopped
from node.config.genesis import find_genesis, load_genesis
from node.config.reading import ConfigError
from node.ops.keystore import KeystoreError, development_keys
from node.ops.logs import configure_logs


@click.command("bots")
@click.option("--url", default="ws://127.0.0.1:8080/v1/ws", show_default=True, help="The node's WebSocket.")
@click.option(
    "--genesis", default="devnet", show_default=True, help="A genesis file, or the name of a shipped network."
)
@click.option("--first-key", default=30, show_default=True, help="Of the development mnemonic; each bot uses one more.")
@click.option("--makers", default=2, show_default=True, help="In each market.")
@click.option("--takers", default=2, show_default=True, help="In each market.")
@click.option("--seed", default=1, show_default=True, help="Of their chance.")
def command(*, url: str, genesis: str, first_key: int, makers: int, takers: int, seed: int) -> None:
    """Trade as market makers and takers, with funded development keys, until stopped."""
    try:
        params = load_genesis(find_genesis(genesis))
        settings = replace(CrewSettings(url=url), makers_per_market=makers, takers_per_market=takers, seed=seed)
        markets = [market.name for market in params.markets]
        keys = development_keys(params.chain_id, first_key + crew_size(settings, len(markets)))[first_key:]
        configure_logs("info")
        bots = hire(settings, markets, keys)
        run_until_stopped(lambda stop: run_crew(bots, stop))
    except (ConfigError, KeystoreError, ValueError, OSError) as error:
        fail(str(error))
