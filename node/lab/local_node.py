"""A whole node in a child process, on any free port, with its data in a directory of the caller's and its deposit socket open.

Rate limits are off: an experiment sends what it has. Invariant: when the context ends, however it ends, the process is gone.
"""

import asyncio
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

READY_S_MAX: Final = 120.0
STOP_S_MAX: Final = 30.0
GENESIS: Final = "devnet"
SETTINGS: Final = """\
[gateway.limits]
weight_per_minute = 0
budget_actions = 0
refusals_per_second = 0

[logs]
level = "warning"
"""
_PORT: Final = re.compile(rb"ready on port (\d+)")
_POLL_S: Final = 0.002
_LOG_LINES: Final = 20


class LocalNodeError(Exception):
    """The node did not come up, or went down; the message ends with what it said last."""


@dataclass(frozen=True, slots=True)
class LocalNode:
    """A running node."""

    process: subprocess.Popen[bytes]
    port: int
    directory: Path
    start_seconds: float
    """From the start of the process until /readyz answered 200."""

    @property
    def url(self) -> str:
        """Where the native protocol is served."""
        return f"ws://127.0.0.1:{self.port}/v1/ws"

    @property
    def deposit_socket(self) -> Path:
        """Where deposits are taken."""
        return self.directory / "deposits.sock"

    def rss_bytes(self) -> int:
        """Resident memory of the process now."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1_024
        raise LocalNodeError("the node has no resident memory: it ended")

    def cpu_seconds(self) -> float:
        """Processor time the process has used, user and system."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        ticks_per_second = 100  # USER_HZ of every Linux.
        return (int(fields[11]) + int(fields[12])) / ticks_per_second


@asynccontextmanager
async def local_node(directory: Path) -> AsyncIterator[LocalNode]:
    """A node over `directory/data`, which may hold an earlier node's data. Raises LocalNodeError."""
    began, log = time.perf_counter(), directory / "node.log"
    process = _spawn(directory, log)
    try:
        port = await _ready_port(process, log)
        yield LocalNode(process, port, directory, time.perf_counter() - began)
        if process.poll() is not None:
            raise LocalNodeError(f"the node ended by itself with code {process.returncode}:\n{_tail(log)}")
    finally:
        _stop(process)


def _spawn(directory: Path, log: Path) -> subprocess.Popen[bytes]:
    directory = directory.absolute()  # The child works elsewhere.
    settings = directory / "node.toml"
    settings.write_text(SETTINGS, encoding="utf-8")
    command = [
        sys.executable, "-m", "node", "run", "--genesis", GENESIS, "--config", str(settings), "--data-dir", str(directory / "data"),
        "--port", "0", "--operator-socket", str(directory / "deposits.sock"),
    ]  # fmt: skip
    root = Path(__file__).parents[2]  # Where `node` and `proto` are packages, installed or not.
    with log.open("wb") as sink:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, cwd=root)


def _announced_port(log: Path) -> int:
    """The port that the node has announced; 0: not yet."""
    found = _PORT.search(log.read_bytes())
    return int(found[1]) if found is not None else 0


async def _ready_port(process: subprocess.Popen[bytes], log: Path) -> int:
    """The port, once the node answers there."""
    deadline = time.monotonic() + READY_S_MAX
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise LocalNodeError(f"the node ended with code {process.returncode}:\n{_tail(log)}")
        port = _announced_port(log)
        if port and await asyncio.to_thread(_is_ready, port):
            return port
        await asyncio.sleep(_POLL_S)
    raise LocalNodeError(f"the node was not ready within {READY_S_MAX:.0f} s:\n{_tail(log)}")


def _is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Ask, then insist."""
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_S_MAX)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LOG_LINES:])
