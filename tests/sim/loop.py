"""Virtual time for asyncio: a loop that sleeps by moving a fake clock, and a disk thread whose jobs take simulated time.

Invariants:
- Nothing waits for the real clock: where nobody is ready, time leaps to the next timer.
- Callbacks run in the order of their times, ties in the order in which they were set. So a run is a function of its seed.
- Somebody who waits for what never comes is a failure, not a hang.
"""

import asyncio
import random
from collections import deque
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from typing import Any, TypeVar

from node.ops.clock import FakeClock
from node.store.errors import StoreFailed

T = TypeVar("T")
_NS_PER_S = 1_000_000_000


class SimLoop(asyncio.BaseEventLoop):
    """An event loop over a FakeClock, without a selector: there is nothing outside to wait for."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self._selector = self
        self._sim_clock = clock

    def time(self) -> float:
        """Seconds of the fake clock."""
        return self._sim_clock.monotonic_ns() / _NS_PER_S

    def select(self, timeout: float | None) -> list[Any]:
        """Called where nothing is ready: time passes until the next timer."""
        assert timeout is not None, "everybody waits and nothing will happen"
        if timeout > 0:
            self._sim_clock.advance(int(timeout * 1_000) + 1)
        return []

    def _process_events(self, _events: list[Any]) -> None:
        """Nothing comes from outside."""

    def _write_to_self(self) -> None:
        """Nothing sleeps that would have to be woken."""

    def run_in_executor(  # type: ignore[override]  # One executor kind; futures of this loop.
        self, executor: Executor | None, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        """A `SlowDisk` takes its time; everything else that others do in threads happens at once."""
        if isinstance(executor, SlowDisk):
            return executor.enqueue(self, lambda: func(*args))
        future: asyncio.Future[T] = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:
            future.set_exception(error)
        return future


class SlowDisk(Executor):
    """A thread that does one job after the other, each some simulated time after it was asked for."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._jobs: deque[tuple[asyncio.Future[Any], Callable[[], Any]]] = deque()
        self._dead = False

    @property
    def is_idle(self) -> bool:
        """Whether every job is done."""
        return not self._jobs

    def enqueue(self, loop: asyncio.AbstractEventLoop, job: Callable[[], T]) -> asyncio.Future[T]:
        """Do the job some time later, after those before it."""
        future: asyncio.Future[T] = loop.create_future()
        self._jobs.append((future, job))
        slow = self._rng.random()
        loop.call_later(0 if slow < 0.5 else self._rng.randint(1, 40) / 1_000, self._next)
        return future

    def _next(self) -> None:
        if not self._dead:
            future, job = self._jobs.popleft()
            try:
                result = job()
            except StoreFailed as error:
                if not future.done():
                    future.set_exception(error)
            else:
                if not future.done():
                    future.set_result(result)

    def die(self, *, finish: bool) -> None:
        """The process ends; what was asked for last may still have reached the disk, with nobody left to hear of it."""
        self._dead = True
        while finish and self._jobs:
            try:
                self._jobs.popleft()[1]()
            except StoreFailed:
                break
        self._jobs.clear()


def run(clock: FakeClock, program: Coroutine[Any, Any, T]) -> T:
    """Run a program to its end in virtual time."""
    with asyncio.Runner(loop_factory=lambda: SimLoop(clock)) as runner:
        return runner.run(program)
