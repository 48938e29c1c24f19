"""The life of one bot: connect, wait for its account, watch its market, act when its strategy says so, leave without open orders.

Invariants:
- A refusal, a lost connection or an unknown outcome never ends a bot: it looks at the streams again and goes on from there.
- At most one round of actions is on its way: a slow node slows the bot down.
"""

import asyncio
from collections import Counter
from typing import Final, Protocol

from node.bots.maker import Head
from node.bots.settings import CrewSettings
from node.bots.watch import Watch
from node.client.answers import Ack
from node.client.client import NovateClient
from node.client.errors import NotConnectedError, OutcomeUnknownError, ProtocolError, RefusedError
from node.client.settings import ClientSettings
from node.ops.logs import room_log
from proto.intents import Intent
from proto.reject import RejectCode
from proto.signing.secp256k1 import SigningKey

_S: Final = 1_000
_ROUND_S: Final = 5.0
_AWAY_ROUNDS_MAX: Final = 40  # Rounds without a connection before everything about it is made anew.
_LOG_REFUSALS: Final = 1_000

_log = room_log("bots")


class Strategy(Protocol):
    """What a bot does and when."""

    @property
    def cancels_at_end(self) -> bool:
        """Whether it leaves orders in the book that must be taken back."""
        ...

    def pause_s(self) -> float:
        """Seconds until the next round."""
        ...

    def decide(self, watch: Watch, head: Head) -> list[Intent]:
        """Actions of this round."""
        ...


class Bot:
    """One account in one market."""

    def __init__(self, settings: CrewSettings, key: SigningKey, market: str, strategy: Strategy) -> None:
        self._settings = settings
        self._key = key
        self._market = market
        self._strategy = strategy
        self.refusals: Counter[str] = Counter()
        self.acks = 0

    async def run(self, stop: asyncio.Event) -> None:
        """Trade until `stop` is set."""
        patience = ClientSettings(answer_s=_ROUND_S, backoff_max_s=1.0)
        while not stop.is_set():
            try:
                async with NovateClient(self._settings.url, self._key, settings=patience) as client:
                    await self._trade(client, stop)
            except* (TimeoutError, ProtocolError, NotConnectedError, RefusedError) as group:
                _log.warning("starts again", market=self._market, error=_text(group))
                await self._sleep(stop, self._settings.retry_ms / _S)

    async def _trade(self, client: NovateClient, stop: asyncio.Event) -> None:
        market = await client.market(self._market)
        if not await self._funded(client, stop):
            return
        watch = Watch(client, market)
        async with asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(watch.run())
            try:
                await self._rounds(client, watch, stop)
                await self._farewell(client)
            finally:
                watching.cancel()

    async def _funded(self, client: NovateClient, stop: asyncio.Event) -> bool:
        """Wait until the account exists: its deposit may still be on its way."""
        while not stop.is_set():
            try:
                await client.account()
            except RefusedError as error:
                if error.reject_code != RejectCode.ACCOUNT_UNKNOWN:
                    raise
                await self._sleep(stop, self._settings.retry_ms / _S)
            else:
                return True
        return False

    async def _rounds(self, client: NovateClient, watch: Watch, stop: asyncio.Event) -> None:
        """Act and pause. Raises NotConnectedError where the connection stays away."""
        away = 0
        while not stop.is_set():
            pause_s = self._settings.retry_ms / _S
            if watch.ready:
                try:
                    await self._round(client, self._strategy.decide(watch, client.head))
                    away = 0
                except NotConnectedError:
                    away += 1
                    if away > _AWAY_ROUNDS_MAX:
                        raise
                pause_s = self._strategy.pause_s()
            await self._sleep(stop, pause_s)

    async def _round(self, client: NovateClient, intents: list[Intent]) -> None:
        """Send all, then wait for all answers."""
        answers: list[asyncio.Future[Ack]] = []
        try:
            for intent in intents:
                answer = client.start(intent)
                answer.add_done_callback(self._answered)
                answers.append(answer)
        finally:
            if answers:
                await asyncio.wait(answers, timeout=_ROUND_S)

    def _answered(self, answer: asyncio.Future[Ack]) -> None:
        if answer.cancelled():
            return
        error = answer.exception()
        if error is None:
            self.acks += 1
            for order in answer.result().results:
                if len(order) > 1 and order[0]:
                    self._refused(RejectCode(order[0]).name)
        elif isinstance(error, RefusedError):
            self._refused(error.name)
        elif not isinstance(error, OutcomeUnknownError):
            raise error

    def _refused(self, name: str) -> None:
        self.refusals[name] += 1
        if self.refusals.total() % _LOG_REFUSALS == 0:
            _log.info("refusals so far", market=self._market, **{f"count_{n}": c for n, c in self.refusals.items()})

    async def _farewell(self, client: NovateClient) -> None:
        """Take back what rests; a node that is gone or has nothing of ours is fine."""
        if not self._strategy.cancels_at_end:
            return
        try:
            async with asyncio.timeout(self._settings.farewell_ms / _S):
                await client.cancel_all()
        except (RefusedError, OutcomeUnknownError, NotConnectedError, TimeoutError):
            return

    async def _sleep(self, stop: asyncio.Event, seconds: float) -> None:
        """Sleep, or wake when told to stop."""
        try:
            async with asyncio.timeout(seconds):
                await stop.wait()
        except TimeoutError:
            return


def _text(group: BaseExceptionGroup[BaseException]) -> str:
    """The first error inside, for a log line."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"[:200]
