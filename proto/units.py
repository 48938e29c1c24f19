"""Integer units shared by the wire, the ledger, the contract and the watcher.

Invariants:
- No float, no Decimal: every quantity is an integer whose unit is in its type and name.
- A market with `size_decimals` d counts size in lots of 10^-d base units and price in units of 10^-(6-d) USDC, so that
  price x lots is exactly micro-USDC: notional needs no division and no rounding.
- Every field has a bound here that fits its width in a leaf, an operation record and an L1 word.
"""

from typing import Final, NewType

MicroUsd = NewType("MicroUsd", int)
"""1e-6 USDC, signed."""
AssetUnits = NewType("AssetUnits", int)
"""Smallest unit of a collateral asset as the ledger counts it (USDC 1e-6, ETH 1e-9, BTC 1e-8), signed."""
Price = NewType("Price", int)
"""Market price units, 10^-(6-d) USDC."""
Lots = NewType("Lots", int)
"""10^-d base units; unsigned for orders, signed for positions (long > 0)."""
MicroPrice = NewType("MicroPrice", int)
"""Index price: micro-USDC per whole unit of the underlying."""
Ppm = NewType("Ppm", int)
"""Parts per million."""
TimeMs = NewType("TimeMs", int)
"""Milliseconds since the Unix epoch."""
FundingUnits = NewType("FundingUnits", int)
"""Cumulative funding: 1e-12 micro-USDC per lot."""

MICRO_USD_PER_USD: Final = 1_000_000
PPM: Final = 1_000_000
INDEX_SCALE: Final = 10**12  # Cumulative indices count in 1e-12 of what they charge.
RATE_SCALE: Final = 10**12  # Funding rates are in 1e-12.
PRICE_DECIMALS_MAX: Final = 6  # size_decimals + price decimals of every market.
SIGNIFICANT_FIGURES_MAX: Final = 5  # Tick rule; integer prices are always allowed.

PRICE_MAX: Final = 2**50 - 1  # 1.1e9 USDC per base unit where d = 0.
LOTS_MAX: Final = 2**40 - 1  # Per order; 1.1e6 base units where d = 6.
POSITION_LOTS_MAX: Final = 2**44 - 1  # Fits the int64 of a position word with room for sums of orders.
AMOUNT_MAX: Final = 2**63 - 1  # Per deposit, withdrawal or transfer.
CASH_MAX: Final = 2**100 - 1  # Any balance, pool, entry or total; leaf fields are int128.
FUNDING_MAX: Final = 2**120 - 1  # Cumulative funding, or losses, per lot; cumulative interest.
MICRO_PRICE_MAX: Final = 2**56 - 1  # 7.2e10 USDC per unit.
NONCE_MAX: Final = 2**53 - 1  # Exact in every JavaScript client.
TIME_MS_MAX: Final = 2**48 - 1
CLIENT_ID_MAX: Final = 2**128 - 1
U16_MAX: Final = 2**16 - 1
U32_MAX: Final = 2**32 - 1
U64_MAX: Final = 2**64 - 1

assert PRICE_MAX * LOTS_MAX < CASH_MAX, "one order's notional fits a balance"
assert PRICE_MAX * POSITION_LOTS_MAX < CASH_MAX, "one position's notional fits a balance"
assert CASH_MAX < 2**127, "balances fit int128"


def tick_is_valid(price: int, size_decimals: int) -> bool:
    """Order prices have at most 5 significant figures and at most 6-d decimals; integer USDC prices are always allowed.

    `price` is in market price units (so the 6-d decimals hold by construction).
    """
    one_usdc = 10 ** (PRICE_DECIMALS_MAX - size_decimals)
    if price % one_usdc == 0 or price < 10**SIGNIFICANT_FIGURES_MAX:
        return True
    excess: int = 10 ** (len(str(price)) - SIGNIFICANT_FIGURES_MAX)
    return price % excess == 0


def tick_size(price: int, size_decimals: int) -> int:
    """Distance of the valid prices around `price`, in market price units."""
    one_usdc: int = 10 ** (PRICE_DECIMALS_MAX - size_decimals)
    excess: int = 10 ** max(len(str(price)) - SIGNIFICANT_FIGURES_MAX, 0)
    return min(excess, one_usdc)
