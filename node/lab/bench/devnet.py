"""A whole venue from one command: how long until strangers have traded, and how far the watcher falls behind.

The devnet is the product's own, with its processes, bots and contract; what is added here is one client that asks for trades. The first
fill counts from the call to the moment at which that client has been shown a trade: what a new user waits for.
"""

import asyncio
import tempfile
import time
from pathlib import Path
from typing import Final

from node.client.client import NovateClient
from node.client.settings import ClientSettings
from node.config.genesis import find_genesis, load_genesis
from node.core.params import Params
from node.lab.bench.machine import refuse_memory
from node.lab.bench.measure import BenchError, Result, Setting
from node.lab.devnet.processes import ChildEnded, ChildSilent
from node.lab.devnet.program import Devnet
from node.lab.devnet.settings import DevnetSettings
from node.lab.devnet.summary import Summary
from node.lab.failures import first_failure
from node.lab.local_node import GENESIS
from proto.units import TIME_MS_MAX

RUN_S: Final = 30.0
_POLL_S: Final = 0.02
_START_S: Final = 120.0


async def bench_devnet(setting: Setting) -> Result:
    """Seconds from starting a devnet on an empty directory until its first trade; then it runs on. Raises BenchError."""
    refuse_memory(setting.directory)
    params = load_genesis(find_genesis(GENESIS))
    with tempfile.TemporaryDirectory(prefix="novate-devnet-", dir=setting.directory) as name:
        settings = DevnetSettings(data_dir=Path(name), port=0, l1_port=0, seconds=RUN_S)
        devnet = Devnet(settings, params, lambda stage: setting.say(f"devnet: {stage}"))
        try:
            async with asyncio.TaskGroup() as group:
                looking = group.create_task(_first_fill(devnet, params, time.perf_counter()))
                summary = await devnet.run(asyncio.Event())
                waited_s = await looking
        except* (ChildEnded, ChildSilent, TimeoutError) as failed:
            raise BenchError(str(first_failure(failed)) or "no trade was seen") from failed
    return _result(summary, waited_s)


async def _first_fill(devnet: Devnet, params: Params, began_s: float) -> float:
    """Ask for trades from the moment the address is known."""
    async with asyncio.timeout(_START_S):
        while (place := devnet.view.place) is None:
            await asyncio.sleep(_POLL_S)
        impatient = ClientSettings(connect_s=_START_S, backoff_s=_POLL_S, backoff_max_s=_POLL_S)
        async with NovateClient(place.url, settings=impatient) as client:
            while True:
                for market in params.markets:
                    page = await client.query("trades", market.id, 1, True, [], 0, TIME_MS_MAX)  # noqa: FBT003
                    if page.value["rows"]:
                        return time.perf_counter() - began_s
                await asyncio.sleep(_POLL_S)


def _result(summary: Summary, waited_s: float) -> Result:
    """The figure. A venue that did not hold has none. Raises BenchError."""
    if not summary.good:
        raise BenchError(f"the devnet did not hold: {summary.trouble}")
    note = (
        f"to the first fill; in {RUN_S:.0f} s {summary.orders:,} orders, {summary.fills:,} fills, {summary.batches_sealed} batches,"
        f" all verified; the watcher was at most {summary.behind_max} batches behind L1"
    )
    return Result("devnet", waited_s, "s", summary.seconds, note=note)
