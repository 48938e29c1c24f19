"""A whole node in a child process, on any free port, with its data in a directory of the caller's and its deposit socket open.

Rate limits are off: an experiment sends what it has. Invariant: when the context ends, however it ends, the process is gone.
"""

import asyncio
import re
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from node.lab.devnet.processes import Child, ChildEnded, ChildSilent, Fleet, supervised
from node.lab.failures import first_failure

READY_S_MAX: Final = 120.0
STOP_S_MAX: Final = 30.0
GENESIS: Final = "devnet"
SETTINGS: Final = """\
[gateway.limits]
weight_per_minute = 0
connections_per_address = 1000
frames_per_minute = 0
budget_actions = 0
refusals_per_second = 0

[logs]
level = "warning"
"""
_NAME: Final = "node"
_PORT: Final = re.compile(r"ready on port (\d+)")
_POLL_S: Final = 0.002
_TICKS_PER_SECOND: Final = 100  # USER_HZ of every Linux.


class LocalNodeError(Exception):
    """The node did not come up, or went down; the message ends with what it said last."""


@dataclass(frozen=True, slots=True)
class LocalNode:
    """A running node."""

    pid: int
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
        for line in Path(f"/proc/{self.pid}/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1_024
        raise LocalNodeError("the node has no resident memory: it ended")

    def cpu_seconds(self) -> float:
        """Processor time the process has used, user and system."""
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS_PER_SECOND


@asynccontextmanager
async def local_node(directory: Path) -> AsyncIterator[LocalNode]:
    """A node over `directory/data`, which may hold an earlier node's data. Raises LocalNodeError, also where it ends meanwhile."""
    try:
        async with Fleet(directory) as fleet, supervised(fleet):
            began = time.perf_counter()
            child = await fleet.start(_NAME, *_arguments(directory.absolute()))
            port = await _ready_port(fleet, child)
            yield LocalNode(child.process.pid, port, directory, time.perf_counter() - began)
            await fleet.stop(_NAME, STOP_S_MAX)
    except BaseExceptionGroup as group:
        node = group.subgroup((ChildEnded, ChildSilent))
        if node is not None:
            raise LocalNodeError(str(first_failure(node))) from group
        raise first_failure(group) from group


def _arguments(directory: Path) -> list[str]:
    """The node's command line; the child works elsewhere, so paths are absolute."""
    settings = directory / "node.toml"
    settings.write_text(SETTINGS, encoding="utf-8")
    return [
        "run", "--genesis", GENESIS, "--config", str(settings), "--data-dir", str(directory / "data"),
        "--port", "0", "--operator-socket", str(directory / "deposits.sock"),
    ]  # fmt: skip


async def _ready_port(fleet: Fleet, child: Child) -> int:
    """The port, once the node answers there."""
    port = int((await fleet.heard(child, _PORT, READY_S_MAX))[1])
    try:
        async with asyncio.timeout(READY_S_MAX):
            while not await asyncio.to_thread(_is_ready, port):
                await asyncio.sleep(_POLL_S)
    except TimeoutError:
        raise ChildSilent(f"the node listens on port {port} and is not ready after {READY_S_MAX:.0f} s") from None
    return port


def _is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
