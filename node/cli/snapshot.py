"""`novate snapshot`: a sealed state as one file."""

from pathlib import Path

import click

from node.cli.output import fail, json_option, print_json
from node.config.genesis import find_genesis, load_genesis
from node.config.operator import load_operator
from node.config.reading import ConfigError
from node.ops.progress import ProgressLine
from node.store.errors import StoreError
from node.store.headers import BatchHeader
from node.store.leveldb import LevelDatabase
from node.store.seals import Seals
from node.store.settings import StoreSettings
from node.store.snapshot import write_snapshot
from node.store.store import open_store


@click.command("snapshot")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    default=Path("novate-data"),
    show_default=True,
    help="Of a stopped node, or of a stopped watcher.",
)
@click.option("--genesis", default="devnet", show_default=True, help="Genesis file, or the name of a shipped network.")
@json_option
def command(*, file: Path, data_dir: Path, genesis: str, as_json: bool) -> None:
    """Write the newest sealed state to FILE: all leaves and system words, bound to its batch and state root.

    `novate watch --snapshot FILE` begins there. Nobody has to trust the file: its root is compared with L1's.
    """
    try:
        header = _write(file, data_dir, load_genesis(find_genesis(genesis)).digest())
    except (ConfigError, StoreError, OSError) as error:
        fail(str(error))
    root, size = "0x" + header.state_root.hex(), file.stat().st_size
    if as_json:
        print_json({"file": str(file), "batch": header.batch_id, "last_seq": header.last_seq, "state_root": root, "bytes": size})
    else:
        click.echo(f"{file}: batch {header.batch_id}, input {header.last_seq}, state root {root}, {size:,} bytes")


def _write(file: Path, data_dir: Path, genesis_hash: bytes) -> BatchHeader:
    kept = data_dir / "verified"
    if (kept / "CURRENT").exists():
        database = LevelDatabase(kept, StoreSettings(data_dir), create=False)
        try:
            return write_snapshot(file, genesis_hash, Seals(database))
        finally:
            database.close()
    settings = load_operator(None, data_dir).store
    if not (settings.directory / "db" / "CURRENT").exists():
        raise StoreError(f"{data_dir} is neither a node's data directory nor a watcher's.")
    store = open_store(settings, genesis_hash, ProgressLine())
    try:
        return write_snapshot(file, genesis_hash, store.seals)
    finally:
        store.close()
