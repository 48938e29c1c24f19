"""The data directory of a devnet: who holds it, and the file that tells others where everything is.

    devnet.json   ports, pids, addresses, while it runs (and of the last run afterwards)
    l1/ node/ watcher/   data of the parts        logs/   what they say on stderr
    node.toml     the node's settings

Invariant: one devnet per directory. The lock is a descriptor that every child inherits, so it is free only when all of them are gone.
"""

import contextlib
import fcntl
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

from node.lab.devnet.waiting import until

FILE: Final = "devnet.json"
LOCK: Final = "devnet.lock"
_FREE_S: Final = 5.0


class DirectoryBusy(Exception):
    """Another devnet uses the data directory."""


@contextlib.asynccontextmanager
async def held(data_dir: Path) -> AsyncIterator[int]:
    """Hold the directory; gives the lock's descriptor. What a killed devnet has left behind is waited for. Raises DirectoryBusy."""
    descriptor = _open(data_dir)
    try:

        async def locked() -> bool:
            return _lock(descriptor)

        if not await until(locked, _FREE_S):
            raise DirectoryBusy(f"{data_dir} is used by another devnet; stop it, or choose another --data-dir")
        yield descriptor
    finally:
        os.close(descriptor)


def _open(data_dir: Path) -> int:
    data_dir.mkdir(parents=True, exist_ok=True)
    return os.open(data_dir / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def forget(data_dir: Path) -> None:
    """Nobody may read an earlier run's file as this one's."""
    (data_dir / FILE).unlink(missing_ok=True)


def publish(data_dir: Path, facts: dict[str, Any]) -> None:
    """Write the file, whole or not at all."""
    draft = data_dir / f"{FILE}.new"
    draft.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    draft.replace(data_dir / FILE)
