"""One WebSocket connection of the native protocol.

Invariants:
- Every client frame has exactly one answer, and answers leave in the order in which the frames came. A slot is taken when a frame is read;
  whatever fills it later, it is sent when all slots before it have been.
- A query or subscription is looked at when its slot has become the first: it sees what the answers before it announced.
- What the connection holds is bounded: slots, subscriptions, unsent bytes. Whoever does not read is told why and dropped.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import WSCloseCode, WSMsgType, web

from node.gateway.admission import Refused
from node.gateway.answers import refusal_frame, released_frame, reply_frame
from node.gateway.arguments import QueryRefusedError
from node.gateway.desk import Desk
from node.gateway.outbox import Outbox, websocket_frame
from node.gateway.parting import Parting
from node.gateway.ports import Released
from node.gateway.verify import Unverified, Verdict
from node.views.streams import EventBytes, StreamKey
from proto.frames import (
    ActionFrame,
    FrameError,
    FrameKind,
    PartingFrame,
    PingFrame,
    QueryFrame,
    ReportFrame,
    RevokePublisherFrame,
    SubscribeFrame,
    UnsubscribeFrame,
    decode_client_frame,
    encode_node_frame,
)
from proto.inputs import Dialect, Input, UserAction
from proto.intents import IntentError, decode_intent
from proto.reject import RejectCode

_NS_PER_MS = 1_000_000


class _Slot:
    """An answer's place. `frame` None: not known yet; empty: already sent. `job` finds it once the slot is the first."""

    __slots__ = ("frame", "job", "size")

    def __init__(self, size: int) -> None:
        self.size = size  # Bytes of the client's frame, which the answer's search may hold on to.
        self.frame: bytes | None = None
        self.job: Callable[[], Awaitable[bytes]] | None = None


class Session:
    """Reads frames, fills slots, sends answers and events."""

    def __init__(self, desk: Desk, socket: web.WebSocketResponse, transport: asyncio.WriteTransport, peer: str) -> None:
        self._desk = desk
        self._socket = socket
        self._transport = transport
        self._peer = peer
        settings = desk.settings
        self._outbox = Outbox(transport, settings.send_high_bytes, settings.send_held_bytes, self._too_slow)
        self._slots: deque[_Slot] = deque()
        self._slot_bytes = 0
        self._frame_bytes = 0  # Of the frame being taken.
        self._frames = desk.admission.frames()
        self._room = asyncio.Event()
        self._room.set()
        self._job_ready = asyncio.Event()
        self._ending = asyncio.Event()
        self._ended = False
        self._end_code: RejectCode | None = None
        self._subscriptions: dict[int, StreamKey] = {}
        self._parting = Parting(desk)
        self.closed = False

    # --- life -------------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Serve until the peer leaves or is dropped."""
        self._outbox.put(self._desk.hello())
        try:
            async with asyncio.TaskGroup() as group:
                jobs = group.create_task(self._run_jobs())
                ender = group.create_task(self._wait_for_end())
                await self._read()
                jobs.cancel()
                ender.cancel()
        finally:
            self.closed = True
            if self._end_code != RejectCode.NODE_STOPPING:
                self._parting.part()
            self._desk.gauges.frames_out += self._outbox.sent_frames
            self._outbox.close()
            self._slots.clear()
            for subscription, key in self._subscriptions.items():
                self._desk.views.hub.unsubscribe(key, self, subscription)
            self._subscriptions.clear()

    async def _read(self) -> None:
        receive = self._socket.receive
        while True:
            message = await receive()
            kind = message.type
            if kind is not WSMsgType.BINARY and kind is not WSMsgType.TEXT:
                return
            if self._ended:
                continue
            self._frame_bytes = len(message.data)
            if kind is WSMsgType.BINARY:
                self._take(message.data)
            else:
                self._refuse(0, Refused(RejectCode.FRAME_MALFORMED, "send binary messages, not text"))
            await self._frames.pace()
            if not self._has_room():
                self._room.clear()
                await self._room.wait()

    def _has_room(self) -> bool:
        limits = self._desk.settings.limits
        return len(self._slots) < limits.in_flight and self._slot_bytes < limits.in_flight_bytes

    def end(self, code: RejectCode, detail: str) -> None:
        """Close the connection, saying why. Answers that are not there yet are not waited for."""
        if self._ended or self.closed:
            return
        self._ended, self._end_code = True, code
        self._desk.gauges.dropped[code.name] += 1
        closing = encode_node_frame((FrameKind.CLOSING.value, 0, code.value, code.name, detail))
        self._outbox.last(closing, WSCloseCode.POLICY_VIOLATION, code.name)
        self._slots.clear()
        self._slot_bytes = 0
        self._room.set()
        self._ending.set()

    def _too_slow(self) -> None:
        settings = self._desk.settings
        bounds = f"{settings.send_held_bytes} bytes waited to be read, or answers for {settings.stall_ms} ms"
        self.end(RejectCode.READER_TOO_SLOW, bounds)

    async def _wait_for_end(self) -> None:
        """Give a peer that was told to leave some time to read why, then cut it off.

        Reading goes on meanwhile, into the void: a socket that is closed with unread data resets the connection, and the reason is lost.
        """
        await self._ending.wait()
        await asyncio.sleep(self._desk.settings.close_ms / 1_000)
        self._transport.abort()

    # --- answers ----------------------------------------------------------------------------------------------------------

    def _slot(self) -> _Slot:
        slot = _Slot(self._frame_bytes)
        self._slots.append(slot)
        self._slot_bytes += slot.size
        return slot

    def _fill(self, slot: _Slot, frame: bytes) -> None:
        slot.frame = frame
        if self._slots and self._slots[0] is slot:
            self._advance()

    def _advance(self) -> None:
        """Send every answer that is due, and start the next job."""
        slots, put = self._slots, self._outbox.put
        while slots:
            first = slots[0]
            if first.frame is None:
                if first.job is not None:
                    self._job_ready.set()
                break
            slots.popleft()
            self._slot_bytes -= first.size
            if first.frame:
                put(first.frame)
        if not self._room.is_set() and self._has_room():
            self._room.set()

    async def _run_jobs(self) -> None:
        """Find answers that take longer, one at a time, and only as fast as the peer reads them."""
        while True:
            await self._job_ready.wait()
            self._job_ready.clear()
            slot = self._slots[0] if self._slots else None
            if slot is not None and slot.frame is None and slot.job is not None:
                try:
                    async with asyncio.timeout(self._desk.settings.stall_ms / 1_000):
                        await self._outbox.drained()
                except TimeoutError:
                    self._too_slow()
                    return
                self._fill(slot, await slot.job())

    def _later(self, job: Callable[[], Awaitable[bytes]]) -> None:
        slot = self._slot()
        slot.job = job
        if self._slots[0] is slot:
            self._job_ready.set()

    def _refuse(self, frame_id: int, refused: Refused) -> None:
        self._refuse_in(self._slot(), frame_id, refused)

    def _refuse_in(self, slot: _Slot, frame_id: int, refused: Refused) -> None:
        self._desk.gauges.refused[refused.code] += 1
        self._fill(slot, refusal_frame(frame_id, refused))

    # --- frames -----------------------------------------------------------------------------------------------------------

    def _take(self, data: bytes) -> None:
        try:
            frame = decode_client_frame(data)
        except FrameError as error:
            self._refuse(error.id, Refused(error.code, error.detail))
            return
        match frame:
            case ActionFrame():
                self._action(frame)
            case QueryFrame():
                self._later(lambda: self._query(frame))
            case PingFrame():
                now = self._desk.clock.wall_ns() // _NS_PER_MS
                self._fill(self._slot(), encode_node_frame((FrameKind.PONG.value, frame.id, now)))
            case ReportFrame():
                refused = self._desk.admission.weigh(self._peer, 1)
                if refused is None:
                    self._submit(frame.id, frame.report)
                else:
                    self._refuse(frame.id, refused)
            case RevokePublisherFrame():
                refused = self._desk.admission.weigh(self._peer, 1)
                if refused is None:
                    self._submit(frame.id, frame.vote)
                else:
                    self._refuse(frame.id, refused)
            case PartingFrame():
                self._leave(frame)
            case SubscribeFrame():
                self._later(lambda: self._subscribe(frame))
            case UnsubscribeFrame():
                self._later(lambda: self._unsubscribe(frame.id))

    def _action(self, frame: ActionFrame) -> None:
        try:
            intent = decode_intent(frame.action)
        except IntentError as error:
            self._refuse(frame.id, Refused(error.code, error.detail))
            return
        action = UserAction(Dialect.NATIVE, frame.action, frame.signature, intent)
        admission = self._desk.admission
        refused = admission.weigh_action(self._peer, action)
        if refused is None:
            self._submit(frame.id, action)
        else:
            self._refuse(frame.id, refused)

    def _leave(self, frame: PartingFrame) -> None:
        """Keep a signed cancel for the end of this connection, or take back what was kept."""
        if not frame.action and not frame.signature:
            self._parting.clear()
            self._fill(self._slot(), reply_frame(frame.id, self._desk.views.seq, False))  # noqa: FBT003 - the value of the reply
            return
        try:
            intent = decode_intent(frame.action)
        except IntentError as error:
            self._refuse(frame.id, Refused(error.code, error.detail))
            return
        refused = self._desk.admission.weigh(self._peer, 1)
        if refused is not None:
            self._refuse(frame.id, refused)
            return
        slot, action = self._slot(), UserAction(Dialect.NATIVE, frame.action, frame.signature, intent)

        def verified(_: Input, verdict: Verdict) -> None:
            if self.closed:
                return
            refused = self._parting.leave(action, verdict)
            if refused is None:
                self._fill(slot, reply_frame(frame.id, self._desk.views.seq, True))  # noqa: FBT003 - the value of the reply
            else:
                self._refuse_in(slot, frame.id, refused)

        if not self._desk.verifier.put(Unverified(action, verified)):
            self._refuse_in(slot, frame.id, Refused(RejectCode.NODE_BUSY, "signatures wait to be checked", 100))

    def _submit(self, frame_id: int, item: Input) -> None:
        """Take a slot; verify, admit and submit; the answer comes when the input is durable."""
        slot = self._slot()
        desk = self._desk
        began = desk.clock.monotonic_ns()

        def released(what: Released) -> None:
            desk.answered(what, began)
            if not self._ended and not self.closed:
                self._fill(slot, released_frame(frame_id, what))

        def verified(item: Input, verdict: Verdict) -> None:
            if self.closed:
                return
            refused = desk.admit(item, verdict, released)
            if refused is not None:
                self._refuse_in(slot, frame_id, refused)

        if not desk.verifier.put(Unverified(item, verified)):
            self._refuse_in(slot, frame_id, Refused(RejectCode.NODE_BUSY, "signatures wait to be checked", 100))

    async def _query(self, frame: QueryFrame) -> bytes:
        desk = self._desk
        refused = desk.admission.weigh(self._peer, desk.queries.weight(frame.name))
        if refused is None:
            try:
                async with asyncio.timeout(desk.settings.query_ms / 1_000):
                    seq, value = await desk.queries.ask(frame.name, frame.params)
                return reply_frame(frame.id, seq, value)
            except QueryRefusedError as error:
                refused = Refused(error.code, error.detail)
            except TimeoutError:
                refused = Refused(RejectCode.NODE_BUSY, "the query took too long", 1_000)
        desk.gauges.refused[refused.code] += 1
        return refusal_frame(frame.id, refused)

    # --- streams ----------------------------------------------------------------------------------------------------------

    async def _subscribe(self, frame: SubscribeFrame) -> bytes:
        desk, views = self._desk, self._desk.views
        limit = desk.settings.limits.subscriptions
        refused = desk.admission.weigh(self._peer, 2)
        if refused is not None:
            return refusal_frame(frame.id, refused)
        if frame.id in self._subscriptions:
            return refusal_frame(frame.id, Refused(RejectCode.CORRELATION_ID_IN_USE, f"id {frame.id}"))
        if len(self._subscriptions) >= limit:
            return refusal_frame(frame.id, Refused(RejectCode.SUBSCRIPTION_LIMIT, f"{limit} a connection"))
        try:
            key = desk.queries.stream_key(frame.stream, frame.params)
        except QueryRefusedError as error:
            return refusal_frame(frame.id, Refused(error.code, error.detail))
        opened = views.hub.subscribe(key, self, frame.id, frame.after, views.seq)
        self._subscriptions[frame.id] = key
        if opened.reason is not None:
            items: tuple[Any, ...] = (opened.number, views.seq, views.time, opened.reason.value, views.snapshot(key))
            return encode_node_frame((FrameKind.SNAPSHOT.value, frame.id, *items))
        self._outbox.put(reply_frame(frame.id, views.seq, {"resumed": True, "number": opened.number}))
        for event in opened.missed:
            self._outbox.put(event.frame(frame.id))
        return b""

    async def _unsubscribe(self, subscription: int) -> bytes:
        key = self._subscriptions.pop(subscription, None)
        if key is not None:
            self._desk.views.hub.unsubscribe(key, self, subscription)
        return encode_node_frame((FrameKind.UNSUBSCRIBED.value, subscription, key is not None))

    def offer(self, subscription: int, event: EventBytes) -> None:
        """Send an event of a subscription."""
        self._outbox.put_wrapped(event.message(subscription, websocket_frame))
