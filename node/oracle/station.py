"""One publisher process put together: sources asked in the background, their blends, the publisher, its metrics page."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from node.ops.clock import Clock
from node.ops.metrics import Metrics
from node.oracle.bars import BarSource, read_bars
from node.oracle.blend import Blend
from node.oracle.gauges import OracleGauges
from node.oracle.publisher import Publisher
from node.oracle.settings import PublisherSettings
from node.oracle.source import Source, SourceInvalid
from node.oracle.walk import WalkSource
from node.oracle.wanted import BarsWanted, VenueWanted, WalkWanted, Wanted
from proto.ids import IndexId
from proto.signing.eip712 import Domain
from proto.signing.secp256k1 import SigningKey
from proto.units import TimeMs

Runner = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Place:
    """Where reports go, and whose they are."""

    settings: PublisherSettings
    key: SigningKey
    domain: Domain


@dataclass(frozen=True, slots=True)
class Reading:
    """What is read: sources, the underlyings' names, and how many sources an index needs at least."""

    wanted: Sequence[Wanted]
    names: dict[IndexId, str]
    least: dict[IndexId, int]
    start: TimeMs
    """When recorded paths begin."""


class Station:
    """A publisher with everything it reads."""

    def __init__(self, place: Place, reading: Reading, clock: Clock, metrics: Metrics) -> None:
        """Files are read and venues named here; nothing is asked yet. Raises SourceInvalid."""
        gauges = OracleGauges(metrics)
        self._runners: list[Runner] = []
        members: dict[IndexId, list[tuple[str, Source]]] = {}
        for item in reading.wanted:
            members.setdefault(item.index, []).append((item.label, self._open(item, reading, clock, gauges)))
        if not members:
            raise SourceInvalid("no source at all")
        blends: dict[IndexId, Source] = {
            index: Blend(index, rows, reading.least.get(index, 1), gauges) for index, rows in members.items()
        }
        self.publisher = Publisher(place.settings, place.key, place.domain, blends, clock, gauges)

    def _open(self, item: Wanted, reading: Reading, clock: Clock, gauges: OracleGauges) -> Source:
        match item:
            case BarsWanted():
                return BarSource(read_bars(item.file), reading.start, item.speed)
            case WalkWanted():
                return WalkSource(reading.names[item.index], item.seed)
            case VenueWanted():
                # ccxt takes more than a second and 150 MB to import: only who reads venues pays for it.
                from node.oracle.venue import VenueSource, open_exchange

                source = VenueSource(item, open_exchange(item), clock, gauges)
                self._runners.append(source.run)
                return source

    async def run(self) -> None:
        """Read and report until cancelled. Raises WrongVenue."""
        async with asyncio.TaskGroup() as tasks:
            for runner in self._runners:
                tasks.create_task(_run(runner))
            tasks.create_task(self.publisher.run())


async def _run(runner: Runner) -> None:
    await runner()
