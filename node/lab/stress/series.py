"""What a plot shows: the venue at some hundred moments of a pass."""

from dataclasses import dataclass, field

from node.core.margin.tiers import requirement
from node.lab.stress.venue import StressVenue
from proto.units import MICRO_USD_PER_USD

_PPM_OF_PERCENT = 10_000
_REFERENCE: int = 100_000 * MICRO_USD_PER_USD  # Margin fractions are shown for a position of this notional.


@dataclass(slots=True)
class Series:
    """Columns of equal length, in whole units for people: hours, USDC, percent."""

    hours: list[float] = field(default_factory=list)
    price: list[float] = field(default_factory=list)
    initial: list[float] = field(default_factory=list)
    maintenance: list[float] = field(default_factory=list)
    open_interest: list[float] = field(default_factory=list)
    insurance: list[float] = field(default_factory=list)
    liquidations: list[int] = field(default_factory=list)
    _start: int = 0

    def sample(self, venue: StressVenue, price: int) -> None:
        """Add a moment."""
        if not self.hours:
            self._start = venue.time
        market = venue.market
        self.hours.append((venue.time - self._start) / 3_600_000)
        self.price.append(price / MICRO_USD_PER_USD)
        initial, maintenance = (requirement(tiers, _REFERENCE) for tiers in (market.initial_ppm, market.maintenance))
        self.initial.append(max(100 * initial / _REFERENCE, market.initial_vol_ppm / _PPM_OF_PERCENT))
        self.maintenance.append(max(100 * maintenance / _REFERENCE, market.maintenance_vol_ppm / _PPM_OF_PERCENT))
        self.open_interest.append(market.open_interest * market.mark / MICRO_USD_PER_USD)
        self.insurance.append(venue.insurance() / MICRO_USD_PER_USD)
        self.liquidations.append(len(venue.tally.reached))
