"""`novate feed`: replay a recorded order flow through the gateway and compare every aggressive order's fills with the record."""

import asyncio
from pathlib import Path

import click

from node.cli.output import EXIT_FALSE, fail, json_option, print_json, say
from node.cli.running import run_until_stopped
from node.lab.deposits import DepositError
from node.lab.feed.program import FeedError, FeedReport, FeedRequest, feed
from node.lab.feed.replay import ReplayError
from node.lab.feed.rows import FeedFileError
from node.lab.local_node import LocalNodeError
from node.ops.keystore import KeystoreError
from node.ops.progress import ProgressLine


@click.command("feed")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--url",
    help="WebSocket address of a development node's native protocol. Without it a node is started for the replay.",
)
@click.option("--market", default="ES-PERPETUAL", show_default=True)
@click.option("--limit", type=click.IntRange(min=0), help="Only the first so many rows.")
@json_option
def command(*, file: Path, url: str | None, market: str, limit: int | None, as_json: bool) -> None:
    """Replay the order flow in FILE (CSV, plain or gzipped).

    Ends with 0 only if nothing was refused and every aggressive order's fills are the recorded ones.
    """
    found: list[FeedReport] = []
    request = FeedRequest(file, market, limit, url)
    try:
        run_until_stopped(lambda stop: _until(stop, request, found))
    except (FeedFileError, FeedError, ReplayError, DepositError, LocalNodeError, KeystoreError) as error:
        fail(str(error))
    if not found:
        fail("stopped before the end")
    report = found[0]
    if as_json:
        print_json(report.as_json())
    else:
        _show(report)
    if not report.good:
        raise SystemExit(EXIT_FALSE)


async def _until(stop: asyncio.Event, request: FeedRequest, found: list[FeedReport]) -> None:
    """Replay, or give up when `stop` is set."""

    async def replay() -> None:
        found.append(await feed(request, say, ProgressLine()))
        stop.set()

    async with asyncio.TaskGroup() as group:
        task = group.create_task(replay())
        await stop.wait()
        task.cancel()


def _show(report: FeedReport) -> None:
    rate = report.commands / report.seconds if report.seconds else 0.0
    click.echo(f"commands   {report.commands:,} in {report.seconds:.2f} s, {rate:,.0f}/s")
    click.echo(
        f"acks       p50 {report.ack_p50_ms:.2f} ms, p99 {report.ack_p99_ms:.2f} ms, max {report.ack_max_ms:.2f} ms"
    )
    click.echo(f"fills      {report.checked:,} orders checked, {report.matched:,} match, {report.mismatched:,} do not")
    click.echo(f"refused    {report.refused:,}")
