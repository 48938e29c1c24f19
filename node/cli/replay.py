"""`novate replay`: execute a data directory's journal anew from genesis and compare every sealed header."""

from pathlib import Path

import click

from node.app import StartRefused, domain_of
from node.cli.connect import address_of
from node.cli.output import EXIT_FALSE, fail, json_option, print_json
from node.config.genesis import find_genesis, load_genesis
from node.config.operator import load_operator
from node.config.reading import ConfigError
from node.core.audit import AuditError, audit
from node.ops.progress import ProgressLine
from node.sequencer.recover import replay
from node.store.errors import StoreCorrupt, StoreError, StoreMismatch
from node.store.store import open_store
from proto.signing.eip712 import Domain


@click.command("replay")
@click.option("--genesis", default="devnet", show_default=True)
@click.option("--config", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    default=Path("novate-data"),
    show_default=True,
)
@click.option("--contract", default="", help="Address of the contract that the signatures were made for.")
@json_option
def command(*, genesis: str, config: Path | None, data_dir: Path, contract: str, as_json: bool) -> None:
    """Replay the journal of a stopped node: every signature, every input, every root. Exit 1 where something differs."""
    try:
        params = load_genesis(find_genesis(genesis))
        settings = load_operator(config, data_dir)
        domain = Domain(params.chain_id, address_of(contract)) if contract else domain_of(settings, params)
        store = open_store(settings.store, params.digest(), ProgressLine())
        try:
            report = replay(store, params, domain, progress=ProgressLine())
        finally:
            store.close()
        audit(report.machine.state)
    except (StoreCorrupt, StoreMismatch, AuditError) as error:
        hint = "" if contract or config else " A journal that was made with a contract needs --contract: signatures bind it."
        fail(f"{error}{hint}", EXIT_FALSE)
    except (ConfigError, StartRefused, StoreError, OSError) as error:
        fail(str(error))
    speed = round(report.inputs_per_second)
    if as_json:
        root = "0x" + report.state_root.hex()
        print_json(
            {
                "inputs": report.inputs,
                "batches": report.batches,
                "state_root": root,
                "inputs_per_second": speed,
                "agrees": True,
            }
        )
    else:
        click.echo(
            f"agrees: {report.inputs} inputs, {report.batches} batches, state root 0x{report.state_root.hex()}, {speed}/s"
        )
