"""`novate verify`: rebuild the state from L1 and compare it with everything committed there, and with a data directory if one is named."""

import sys
from pathlib import Path

import click

from node.cli.connect import address_of
from node.cli.output import fail, json_option, print_json
from node.cli.running import cancelled_by, run_until_stopped
from node.cli.watching import Teller, tell_verdict
from node.config.genesis import find_genesis, load_genesis
from node.config.operator import load_operator
from node.config.reading import ConfigError
from node.core.params import Params
from node.l1.answers import L1Error
from node.l1.compared import open_l1
from node.l1.deployment import find_contract, genesis_facts
from node.ops.progress import ProgressLine
from node.store.errors import StoreError
from node.store.store import open_store
from node.watcher.compare import verify_store
from node.watcher.report import WatchReport
from node.watcher.settings import WatcherSettings
from node.watcher.watch import watch
from proto.ids import Address


@click.command("verify")
@click.option("--l1", "rpc", required=True, help="JSON-RPC address of an L1 node that you trust.")
@click.option(
    "--l1-compare", default="", help="JSON-RPC address of a second L1 node: only what both say alike is believed."
)
@click.option("--genesis", default="devnet", show_default=True, help="Genesis file, or the name of a shipped network.")
@click.option("--contract", help="Address of the Novate contract; without it, the one of this genesis that L1 has.")
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="A stopped node's data directory, to be compared too: inputs, headers, every sealed leaf.",
)
@click.option("--start-block", type=click.IntRange(0), default=0, show_default=True)
@json_option
def command(
    *,
    rpc: str,
    l1_compare: str,
    genesis: str,
    contract: str | None,
    data_dir: Path | None,
    start_block: int,
    as_json: bool,
) -> None:
    """Rebuild the whole state from L1 data alone and compare it with every commitment there, and with a data directory if one is named.

    Exit code 0: equal, 1: something differs, 2: could not tell.
    """
    try:
        params = load_genesis(find_genesis(genesis))
        named = None if contract is None else address_of(contract)
        report = _Rebuild(params, (rpc, l1_compare), named, start_block, data_dir).report()
    except (ConfigError, StoreError, L1Error, ValueError, OSError) as error:
        fail(str(error))
    if as_json:
        print_json(report.to_json())
    else:
        tell_verdict(report)
    sys.exit(report.verdict.value)


class _Rebuild:
    """One run."""

    def __init__(
        self, params: Params, urls: tuple[str, str], contract: Address | None, start_block: int, data_dir: Path | None
    ) -> None:
        self._params = params
        self._urls = urls
        self._contract = contract
        self._start_block = start_block
        self._data_dir = data_dir
        self._found: list[WatchReport] = []

    def report(self) -> WatchReport:
        """Run to the end. Raises L1Error where the contract is not found, StoreError kinds."""
        run_until_stopped(cancelled_by(self._rebuild))
        if not self._found:
            fail("stopped before everything was compared")
        return self._found[0]

    async def _rebuild(self) -> None:
        url, compare_url = self._urls
        if self._contract is None:
            async with open_l1((url, compare_url) if compare_url else (url,)) as client:
                self._contract = await find_contract(client, genesis_facts(self._params), self._start_block)
        settings = WatcherSettings(
            url=url, compare_url=compare_url, contract=self._contract, start_block=self._start_block
        )
        if self._data_dir is None:
            self._found.append(await watch(settings, self._params, Teller(None), once=True))
            return
        store = open_store(load_operator(None, self._data_dir).store, self._params.digest(), ProgressLine())
        try:
            self._found.append(await verify_store(settings, self._params, store, Teller(None)))
        finally:
            store.close()
