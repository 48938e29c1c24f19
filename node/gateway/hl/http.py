"""The dialect's routes at the root: POST /info, POST /exchange, GET /ws, and what browsers ask before they post."""

from typing import Any, Final

from aiohttp import web

from node.gateway.desk import Desk
from node.gateway.hl import errors, strict_json
from node.gateway.hl.coins import Coins
from node.gateway.hl.exchange import BusyError, Exchange, RateLimitedError
from node.gateway.hl.feed import Feed
from node.gateway.hl.info import Info
from node.gateway.hl.session import HlSession
from node.gateway.ports import ReadRefusedError, Writer
from node.gateway.shelf import Shelf
from proto.hl.reading import HlMalformedError

BODY_BYTES_MAX: Final = 256 * 1024
_CORS: Final = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
    "Access-Control-Allow-Headers": "content-type",
    "Vary": "origin, access-control-request-method, access-control-request-headers",
}
_JSON: Final = "application/json"
_OK: Final = 200
_MALFORMED: Final = 422
_TOO_MANY: Final = 429
_FAILED: Final = 500


def _answer(value: Any, status: int = _OK) -> web.Response:
    return web.Response(body=strict_json.write(value), status=status, content_type=_JSON, headers=_CORS)


def _too_many(retry_after_ms: int) -> web.Response:
    response = _answer(None, _TOO_MANY)
    response.headers["Retry-After"] = str(-(-retry_after_ms // 1_000))
    return response


def _malformed() -> web.Response:
    return web.Response(text=errors.DESERIALIZE, status=_MALFORMED, headers=_CORS)


class HlRoutes:
    """Everything the dialect serves over one application."""

    def __init__(self, desk: Desk, writer: Writer, shelf: Shelf) -> None:
        coins = Coins(writer.peek(lambda state: state.params))
        self._desk = desk
        self._info = Info(desk, coins, writer, shelf)
        self._exchange = Exchange(desk, coins)
        self.feed = Feed(self._info, coins, shelf)

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Register the routes, all but the WebSocket's."""
        router.add_post("/info", self._post_info)
        router.add_post("/exchange", self._post_exchange)
        for path in ("/info", "/exchange"):
            router.add_route("OPTIONS", path, self._options)

    def session(self, socket: web.WebSocketResponse, transport: Any, peer: str) -> HlSession:
        """A WebSocket connection of the dialect."""
        return HlSession(self._desk, self._info, self._exchange, self.feed, socket, transport, peer)

    async def _options(self, _request: web.Request) -> web.Response:
        return web.Response(status=_OK, headers=_CORS)

    async def _post_info(self, request: web.Request) -> web.Response:
        try:
            asked = strict_json.read(await request.read())
            refused = self._desk.admission.weigh(request.remote or "", self._info.weight(asked))
            if refused is not None:
                return _too_many(refused.retry_after_ms)
            return _answer(await self._info.answer(asked))
        except HlMalformedError:
            return _malformed()
        except (TimeoutError, ReadRefusedError):
            return _answer(None, _FAILED)

    async def _post_exchange(self, request: web.Request) -> web.Response:
        try:
            return _answer(await self._exchange.submit(request.remote or "", strict_json.read(await request.read())))
        except HlMalformedError:
            return _malformed()
        except RateLimitedError as error:
            return _too_many(error.retry_after_ms)
        except BusyError:
            return _answer(None, _FAILED)
