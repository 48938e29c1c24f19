"""What one devnet run is asked for."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from node.lab.devnet.people import VALIDATORS_MAX

DATA_DIR: Final = Path("devnet-data")
"""In the current directory: a devnet that is started again goes on."""
PORT: Final = 8080
L1_PORT: Final = 8545


@dataclass(frozen=True, slots=True, kw_only=True)
class DevnetSettings:
    """One run. Ports 0: any free one."""

    data_dir: Path = DATA_DIR
    genesis: str = "devnet"
    port: int = PORT
    l1_port: int = L1_PORT
    seconds: float | None = None
    """How long to trade, counted from readiness; None: until told to stop."""
    prices: tuple[str, ...] = ()
    price_speed: float = 1.0
    bots: bool = True
    validators: int = 2
    """Watchers that re-execute and sign, each a process of its own."""
    liquidator: bool = True
    """Whether one account takes over what is liquidated."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        if self.seconds is not None and not (math.isfinite(self.seconds) and self.seconds > 0):
            raise ValueError("seconds must be above 0")
        if not (math.isfinite(self.price_speed) and self.price_speed > 0):
            raise ValueError("price speed must be above 0")
        if not 1 <= self.validators <= VALIDATORS_MAX:
            raise ValueError(f"validators: 1 to {VALIDATORS_MAX}")
