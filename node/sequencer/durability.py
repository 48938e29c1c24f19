"""Reads that wait: a value computed from applied state leaves only when all that it may show is durable."""

import asyncio
from collections import deque

from proto.ids import Seq


class TooManyReads(Exception):
    """More reads wait for durability than the settings allow; a retry helps once the disk keeps up."""


class SequencerStopped(Exception):
    """The sequencer ended while a caller waited; what it computed may not be durable."""


class Durability:
    """The newest durable number, and who waits for which."""

    def __init__(self, seq: Seq, waiting_max: int) -> None:
        self.seq = seq
        self._waiting_max = waiting_max
        self._waiting: deque[tuple[Seq, asyncio.Future[None]]] = deque()
        self._stopped = False

    def wait_for(self, seq: Seq) -> asyncio.Future[None]:
        """A future that is done when `seq` is durable. Calls come with numbers that never fall."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self._stopped:
            raise SequencerStopped("the sequencer has ended")
        if len(self._waiting) >= self._waiting_max:
            raise TooManyReads(f"{self._waiting_max} reads wait for the disk")
        self._waiting.append((seq, future))
        return future

    def reached(self, seq: Seq) -> None:
        """Everything up to `seq` is durable."""
        self.seq = seq
        while self._waiting and self._waiting[0][0] <= seq:
            future = self._waiting.popleft()[1]
            if not future.done():  # The reader may have gone away.
                future.set_result(None)

    def stop(self) -> None:
        """Nothing more will become durable here."""
        self._stopped = True
        while self._waiting:
            future = self._waiting.popleft()[1]
            if not future.done():
                future.set_exception(SequencerStopped("the sequencer has ended"))
