"""An L1 endpoint that stalls, resets, fails or lies when it is told to, in front of a real one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web

MODES = ("stall", "reset", "error", "lie", "garbage")


class FaultyL1:
    """`mode` "" passes everything on."""

    def __init__(self, target: str) -> None:
        self._target = target
        self._session: aiohttp.ClientSession | None = None
        self.mode = ""
        self.url = ""
        self.swallow_sends = False
        self.requests = 0

    async def _post(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.requests += 1
        match self.mode:
            case "stall":
                await asyncio.sleep(60)
            case "reset":
                assert request.transport is not None
                request.transport.abort()
                return web.Response()
            case "error":
                return web.Response(status=503, text="overloaded")
            case "garbage":
                return web.Response(body=b'{"jsonrpc": "2.0", "id"')
            case "lie":
                return web.json_response({"jsonrpc": "2.0", "id": -1, "result": "0x1"})
            case _:
                pass
        assert self._session is not None
        async with self._session.post(self._target, data=body, headers={"content-type": "application/json"}) as answer:
            return web.Response(body=await answer.read(), content_type="application/json")

    @asynccontextmanager
    async def serving(self) -> AsyncIterator["FaultyL1"]:
        """Run on a free port."""
        application = web.Application(client_max_size=8_000_000)
        application.router.add_post("/", self._post)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        async with aiohttp.ClientSession() as self._session:
            await runner.setup()
            try:
                await web.TCPSite(runner, "127.0.0.1", 0).start()
                host, port = runner.addresses[0][:2]
                self.url = f"http://{host}:{port}"
                yield self
            finally:
                self.mode = ""
                await runner.cleanup()
