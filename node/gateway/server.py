"""The gateway as a running thing: listens, owns connections, and ends them in order.

Shutdown: stop listening → tell every connection and close it → stop verifying. The application stops the writer before it cancels `run`, so
that what was taken in is answered.
"""

import asyncio
from collections import Counter as Tally
from collections.abc import Callable
from typing import Any, Final

from aiohttp import web

from node.gateway.admission import Admission, Refused
from node.gateway.desk import Desk
from node.gateway.gauges import GatewayGauges
from node.gateway.hl.http import BODY_BYTES_MAX, HlRoutes
from node.gateway.hl.session import HlSession
from node.gateway.http_reads import HttpReads, error_response
from node.gateway.human import Human
from node.gateway.ports import Backpressure, Health, Settlement, Writer
from node.gateway.queries import Queries
from node.gateway.risk_watch import RiskWatch
from node.gateway.session import Session
from node.gateway.settings import GatewaySettings
from node.gateway.shelf import Shelf
from node.gateway.waiting import tls_context
from node.ops.clock import Clock
from node.ops.metrics import Metrics
from proto.reject import RejectCode
from proto.signing.eip712 import Domain

_SHUTDOWN_S: Final = 5.0


class Gateway:
    """Made with everything it needs; `run` serves until cancelled. `port` is known once `listening` is set."""

    def __init__(
        self,
        settings: GatewaySettings,
        domain: Domain,
        writer: Writer,
        shelf: Shelf,
        settlement: Settlement,
        health: Health,
        clock: Clock,
        metrics: Metrics,
        *,
        status: Callable[[], dict[str, Any]] = dict,
        backpressure: Backpressure = Backpressure(),  # noqa: B008 - immutable
    ) -> None:
        """`status` adds what the application knows (roles, versions) to the status query."""
        self._settings = settings
        self._shelf = shelf
        self._gauges = GatewayGauges(metrics)
        admission = Admission(settings.limits, clock, settlement, backpressure, writer, shelf.views.totals)
        queries = Queries(writer, shelf, settlement, status, admission.limits_of)
        self._desk = Desk(settings, domain, writer, queries, shelf.views, admission, self._gauges, clock)
        human = Human(writer.peek(lambda state: state.params))
        self._hl = HlRoutes(self._desk, writer, shelf) if settings.hl.enabled else None
        self._reads = HttpReads(self._desk, human, health, metrics, self._publish)
        self._risk = RiskWatch(writer, metrics)
        self._sessions: dict[Session | HlSession, None] = {}
        self._peers: Tally[str] = Tally()
        self._stopping = False
        self.listening = asyncio.Event()
        self.port = 0

    @property
    def connections(self) -> int:
        """Open native connections."""
        return len(self._sessions)

    async def run(self) -> None:
        """Serve until cancelled."""
        application = web.Application(client_max_size=BODY_BYTES_MAX)
        application.router.add_get("/v1/ws", self._connect)
        if self._hl is not None:
            application.router.add_get("/ws", self._connect)
            self._hl.add_to(application.router)
        self._reads.add_to(application.router)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=_SHUTDOWN_S)
        await runner.setup()
        try:
            settings = self._settings
            site = web.TCPSite(
                runner, settings.host, settings.port, ssl_context=tls_context(settings), reuse_address=True
            )
            await site.start()
            self.port = runner.addresses[0][1]
            async with asyncio.TaskGroup() as group:
                group.create_task(self._desk.verifier.run())
                group.create_task(self._risk.run())
                if self._hl is not None:
                    group.create_task(self._hl.feed.run())
                self.listening.set()
        finally:
            self.listening.clear()
            self.stop()
            await runner.cleanup()

    def stop(self) -> None:
        """Take no new connections and tell the open ones."""
        self._stopping = True
        for session in list(self._sessions):
            session.end(RejectCode.NODE_STOPPING, "")

    async def _connect(self, request: web.Request) -> web.StreamResponse:
        peer, limits = request.remote or "", self._settings.limits
        if self._stopping:
            return error_response(Refused(RejectCode.NODE_STOPPING))
        if len(self._sessions) >= limits.connections or self._peers[peer] >= limits.connections_per_address:
            return error_response(Refused(RejectCode.NODE_BUSY, "too many connections", 1_000))
        settings = self._settings
        socket = web.WebSocketResponse(
            max_msg_size=settings.message_bytes_max, heartbeat=settings.heartbeat_s, compress=False
        )
        if not socket.can_prepare(request):
            return error_response(Refused(RejectCode.FRAME_MALFORMED, "this address speaks WebSocket"))
        await socket.prepare(request)
        transport = request.transport
        if transport is None:
            return socket
        session: Session | HlSession = Session(self._desk, socket, transport, peer)
        if self._hl is not None and request.path == "/ws":
            session = self._hl.session(socket, transport, peer)
        self._sessions[session] = None
        self._peers[peer] += 1
        try:
            await session.run()
        finally:
            del self._sessions[session]
            self._peers[peer] -= 1
            if not self._peers[peer]:
                del self._peers[peer]
        return socket

    def _publish(self) -> None:
        self._gauges.publish(len(self._sessions), len(self._desk.verifier), self._shelf.views.hub.counts())
