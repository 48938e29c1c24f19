"""A market of another venue as a source, through ccxt: the only module that imports it.

Invariants:
- The venue is asked in the background, at its own pace; a report only takes what was read last, and never waits.
- A venue that fails is asked less and less often, up to `backoff_max_ms`; a price that is older than `age_max_ms` is none.
- Whatever a venue answers is judged before it is believed: a finite price in range, bid not above ask.
"""

import asyncio
from decimal import Decimal, InvalidOperation
from typing import Any, Final, Protocol

import aiohttp
import ccxt.async_support as ccxt

from node.ops.clock import NS_PER_MS, Clock
from node.ops.logs import room_log
from node.oracle.gauges import OracleGauges
from node.oracle.source import SourceFailed, SourceInvalid
from node.oracle.wanted import VenueWanted
from proto.units import MICRO_PRICE_MAX, MICRO_USD_PER_USD, MicroPrice, TimeMs

_S: Final = 1_000
_log = room_log("oracle")


class Exchange(Protocol):
    """The little of ccxt that is used."""

    async def fetch_ticker(self, symbol: str) -> dict[str, Any]:
        """Bid, ask, last and close of a market, as floats or None."""
        ...

    async def close(self) -> None:
        """Drop connections."""
        ...


def open_exchange(wanted: VenueWanted) -> Exchange:
    """A ccxt client for the venue, without keys. Raises SourceInvalid for a venue that ccxt does not know."""
    if wanted.exchange not in ccxt.exchanges:
        raise SourceInvalid(f"{wanted.exchange}: ccxt knows no such venue")
    exchange: Any = vars(ccxt)[wanted.exchange]({"enableRateLimit": True, "timeout": wanted.timeout_ms})
    if not exchange.has.get("fetchTicker"):
        raise SourceInvalid(f"{wanted.exchange}: ccxt cannot read tickers there")
    if wanted.url:
        exchange.urls["api"] = _replaced(exchange.urls["api"], wanted.url)
    client: Exchange = exchange
    return client


def _replaced(addresses: Any, url: str) -> Any:
    """The same shape with every address exchanged for one."""
    if isinstance(addresses, dict):
        return {name: _replaced(part, url) for name, part in addresses.items()}
    return url


def price_of(ticker: dict[str, Any]) -> MicroPrice:
    """Middle of bid and ask, else the last price, in micro-USDC rounded down. Raises SourceFailed."""
    bid, ask = _decimal(ticker.get("bid")), _decimal(ticker.get("ask"))
    if bid is not None and ask is not None:
        if bid > ask:
            raise SourceFailed(f"bid {bid} above ask {ask}")
        price = (bid + ask) / 2
    else:
        last = _decimal(ticker.get("last")) or _decimal(ticker.get("close"))
        if last is None:
            raise SourceFailed("neither bid and ask nor a last price")
        price = last
    micro = int(price * MICRO_USD_PER_USD)
    if not 1 <= micro <= MICRO_PRICE_MAX:
        raise SourceFailed(f"price {price} is out of range")
    return MicroPrice(micro)


def _decimal(value: Any) -> Decimal | None:
    """A positive number; None where there is none."""
    if value is None or isinstance(value, bool):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise SourceFailed(f"{str(value)[:40]!r} is no number") from None
    if not number.is_finite() or number < 0:
        raise SourceFailed(f"price {number} is out of range")
    return number or None


class VenueSource:
    """One market of one venue."""

    def __init__(self, wanted: VenueWanted, exchange: Exchange, clock: Clock, gauges: OracleGauges) -> None:
        self._wanted = wanted
        self._exchange = exchange
        self._clock = clock
        self._gauges = gauges
        self._price = MicroPrice(0)
        self._read_ms = 0  # Monotonic.
        self._failing = False

    def _now_ms(self) -> int:
        return self._clock.monotonic_ns() // NS_PER_MS

    async def price(self, _time: TimeMs) -> MicroPrice:
        """What was read last. Raises SourceFailed where that is too long ago."""
        age = self._now_ms() - self._read_ms
        if not self._price or age > self._wanted.age_max_ms:
            raise SourceFailed(
                f"{self._wanted.label}: no price for {age} ms" if self._price else f"{self._wanted.label}: no price yet"
            )
        return self._price

    async def run(self) -> None:
        """Ask until cancelled, then leave the venue."""
        wanted, wait_ms = self._wanted, self._wanted.poll_ms
        try:
            while True:
                wait_ms = wanted.poll_ms if await self._ask() else min(2 * wait_ms, wanted.backoff_max_ms)
                await asyncio.sleep(wait_ms / _S)
        finally:
            await self._exchange.close()

    async def _ask(self) -> bool:
        """One question; whether it gave a price. What a venue does wrong never ends the publisher."""
        label = self._wanted.label
        try:
            async with asyncio.timeout(
                2 * self._wanted.timeout_ms / _S
            ):  # The first question loads the venue's markets.
                price = price_of(await self._exchange.fetch_ticker(self._wanted.symbol))
        except (
            ccxt.BaseError,
            SourceFailed,
            TimeoutError,
            OSError,
            aiohttp.ClientError,
            ValueError,
            LookupError,
            TypeError,
        ) as error:
            self._gauges.source_failed(self._wanted.index, label)
            if not self._failing:
                self._failing = True
                text = f"{type(error).__name__}: {error}"[:200]
                _log.warning("venue fails", source=label, index=self._wanted.index, error=text)
            return False
        if self._failing:
            self._failing = False
            _log.info("venue is back", source=label, index=self._wanted.index)
        self._price, self._read_ms = price, self._now_ms()
        return True
