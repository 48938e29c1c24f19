"""Running a long-lived program: uvloop, and SIGINT or SIGTERM as one request to stop cleanly."""

import asyncio
import signal
from collections.abc import Awaitable, Callable

import uvloop


def run_until_stopped(program: Callable[[], Awaitable[None]]) -> None:
    """Run `program` to its end, or cancel it on the first SIGINT or SIGTERM and wait until it has cleaned up.

    What the program raises is raised; a stop that was asked for is a good end.
    """
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_supervise(program))


async def _supervise(program: Callable[[], Awaitable[None]]) -> None:
    loop = asyncio.get_running_loop()
    this = asyncio.current_task()
    assert this is not None
    stopped = False

    def stop() -> None:
        nonlocal stopped
        if not stopped:
            stopped = True
            this.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    try:
        await program()
    except asyncio.CancelledError:
        if not stopped:
            raise
        this.uncancel()
