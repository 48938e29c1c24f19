"""Where a figure was taken: machine, commit, file system and its syncs per second. Memory file systems are refused: they sync nothing."""

import os
import platform
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from node.lab.bench.measure import BenchError

_MEMORY_TYPES: Final = ("tmpfs", "ramfs", "devtmpfs", "hugetlbfs")
_SYNC_BYTES: Final = 4_096
_SYNC_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class FileSystem:
    """What lies under a directory."""

    type: str
    directory: str
    syncs_per_second: float

    def as_json(self) -> dict[str, Any]:
        """The `filesystem` of a report."""
        return {"type": self.type, "directory": self.directory, "syncs_per_second": round(self.syncs_per_second)}


def describe_machine() -> str:
    """Processor, cores, memory, kernel, Python: one line."""
    memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    cores = len(os.sched_getaffinity(0))
    system = f"{platform.system()} {platform.release()}, {platform.python_implementation()} {platform.python_version()}"
    return f"{_processor()}, {cores} cores, {memory_gb:.0f} GB, {system}"


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def describe_commit() -> str:
    """The checkout's commit, with "+" where files differ from it; "unknown" outside a checkout."""
    root = Path(__file__).parents[3]
    head = _git(root, "rev-parse", "--short=12", "HEAD")
    if head is None:
        return "unknown"
    return head + ("+" if _git(root, "status", "--porcelain", "--untracked-files=no") else "")


def _git(root: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, check=False, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode().strip() if done.returncode == 0 else None


def measure_file_system(directory: Path) -> FileSystem:
    """Type of the file system under `directory`, and how many synced 4 KiB appends it does in a second."""
    path = directory / "syncs"
    block, count = os.urandom(_SYNC_BYTES), 0
    began = time.perf_counter()
    try:
        with path.open("wb", buffering=0) as file:
            while time.perf_counter() - began < _SYNC_S:
                file.write(block)
                os.fdatasync(file.fileno())
                count += 1
        seconds = time.perf_counter() - began
    except OSError as error:
        raise BenchError(f"{directory} cannot be written: {error.strerror}") from error
    finally:
        path.unlink(missing_ok=True)
    return FileSystem(file_system_type(directory), str(directory), count / seconds)


def refuse_memory(directory: Path) -> None:
    """Raise BenchError where writes to `directory` never reach a disk."""
    kind = file_system_type(directory)
    if kind in _MEMORY_TYPES:
        raise BenchError(f"{directory} is on {kind}, which syncs nothing; choose a directory on a disk with --dir")


def file_system_type(directory: Path) -> str:
    """Type of the mount that holds `directory`; "unknown" where the system does not tell."""
    try:
        lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return "unknown"
    target, best, kind = directory.resolve(), -1, "unknown"
    for line in lines:
        before, _, after = line.partition(" - ")
        mount = Path(before.split()[4].encode().decode("unicode_escape"))
        if target.is_relative_to(mount) and len(mount.parts) >= best:  # Later mounts cover earlier ones.
            best, kind = len(mount.parts), after.split()[0]
    return kind
