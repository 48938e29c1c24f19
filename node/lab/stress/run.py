"""One stress: a path played twice, high first and low first inside each bar, and what came of it.

Inside a bar the price goes from the open (where it is not the close before) to one extreme, to the other, to the close. At each of
these moments, in this order: makers pull stale quotes, publishers report, makers quote, due ticks are stamped, the crowd acts. The
report's counters are the sums of both passes; the insurance figures are those of the pass that leaves the fund with less.
"""

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple

from node.core.params import MarketParams, Params, TierParams
from node.lab.stress.bars import Bar, PricePath
from node.lab.stress.crowd import Crowd
from node.lab.stress.liquidators import StressLiquidator, fill_vault
from node.lab.stress.makers import MakerTerms, Nerves, StressMaker
from node.lab.stress.series import Series
from node.lab.stress.venue import StressVenue
from proto.units import MICRO_USD_PER_USD, MicroUsd, TimeMs

INSURANCE_SEED: Final = MicroUsd(1_000_000 * MICRO_USD_PER_USD)
LEVERAGE_MAX: Final = 50.0
_SAMPLES: Final = 1_500  # Points of a plot.
_SETTLE_MS: Final = 20_000
_SETTLE_MOMENTS: Final = 90  # Half an hour for what is still queued when the path ends.
_PUBLISHER_NOISE_PPM: Final = 50

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class StressSettings:
    """What to play and with whom."""

    path: PricePath
    params: Params
    market: MarketParams
    accounts: int = 1_000
    leverage_max: float = LEVERAGE_MAX
    seed: int = 1
    makers: MakerTerms = field(default_factory=MakerTerms)
    liquidators: int = 2
    insurance_seed: MicroUsd = INSURANCE_SEED


class PassResult(NamedTuple):
    """One pass."""

    high_first: bool
    inputs: int
    liquidations: int
    partial: int
    takeovers: int
    backstop: int
    insurance_start: MicroUsd
    insurance_end: MicroUsd
    adl: int
    socialised: int
    deficit_accounts: int
    conserved: bool
    series: Series
    fault: str
    refused: dict[str, int]


@dataclass(frozen=True, slots=True)
class StressReport:
    """Both passes together."""

    passes: tuple[PassResult, ...]
    accounts: int
    leverage_max: float
    seconds: float

    @property
    def worse(self) -> PassResult:
        """The pass that leaves the insurance fund with less."""
        return min(self.passes, key=lambda one: one.insurance_end - one.insurance_start)

    def as_json(self) -> dict[str, Any]:
        """The command's one object."""

        def total(name: str) -> int:
            return sum(int(getattr(one, name)) for one in self.passes)

        return {
            "inputs": total("inputs"), "liquidations": total("liquidations"), "partial": total("partial"),
            "takeovers": total("takeovers"), "backstop": total("backstop"),
            "insurance_start": usd_text(self.worse.insurance_start), "insurance_end": usd_text(self.worse.insurance_end),
            "adl": total("adl"), "socialised": total("socialised"), "deficit_accounts": total("deficit_accounts"),
            "conserved": all(one.conserved for one in self.passes), "seconds": round(self.seconds, 3),
        }  # fmt: skip

    @property
    def mean_initial(self) -> float:
        """Initial margin in percent, averaged over time and both passes."""
        values = [value for one in self.passes for value in one.series.initial]
        return sum(values) / len(values)

    def wrong(self) -> list[str]:
        """What must hold and does not, as sentences."""
        found = [f"money is not conserved: {one.fault}" for one in self.passes if not one.conserved]
        left = sum(one.deficit_accounts for one in self.passes)
        if left:
            found.append(f"{left} accounts are left in deficit")
        if not any(one.liquidations for one in self.passes):
            found.append(
                "nothing was liquidated, so nothing was tried: take a wilder path, more accounts or more leverage"
            )
        return found


def with_static_margin(params: Params, name: str, percent: float) -> Params:
    """Parameters under which this initial fraction (to the nearest whole leverage) holds in a market, whatever size or volatility."""
    tiers = (TierParams(MicroUsd(0), max(round(100 / percent), 1)),)
    markets = tuple(replace(market, tiers=tiers) if market.name == name else market for market in params.markets)
    return replace(params, markets=markets, volatility=replace(params.volatility, z_ppm=0))


def usd_text(amount: int) -> str:
    """Micro-USDC as a decimal text, exactly."""
    whole, part = divmod(abs(amount), MICRO_USD_PER_USD)
    return f"{'-' if amount < 0 else ''}{whole}.{part:06d}"


def run_stress(settings: StressSettings, progress: Progress) -> StressReport:
    """Play the path twice."""
    began = time.perf_counter()
    passes = tuple(_Pass(settings, high_first=high_first).run(progress) for high_first in (True, False))
    return StressReport(passes, settings.accounts, settings.leverage_max, time.perf_counter() - began)


def moments(bar: Bar, last: int, *, high_first: bool) -> Iterator[int]:
    """Prices inside a bar, in order."""
    if bar.open != last:
        yield bar.open
    yield from (bar.high, bar.low) if high_first else (bar.low, bar.high)
    yield bar.close


class _Pass:
    """The path once, in one order inside the bars."""

    def __init__(self, settings: StressSettings, *, high_first: bool) -> None:
        self._settings = settings
        self._high_first = high_first
        path = settings.path
        self._random = random.Random(f"{settings.seed}:{high_first}")
        venue = self._venue = StressVenue(settings.params, settings.market, TimeMs(path.start_ms))
        venue.endow_insurance(settings.insurance_seed)
        terms = settings.makers
        self._makers = [StressMaker(venue, terms, number, self._random) for number in range(terms.makers)]
        self._liquidators = [StressLiquidator(venue, number) for number in range(settings.liquidators)]
        self._vault_is_full = False
        span = path.interval_ms * len(path.bars)
        # Both passes of a seed have the same crowd.
        self._crowd = Crowd(venue, settings.accounts, settings.leverage_max, span, random.Random(settings.seed))
        self._nerves = Nerves()
        self._series = Series()

    def run(self, progress: Progress) -> PassResult:
        """Play it."""
        venue, path = self._venue, self._settings.path
        stage = "pass 1 of 2, high first" if self._high_first else "pass 2 of 2, low first"
        insurance, last = venue.insurance(), 0
        every = max(len(path.bars) // _SAMPLES, 1)
        for at, bar in enumerate(path.bars):
            begin = path.start_ms + at * path.interval_ms
            prices = list(moments(bar, last, high_first=self._high_first))
            for number, price in enumerate(prices):
                venue.time = TimeMs(begin + path.interval_ms * number // len(prices))
                self._moment(price, bar, path.interval_ms / len(prices) / 60_000)
            last = bar.close
            if at % every == 0:
                self._series.sample(venue, last)
            progress(stage, at + 1, len(path.bars))
        self._settle(path.bars[-1])
        self._series.sample(venue, last)
        return self._result(insurance)

    def _moment(self, price: int, bar: Bar, minutes: float) -> None:
        venue, nerves = self._venue, self._nerves
        nerves.see(price, minutes)
        for maker in self._makers:
            maker.pull(price, nerves.fear)
        if bar.fed:
            noise = price * _PUBLISHER_NOISE_PPM // 1_000_000
            venue.report(price, (0, self._random.randint(-noise, noise), self._random.randint(-noise, noise)))
        for maker in self._makers:
            maker.quote(price, nerves.fear, bar.depth_ppm)
        if not self._vault_is_full:
            self._vault_is_full = fill_vault(venue)
        venue.tick()
        if venue.state.liquidating or venue.position(self._liquidators[0].owner):
            for liquidator in self._liquidators:
                liquidator.move()
        self._crowd.move(price)

    def _settle(self, bar: Bar) -> None:
        """The price stands still until what is queued is done, or half an hour is over; then everything is recounted."""
        venue = self._venue
        for _ in range(_SETTLE_MOMENTS):
            venue.time = TimeMs(venue.time + _SETTLE_MS)
            self._moment(bar.close, bar._replace(fed=True), _SETTLE_MS / 60_000)
            if not venue.state.liquidating:
                break
        venue.seal()
        venue.check(whole=True)

    def _result(self, insurance_start: MicroUsd) -> PassResult:
        venue = self._venue
        tally, fault = venue.tally, venue.fault
        return PassResult(
            self._high_first, venue.state.seq, len(tally.reached), tally.partial, tally.takeovers, tally.backstop,
            insurance_start, venue.insurance(), tally.adl, tally.socialised, venue.deficits(), fault is None, self._series,
            "" if fault is None else f"at {fault.time} ms: {fault.law}",
            {code.name: number for code, number in sorted(tally.refused.items())},
        )  # fmt: skip
