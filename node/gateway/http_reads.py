"""HTTP reads under /v1/: the native protocol's questions, answered as JSON (node.gateway.human), for scripts and people.

    /v1/status  /v1/markets  /v1/markets/{market}  /v1/book/{market}?depth=&step=  /v1/book_orders/{market}?depth=
    /v1/{trades|funding_rates}/{market}?limit=&cursor=&newest_first=&start=&stop=
    /v1/candles/{market}?interval=60|1m&limit=&start=&stop=
    /v1/accounts/{address}  /v1/accounts/{address}/{orders|fills|order_history|ledger|funding|limits|proof}
    /v1/accounts/{address}/portfolio?span=day|week|month|all
    /v1/accounts/{address}/what_if?order=MARKET:SIDE:SIZE[@PRICE]&move=MARKET:PERCENT  (both repeatable)
    /v1/deposits/{address}  /v1/withdrawals/{index}
    /v1/solvency  /v1/solvency/{address}  /v1/auctions?limit=  /v1/vaults/{id}
    /v1/orders/{id}  /v1/receipts/{seq}  /v1/batches?limit=&before=  /v1/batches/{id}
    /healthz  /readyz  /metrics

An answer is `{"seq": ..., "data": ...}`; an error `{"error": {"code", "name", "sentence", "detail", "retry", "retry_after_ms"}}` with
the same
codes as everywhere. A cursor is "seq-position", as answers give it in `next`.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from aiohttp import web

from node.gateway.admission import Refused
from node.gateway.arguments import QueryRefusedError
from node.gateway.desk import Desk
from node.gateway.human import Human
from node.gateway.ports import Health
from node.gateway.suppositions import from_texts
from node.ops.metrics import CONTENT_TYPE, Metrics
from node.views.portfolio import Span
from proto.ids import ADDRESS_BYTES
from proto.reject import RETRY_CAN_HELP, SENTENCES, RejectCode

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_NOT_FOUND: Final = (
    RejectCode.ACCOUNT_UNKNOWN, RejectCode.ORDER_UNKNOWN, RejectCode.MARKET_UNKNOWN, RejectCode.BATCH_UNKNOWN,
    RejectCode.RECEIPT_UNKNOWN, RejectCode.WITHDRAWAL_UNKNOWN, RejectCode.PROOF_NOT_AVAILABLE, RejectCode.QUERY_UNKNOWN,
)  # fmt: skip
_UNAVAILABLE: Final = (RejectCode.NODE_BUSY, RejectCode.NODE_STOPPING)
_SPANS: Final = {"day": Span.DAY, "week": Span.WEEK, "month": Span.MONTH, "all": Span.ALL}
_HISTORIES: Final = ("fills", "order_history", "ledger", "funding")


def error_response(refused: Refused) -> web.Response:
    """A refusal as JSON."""
    code = refused.code
    status = 400
    if code == RejectCode.RATE_LIMITED:
        status = 429
    elif code in _NOT_FOUND:
        status = 404
    elif code in _UNAVAILABLE:
        status = 503
    body = {
        "code": code.value, "name": code.name, "sentence": SENTENCES[code], "detail": refused.detail,
        "retry": RETRY_CAN_HELP[code], "retry_after_ms": refused.retry_after_ms,
    }  # fmt: skip
    response = web.json_response({"error": body}, status=status)
    if refused.retry_after_ms:
        response.headers["Retry-After"] = str(-(-refused.retry_after_ms // 1_000))
    return response


class HttpReads:
    """Routes of all plain HTTP requests."""

    def __init__(self, desk: Desk, human: Human, health: Health, metrics: Metrics, publish: Callable[[], None]) -> None:
        self._desk = desk
        self._human = human
        self._health = health
        self._metrics = metrics
        self._publish = publish

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Register everything."""
        routes: list[tuple[str, Callable[[web.Request], tuple[str, list[Any]]]]] = [
            ("/v1/status", lambda _: ("status", [])),
            ("/v1/markets", lambda _: ("markets", [])),
            ("/v1/markets/{market}", lambda r: ("market", [_market(r)])),
            ("/v1/book/{market}", lambda r: ("book", [_market(r), _uint(r, "depth", 20), _uint(r, "step", 0)])),
            ("/v1/book_orders/{market}", lambda r: ("book_orders", [_market(r), _uint(r, "depth", 0)])),
            ("/v1/funding_rates/{market}", lambda r: ("funding_rates", [_market(r), *_page(r)])),
            ("/v1/trades/{market}", lambda r: ("trades", [_market(r), *_page(r)])),
            ("/v1/candles/{market}", _candles),
            ("/v1/accounts/{address}", lambda r: ("account", [_address(r)])),
            ("/v1/accounts/{address}/orders", lambda r: ("orders", [_address(r), _uint(r, "market", 0)])),
            ("/v1/accounts/{address}/proof", lambda r: ("account_proof", [_address(r)])),
            ("/v1/accounts/{address}/portfolio", lambda r: ("portfolio", [_address(r), _span(r)])),
            ("/v1/accounts/{address}/limits", lambda r: ("limits", [_address(r)])),
            ("/v1/accounts/{address}/what_if", self._what_if),
            ("/v1/accounts/{address}/{history}", _history),
            ("/v1/orders/{id}", lambda r: ("order_life", [_path_uint(r, "id")])),
            ("/v1/receipts/{seq}", lambda r: ("receipt", [_path_uint(r, "seq")])),
            ("/v1/deposits/{address}", lambda r: ("deposits", [_address(r)])),
            ("/v1/withdrawals/{index}", lambda r: ("withdrawal", [_path_uint(r, "index")])),
            ("/v1/auctions", lambda r: ("auctions", [_uint(r, "limit", 100)])),
            ("/v1/vaults/{id}", lambda r: ("vault", [_path_uint(r, "id")])),
            ("/v1/solvency", lambda _: ("solvency", [])),
            ("/v1/solvency/{address}", lambda r: ("solvency_proof", [_address(r)])),
            ("/v1/batches", lambda r: ("batches", [_uint(r, "limit", 20), _uint(r, "before", 0)])),
            ("/v1/batches/{id}", lambda r: ("batch", [_path_uint(r, "id")])),
        ]
        for path, question in routes:
            router.add_get(path, self._reader(question))
        router.add_get("/healthz", self._healthz)
        router.add_get("/readyz", self._readyz)
        router.add_get("/metrics", self._metrics_page)

    def _reader(self, question: Callable[[web.Request], tuple[str, list[Any]]]) -> Handler:
        async def read(request: web.Request) -> web.Response:
            desk = self._desk
            try:
                name, params = question(request)
                refused = desk.admission.weigh(request.remote or "", desk.queries.weight(name))
                if refused is None:
                    desk.gauges.queries += 1
                    async with asyncio.timeout(desk.settings.query_ms / 1_000):
                        seq, value = await desk.queries.ask(name, params)
                    return web.json_response({"seq": seq, "data": self._human.show(value)}, dumps=_dumps)
            except QueryRefusedError as error:
                refused = Refused(error.code, error.detail)
            except TimeoutError:
                refused = Refused(RejectCode.NODE_BUSY, "the query took too long", 1_000)
            desk.gauges.refused[refused.code] += 1
            return error_response(refused)

        return read

    def _what_if(self, request: web.Request) -> tuple[str, list[Any]]:
        orders, moves = from_texts(self._human.params, request.query.getall("order", []), request.query.getall("move", []))
        return "what_if", [_address(request), orders, moves]

    async def _healthz(self, _request: web.Request) -> web.Response:
        return judged(self._health.alive())

    async def _readyz(self, _request: web.Request) -> web.Response:
        return judged(self._health.ready())

    async def _metrics_page(self, _request: web.Request) -> web.Response:
        self._publish()
        return web.Response(body=self._metrics.render(), headers={"Content-Type": CONTENT_TYPE})


def judged(reasons: Sequence[str]) -> web.Response:
    """The answer of a health check: good without reasons."""
    found = list(reasons)
    return web.json_response({"ok": not found, "reasons": found}, status=503 if found else 200)


def _dumps(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def _wrong(name: str, why: str) -> QueryRefusedError:
    return QueryRefusedError(RejectCode.FIELD_WRONG_TYPE, f"{name} must be {why}")


def _path_uint(request: web.Request, name: str) -> int:
    return _decimal(name, request.match_info[name])


def _uint(request: web.Request, name: str, default: int) -> int:
    text = request.query.get(name)
    return default if text is None else _decimal(name, text)


def _decimal(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 20):
        raise _wrong(name, "a decimal number")
    return int(text)


def _market(request: web.Request) -> int | str:
    text = request.match_info["market"]
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 5 else text


def _address(request: web.Request) -> bytes:
    text = request.match_info["address"]
    try:
        address = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        raise _wrong("address", "0x and 40 hex digits") from None
    if len(address) != ADDRESS_BYTES:
        raise _wrong("address", "0x and 40 hex digits")
    return address


def _page(request: web.Request) -> list[Any]:
    cursor: list[int] = []
    if "cursor" in request.query:
        cursor = [_decimal("cursor", part) for part in request.query["cursor"].split("-")]
    newest_first = request.query.get("newest_first", "true")
    if newest_first not in ("true", "false"):
        raise _wrong("newest_first", "true or false")
    stop = _uint(request, "stop", 2**48 - 1)
    return [_uint(request, "limit", 100), newest_first == "true", cursor, _uint(request, "start", 0), stop]


def _candles(request: web.Request) -> tuple[str, list[Any]]:
    paging = [_uint(request, "limit", 100), _uint(request, "start", 0), _uint(request, "stop", 2**48 - 1)]
    return "candles", [_market(request), _interval(request), *paging]


def _interval(request: web.Request) -> int | str:
    text = request.query.get("interval", "60")
    return _decimal("interval", text) if text.isdigit() else text[:8]


def _span(request: web.Request) -> int:
    name = request.query.get("span", "day")
    if name not in _SPANS:
        raise _wrong("span", " or ".join(_SPANS))
    return int(_SPANS[name])


def _history(request: web.Request) -> tuple[str, list[Any]]:
    name = request.match_info["history"]
    if name not in _HISTORIES:
        raise QueryRefusedError(RejectCode.QUERY_UNKNOWN, name[:64])
    return name, [_address(request), *_page(request)]
