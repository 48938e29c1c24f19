"""How fast a watcher re-executes a history from L1 alone: the program itself, beside the L1 process, on the same processors."""

import asyncio
import json
import tempfile
from pathlib import Path
from typing import Any, Final

from node.l1.answers import L1Error
from node.lab.bench.flow import load_flow
from node.lab.bench.history import BATCH_INPUTS, History, posted_history
from node.lab.bench.machine import refuse_memory
from node.lab.bench.measure import BenchError, Result, Setting
from node.lab.devnet.processes import ChildEnded, ChildSilent, Fleet
from node.lab.failures import first_failure
from node.lab.local_node import GENESIS
from node.lab.percentiles import median

_REPEAT: Final = 3
_RUN_S: Final = 600.0


async def bench_watch(setting: Setting) -> Result:
    """Inputs per second of `novate watch --once` over a posted history of the flow. Raises BenchError."""
    refuse_memory(setting.directory)
    flow = load_flow(setting.flow)
    rates: list[float] = []
    seconds = 0.0
    try:
        with tempfile.TemporaryDirectory(prefix="novate-watch-", dir=setting.directory) as name:
            async with posted_history(Path(name), flow, _REPEAT, lambda text: setting.say(f"watch: {text}")) as (fleet, history):
                for run in range(setting.runs):
                    setting.say(f"watch: run {run + 1} of {setting.runs}")
                    report = await _watch(fleet, history, run)
                    rates.append(report["inputs"] / report["seconds"])
                    seconds += report["seconds"]
    except* (ChildEnded, ChildSilent, TimeoutError, L1Error, BenchError) as failed:
        raise BenchError(str(first_failure(failed))) from failed
    note = f"{history.inputs:,} inputs in {history.batches} batches of at most {BATCH_INPUTS:,}, from L1, {flow.name}"
    return Result("watch", median(rates), "inputs/s", seconds, note=note)


async def _watch(fleet: Fleet, history: History, run: int) -> dict[str, Any]:
    """One run of the program on an empty directory: its report."""
    child = await fleet.start(
        f"watch-{run}", "watch", "--l1", history.url, "--contract", "0x" + history.contract.hex(), "--genesis", GENESIS,
        "--start-block", str(history.start_block), "--once", "--json", may_end=True,
    )  # fmt: skip
    async with asyncio.timeout(_RUN_S):
        code = await child.process.wait()
    report: dict[str, Any] = json.loads(child.tail()[-1])
    if code != 0 or report["inputs"] != history.inputs:
        raise BenchError(f"the watcher did not agree with the whole history: {report}")
    return report
