"""The publisher: asks its sources, signs, sends, and stays at it.

Invariants:
- A source that fails or is late costs its own index only; the others are reported in time.
- Reports that cannot be sent at once are dropped, never queued: an old price is worse than none.
- A lost node is tried again for ever; one of another deployment ends the publisher (WrongVenue), because it would refuse every report.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping
from typing import Final

from node.client.client import NovateClient
from node.client.errors import NotConnectedError, OutcomeUnknownError, ProtocolError, RefusedError
from node.client.settings import ClientSettings
from node.ops.clock import NS_PER_MS, Clock
from node.ops.logs import room_log
from node.ops.metrics import Metrics
from node.oracle.chance import normal
from node.oracle.gauges import OracleGauges
from node.oracle.settings import PublisherSettings
from node.oracle.source import Source, SourceFailed
from proto.ids import IndexId
from proto.inputs import IndexPrice
from proto.signing.eip712 import Domain
from proto.signing.secp256k1 import SigningKey
from proto.units import MICRO_PRICE_MAX, PPM, MicroPrice, TimeMs

_TROUBLE_LOG_MS: Final = 10_000  # Troubles are counted and logged together, not one line each.
_S: Final = 1_000

_log = room_log("oracle")


class WrongVenue(Exception):
    """The node serves another chain or contract than the publisher signs for."""


class NodeLost(Exception):
    """The node cannot be reached for a while."""


def check_venue(url: str, ours: Domain, found: Domain) -> None:
    """What is signed for another chain or contract is worthless to a node. Raises WrongVenue."""
    if found != ours:
        raise WrongVenue(
            f"{url} is chain {found.chain_id}, contract 0x{found.contract.hex()}; "
            f"this publisher signs for chain {ours.chain_id}, contract 0x{ours.contract.hex()}"
        )


class Publisher:
    """One key, its sources, one node."""

    def __init__(
        self,
        settings: PublisherSettings,
        key: SigningKey,
        domain: Domain,
        sources: Mapping[IndexId, Source],
        clock: Clock,
        gauges: OracleGauges | None = None,
    ) -> None:
        assert sources, "a publisher without sources has nothing to say"
        self._settings = settings
        self._key = key
        self._domain = domain
        self._sources = dict(sorted(sources.items()))
        self._clock = clock
        self._gauges = gauges or OracleGauges(Metrics())
        self._failing: dict[IndexId, None] = {}
        self._troubles: Counter[str] = Counter()
        self._troubles_logged_ms = 0
        self.accepted = 0
        """Reports that the node took."""

    def _now_ms(self) -> int:
        return self._clock.wall_ns() // NS_PER_MS

    async def run(self) -> None:
        """Report until cancelled. Raises WrongVenue."""
        settings = self._settings
        patience = ClientSettings(
            connect_s=settings.lost_ms / _S,
            answer_s=settings.answer_ms / _S,
            backoff_max_s=settings.backoff_max_ms / _S,
        )
        while True:
            try:
                async with NovateClient(settings.url, self._key, settings=patience) as client:
                    await self._report_forever(client)
            except (TimeoutError, ProtocolError, NodeLost) as error:
                _log.warning("node lost", url=settings.url, error=f"{type(error).__name__}: {error}"[:200])
                await asyncio.sleep(settings.backoff_max_ms / _S)

    async def _report_forever(self, client: NovateClient) -> None:
        """A report at each multiple of the period; beats that were missed are skipped. Raises NodeLost, WrongVenue."""
        period = self._settings.report_ms
        heard_ms = self._now_ms()
        while True:
            now = self._now_ms()
            beat = (now // period + 1) * period
            await asyncio.sleep((beat - now) / _S)
            prices = await self.prices(TimeMs(beat))
            if not prices:
                continue
            try:
                check_venue(self._settings.url, self._domain, client.domain)
                await client.report(TimeMs(beat), prices)
                self.accepted += 1
                self._gauges.report("accepted", answered=True)
                heard_ms = beat
            except RefusedError as error:
                heard_ms = beat
                self._gauges.report(error.name, answered=True)
                self._trouble(error.name)
            except (NotConnectedError, OutcomeUnknownError, TimeoutError) as error:
                self._gauges.report("unsent", answered=False)
                self._trouble(type(error).__name__)
                if beat - heard_ms > self._settings.lost_ms:
                    raise NodeLost(f"no answer for {beat - heard_ms} ms") from error

    def _trouble(self, name: str) -> None:
        self._troubles[name] += 1
        now = self._now_ms()
        if now - self._troubles_logged_ms >= _TROUBLE_LOG_MS:
            self._troubles_logged_ms = now
            _log.warning("reports not taken", **{f"count_{name}": count for name, count in self._troubles.items()})
            self._troubles.clear()

    async def prices(self, time: TimeMs) -> tuple[IndexPrice, ...]:
        """What this publisher sees at a moment; without the indices whose source has no price."""
        asked: dict[IndexId, asyncio.Task[MicroPrice | None]] = {}
        async with asyncio.TaskGroup() as tasks:
            for index, source in self._sources.items():
                asked[index] = tasks.create_task(self._ask(index, source, time))
        return tuple(
            self._line(index, price, time) for index, task in asked.items() if (price := task.result()) is not None
        )

    async def _ask(self, index: IndexId, source: Source, time: TimeMs) -> MicroPrice | None:
        """One source's price; a failure is logged when it begins and when it ends."""
        try:
            async with asyncio.timeout(self._settings.report_ms / _S):
                price = await source.price(time)
        except (SourceFailed, TimeoutError) as error:
            if index not in self._failing:
                self._failing[index] = None
                _log.warning("source fails", index=index, error=f"{type(error).__name__}: {error}"[:200])
            return None
        if index in self._failing:
            del self._failing[index]
            _log.info("source is back", index=index)
        return price

    def _line(self, index: IndexId, price: MicroPrice, time: TimeMs) -> IndexPrice:
        """A price with this publisher's own error."""
        error = normal(self._key.address, index, time) * self._settings.noise_ppm
        seen = min(max(price + round(price * error / PPM), 1), MICRO_PRICE_MAX)
        return IndexPrice(index, MicroPrice(seen), MicroPrice(seen * self._settings.confidence_ppm // PPM))
