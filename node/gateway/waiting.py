"""What a node answers before it can serve: it is alive, it is not ready, and how far it is.

Recovery reads a journal, rebuilds lost read models and may take minutes. Meanwhile whoever supervises the node must neither take it
for dead nor for ready, and a client must hear that waiting helps.
"""

import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import web

from node.gateway.admission import Refused
from node.gateway.http_reads import error_response, judged
from node.gateway.settings import GatewaySettings
from proto.reject import RejectCode

_SHUTDOWN_S: Final = 1.0
_RETRY_MS: Final = 1_000


@asynccontextmanager
async def waiting_room(settings: GatewaySettings, doing: Callable[[], str]) -> AsyncIterator[None]:
    """Answer on the node's own port while the body runs. On any free port nobody would know where to ask, so nobody answers there."""
    if not settings.port:
        yield
        return

    async def alive(_request: web.Request) -> web.Response:
        return judged(())

    async def ready(_request: web.Request) -> web.Response:
        return judged((f"start: {doing()}",))

    async def anything(_request: web.Request) -> web.Response:
        return error_response(Refused(RejectCode.NODE_BUSY, f"the node is starting: {doing()}", _RETRY_MS))

    application = web.Application(client_max_size=1)
    application.router.add_get("/healthz", alive)
    application.router.add_get("/readyz", ready)
    application.router.add_route("*", "/{rest:.*}", anything)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=_SHUTDOWN_S)
    await runner.setup()
    try:
        await web.TCPSite(
            runner, settings.host, settings.port, ssl_context=tls_context(settings), reuse_address=True
        ).start()
        yield
    finally:
        await runner.cleanup()


def tls_context(settings: GatewaySettings) -> ssl.SSLContext | None:
    """The server's side of TLS, where a certificate is configured."""
    if settings.tls_certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(settings.tls_certificate, settings.tls_key)
    return context
