"""What an operator asks a publisher to read: one frozen value per source, before anything is opened."""

from dataclasses import dataclass
from pathlib import Path

from node.oracle.source import SourceInvalid
from proto.ids import IndexId


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueWanted:
    """A market on another venue, read through ccxt."""

    index: IndexId
    exchange: str
    """Name of the venue as ccxt has it: binance, coinbase, hyperliquid, …"""
    symbol: str
    """The market as ccxt names it: BTC/USDT, BTC/USDC:USDC, …"""
    url: str = ""
    """Instead of the venue's own addresses, for a test or a mirror."""
    poll_ms: int = 1_000
    """How often it is asked."""
    age_max_ms: int = 5_000
    """A price that was read longer ago is none."""
    timeout_ms: int = 3_000
    """An answer that takes longer counts as none."""
    backoff_max_ms: int = 30_000
    """After failures it is asked less often, at least this often."""

    def __post_init__(self) -> None:
        """Refuse what could never give a price."""
        if not self.exchange or not self.symbol:
            raise SourceInvalid("a venue needs exchange and symbol")
        if min(self.poll_ms, self.age_max_ms, self.timeout_ms, self.backoff_max_ms) < 1:
            raise SourceInvalid(f"{self.exchange}: periods must be positive")

    @property
    def label(self) -> str:
        """What logs and metrics call it."""
        return f"{self.exchange}:{self.symbol}"


@dataclass(frozen=True, slots=True, kw_only=True)
class BarsWanted:
    """A recorded price path."""

    index: IndexId
    file: Path
    speed: float = 1.0
    """Bars played per second."""

    @property
    def label(self) -> str:
        """What logs and metrics call it."""
        return f"bars:{self.file.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkWanted:
    """The built-in path."""

    index: IndexId
    seed: int = 1
    """All publishers of a venue need the same."""

    @property
    def label(self) -> str:
        """What logs and metrics call it."""
        return f"walk:{self.seed}"


Wanted = VenueWanted | BarsWanted | WalkWanted
