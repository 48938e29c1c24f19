"""How the bots behave. Prices relative to the mark in parts per million; USD amounts in micro-USDC."""

from dataclasses import dataclass, field

from proto.units import MICRO_USD_PER_USD, MicroUsd


@dataclass(frozen=True, slots=True, kw_only=True)
class MakerSettings:
    """A market maker in one market: post-only levels on both sides of the mark."""

    levels: int = 6
    inner_levels: int = 2
    """These are amended when the mark moves; the outer ones are cancelled and placed anew, in one batch."""
    half_spread_ppm: int = 150
    level_step_ppm: int = 120
    skew_max_ppm: int = 100
    """How far all quotes lean away from a full inventory; below the half spread, so that makers do not meet each other."""
    tolerance_ppm: int = 10
    """A quote that is off by no more than this stays, and keeps its place in the queue."""
    level_usd: MicroUsd = MicroUsd(10_000 * MICRO_USD_PER_USD)
    """Notional of the first level; each next one holds as much again."""
    inventory_usd: MicroUsd = MicroUsd(500_000 * MICRO_USD_PER_USD)
    """A full inventory: from here on the side that would add to it is not quoted."""
    refresh_ms: int = 300

    def __post_init__(self) -> None:
        """Refuse settings that contradict each other."""
        if not 0 <= self.inner_levels <= self.levels or not 1 <= self.levels <= 25:
            raise ValueError("levels must be in 1..25 and inner_levels at most that")
        if not 0 <= self.skew_max_ppm < self.half_spread_ppm:
            raise ValueError("skew_max_ppm must be below half_spread_ppm")
        if min(self.level_usd, self.inventory_usd, self.refresh_ms) < 1:
            raise ValueError("level_usd, inventory_usd and refresh_ms must be positive")


@dataclass(frozen=True, slots=True, kw_only=True)
class TakerSettings:
    """A taker in one market: immediate orders of random size, at random moments, leaning towards a flat position."""

    order_usd_min: MicroUsd = MicroUsd(100 * MICRO_USD_PER_USD)
    order_usd_max: MicroUsd = MicroUsd(1_000 * MICRO_USD_PER_USD)
    turnover_usd_per_s: MicroUsd = MicroUsd(10_000 * MICRO_USD_PER_USD)
    """What it trades on average; larger orders come less often. Fees and spread then eat a million in about two days."""
    slip_ppm: int = 2_000
    """Its limit orders may trade so far beyond the mark. Some are market orders and name no price."""
    market_orders_ppm: int = 300_000
    inventory_usd: MicroUsd = MicroUsd(100_000 * MICRO_USD_PER_USD)
    """From here on it only reduces."""

    def __post_init__(self) -> None:
        """Refuse settings that contradict each other."""
        if not 0 < self.order_usd_min <= self.order_usd_max:
            raise ValueError("order_usd_min must be positive and at most order_usd_max")
        if min(self.turnover_usd_per_s, self.inventory_usd) < 1:
            raise ValueError("turnover_usd_per_s and inventory_usd must be positive")


@dataclass(frozen=True, slots=True, kw_only=True)
class CrewSettings:
    """Which bots one process hosts: so many makers and takers in each market."""

    url: str
    """The node's native WebSocket."""
    makers_per_market: int = 2
    takers_per_market: int = 2
    seed: int = 1
    maker: MakerSettings = field(default_factory=MakerSettings)
    taker: TakerSettings = field(default_factory=TakerSettings)
    retry_ms: int = 250
    """Between looks at a node that is away, or an account that is not funded yet."""
    farewell_ms: int = 3_000
    """What a bot has left to take its orders back when it is told to stop."""
