"""Readers of streams that cost little: a WebSocket client of its own that checks every event and keeps how late it came.

A program with fifty connections must not be what slows the streams down that it measures, so the frames of one read are taken apart here
without a task, an object or a callback per frame. Invariant: an event whose number does not follow the last one of its stream is a gap,
and counted; nothing is skipped in silence.
"""

import asyncio
import base64
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, cast

from node.lab.bench.measure import BenchError
from proto.frames import FrameKind, SubscribeFrame, decode_node_frame, encode_client_frame
from proto.ids import Address

_BINARY: Final = 0x82
_CLOSE: Final = 0x88
_PING: Final = 0x89
_PONG: Final = 0x8A
_MASKED: Final = 0x80
_MASK: Final = bytes(4)  # The zero mask: masking protects proxies, of which there is none here.
_HEAD_END: Final = b"\r\n\r\n"
_EVENT: Final = FrameKind.EVENT.value
_NS_PER_MS: Final = 1_000_000
_WIDE: Final = 0xCC  # Integers of 1, 2, 4 and 8 bytes follow 0xcc, 0xcd, 0xce and 0xcf.


class Wanted(NamedTuple):
    """A stream to subscribe to."""

    name: str
    params: list[int | Address]


@dataclass(slots=True)
class Seen:
    """What all readers together have seen since the count began."""

    events: int = 0
    gaps: int = 0
    anew: int = 0
    """Snapshots that came instead of events."""
    late_ms: list[int] = field(default_factory=list)
    """From an input's stamp until its event was read."""
    dropped: list[str] = field(default_factory=list)
    """Why the node, or the network, ended a connection."""


class Reader(asyncio.Protocol):
    """One connection and its subscriptions. `subscribed` is set when every stream has begun."""

    def __init__(self, seen: Seen, wanted: Sequence[Wanted]) -> None:
        self.subscribed = asyncio.Event()
        self.leaving = False
        self._seen = seen
        self._wanted = wanted
        self._last: dict[int, int] = {}
        self._rest = b""
        self._upgraded = False
        self._reason = "the connection was lost"
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the WebSocket."""
        self._transport = writer = cast("asyncio.WriteTransport", transport)  # uvloop's is one without saying so.
        key = base64.b64encode(os.urandom(16)).decode()
        writer.write(
            f"GET /v1/ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )

    def connection_lost(self, exc: Exception | None) -> None:
        """Note who was dropped."""
        if not self.leaving:
            self._seen.dropped.append(self._reason if exc is None else str(exc))
        self.subscribed.set()

    def close(self) -> None:
        """Leave."""
        self.leaving = True
        if self._transport is not None:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        """Take apart what came."""
        data = self._rest + data
        if not self._upgraded:
            head, end, data = data.partition(_HEAD_END)
            if not end:
                self._rest = head
                return
            if b" 101 " not in head.split(b"\r\n", 1)[0]:
                self._reason = "the node refused the WebSocket"
                self._abort()
                return
            self._upgraded = True
            for number, stream in enumerate(self._wanted, 1):
                self._send(_BINARY, encode_client_frame(SubscribeFrame(number, stream.name, stream.params, 0)))
        self._rest = self._take_frames(data)

    def _take_frames(self, data: bytes) -> bytes:
        """Take every whole frame; returns the rest."""
        at, size, now_ms = 0, len(data), time.time_ns() // _NS_PER_MS
        while size - at >= 2:
            length, begin = data[at + 1], at + 2
            if length == 126:
                length, begin = int.from_bytes(data[at + 2 : at + 4], "big"), at + 4
            elif length == 127:
                length, begin = int.from_bytes(data[at + 2 : at + 10], "big"), at + 10
            end = begin + length
            if begin > size or end > size:
                break
            kind = data[at]
            if kind == _BINARY:
                self._take(data[begin:end], now_ms)
            elif kind == _PING:
                self._send(_PONG, data[begin:end])
            elif kind == _CLOSE:
                self._abort()
            at = end
        return data[at:]

    def _take(self, payload: bytes, now_ms: int) -> None:
        seen = self._seen
        if payload[1] == _EVENT:
            stream, at = _uint(payload, 2)
            number, at = _uint(payload, at)
            _, at = _uint(payload, at)
            if self._last.get(stream) != number - 1:
                seen.gaps += 1
            self._last[stream] = number
            seen.events += 1
            seen.late_ms.append(now_ms - _uint(payload, at)[0])
            return
        items = decode_node_frame(payload)
        kind = items[0]
        if kind == FrameKind.SNAPSHOT:
            seen.anew += items[1] in self._last
            self._last[items[1]] = items[2]
            if len(self._last) == len(self._wanted):
                self.subscribed.set()
        elif kind in (FrameKind.CLOSING, FrameKind.REFUSAL):
            self._reason = " ".join(str(item) for item in items[2:])
            self._abort()

    def _send(self, kind: int, payload: bytes) -> None:
        assert self._transport is not None, "connected"
        size = len(payload)
        short = size < 126
        head = bytes((kind, _MASKED | size)) if short else bytes((kind, _MASKED | 126)) + size.to_bytes(2, "big")
        self._transport.write(head + _MASK + payload)

    def _abort(self) -> None:
        assert self._transport is not None, "connected"
        self._transport.abort()


def _uint(data: bytes, at: int) -> tuple[int, int]:
    """The msgpack integer at a place, and the place after it: of an event only the numbers in front are looked at."""
    first = data[at]
    if first < _WIDE:
        return first, at + 1
    end = at + 1 + (1 << first - _WIDE)
    return int.from_bytes(data[at + 1 : end], "big"), end


async def connect(port: int, count: int, wanted: Sequence[Wanted], seen: Seen, timeout_s: float) -> list[Reader]:
    """So many connections, each with all of the streams begun. Raises BenchError."""
    loop, readers = asyncio.get_running_loop(), []
    try:
        async with asyncio.timeout(timeout_s):
            for _ in range(count):
                _, reader = await loop.create_connection(lambda: Reader(seen, wanted), "127.0.0.1", port)
                readers.append(reader)
                await reader.subscribed.wait()
    except TimeoutError:
        raise BenchError(f"after {timeout_s:.0f} s only {len(readers)} of {count} readers have their streams") from None
    except OSError as error:
        raise BenchError(f"a reader cannot connect: {error}") from error
    if seen.dropped:
        raise BenchError(f"a reader was dropped before the load began: {seen.dropped[0]}")
    return readers
