"""Numbered streams: who reconnects with the last number gets exactly what was missed, or a snapshot with the reason.

Invariants:
- The events of a stream are numbered without a gap while the stream lives. A stream that begins anew (a restart, or nobody listened for
  long) begins above every number it ever had: a release gives a stream at most one event, so no number exceeds its seq, and a new life
  begins at the current seq. A number from an earlier life is therefore always too old, never mistaken for a new one.
- Memory is bounded: events per stream, bytes of all streams together, and idle streams; what is dropped first is what is oldest.
- A stream that nobody asked for costs nothing.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum, unique
from itertools import islice
from typing import Any, Final, NamedTuple, Protocol

import msgpack

from proto.frames import FrameKind, encode_node_frame

_EVENT_HEAD: Final = bytes((0x96, FrameKind.EVENT.value))  # A msgpack array of six that begins with EVENT.


@unique
class StreamName(StrEnum):
    """Streams: the first six are of a market, the others of an account."""

    BOOK = "book"
    BOOK_ORDERS = "book_orders"
    TRADES = "trades"
    BBO = "bbo"
    TICKER = "ticker"
    CANDLES = "candles"
    ORDERS = "orders"
    FILLS = "fills"
    POSITIONS = "positions"
    BALANCES = "balances"
    FUNDING = "funding"


class StreamKey(NamedTuple):
    """A stream: its name, market or account id, and for candles the interval in seconds (else 0)."""

    name: StreamName
    owner: int
    interval_s: int = 0


@unique
class SnapshotReason(StrEnum):
    """Why a subscriber gets a snapshot instead of what it missed."""

    REQUESTED = "requested"  # It named no last number.
    TOO_OLD = "too old"  # What it missed is no longer kept, or the stream began anew.
    UNKNOWN_NUMBER = "unknown number"  # The number is above the newest: from another node or deployment.


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """Bounds of memory. Events per stream: specs say 10,000; bytes are what all rings may hold together."""

    ring_events: int = 10_000
    ring_bytes: int = 256 * 1024 * 1024
    idle_streams: int = 1_000


class EventBytes:
    """An encoded event; what differs between subscribers is the subscription id in front, so each id's frame is made once."""

    __slots__ = ("_frames", "_messages", "tail")

    def __init__(self, tail: bytes) -> None:
        self.tail = tail
        self._frames: dict[int, bytes] = {}
        self._messages: dict[int, bytes] = {}

    def frame(self, subscription: int) -> bytes:
        """The EVENT frame for a subscription id."""
        frame = self._frames.get(subscription)
        if frame is None:
            frame = self._frames[subscription] = _EVENT_HEAD + msgpack.packb(subscription) + self.tail
        return frame

    def message(self, subscription: int, wrap: Callable[[bytes], bytes]) -> bytes:
        """The frame as a transport sends it; `wrap` is the same for all who ask."""
        message = self._messages.get(subscription)
        if message is None:
            message = self._messages[subscription] = wrap(self.frame(subscription))
        return message


class Subscriber(Protocol):
    """Where the events of a subscription go."""

    def offer(self, subscription: int, event: EventBytes) -> None:
        """Take one event; never blocks."""


@dataclass(slots=True)
class Stream:
    """Ring of the newest events; `last` is the number of the newest (or of the beginning)."""

    key: StreamKey
    last: int
    ring: deque[bytes] = field(default_factory=deque)
    subscribers: dict[tuple[Subscriber, int], None] = field(default_factory=dict)


class Opened(NamedTuple):
    """Result of subscribing: either a snapshot is due (with its reason), or the missed events' tails, oldest first."""

    number: int
    reason: SnapshotReason | None
    missed: tuple[EventBytes, ...]


def event_tail(number: int, seq: int, time: int, data: Any) -> bytes:
    """Number, seq, time and data, ready to follow a subscription id."""
    return encode_node_frame((number, seq, time, data))[1:]


class StreamHub:
    """All live streams."""

    def __init__(self, limits: StreamLimits) -> None:
        self._limits = limits
        self._streams: dict[StreamKey, Stream] = {}
        self._idle: dict[StreamKey, None] = {}  # Oldest first.
        self._bytes = 0
        self.dropped = 0  # Events that rings gave up for want of room, for metrics.

    @property
    def is_silent(self) -> bool:
        """Whether nobody listens to anything."""
        return not self._streams

    def wants(self, key: StreamKey) -> bool:
        """Whether anybody listens or may come back."""
        return key in self._streams

    def publish(self, key: StreamKey, seq: int, time: int, data: Any) -> None:
        """Number the event of one release and hand it to everybody who listens."""
        stream = self._streams.get(key)
        if stream is None:
            return
        stream.last += 1
        assert stream.last <= seq, "a release gives a stream at most one event"
        event = EventBytes(event_tail(stream.last, seq, time, data))
        stream.ring.append(event.tail)
        self._bytes += len(event.tail)
        if len(stream.ring) > self._limits.ring_events:
            self._drop_oldest(stream)
        while self._bytes > self._limits.ring_bytes and stream.ring:
            self.dropped += 1
            self._drop_oldest(stream)
        for subscriber, subscription in stream.subscribers:
            subscriber.offer(subscription, event)

    def _drop_oldest(self, stream: Stream) -> None:
        self._bytes -= len(stream.ring.popleft())

    def subscribe(self, key: StreamKey, subscriber: Subscriber, subscription: int, after: int, seq: int) -> Opened:
        """Listen from number `after` on (0: from a snapshot). `seq` is the input up to which everything was published."""
        stream = self._streams.get(key)
        if stream is None:
            stream = self._streams[key] = Stream(key, seq)
        self._idle.pop(key, None)
        stream.subscribers[subscriber, subscription] = None
        oldest = stream.last - len(stream.ring)  # The number before the oldest kept event.
        if after == 0:
            return Opened(stream.last, SnapshotReason.REQUESTED, ())
        if after > stream.last:
            return Opened(stream.last, SnapshotReason.UNKNOWN_NUMBER, ())
        if after < oldest:
            return Opened(stream.last, SnapshotReason.TOO_OLD, ())
        missed = tuple(EventBytes(tail) for tail in islice(stream.ring, after - oldest, None))
        return Opened(stream.last, None, missed)

    def unsubscribe(self, key: StreamKey, subscriber: Subscriber, subscription: int) -> None:
        """Stop listening; the stream stays for a while, for whoever comes back."""
        stream = self._streams[key]
        del stream.subscribers[subscriber, subscription]
        if stream.subscribers:
            return
        self._idle[key] = None
        while len(self._idle) > self._limits.idle_streams:
            oldest = next(iter(self._idle))
            del self._idle[oldest]
            self._bytes -= sum(len(tail) for tail in self._streams.pop(oldest).ring)

    def counts(self) -> tuple[int, int]:
        """Live streams and bytes in rings, for metrics."""
        return len(self._streams), self._bytes
