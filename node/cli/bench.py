"""`novate bench`: measure the node on this machine. Targets and figures: docs/BENCHMARKS.md."""

import asyncio
import tempfile
from pathlib import Path

import click

from node.cli.output import fail, json_option, print_json, say
from node.cli.running import run_until_stopped
from node.lab.bench.flow import find_recorded
from node.lab.bench.measure import BenchError, Setting
from node.lab.bench.program import BENCHES, Report, measure
from node.lab.deposits import DepositError
from node.lab.local_node import LocalNodeError

_ROOT = Path(__file__).parents[2]


@click.command("bench")
@click.argument("names", nargs=-1, type=click.Choice(list(BENCHES)), metavar="[NAME]...")
@click.option("--all", "take_all", is_flag=True, help="Every measurement.")
@click.option(
    "--runs", type=click.IntRange(min=1), default=3, show_default=True, help="The median of so many runs counts."
)
@click.option(
    "--dir", "directory", type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Where stores are written; must be on a disk. Default: the system's temporary directory.",
)  # fmt: skip
@click.option(
    "--flow", type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="A recorded order flow. Default: one beside the checkout, or a generated one.",
)  # fmt: skip
@json_option
def command(
    *, names: tuple[str, ...], take_all: bool, runs: int, directory: Path | None, flow: Path | None, as_json: bool
) -> None:
    """Measure NAME...; without one, the message lists them."""
    if bool(names) == take_all:
        raise click.UsageError(f"name what to measure ({', '.join(BENCHES)}), or give --all")
    setting = Setting(directory or Path(tempfile.gettempdir()), flow or find_recorded(_ROOT), runs, say)
    found: list[Report] = []
    try:
        run_until_stopped(lambda stop: _until(stop, list(BENCHES) if take_all else list(names), setting, found))
    except (BenchError, DepositError, LocalNodeError) as error:
        fail(str(error))
    if not found:
        fail("stopped before the end")
    if as_json:
        print_json(found[0].as_json())
    else:
        _show(found[0])


async def _until(stop: asyncio.Event, names: list[str], setting: Setting, found: list[Report]) -> None:
    """Measure, or give up when `stop` is set."""

    async def program() -> None:
        found.append(await measure(names, setting))
        stop.set()

    async with asyncio.TaskGroup() as group:
        task = group.create_task(program())
        await stop.wait()
        task.cancel()


def _show(report: Report) -> None:
    filesystem = report.filesystem
    click.echo(f"machine     {report.machine}")
    click.echo(f"commit      {report.commit}")
    click.echo(f"filesystem  {filesystem.type} at {filesystem.directory}, {filesystem.syncs_per_second:,.0f} syncs/s")
    for result in report.results:
        line = f"{result.name:<10}  {result.value:>12,.3f} {result.unit:<13}"
        if result.latencies is not None:
            times = result.latencies
            line += f" p50 {times.p50_ms:.3f} ms, p99 {times.p99_ms:.3f} ms, p99.9 {times.p999_ms:.3f} ms"
        click.echo(line + (f"  ({result.note})" if result.note else ""))
