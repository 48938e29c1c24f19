"""Sending a recorded flow: one connection, file order, a bounded number of unanswered commands; prices beside it.

Invariants:
- Commands leave in file order on one connection, so the node sequences them in file order.
- At most `window` commands are unanswered; a command that is refused is counted, never sent again: its turn is over.
- While commands flow, the three development publishers report the price of the file's own book, so that marks exist and stay fresh.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from node.client.amounts import Market
from node.client.client import NovateClient
from node.client.errors import NotConnectedError, OutcomeUnknownError, RefusedError
from node.client.nonces import NonceSource
from node.client.streams import Subscription
from node.lab.failures import first_failure
from node.lab.feed.actions import action_of
from node.lab.feed.flow import FlowBook
from node.lab.feed.rows import TAKE, Row
from node.lab.feed.verdict import Mismatch, Verdicts
from proto.frames import FrameKind
from proto.ids import IndexId
from proto.inputs import IndexPrice
from proto.intents import encode_intent
from proto.reject import RejectCode
from proto.signing.eip712 import intent_digest
from proto.signing.secp256k1 import SigningKey
from proto.units import MicroPrice, TimeMs

REPORT_S: Final = 0.5
FILLS_S_MAX: Final = 20.0
"""After the last acknowledgement: how long fills may take to arrive."""
ANSWER_S_MAX: Final = 60.0
"""A node that answers nothing for so long is gone."""
_SHOWN_MAX: Final = 10
_YIELD_ROWS: Final = 32
_NS_PER_MS: Final = 1_000_000


class ReplayError(Exception):
    """The replay could not be carried out; says nothing about the fills."""


class Cast(NamedTuple):
    """The keys that act: makers by account number, and the taker."""

    makers: tuple[SigningKey, ...]
    taker: SigningKey


@dataclass(slots=True)
class Tally:
    """What happened."""

    commands: int = 0
    answered: int = 0
    refused: int = 0
    seconds: float = 0.0
    ack_ms: list[float] = field(default_factory=list)
    refusals: dict[str, int] = field(default_factory=dict)


class Replay:
    """One run over one connection."""

    def __init__(
        self,
        client: NovateClient,
        publishers: Sequence[NovateClient],
        market: Market,
        cast: Cast,
        window: int,
        say: Callable[[str], None],
    ) -> None:
        """Commands go through `client`, prices through `publishers`; `say` takes a sentence for people."""
        self._client = client
        self._publishers = publishers
        self._market = market
        self._cast = cast
        self._window = window
        self._say = say
        self._unit = 10**market.price_decimals
        self._nonces = {key.address: NonceSource() for key in (*cast.makers, cast.taker)}
        self._book = FlowBook(int(market.facts["order_cap"]))
        self._room = asyncio.Event()
        self._lost = False
        self._shown = 0
        self.price = MicroPrice(0)
        """What publishers report now."""
        self.tally = Tally()
        self.verdicts = Verdicts(self._unit, self._show_mismatch)

    async def run(self, rows: Iterator[Row], opening: MicroPrice, progress: Callable[[int], None]) -> None:
        """Send every row and judge every fill. `opening`: the price until the book of the first moment stands. Raises ReplayError."""
        self.price = opening
        try:
            async with asyncio.TaskGroup() as group:
                streams = [self._client.subscribe("fills", key.address) for key in self._cast.makers]
                readers = [group.create_task(self._read_fills(stream)) for stream in streams]
                reporter = group.create_task(self._report())
                await self._send_all(rows, progress)
                await self._settle()
                for task in (*readers, reporter):
                    task.cancel()
        except BaseExceptionGroup as failures:
            error = first_failure(failures)
            if isinstance(error, RefusedError):
                raise ReplayError(f"the node refuses what a replay needs: {error}") from failures
            if isinstance(error, NotConnectedError | OutcomeUnknownError | TimeoutError):
                raise ReplayError("the connection to the node was lost") from failures
            raise error from failures

    # --- sending ----------------------------------------------------------------------------------------------------------

    async def _send_all(self, rows: Iterator[Row], progress: Callable[[int], None]) -> None:
        tally, began = self.tally, time.perf_counter()
        first_time: int | None = None
        for row in rows:
            while tally.commands - tally.answered >= self._window:
                await self._wait_for_answers()
            maker = self._book.follow(row)
            first_time = row.time_us if first_time is None else first_time
            if row.time_us != first_time:
                self.price = self._book.index_price()
            self._send(row, self._cast.taker if row.kind == TAKE else self._cast.makers[maker])
            if tally.commands % _YIELD_ROWS == 0:
                progress(tally.answered)
                await asyncio.sleep(0)
        while tally.answered < tally.commands:
            await self._wait_for_answers()
        tally.seconds = time.perf_counter() - began

    async def _wait_for_answers(self) -> None:
        if self._lost:
            raise ReplayError("the connection to the node was lost before all answers came")
        self._room.clear()
        try:
            async with asyncio.timeout(ANSWER_S_MAX):
                await self._room.wait()
        except TimeoutError:
            raise ReplayError(f"the node answered nothing for {ANSWER_S_MAX:.0f} s") from None

    def _send(self, row: Row, key: SigningKey) -> None:
        nonce = self._nonces[key.address].next()
        intent = action_of(row, key.address, nonce, self._market.id, self._unit)
        signature = key.sign(intent_digest(self._client.domain, intent))
        sent_ns = time.perf_counter_ns()
        self.tally.commands += 1
        self._client.send_signed(encode_intent(intent), signature, lambda items: self._answered(row, sent_ns, items))

    def _answered(self, row: Row, sent_ns: int, items: list[Any] | None) -> None:
        tally = self.tally
        tally.answered += 1
        self._room.set()
        if items is None:
            self._lost = True
            return
        tally.ack_ms.append((time.perf_counter_ns() - sent_ns) / _NS_PER_MS)
        if items[0] == FrameKind.REFUSAL:
            self._refused(row, items[4], items[6])
            return
        seq, result = items[2], items[4][0]
        if len(result) > 1 and result[0]:
            self._refused(row, RejectCode(result[0]).name, "")
            return
        filled = result[3] if len(result) > 1 else 0
        if row.kind == TAKE:
            self.verdicts.acknowledged(row, seq, filled)
        else:
            self.verdicts.passed_over(seq, filled)

    def _refused(self, row: Row, name: str, detail: str) -> None:
        tally = self.tally
        tally.refused += 1
        tally.refusals[name] = tally.refusals.get(name, 0) + 1
        self._show(
            f"line {row.line}, order {row.order}: {row.kind} was refused, {name}{f' ({detail})' if detail else ''}"
        )
        if row.kind == TAKE:
            self.verdicts.refused(row)

    def _show_mismatch(self, mismatch: Mismatch) -> None:
        if mismatch.found is not None:
            self._show(str(mismatch))

    def _show(self, text: str) -> None:
        self._shown += 1
        if self._shown <= _SHOWN_MAX:
            self._say(text)

    # --- listening and reporting ------------------------------------------------------------------------------------------

    async def _read_fills(self, stream: Subscription) -> None:
        async for event in stream:
            if not event.snapshot:
                self.verdicts.fills_seen(event.data)
                self._room.set()

    async def _settle(self) -> None:
        """Wait for fills that are still on their way."""
        try:
            async with asyncio.timeout(FILLS_S_MAX):
                while self.verdicts.waiting:
                    self._room.clear()
                    await self._room.wait()
        except TimeoutError:
            self._say(f"{self.verdicts.waiting} fills did not come within {FILLS_S_MAX:.0f} s of the last answer")
        self.verdicts.give_up()

    async def _report(self) -> None:
        while True:
            if self.price:  # A flow that names no price has none to report.
                await report(self._publishers, self._market, self.price)
            await asyncio.sleep(REPORT_S)


async def report(publishers: Sequence[NovateClient], market: Market, price: MicroPrice) -> None:
    """One report of the market's index by each publisher. One that is overtaken (by another program with the same key) or that the
    node has no time for is no harm: the next one follows."""
    line = (IndexPrice(IndexId(int(market.facts["index"])), price, MicroPrice(0)),)
    for publisher in publishers:
        try:
            await publisher.report(TimeMs(time.time_ns() // _NS_PER_MS), line)
        except RefusedError as error:
            if error.reject_code != RejectCode.REPORT_TIME_NOT_NEWER and not error.retry_can_help:
                raise
