"""What a market remembers of its marks and its book between samples: parts of its venue leaf."""

from dataclasses import dataclass, field

from proto.events import BreakerCause
from proto.units import MicroUsd, Price, TimeMs


@dataclass(slots=True)
class Volatility:
    """Forecast variance of one market's mark. Leaf: venue market."""

    variance: int = 0  # Of one sample's log return, 1e-18.
    open: Price = Price(0)  # Mark when the sample under way began; 0 = none began yet.
    time: TimeMs = TimeMs(0)  # When that was.
    peak: int = 0  # Largest squared log return since, 1e-18.
    raised: TimeMs = TimeMs(0)  # When the maintenance fraction was last looked at.


@dataclass(slots=True)
class Depth:
    """What rests near the mark on either side, averaged. Leaf: venue market."""

    bids: MicroUsd = MicroUsd(0)
    asks: MicroUsd = MicroUsd(0)
    time: TimeMs = TimeMs(0)  # Of the last measurement; 0 = none.


@dataclass(slots=True)
class MarkRange:
    """Lowest and highest mark from `time` on, for one sample's time."""

    time: TimeMs
    low: Price
    high: Price


@dataclass(slots=True)
class Breaker:
    """What moves of the mark set off in one market. Leaf: venue market."""

    cause: BreakerCause = BreakerCause.NONE
    until: TimeMs = TimeMs(0)  # End of post-only.
    fast_from: TimeMs = TimeMs(0)  # Fast moves count from here on.
    calm_price: Price = Price(0)  # Index price around which the index has been calm ...
    calm_since: TimeMs = TimeMs(0)  # ... since then.
    history: list[MarkRange] = field(default_factory=list)  # Oldest first.
