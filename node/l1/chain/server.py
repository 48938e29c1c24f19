"""The embedded chain's process: JSON-RPC over HTTP, a block every block time, an orderly end.

Invariants:
- Request bodies, batches and idle time are bounded before anything is parsed.
- Requests are answered one at a time between two blocks; nothing suspends while the chain changes.
- A failed write ends `serve` with ChainStorageFailed: the caller exits non-zero and starts again from disk.

Only `application/json` is accepted, so that a web page cannot post to a chain on the reader's machine.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final

from aiohttp import web

from node.l1.chain.blockfile import ChainStorageCorrupt, ChainStorageFailed
from node.l1.chain.ledger import Chain
from node.l1.chain.methods import Methods
from node.l1.chain.params import INVALID_REQUEST, PARSE_ERROR, RpcError
from node.l1.chain.settings import ChainSettings
from node.l1.json_text import JsonRefused, parse_json

REQUEST_BYTES_MAX: Final = 4 * 1024 * 1024
BATCH_MAX: Final = 200
BLOCK_TAGS: Final = ("head", "safe", "finalized")
SHUTDOWN_S: Final = 2.0

_Failure = asyncio.Future[None]


def _now_s() -> int:
    return int(time.time())


class _Endpoint:
    """One HTTP path. `failure` is resolved with the storage error that ends the process."""

    def __init__(self, methods: Methods, failure: _Failure) -> None:
        self._methods = methods
        self._failure = failure

    async def post(self, request: web.Request) -> web.Response:
        """One JSON-RPC request or a batch."""
        if request.content_type != "application/json":
            return web.Response(status=415, text="content type must be application/json\n")
        body = await request.read()
        try:
            payload = parse_json(body)
        except JsonRefused:
            return web.json_response(_error(None, PARSE_ERROR, "parse error"))
        if not isinstance(payload, list):
            answer = self._answer(payload)
            return web.json_response(answer) if answer is not None else web.Response()
        if not payload or len(payload) > BATCH_MAX:
            return web.json_response(_error(None, INVALID_REQUEST, f"a batch holds 1 to {BATCH_MAX} requests"))
        answers = [answer for item in payload if (answer := self._answer(item)) is not None]
        return web.json_response(answers) if answers else web.Response()

    async def blobs(self, request: web.Request) -> web.Response:
        """GET /eth/v1/beacon/blobs/{block}: what a consensus node answers, with heights for slots."""
        block, named = request.match_info["block"], request.query.getall("versioned_hashes", [])
        try:
            hashes = [bytes.fromhex(text.removeprefix("0x")) for row in named for text in row.split(",")]
        except ValueError:
            return web.json_response({"code": 400, "message": "versioned_hashes: expected hex"}, status=400)
        if not (block in BLOCK_TAGS or (block.isascii() and block.isdigit() and len(block) < 16)):
            return web.json_response(
                {"code": 400, "message": f"block: a height, or one of {', '.join(BLOCK_TAGS)}"}, status=400
            )
        found = self._methods.blobs(block, hashes)
        if found is None:
            return web.json_response(
                {"code": 404, "message": "no such block, or its blobs are no longer kept"}, status=404
            )
        return web.json_response(
            {"execution_optimistic": False, "finalized": False, "data": ["0x" + blob.hex() for blob in found]}
        )

    def _answer(self, request: object) -> dict[str, Any] | None:
        """The response object; None for a notification."""
        if not isinstance(request, dict) or not isinstance(request.get("method"), str):
            return _error(None, INVALID_REQUEST, "invalid request")
        request_id = request.get("id")
        if self._failure.done():
            return _error(request_id, INVALID_REQUEST, "the chain is shutting down")
        try:
            result = self._methods.answer(request["method"], request.get("params"))
        except RpcError as error:
            answer = _error(request_id, error.code, error.message, error.data)
        except (ChainStorageFailed, ChainStorageCorrupt) as error:
            self._failure.set_exception(error)
            answer = _error(request_id, INVALID_REQUEST, "the chain is shutting down")
        else:
            answer = {"jsonrpc": "2.0", "id": request_id, "result": result}
        return answer if "id" in request else None


def _error(request_id: object, code: int, message: str, data: str | None = None) -> dict[str, Any]:
    error: dict[str, Any] = {"code": code, "message": message}
    if data is not None:
        error["data"] = data
    return {"jsonrpc": "2.0", "id": request_id, "error": error}


async def _mine_forever(chain: Chain, failure: _Failure) -> None:
    """A block each block time, on a fixed beat; missed beats are skipped. Returns when `failure` is resolved."""
    loop = asyncio.get_running_loop()
    period_s = chain.settings.block_time_ms / 1_000
    due = loop.time() + period_s
    while True:
        await asyncio.wait((failure,), timeout=max(0.0, due - loop.time()) if period_s else None)
        if failure.done():
            return
        chain.mine(_now_s())
        due = max(due + period_s, loop.time())


async def serve(settings: ChainSettings, ready: Callable[[str], None]) -> None:
    """Run the chain until cancelled; `ready` is called with its URL once it answers.

    Raises ChainInUse, ChainMismatch, ChainStorageCorrupt before `ready`, OSError if the port is taken, and
    ChainStorageFailed when the disk fails later.
    """
    chain = Chain(settings, _now_s())
    failure: _Failure = asyncio.get_running_loop().create_future()
    endpoint = _Endpoint(Methods(chain, _now_s), failure)
    application = web.Application(client_max_size=REQUEST_BYTES_MAX)
    application.router.add_post("/", endpoint.post)
    application.router.add_get("/eth/v1/beacon/blobs/{block}", endpoint.blobs)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=SHUTDOWN_S)
    try:
        await runner.setup()
        site = web.TCPSite(runner, settings.host, settings.port)
        await site.start()
        host, port = runner.addresses[0][:2]
        ready(f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}")
        await _mine_forever(chain, failure)
        failure.result()
    finally:
        await runner.cleanup()
        chain.close()
        if failure.done() and not failure.cancelled():
            failure.exception()  # Retrieved: it was raised above, or a cancellation came first.
