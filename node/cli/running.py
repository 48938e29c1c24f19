"""Running a long-lived program: uvloop, and SIGINT or SIGTERM as one request to stop in order.

The first signal asks; the program ends by itself and is waited for. A second one ends the process as the system would.
"""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from typing import Any

import uvloop

Program = Callable[[asyncio.Event], Awaitable[None]]
"""Runs until it is done or the event is set, then cleans up and returns."""


def run_until_stopped(program: Program) -> None:
    """Run `program` to its end. What it raises is raised, a single error without the groups around it."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            runner.run(_supervise(program))
        except BaseExceptionGroup as group:
            raise _only(group) from group


async def _supervise(program: Program) -> None:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()

    def ask() -> None:
        stop.set()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ask)
    await program(stop)


def cancelled_by(serve: Callable[[], Awaitable[Any]]) -> Program:
    """A program that serves until it is cancelled, as one that ends with the event."""

    async def program(stop: asyncio.Event) -> None:
        async def served() -> None:
            await serve()
            stop.set()

        async with asyncio.TaskGroup() as group:
            task = group.create_task(served())
            await stop.wait()
            task.cancel()

    return program


def _only(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The error itself where a group holds one."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error
