"""`novate run`: the node as a daemon."""

import asyncio
import os
from dataclasses import replace
from pathlib import Path

import click

from node.app import Running, StartRefused, run_node
from node.cli.output import fail, say
from node.cli.running import run_until_stopped
from node.config.genesis import find_genesis, load_genesis
from node.config.operator import NodeSettings, load_operator
from node.config.reading import ConfigError
from node.core.params import Params
from node.l1.answers import L1Error
from node.ops.collector import collect_rarely, freeze_what_is, switch_soon
from node.ops.keystore import DEVELOPMENT_CHAIN_IDS, KeystoreError, development_keys, load_key
from node.ops.logs import configure_logs
from node.store.errors import StoreError
from proto.signing.secp256k1 import SigningKey

DEVELOPMENT_OPERATOR = 10  # Index in the development mnemonic; 0 to 9 are the devnet's traders.


@click.command("run")
@click.option(
    "--genesis", default="devnet", show_default=True, help="A genesis file, or the name of a shipped network."
)
@click.option("--config", type=click.Path(path_type=Path, dir_okay=False), help="Operator settings (TOML).")
@click.option(
    "--data-dir", type=click.Path(path_type=Path, file_okay=False), default=Path("novate-data"), show_default=True
)
@click.option("--host", help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65_535), help="Port of HTTP and WebSocket; 0 takes any free one.")
@click.option("--l1", "rpc", help="JSON-RPC address of the L1 node.")
@click.option("--contract", help="Address of the Novate contract on L1.")
@click.option(
    "--operator-socket", type=click.Path(dir_okay=False), help="Development without L1: local socket for deposits."
)
def command(
    *,
    genesis: str,
    config: Path | None,
    data_dir: Path,
    host: str | None,
    port: int | None,
    rpc: str | None,
    contract: str | None,
    operator_socket: str | None,
) -> None:
    """Run the node until SIGTERM or SIGINT. Options override the settings file."""
    try:
        params = load_genesis(find_genesis(genesis))
        settings = load_operator(config, data_dir, rpc or "", contract or "")
        gateway = replace(
            settings.gateway,
            host=host if host is not None else settings.gateway.host,
            port=port if port is not None else settings.gateway.port,
        )
        operator = replace(settings.operator, deposit_socket=operator_socket or settings.operator.deposit_socket)
        settings = replace(settings, gateway=gateway, operator=operator)
        configure_logs(settings.logs.level)
        key = operator_key(settings, params)
        collect_rarely()
        switch_soon()
        run_until_stopped(lambda stop: _run(settings, params, key, stop))
    except (ConfigError, KeystoreError, StartRefused, StoreError, L1Error, OSError) as error:
        fail(error.numbered() if isinstance(error, L1Error) else str(error))


async def _run(settings: NodeSettings, params: Params, key: SigningKey, stop: asyncio.Event) -> None:
    await run_node(settings, params, key, _announce, stop)


def _announce(running: Running) -> None:
    freeze_what_is()
    say(f"ready on port {running.port}, batch {running.batch_id}, {running.recovered_inputs} inputs recovered")


def operator_key(settings: NodeSettings, params: Params) -> SigningKey:
    """The operator's key: from the keystore, or on a development chain the public development key. Raises KeystoreError."""
    if not settings.operator.key_file:
        if params.chain_id not in DEVELOPMENT_CHAIN_IDS:
            raise KeystoreError(
                f"operator.key_file: chain {params.chain_id} is no development chain; make a key of your own (`novate key new FILE`)"
            )
        return development_keys(params.chain_id, DEVELOPMENT_OPERATOR + 1)[DEVELOPMENT_OPERATOR]
    if settings.operator.password_file:
        password = Path(settings.operator.password_file).read_text(encoding="utf-8").rstrip("\n")
    else:
        password = os.environ.get("NOVATE_KEY_PASSWORD", "")
    return load_key(Path(settings.operator.key_file), password)
