"""Measurements that need a disk but no load: recovery, memory of idle accounts, start."""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from node.lab.bench.flow import Flow, load_flow
from node.lab.bench.machine import refuse_memory
from node.lab.bench.measure import BenchError, Result, Setting, collector_as_in_the_node, rate_result
from node.lab.bench.prepared import open_prepared, prepare
from node.lab.bench.venue import START, Signed, Venue
from node.lab.local_node import local_node
from node.lab.percentiles import median
from proto.ids import derived_address
from proto.units import AssetUnits

_ACCOUNTS: Final = 100_000
_DEPOSIT: Final = AssetUnits(1_000_000_000)
_MB: Final = 1_000_000


def bench_recovery(setting: Setting) -> Result:
    """Inputs per second when a node starts on a journal whose last seal was lost: read, check signatures, apply, fill read models."""
    refuse_memory(setting.directory)
    flow = load_flow(setting.flow)
    with tempfile.TemporaryDirectory(prefix="novate-recovery-", dir=setting.directory) as name:
        data_dir, venue = Path(name) / "data", Venue()
        setting.say(f"recovery: writing a journal of {len(flow.rows):,} inputs")
        count = prepare(data_dir, venue, _flow_inputs(venue, flow), sealed=False)
        seconds = []
        for run in range(setting.runs):
            setting.say(f"recovery: run {run + 1} of {setting.runs}")
            seconds.append(_recover(data_dir, venue, count))
    return rate_result("recovery", count, "inputs/s", seconds, flow.name)


def _flow_inputs(venue: Venue, flow: Flow) -> Iterator[Signed]:
    yield from venue.opening(signed=True)
    for key, intent in venue.intents(flow, START):
        yield Signed(venue.sign(key, intent), key.address)


def _recover(data_dir: Path, venue: Venue, count: int) -> float:
    with collector_as_in_the_node():
        began = time.perf_counter()
        store, _, recovered = open_prepared(data_dir, venue)
        seconds = time.perf_counter() - began
    store.close()
    if recovered.replayed != count:
        raise BenchError(f"{recovered.replayed} of {count} inputs came back")
    return seconds


async def bench_memory(setting: Setting) -> Result:
    """Resident megabytes of a node that serves 100,000 idle accounts."""
    refuse_memory(setting.directory)
    with tempfile.TemporaryDirectory(prefix="novate-memory-", dir=setting.directory) as name:
        venue = Venue()
        setting.say(f"memory: writing {_ACCOUNTS:,} accounts")
        owners = (derived_address(b"novate.bench", number.to_bytes(4, "big")) for number in range(_ACCOUNTS))
        deposits = (venue.deposit(owner, _DEPOSIT, place) for place, owner in enumerate(owners))
        prepare(Path(name) / "data", venue, deposits, sealed=True)
        setting.say("memory: starting a node on them")
        async with local_node(Path(name)) as node:
            value = node.rss_bytes() / _MB
            return Result("memory", value, "MB", node.start_seconds, note=f"{_ACCOUNTS:,} idle accounts, whole process")


async def bench_start(setting: Setting) -> Result:
    """Seconds from starting the process on an empty directory until it is ready."""
    refuse_memory(setting.directory)
    seconds = []
    for run in range(setting.runs):
        setting.say(f"start: run {run + 1} of {setting.runs}")
        with tempfile.TemporaryDirectory(prefix="novate-start-", dir=setting.directory) as name:
            async with local_node(Path(name)) as node:
                seconds.append(node.start_seconds)
    return Result("start", median(seconds), "s", sum(seconds))
