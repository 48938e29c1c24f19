"""An open loop: signed actions sent by the clock, not by the answers, and how long each answer took."""

import asyncio
import time
from functools import partial
from typing import Any, Final

from node.client.client import NovateClient
from node.lab.bench.measure import BenchError
from proto.frames import FrameKind
from proto.inputs import UserAction

_UNANSWERED_MAX: Final = 2_000
_TURN_S: Final = 0.005
_ANSWER_S: Final = 30.0


class Load:
    """Sends by the clock; holds back only where far too much is unanswered."""

    def __init__(self, client: NovateClient) -> None:
        self.refused = 0
        self.first_refusal = ""
        self.latencies_ms: list[float] = []
        """From sending an action to its durable answer."""
        self._client = client
        self._unanswered = 0
        self._lost = False

    async def send(self, actions: list[UserAction], per_second: int) -> None:
        """Send all at the rate, and wait for every answer. Raises BenchError."""
        began, sent = time.perf_counter(), 0
        while sent < len(actions):
            due = min(len(actions), int((time.perf_counter() - began) * per_second), sent + _UNANSWERED_MAX - self._unanswered)
            for action in actions[sent:due]:
                self._unanswered += 1
                self._client.send_signed(action.action, action.signature, partial(self._answered, time.perf_counter_ns()))
            sent = max(sent, due)
            await self._turn()
        waited_since = time.perf_counter()
        while self._unanswered:
            if time.perf_counter() - waited_since > _ANSWER_S:
                raise BenchError(f"{self._unanswered} orders had no answer within {_ANSWER_S:.0f} s")
            await self._turn()

    async def _turn(self) -> None:
        if self._lost:
            raise BenchError("the connection to the node was lost")
        await asyncio.sleep(_TURN_S)

    def _answered(self, sent_ns: int, items: list[Any] | None) -> None:
        self._unanswered -= 1
        self.latencies_ms.append((time.perf_counter_ns() - sent_ns) / 1_000_000)
        if items is None:
            self._lost = True
        elif items[0] == FrameKind.REFUSAL:
            self.refused += 1
            self.first_refusal = self.first_refusal or items[4]
