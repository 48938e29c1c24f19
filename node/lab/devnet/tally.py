"""What a devnet counts: orders and trades of this run, batches of the whole chain."""

import asyncio
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import aiohttp

from node.lab.devnet.numbers import parse_samples

_REQUEST_S: Final = 5.0
_LEDGER: Final = "novate_ledger_units"
_MICRO: Final = 1e6
_MS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Tally:
    """Counters as one look at the node gives them."""

    taken_s: float = 0.0
    orders: int = 0
    """Orders whose signature held, since this node's start."""
    orders_per_s: float = 0.0
    reports: int = 0
    """Price reports whose signature held."""
    signers: int = 0
    connections: int = 0
    sealed: int = 0
    """Newest sealed batch; likewise below. Batches count from the chain's beginning."""
    posted: int = 0
    final: int = 0
    ack_p50_ms: float = 0.0
    ack_p99_ms: float = 0.0
    deposited_usdc: float = 0.0
    """Running totals at the newest seal; likewise below. For the eye only: floats."""
    withdrawn_usdc: float = 0.0
    owed_usdc: float = 0.0
    entries_usdc: float = 0.0


class NodeEye:
    """Looks at one node from outside, over plain HTTP."""

    def __init__(self, session: aiohttp.ClientSession, port: int) -> None:
        self._session = session
        self._url = f"http://127.0.0.1:{port}"
        self.last = Tally()

    async def is_ready(self) -> bool:
        """Whether /readyz answers 200."""
        try:
            async with asyncio.timeout(_REQUEST_S), self._session.get(f"{self._url}/readyz") as answer:
                return answer.status == 200
        except (aiohttp.ClientError, OSError, TimeoutError):
            return False

    async def look(self) -> Tally:
        """The newest counters; the last ones where the node does not answer."""
        try:
            async with asyncio.timeout(_REQUEST_S), self._session.get(f"{self._url}/metrics") as answer:
                page = await answer.text()
        except (aiohttp.ClientError, OSError, TimeoutError):
            return self.last
        before, now_s, samples = self.last, time.monotonic(), parse_samples(page)
        orders = int(samples.one("novate_gateway_orders_total"))
        elapsed = now_s - before.taken_s
        self.last = Tally(
            taken_s=now_s,
            orders=orders,
            orders_per_s=(orders - before.orders) / elapsed if before.taken_s and elapsed > 0 else 0.0,
            reports=int(samples.one("novate_gateway_reports_total")),
            signers=int(samples.one("novate_gateway_signers")),
            connections=int(samples.one("novate_gateway_connections")),
            sealed=max(int(samples.one("novate_batch_sealed_id")), before.sealed),
            posted=int(samples.one("novate_batch_posted_id")),
            final=int(samples.one("novate_batch_final_id")),
            ack_p50_ms=samples.percentile("novate_gateway_ack_seconds", 0.5) * _MS,
            ack_p99_ms=samples.percentile("novate_gateway_ack_seconds", 0.99) * _MS,
            deposited_usdc=samples.labelled(_LEDGER, asset="0", total="deposited") / _MICRO,
            withdrawn_usdc=samples.labelled(_LEDGER, asset="0", total="withdrawn") / _MICRO,
            owed_usdc=samples.labelled(_LEDGER, asset="0", total="owed") / _MICRO,
            entries_usdc=samples.labelled(_LEDGER, asset="0", total="entries") / _MICRO,
        )
        return self.last


@dataclass(frozen=True, slots=True)
class Watched:
    """How far the watcher is."""

    verified: int = 0
    agrees: bool = True
    disagreement: str = ""
    attested: int = 0
    """Newest batch that it signed."""


def read_watched(path: Path) -> Watched:
    """The watcher's status file; nothing verified where there is none yet."""
    try:
        status = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Watched()
    return Watched(
        int(status["batch"]),
        bool(status["agrees"]),
        str(status.get("disagreement", "")),
        int(status.get("attested", 0)),
    )
