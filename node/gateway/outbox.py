"""What waits to be sent on one connection: bounded, and written to the socket once per turn of the event loop.

Frames are put into WebSocket form here (server frames are not masked: two to ten bytes in front) and written to the transport together,
because a write per frame would cost more than all the rest. What the kernel does not take stays in the transport up to a mark,
then here up to a bound; beyond it the reader is too slow. Only whole frames are ever written, so aiohttp's own pings fit between.
"""

import asyncio
from collections.abc import Callable
from typing import Final

_RETRY_S: Final = 0.02  # How often a full transport is looked at again.
_BINARY: Final = 0x82  # Final fragment, binary.
TEXT: Final = 0x81
_CLOSE: Final = 0x88


def websocket_frame(payload: bytes, kind: int = _BINARY) -> bytes:
    """An unmasked message in one fragment."""
    size = len(payload)
    if size < 126:
        return bytes((kind, size)) + payload
    if size < 65_536:
        return bytes((kind, 126)) + size.to_bytes(2, "big") + payload
    return bytes((kind, 127)) + size.to_bytes(8, "big") + payload


def close_frame(code: int, reason: str) -> bytes:
    """A WebSocket close; the reason has at most 123 bytes."""
    payload = code.to_bytes(2, "big") + reason.encode()
    assert len(payload) <= 125, "control frames are short"
    return bytes((_CLOSE, len(payload))) + payload


class Outbox:
    """Sends what it is given, in order, until it is closed. `too_slow` is called once when the bound is passed."""

    __slots__ = (
        "_closed",
        "_held",
        "_held_max",
        "_high",
        "_kind",
        "_loop",
        "_parts",
        "_scheduled",
        "_too_slow",
        "_transport",
        "sent_frames",
    )

    def __init__(
        self, transport: asyncio.WriteTransport, high: int, held_max: int, too_slow: Callable[[], None],
        kind: int = _BINARY,
    ) -> None:  # fmt: skip
        self._kind = kind
        self._transport = transport
        self._high = high
        self._held_max = held_max
        self._too_slow = too_slow
        self._loop = asyncio.get_running_loop()
        self._parts: list[bytes] = []
        self._held = 0
        self._scheduled = False
        self._closed = False
        self.sent_frames = 0

    def put(self, payload: bytes) -> None:
        """Send a frame with this turn's others."""
        self.put_wrapped(websocket_frame(payload, self._kind))

    def put_wrapped(self, frame: bytes) -> None:
        """The same for one that is in WebSocket form already, because many connections get it."""
        if self._closed:
            return
        self._parts.append(frame)
        self._held += len(frame)
        self.sent_frames += 1
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._flush)
        elif self._held > self._held_max:
            self._overflow()

    def _overflow(self) -> None:
        """More waits than may: unless the socket takes it now, the reader is too slow."""
        if self._transport.get_write_buffer_size() < self._high:
            self._write()
            return
        self.close()
        self._too_slow()

    def _flush(self) -> None:
        self._scheduled = False
        if self._closed or not self._parts:
            return
        if self._transport.is_closing():
            self.close()
            return
        if self._transport.get_write_buffer_size() < self._high:
            self._write()
        else:
            self._scheduled = True
            self._loop.call_later(_RETRY_S, self._flush)

    def _write(self) -> None:
        self._transport.write(self._parts[0] if len(self._parts) == 1 else b"".join(self._parts))
        self._parts.clear()
        self._held = 0

    async def drained(self) -> None:
        """Wait until the socket has taken what was put, but for a rest below the mark. Looks again now and then: a transport
        tells only its own protocol when it has room."""
        while not self._closed and not self._transport.is_closing():
            if self._held < self._high and self._transport.get_write_buffer_size() < self._high:
                return
            await asyncio.sleep(_RETRY_S)

    def close(self) -> None:
        """Drop what is held and take nothing more."""
        self._closed = True
        self._parts.clear()
        self._held = 0

    def last(self, payload: bytes, close_code: int, reason: str) -> None:
        """Write what is held, one more frame and a WebSocket close at once, whatever the transport holds, then take nothing more."""
        if not self._transport.is_closing():
            self._parts.append(websocket_frame(payload, self._kind))
            self._parts.append(close_frame(close_code, reason))
            self._write()
        self._closed = True
