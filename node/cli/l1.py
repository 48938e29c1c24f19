"""`novate l1`: the embedded L1 chain, in its own process."""

from pathlib import Path

import click

from node.cli.output import EXIT_UNKNOWN, fail, say
from node.cli.running import cancelled_by, run_until_stopped
from node.l1.chain import ChainSettings, serve
from node.l1.chain.blockfile import ChainInUse, ChainStorageCorrupt, ChainStorageFailed
from node.l1.chain.ledger import ChainMismatch
from node.l1.chain.settings import DEVELOPMENT_CHAIN_ID


@click.command("l1")
@click.option(
    "--data-dir", type=click.Path(path_type=Path, file_okay=False), default=Path("l1-data"), show_default=True
)
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8545, show_default=True, help="0 takes any free port.")
@click.option("--chain-id", default=DEVELOPMENT_CHAIN_ID, show_default=True)
@click.option("--block-time-ms", default=1_000, show_default=True, help="0 mines only on evm_mine.")
def command(*, data_dir: Path, host: str, port: int, chain_id: int, block_time_ms: int) -> None:
    """Run a small durable Ethereum-like chain for development; any Ethereum tool can talk to it."""
    try:
        settings = ChainSettings(
            data_dir=data_dir, host=host, port=port, chain_id=chain_id, block_time_ms=block_time_ms
        )
    except ValueError as error:
        fail(str(error))
    try:
        run_until_stopped(cancelled_by(lambda: _serve(settings)))
    except (ChainInUse, ChainMismatch, ChainStorageCorrupt, ChainStorageFailed, OSError) as error:
        fail(str(error), EXIT_UNKNOWN)


async def _serve(settings: ChainSettings) -> None:
    await serve(settings, lambda url: say(f"L1 chain {settings.chain_id} at {url}, data in {settings.data_dir}"))
