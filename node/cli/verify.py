"""`novate verify`: rebuild the state from L1 and compare it with a data directory."""

import asyncio
import sys
from pathlib import Path

import click

from node.cli.connect import address_of
from node.cli.output import fail, json_option, print_json
from node.cli.running import run_until_stopped
from node.cli.watching import Teller, tell_verdict
from node.config.genesis import find_genesis, load_genesis
from node.config.operator import load_operator
from node.config.reading import ConfigError
from node.ops.progress import ProgressLine
from node.store.errors import StoreError
from node.store.store import open_store
from node.watcher.compare import verify_store
from node.watcher.report import WatchReport
from node.watcher.settings import WatcherSettings


@click.command("verify")
@click.option("--l1", "rpc", required=True, help="JSON-RPC address of an L1 node that you trust.")
@click.option("--contract", required=True, help="Address of the Novate contract.")
@click.option("--genesis", default="devnet", show_default=True)
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    default=Path("novate-data"),
    show_default=True,
)
@click.option("--start-block", type=click.IntRange(0), default=0, show_default=True)
@json_option
def command(*, rpc: str, contract: str, genesis: str, data_dir: Path, start_block: int, as_json: bool) -> None:
    """Compare the data directory of a stopped node with what L1 alone says: inputs, headers, every sealed leaf.

    Exit code 0: equal, 1: something differs, 2: could not tell.
    """
    found: list[WatchReport] = []
    try:
        params = load_genesis(find_genesis(genesis))
        settings = WatcherSettings(url=rpc, contract=address_of(contract), start_block=start_block)
        store = open_store(load_operator(None, data_dir).store, params.digest(), ProgressLine())
        try:

            async def program(_stop: asyncio.Event) -> None:
                found.append(await verify_store(settings, params, store, Teller(None)))

            run_until_stopped(program)
        finally:
            store.close()
    except (ConfigError, StoreError, OSError) as error:
        fail(str(error))
    report = found[0]
    if as_json:
        print_json(report.to_json())
    else:
        tell_verdict(report)
    sys.exit(report.verdict.value)
