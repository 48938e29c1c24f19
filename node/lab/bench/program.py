"""Which measurements there are, and the report over those that were asked for."""

import inspect
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from node.lab.bench.batch import bench_batch
from node.lab.bench.devnet import bench_devnet
from node.lab.bench.e2e import bench_e2e
from node.lab.bench.engine import bench_engine, bench_root, bench_tick, bench_verify
from node.lab.bench.liquidation import bench_liquidations
from node.lab.bench.machine import FileSystem, describe_commit, describe_machine, measure_file_system
from node.lab.bench.measure import Result, Setting
from node.lab.bench.reads import bench_reads
from node.lab.bench.risk import bench_mark, bench_stress
from node.lab.bench.store import bench_memory, bench_recovery, bench_start
from node.lab.bench.streams import bench_crowd, bench_streams
from node.lab.bench.watch import bench_watch

BENCHES: Final[dict[str, Callable[[Setting], Result | Awaitable[Result]]]] = {
    "engine": bench_engine,
    "verify": bench_verify,
    "e2e": bench_e2e,
    "batch": bench_batch,
    "streams": bench_streams,
    "crowd": bench_crowd,
    "reads": bench_reads,
    "root": bench_root,
    "recovery": bench_recovery,
    "tick": bench_tick,
    "liquidations": bench_liquidations,
    "mark": bench_mark,
    "stress": bench_stress,
    "memory": bench_memory,
    "start": bench_start,
    "watch": bench_watch,
    "devnet": bench_devnet,
}
"""By name, in the order in which they are taken."""


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that was measured, and where."""

    machine: str
    commit: str
    filesystem: FileSystem
    results: tuple[Result, ...]

    def as_json(self) -> dict[str, Any]:
        """The command's one object."""
        return {
            "machine": self.machine,
            "commit": self.commit,
            "filesystem": self.filesystem.as_json(),
            "results": [result.as_json() for result in self.results],
        }


async def measure(names: Sequence[str], setting: Setting) -> Report:
    """Take the named measurements one after the other. Raises BenchError and what its parts raise."""
    filesystem = measure_file_system(setting.directory)
    setting.say(f"{filesystem.directory}: {filesystem.type}, {filesystem.syncs_per_second:,.0f} syncs/s")
    results: list[Result] = []
    for name, bench in BENCHES.items():
        if name in names:
            found = bench(setting)
            results.append(await found if inspect.isawaitable(found) else found)
    return Report(describe_machine(), describe_commit(), filesystem, tuple(results))
