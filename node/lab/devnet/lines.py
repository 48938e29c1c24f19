"""What a devnet says where nobody looks at a terminal: a line now and then, and the end."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

from node.lab.devnet.program import View
from node.lab.devnet.summary import Summary

LINE_S: Final = 3.0


def progress_line(view: View) -> str:
    """Everything that matters in one line."""
    if view.eye is None or view.place is None:
        return view.stage
    tally, watched = view.eye.last, view.watched
    seconds = time.monotonic() - view.since_s if view.since_s else 0.0
    return (
        f"{view.stage} {seconds:.0f} s: {tally.orders} orders ({tally.orders_per_s:.0f}/s) from {tally.signers} signers, "
        f"ack p50 {tally.ack_p50_ms:.1f} ms p99 {tally.ack_p99_ms:.1f} ms, "
        f"batches {tally.sealed} sealed {tally.posted} posted {watched.verified} verified {tally.final} final"
    )


async def tell_lines(view: View, say: Callable[[str], None]) -> None:
    """A progress line now and then, until cancelled."""
    while True:
        await asyncio.sleep(LINE_S)
        if view.since_s:
            say(progress_line(view))


def tell_summary(summary: Summary) -> str:
    """The end, for people."""
    verdict = "everything verified, all money there" if summary.good else f"NOT ALL GOOD: {summary.trouble}"
    return (
        f"{summary.orders} orders, {summary.fills} fills in {summary.seconds:.1f} s; "
        f"ack p50 {summary.ack_p50_ms:.1f} ms, p99 {summary.ack_p99_ms:.1f} ms\n"
        f"batches: {summary.batches_sealed} sealed, {summary.batches_posted} posted, {summary.batches_verified} verified, "
        f"{summary.batches_final} final; the watcher was at most {summary.behind_max} behind L1\n{verdict}"
    )
