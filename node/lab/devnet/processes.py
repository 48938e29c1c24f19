"""Child processes that cannot outlive their parent.

Invariants:
- When the parent ends, however it ends, the kernel kills its children (PR_SET_PDEATHSIG); where there is no such thing, an orderly end of
  the fleet kills them.
- A child has a session of its own: Ctrl-C reaches the parent alone, which then stops the children in order.
- What a child says goes to a file; nobody has to read a pipe in time.
- A child that ends without being told to is an error, with its last lines (ChildEnded).
"""

import asyncio
import contextlib
import ctypes
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[3]
"""Where `node` and `proto` are packages, installed or not."""
TAIL_LINES: Final = 20
_POLL_S: Final = 0.02
_PR_SET_PDEATHSIG: Final = 1
_LIBC: Final = ctypes.CDLL(None) if sys.platform == "linux" else None


class ChildEnded(Exception):
    """A child ended by itself. `lines` are the last ones it wrote."""

    def __init__(self, name: str, code: int, lines: Sequence[str]) -> None:
        self.name, self.code, self.lines = name, code, tuple(lines)
        cause = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
        super().__init__("\n".join([f"{name} {cause}; it said last:", *(f"    {line}" for line in lines)]))


class ChildSilent(Exception):
    """A child did not say or do in time what it is started for."""


@dataclass(slots=True)
class Child:
    """One process and its log."""

    name: str
    process: asyncio.subprocess.Process
    log: Path
    log_start: int
    """Where in the log this process begins."""
    may_end: bool
    """Whether its end is somebody else's business."""

    def said(self) -> str:
        """Everything that this process has written so far."""
        with self.log.open("rb") as file:
            file.seek(self.log_start)
            return file.read().decode("utf-8", "replace")

    def tail(self) -> list[str]:
        """Its last lines."""
        return self.said().splitlines()[-TAIL_LINES:]


class Fleet:
    """All children of a program. Use as an async context manager."""

    def __init__(self, log_dir: Path, keep_open: Sequence[int] = ()) -> None:
        """`keep_open` are descriptors that every child inherits."""
        self._log_dir = log_dir
        self._keep_open = tuple(keep_open)
        self._children: dict[str, Child] = {}

    async def __aenter__(self) -> "Fleet":
        self._log_dir.mkdir(parents=True, exist_ok=True)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Kill what is left."""
        for child in self._children.values():
            await _kill(child)

    def pids(self) -> dict[str, int]:
        """Process id by name, of children that run."""
        return {name: child.process.pid for name, child in self._children.items() if child.process.returncode is None}

    async def start(self, name: str, *arguments: str, may_end: bool = False) -> Child:
        """Start `novate` with these arguments."""
        log = self._log_dir / f"{name}.log"
        with log.open("ab") as sink:
            log_start = sink.tell()
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "node", *arguments,
                stdin=asyncio.subprocess.DEVNULL, stdout=sink, stderr=sink, cwd=ROOT,
                start_new_session=True, pass_fds=self._keep_open, preexec_fn=_die_with_parent(),
            )  # fmt: skip
        child = self._children[name] = Child(name, process, log, log_start, may_end)
        return child

    def child(self, name: str) -> Child:
        """A child that was started."""
        return self._children[name]

    async def heard(self, child: Child, pattern: re.Pattern[str], seconds: float) -> re.Match[str]:
        """Wait until a child's log matches. Raises ChildEnded, ChildSilent."""
        try:
            async with asyncio.timeout(seconds):
                while (found := pattern.search(child.said())) is None:
                    self.check()
                    await asyncio.sleep(_POLL_S)
        except TimeoutError:
            lines = "\n".join(f"    {line}" for line in child.tail())
            raise ChildSilent(f"{child.name} was not ready within {seconds:.0f} s; it said last:\n{lines}") from None
        return found

    def check(self) -> None:
        """Raise ChildEnded where a child has ended that should run."""
        for child in self._children.values():
            code = child.process.returncode
            if code is not None and not child.may_end:
                raise ChildEnded(child.name, code, child.tail())

    async def watch(self) -> None:
        """Return never. Raises ChildEnded as soon as a child ends that should run."""
        while True:
            self.check()
            await asyncio.sleep(_POLL_S * 5)

    async def stop(self, name: str, seconds: float) -> int | None:
        """Ask a child to end, wait, insist. Its exit code; None: it had to be killed."""
        child = self._children[name]
        child.may_end = True
        with contextlib.suppress(ProcessLookupError):
            child.process.terminate()
        try:
            async with asyncio.timeout(seconds):
                return await child.process.wait()
        except TimeoutError:
            await _kill(child)
            return None


@contextlib.asynccontextmanager
async def supervised(fleet: Fleet) -> AsyncIterator[None]:
    """Run the body; a child that ends by itself meanwhile cancels it and raises ChildEnded."""
    async with asyncio.TaskGroup() as group:
        watching = group.create_task(fleet.watch())
        yield
        watching.cancel()


async def _kill(child: Child) -> None:
    child.may_end = True
    if child.process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            child.process.kill()
        await child.process.wait()


def _die_with_parent() -> Callable[[], None] | None:
    """Runs in the child before it becomes the program."""
    if _LIBC is None:
        return None
    parent, prctl = os.getpid(), _LIBC.prctl

    def prepare() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # It died in between.
            os._exit(1)

    return prepare
