"""A real HTTP proxy in front of a node that loses, delays or bends what passes, as a test tells it to."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from enum import Enum, auto
from typing import Any

import aiohttp
from aiohttp import web

from node.l1.rpc import L1Client, L1ClientSettings


class Fate(Enum):
    """What happens to one request."""

    PASS = auto()
    LOSE_REQUEST = auto()
    LOSE_ANSWER = auto()  # The node acts, the client does not learn of it.


Policy = Callable[[dict[str, Any]], Fate]
"""Decides on a request, and may change it in place."""
Bend = Callable[[dict[str, Any], bytes], bytes]
"""The answer to a request that is passed on, instead of the true one."""


@asynccontextmanager
async def through_proxy(url: str, policy: Policy) -> AsyncIterator[L1Client]:
    """A client whose every request passes the policy."""
    async with proxy(url, policy) as own_url, L1Client(L1ClientSettings(url=own_url)) as client:
        yield client


@asynccontextmanager
async def proxy(url: str, policy: Policy, bend: Bend = lambda _, body: body) -> AsyncIterator[str]:
    """The proxy's own address."""
    async with aiohttp.ClientSession() as upstream:

        async def forward(request: web.Request) -> web.Response:
            payload = await request.json()
            fate = policy(payload)
            body = b""
            if fate is not Fate.LOSE_REQUEST:
                async with upstream.post(url, json=payload) as response:
                    body = bend(payload, await response.read())
            if fate is not Fate.PASS:
                assert request.transport is not None
                request.transport.abort()
            return web.Response(body=body, content_type="application/json")

        application = web.Application()
        application.router.add_post("/", forward)
        runner = web.AppRunner(application, shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()
