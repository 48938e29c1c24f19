"""`novate watch`: verify every batch from L1 alone."""

import asyncio
import sys
import time
from pathlib import Path

import click

from node.cli.connect import address_of
from node.cli.output import fail, json_option, print_json
from node.cli.running import run_until_stopped
from node.cli.watching import Teller, tell_verdict
from node.config.genesis import find_genesis, load_genesis
from node.config.reading import ConfigError
from node.core.params import Params
from node.store.errors import StoreError
from node.watcher.report import Verdict, WatchReport
from node.watcher.settings import WatcherSettings
from node.watcher.watch import watch


@click.command("watch")
@click.option("--l1", "rpc", required=True, help="JSON-RPC address of an L1 node that you trust.")
@click.option("--l1-compare", default="", help="JSON-RPC address of a second L1 node: only what both say is believed.")
@click.option("--contract", required=True, help="Address of the Novate contract.")
@click.option("--genesis", default="devnet", show_default=True, help="Genesis file, or the name of a shipped network.")
@click.option("--once", is_flag=True, help="Verify what L1 has now, then report.")
@click.option(
    "--start-block", type=click.IntRange(0), default=0, show_default=True, help="Block of the contract's deployment."
)
@click.option(
    "--depth-blocks",
    type=click.IntRange(0),
    default=0,
    help="Depth from which L1 is believed; 0: what it calls finalized.",
)
@click.option(
    "--poll-ms", type=click.IntRange(10, 60_000), default=500, show_default=True, help="How often L1 is asked."
)
@click.option(
    "--data-dir", type=click.Path(path_type=Path, file_okay=False), help="Keep verified state here between runs."
)
@click.option(
    "--status-file", type=click.Path(path_type=Path, dir_okay=False), help="Write how far it is to this file, as JSON."
)
@json_option
def command(
    *,
    rpc: str,
    l1_compare: str,
    contract: str,
    genesis: str,
    once: bool,
    start_block: int,
    depth_blocks: int,
    poll_ms: int,
    data_dir: Path | None,
    status_file: Path | None,
    as_json: bool,
) -> None:
    """Re-execute every batch from L1 data alone and compare everything that was committed.

    Exit code 0: agrees, 1: disagrees (naming the first differing input and field), 2: could not tell.
    """
    try:
        params = load_genesis(find_genesis(genesis))
        settings = WatcherSettings(
            url=rpc,
            compare_url=l1_compare,
            contract=address_of(contract),
            start_block=start_block,
            depth_blocks=depth_blocks,
            poll_ms=poll_ms,
            data_dir=data_dir,
        )
        report = _Run(settings, params, Teller(status_file), once=once).report()
    except (ConfigError, StoreError, ValueError, OSError) as error:
        fail(str(error))
    if as_json:
        print_json(report.to_json())
    else:
        tell_verdict(report)
    sys.exit(report.verdict.value)


class _Run:
    """One watch that a signal may end early; then the report says how far it agreed."""

    def __init__(self, settings: WatcherSettings, params: Params, teller: Teller, *, once: bool) -> None:
        self._settings = settings
        self._params = params
        self._teller = teller
        self._once = once
        self._report: WatchReport | None = None
        self._started_s = time.monotonic()

    def report(self) -> WatchReport:
        """Run to the end or the signal."""
        run_until_stopped(self._program)
        if self._report is not None:
            return self._report
        teller, seconds = self._teller, time.monotonic() - self._started_s
        verdict = Verdict.AGREES if teller.batch else Verdict.UNKNOWN
        return WatchReport(verdict, teller.batch, teller.last_seq, bytes(32), teller.last_seq, seconds, None, "stopped")

    async def _program(self, stop: asyncio.Event) -> None:
        async def watched() -> None:
            self._report = await watch(self._settings, self._params, self._teller, once=self._once)
            stop.set()

        async with asyncio.TaskGroup() as group:
            task = group.create_task(watched())
            await stop.wait()
            task.cancel()
