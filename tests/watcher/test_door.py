"""A watcher's door: what it shows of metrics, health and attestations."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from node.ops.metrics import Metrics
from node.store.signed import SignedHeights
from node.watcher.door import Door
from node.watcher.gauges import WatcherGauges
from node.watcher.report import Disagreement
from node.watcher.validator import Validator
from proto.hashing import keccak
from proto.signing.eip712 import Domain, attestation_digest
from proto.signing.secp256k1 import recover
from tests.settlement.rig import BOB

DOMAIN = Domain(31337, BOB.address)
FOUND = Disagreement(3, 9, 9, "stateRoot", "0x01", "0x02", "The inputs lead to another state.")


@asynccontextmanager
async def served(door: Door) -> AsyncIterator[str]:
    """Its address."""
    port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    async with asyncio.TaskGroup() as group:
        serving = group.create_task(door.serve("127.0.0.1", 0, port.set_result))
        yield f"http://127.0.0.1:{await port}"
        serving.cancel()


async def test_what_a_door_shows(tmp_path: Path) -> None:
    metrics = Metrics()
    gauges, alarm = WatcherGauges(metrics), [None, str(FOUND)]
    door = Door(metrics, lambda: alarm[0])

    async with served(door) as url, aiohttp.ClientSession() as session:

        async def ask(path: str) -> tuple[int, Any]:
            async with session.get(url + path) as answer:
                body = await answer.text() if path == "/metrics" else await answer.json()
                return answer.status, body

        assert await ask("/healthz") == (200, {"ok": True, "alarm": None})
        assert await ask("/v1/attestations") == (200, {"validator": None, "attestations": []})
        validator = door.validator = Validator(BOB, DOMAIN, SignedHeights(tmp_path, BOB.address, DOMAIN))
        gauges.verified(2, 8, 5)
        gauges.disagreed(FOUND)
        _, text = await ask("/metrics")
        assert "novate_watch_verified_batch 2.0" in text
        assert "novate_watch_lag_batches 3.0" in text
        assert "novate_watch_alarm_batch 3.0" in text
        assert "novate_watch_alarms_total 1.0" in text
        alarm[0] = alarm[1]
        assert await ask("/healthz") == (503, {"ok": False, "alarm": str(FOUND)})
        record = validator._heights
        for height in (4, 5, 6):
            record.record(height, keccak(bytes([height])))
        _, shown = await ask("/v1/attestations?from=5")
        assert [row["batch"] for row in shown["attestations"]] == [5, 6]
        for row in shown["attestations"]:
            digest = attestation_digest(DOMAIN, row["batch"], bytes.fromhex(row["commitmentHash"][2:]))
            assert recover(digest, bytes.fromhex(row["signature"][2:])) == BOB.address
        for wrong in ("x", "-1", "", "9" * 30, "%D9%A3"):
            assert (await ask(f"/v1/attestations?from={wrong}"))[0] == 400
        validator.close()
