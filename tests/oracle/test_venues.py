"""Other venues as sources: a real ccxt class against the node's own market data, venues that fail, lie and come back, several as one."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import ccxt.async_support as ccxt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.config.genesis import find_genesis, load_genesis
from node.config.publisher import load_publisher
from node.config.reading import ConfigError
from node.core.outcome import Applied
from node.ops.clock import SystemClock
from node.ops.metrics import Metrics
from node.oracle.blend import Blend, median
from node.oracle.gauges import OracleGauges
from node.oracle.settings import PublisherSettings
from node.oracle.source import SourceFailed, SourceInvalid
from node.oracle.station import Place, Reading, Station
from node.oracle.venue import VenueSource, open_exchange, price_of
from node.oracle.wanted import BarsWanted, VenueWanted, WalkWanted, Wanted
from proto.events import IndexStatus
from proto.ids import IndexId
from proto.intents import PlaceOrder, Side
from proto.units import MICRO_PRICE_MAX, MicroPrice, TimeMs
from tests.gateway.live import eventually, live
from tests.sequencer.venue import DOMAIN, PUBLISHERS, TRADERS, USD, order, signed

BTC, ETH = IndexId(1), IndexId(2)
NOW = TimeMs(1_800_000_000_000)
CLOCK = SystemClock()
DEVNET = load_genesis(find_genesis("devnet"))


class Scripted:
    """An exchange that answers what it is told to."""

    def __init__(self, *answers: dict[str, Any] | BaseException) -> None:
        self.answers = list(answers)
        self.asked = 0
        self.closed = False

    async def fetch_ticker(self, _symbol: str) -> dict[str, Any]:
        """The next answer; the last one for ever."""
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, BaseException):
            raise answer
        return answer

    async def close(self) -> None:
        """Remember it."""
        self.closed = True


def wanted(**changes: Any) -> VenueWanted:
    """A venue that is asked often."""
    fields: dict[str, Any] = {
        "index": BTC,
        "exchange": "somewhere",
        "symbol": "BTC/USD",
        "poll_ms": 5,
        "age_max_ms": 60,
        "backoff_max_ms": 20,
    }
    return VenueWanted(**(fields | changes))


@contextlib.asynccontextmanager
async def running(source: VenueSource) -> AsyncIterator[None]:
    """A source being asked."""
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(source.run())
        yield
        task.cancel()


@pytest.mark.parametrize(
    ("ticker", "price"),
    [
        ({"bid": 99.5, "ask": 100.5, "last": 7.0}, 100 * USD),
        ({"bid": None, "ask": 100.5, "last": 7.25}, 7_250_000),
        ({"bid": 0, "ask": 0, "close": "8.5"}, 8_500_000),
        ({"bid": 1e-6, "ask": 2e-6}, 1),
    ],
)
def test_a_ticker_gives_a_price(ticker: dict[str, Any], price: int) -> None:
    assert price_of(ticker) == price


@pytest.mark.parametrize(
    "ticker",
    [
        {}, {"bid": 1.0}, {"last": 0}, {"last": -5.0}, {"last": float("nan")}, {"last": float("inf")}, {"bid": 101, "ask": 100},
        {"last": "x"}, {"last": True}, {"last": 1e-9}, {"last": 1e30}, {"bid": -1.0, "ask": 5.0, "last": 4.0}, {"last": []},
    ],
)  # fmt: skip
def test_a_bad_ticker_gives_none(ticker: dict[str, Any]) -> None:
    with pytest.raises(SourceFailed):
        price_of(ticker)


async def test_a_venue_that_fails_is_asked_less_often_and_comes_back() -> None:
    metrics = Metrics()
    failure = ccxt.NetworkError("gone")
    exchange = Scripted({"last": 100.0}, *[failure] * 6, {"last": float("nan")}, {"no": "markets"}, {"last": 101.0})
    source = VenueSource(wanted(), exchange, CLOCK, OracleGauges(metrics))
    with pytest.raises(SourceFailed, match="no price yet"):
        await source.price(NOW)
    async with running(source):
        await eventually(lambda: exchange.asked >= 1)
        assert await source.price(NOW) == 100 * USD
        await eventually(lambda: exchange.asked == 7)
        await asyncio.sleep(0)

        async def has(price: int) -> bool:
            try:
                return await source.price(NOW) == price
            except SourceFailed:
                return False

        await eventually(lambda: has(101 * USD))
    assert exchange.closed
    labels = {"index": "1", "source": "somewhere:BTC/USD"}
    assert metrics.value("novate_oracle_source_failures_total", labels) == 8


async def test_a_price_that_was_read_long_ago_is_none() -> None:
    exchange = Scripted({"last": 100.0}, OSError("down"))
    source = VenueSource(wanted(backoff_max_ms=1_000), exchange, CLOCK, OracleGauges(Metrics()))
    async with running(source):
        await eventually(lambda: exchange.asked >= 2)
        await asyncio.sleep(0.08)
        with pytest.raises(SourceFailed, match="no price for"):
            await source.price(NOW)


async def test_a_venue_that_hangs_is_given_up() -> None:
    class Hanging(Scripted):
        async def fetch_ticker(self, _symbol: str) -> dict[str, Any]:
            self.asked += 1
            await asyncio.Event().wait()
            raise AssertionError

    exchange = Hanging({})
    async with running(VenueSource(wanted(timeout_ms=5), exchange, CLOCK, OracleGauges(Metrics()))):
        await eventually(lambda: exchange.asked >= 3)


class Fixed:
    """A source of one price, or of none."""

    def __init__(self, price: int | None) -> None:
        self._price = price

    async def price(self, _time: TimeMs) -> MicroPrice:
        """It."""
        if self._price is None:
            raise SourceFailed("silent")
        return MicroPrice(self._price)


@given(
    honest=st.lists(st.integers(1, MICRO_PRICE_MAX), min_size=2, max_size=7), lie=st.integers(1, MICRO_PRICE_MAX), first=st.booleans()
)  # fmt: skip
def test_one_lying_source_stays_inside_the_others(honest: list[int], lie: int, *, first: bool) -> None:
    rows = [lie, *honest] if first else [*honest, lie]
    assert min(honest) <= median(rows) <= max(honest)


async def test_sources_are_one_while_enough_of_them_have_a_price() -> None:
    metrics = Metrics()
    members = [("a", Fixed(100)), ("b", Fixed(None)), ("c", Fixed(103)), ("d", Fixed(10**12))]
    gauges = OracleGauges(metrics)
    assert await Blend(BTC, members, 3, gauges).price(NOW) == 103
    assert metrics.value("novate_oracle_sources_used", {"index": "1"}) == 3
    assert metrics.value("novate_oracle_source_up", {"index": "1", "source": "b"}) == 0
    assert await Blend(BTC, members[:3], 2, gauges).price(NOW) == 101
    with pytest.raises(SourceFailed, match="2 of 3 sources have a price, 3 are needed; silent"):
        await Blend(BTC, members[:3], 3, gauges).price(NOW)
    assert metrics.value("novate_oracle_sources_used", {"index": "1"}) == 0
    with pytest.raises(SourceInvalid, match="at least 4 of 3"):
        Blend(BTC, members[:3], 4, gauges)


def test_venues_that_ccxt_does_not_know_are_refused() -> None:
    with pytest.raises(SourceInvalid, match="nowhere: ccxt knows no such venue"):
        open_exchange(wanted(exchange="nowhere"))
    with pytest.raises(SourceInvalid, match="needs exchange and symbol"):
        wanted(symbol="")
    with pytest.raises(SourceInvalid, match="must be positive"):
        wanted(poll_ms=0)


async def test_prices_of_a_real_venue_become_the_index_of_another() -> None:
    """The venue is a node of ours behind ccxt's own hyperliquid class; a second node gets the reports."""
    async with live() as venue, live() as node:
        await venue.fund(TRADERS[0], 100_000)
        await venue.price((61_000 * USD, 3_100 * USD))
        for side, price in ((Side.BUY, 609_000), (Side.SELL, 611_000)):
            quote = PlaceOrder(TRADERS[0].address, venue.now_ms() + side, TimeMs(0), order(1, side, price, 50_000))
            done = await venue.sequence(*signed(TRADERS[0], quote))
            assert isinstance(done.outcome, Applied)
        names = {BTC: "BTC", ETH: "ETH"}
        sources: list[Wanted] = [
            VenueWanted(index=BTC, exchange="hyperliquid", symbol="BTC/USDC:USDC", url=venue.http, poll_ms=50),
            VenueWanted(
                index=BTC, exchange="hyperliquid", symbol="BTC/USDC:USDC", url="http://127.0.0.1:9", poll_ms=50
            ),
            WalkWanted(index=ETH, seed=1),
        ]
        async with contextlib.AsyncExitStack() as stack:
            tasks = await stack.enter_async_context(asyncio.TaskGroup())
            metrics = [Metrics() for _ in range(2)]
            stations = [
                Station(
                    Place(PublisherSettings(url=node.url, report_ms=50, noise_ppm=0), PUBLISHERS[number], DOMAIN),
                    Reading(sources, names, {}, NOW), CLOCK, metrics[number],
                )
                for number in range(2)
            ]  # fmt: skip
            work = [tasks.create_task(station.run()) for station in stations]
            await eventually(lambda: node.state.indices[BTC].status == IndexStatus.FRESH, 30)
            price = node.state.indices[BTC].price
            assert 60_900 * USD <= price <= 61_100 * USD
            assert all(station.publisher.accepted for station in stations)
            up = [metrics[0].value("novate_oracle_source_up", {"index": "1", "source": "hyperliquid:BTC/USDC:USDC"})]
            assert up[0] is not None
            assert metrics[0].value("novate_oracle_reports_total", {"outcome": "accepted"})
            with metrics[0].served("127.0.0.1", 0) as port:
                async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/metrics") as page:
                    assert "novate_oracle_price_usd" in await page.text()
            for task in work:
                task.cancel()


def test_a_publishers_file_is_read_strictly(tmp_path: Path) -> None:
    path = tmp_path / "oracle.toml"
    path.write_text(
        'report_ms = 250\n[least]\nBTC = 2\n[[sources]]\nindex = "BTC"\nexchange = "kraken"\nsymbol = "BTC/USD"\npoll_ms = 700\n'
        '[[sources]]\nindex = "BTC-PERPETUAL"\nbars = "x.csv"\nspeed = 2\n[[sources]]\nindex = "ETH"\nwalk = 3\n'
    )
    file = load_publisher(path, DEVNET, "ws://node")
    assert (file.settings.report_ms, file.settings.noise_ppm, file.settings.url) == (250, 0, "ws://node")
    assert file.least == {BTC: 2}
    assert file.sources == (
        VenueWanted(index=BTC, exchange="kraken", symbol="BTC/USD", poll_ms=700),
        BarsWanted(index=BTC, file=tmp_path / "x.csv", speed=2.0),
        WalkWanted(index=ETH, seed=3),
    )
    shipped = load_publisher(Path(__file__).parents[2] / "config" / "roles" / "oracle.toml", DEVNET, "ws://node")
    assert len(shipped.sources) == 6
    for text, complaint in (
        ("", "sources: missing"),
        ("sources = []", "at least one"),
        ('[[sources]]\nindex = "XYZ"\nwalk = 1', "no such market"),
        ('[[sources]]\nindex = "BTC"\nwalk = 1\nspeed = 2', r"unknown: oracle.toml.sources\[0\].speed"),
        ('[[sources]]\nindex = "BTC"\nexchange = "a"\nsymbol = "b"\nage = 2', "unknown"),
        ('turbo = 1\n[[sources]]\nindex = "BTC"\nwalk = 1', "unknown: oracle.toml.turbo"),
        ('report_ms = 0\n[[sources]]\nindex = "BTC"\nwalk = 1', "must be positive"),
    ):
        path.write_text(text)
        with pytest.raises(ConfigError, match=complaint):
            load_publisher(path, DEVNET, "ws://node")
