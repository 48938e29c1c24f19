"""A watcher's door: its metrics, whether it is well, and its attestations, for other validators to collect.

    GET /metrics                    Prometheus
    GET /healthz                    200; 503 once something is wrong
    GET /v1/attestations?from=N     {"validator": …, "attestations": [{batch, commitmentHash, validator, signature}…]}, newest 256 at most
Everything here is public: signatures are made to be posted. Nothing can be asked of a watcher that changes what it does.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from aiohttp import web

from node.ops.metrics import CONTENT_TYPE, Metrics
from node.watcher.validator import Attestation, Validator

SHUTDOWN_S: Final = 2.0
FIRST_MAX: Final = 2**63


class Door:
    """Serves on one address until cancelled."""

    def __init__(self, metrics: Metrics, alarm: Callable[[], str | None]) -> None:
        """`alarm`: what is wrong, None where nothing is."""
        self._metrics = metrics
        self._alarm = alarm
        self.validator: Validator | None = None

    async def serve(self, host: str, port: int, ready: Callable[[int], None]) -> None:
        """`ready` is told the port. Raises OSError where it is taken."""
        app = web.Application(client_max_size=1_024)
        app.add_routes(
            [
                web.get("/metrics", self._show_metrics),
                web.get("/healthz", self._show_health),
                web.get("/v1/attestations", self._show_attestations),
            ]
        )
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_S)
        await runner.setup()
        try:
            site = web.TCPSite(runner, host, port)
            await site.start()
            ready(int(runner.addresses[0][1]))
            await asyncio.Event().wait()
        finally:
            await runner.cleanup()

    async def _show_metrics(self, _request: web.Request) -> web.Response:
        return web.Response(body=self._metrics.render(), headers={"Content-Type": CONTENT_TYPE})

    async def _show_health(self, _request: web.Request) -> web.Response:
        alarm = self._alarm()
        return web.json_response({"ok": alarm is None, "alarm": alarm}, status=200 if alarm is None else 503)

    async def _show_attestations(self, request: web.Request) -> web.Response:
        text = request.query.get("from", "0")
        if not text.isascii() or not text.isdecimal() or int(text[:20]) > FIRST_MAX:
            return web.json_response({"error": "from: expected a batch number"}, status=400)
        validator = self.validator
        if validator is None:
            return web.json_response({"validator": None, "attestations": []})
        found: list[Attestation] = await asyncio.to_thread(validator.attestations, int(text))
        rows = [attestation.to_json() for attestation in found]
        return web.json_response({"validator": "0x" + validator.address.hex(), "attestations": rows})
