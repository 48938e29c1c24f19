"""Signature checks off the event loop: one worker thread, batches, first in first out.

Invariant: items come out in the order in which they went in, so that frames of a connection are stamped in the order in which they came.
While the worker checks one batch the event loop reads the next.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from proto.ids import Address
from proto.inputs import Input
from proto.reject import RejectCode
from proto.signing.authority import signer_of
from proto.signing.eip712 import Domain
from proto.signing.secp256k1 import SignatureError

Verdict = Address | RejectCode


class Unverified(NamedTuple):
    """An input whose signer is not known yet, and who wants to know."""

    item: Input
    then: Callable[[Input, Verdict], None]


def recover_all(domain: Domain, items: list[Input]) -> list[Verdict]:
    """Signer of each item, or why there is none. Runs in the worker thread."""
    verdicts: list[Verdict] = []
    for item in items:
        try:
            verdicts.append(signer_of(domain, item))
        except SignatureError as error:
            verdicts.append(error.code)
    return verdicts


class Verifier:
    """The queue in front of the worker."""

    def __init__(self, domain: Domain, batch: int, waiting_max: int) -> None:
        self._domain = domain
        self._batch = batch
        self._waiting_max = waiting_max
        self._waiting: deque[Unverified] = deque()
        self._arrived = asyncio.Event()

    def put(self, work: Unverified) -> bool:
        """Queue an item; False: the queue is full."""
        if len(self._waiting) >= self._waiting_max:
            return False
        self._waiting.append(work)
        self._arrived.set()
        return True

    def __len__(self) -> int:
        return len(self._waiting)

    async def run(self) -> None:
        """Check batches until cancelled."""
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="verify") as pool:
            while True:
                await self._arrived.wait()
                batch = [self._waiting.popleft() for _ in range(min(self._batch, len(self._waiting)))]
                if not self._waiting:
                    self._arrived.clear()
                verdicts = await loop.run_in_executor(pool, recover_all, self._domain, [work.item for work in batch])
                for work, verdict in zip(batch, verdicts, strict=True):
                    work.then(work.item, verdict)
