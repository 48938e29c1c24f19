"""Human units to protocol units and back, exactly: Decimal, str or int in; integers on the wire; never a float."""

from dataclasses import dataclass
from decimal import Context, Decimal, DecimalException, Inexact, InvalidOperation, Overflow
from typing import Any

from proto.ids import MarketId
from proto.intents import OrderSpec, OrderType, SelfTrade, Side, TimeInForce
from proto.units import U64_MAX, Lots, MicroUsd, Price, TimeMs

Human = Decimal | str | int
_USD_DECIMALS = 6
_NEVER = TimeMs(0)
_EXACT = Context(prec=120, Emax=100, traps=[InvalidOperation, Overflow, Inexact])
"""Room for more digits than any amount has, and nothing is ever rounded."""


class AmountError(ValueError):
    """The amount is no decimal number, finer than its unit, or beyond what a field holds."""


def to_units(amount: Human, decimals: int, what: str) -> int:
    """`amount` x 10^decimals, exactly. Raises AmountError where that is not a whole number."""
    if isinstance(amount, float):
        raise AmountError(f"{what} is a float, which is not what it looks like; use a string or Decimal")
    try:
        scaled = Decimal(amount).scaleb(decimals, _EXACT)
        units = int(scaled)
    except Overflow:
        raise AmountError(f"{what} {amount} is too large") from None
    except (DecimalException, OverflowError, ValueError):
        raise AmountError(f"{what} {amount!r} is not a number") from None
    if units != scaled:
        raise AmountError(f"{what} {amount} has more than {decimals} decimals")
    return units


def wire_units(amount: Human, decimals: int, what: str) -> int:
    """`to_units` for a field of an action, which is an unsigned integer of 64 bits. Raises AmountError."""
    units = to_units(amount, decimals, what)
    if not 0 <= units <= U64_MAX:
        raise AmountError(f"{what} {amount} is {'below zero' if units < 0 else 'too large'}")
    return units


def from_units(units: int, decimals: int) -> Decimal:
    """`units` x 10^-decimals, exactly."""
    return Decimal(units).scaleb(-decimals, _EXACT)


def usd(amount: Human) -> MicroUsd:
    """USDC to micro-USDC."""
    return MicroUsd(wire_units(amount, _USD_DECIMALS, "amount"))


def usd_of(units: int) -> Decimal:
    """Micro-USDC to USDC."""
    return from_units(units, _USD_DECIMALS)


@dataclass(frozen=True, slots=True)
class Market:
    """A market's name and units, with the rest of what the node says of it in `facts`."""

    id: MarketId
    name: str
    size_decimals: int
    facts: dict[str, Any]

    @property
    def price_decimals(self) -> int:
        """Decimals of a price in USDC."""
        return 6 - self.size_decimals

    def price(self, amount: Human) -> Price:
        """USDC per unit of the underlying to price units."""
        return Price(wire_units(amount, self.price_decimals, "price"))

    def size(self, amount: Human) -> Lots:
        """Units of the underlying to lots."""
        return Lots(wire_units(amount, self.size_decimals, "size"))

    def price_of(self, units: int) -> Decimal:
        """Price units to USDC."""
        return from_units(units, self.price_decimals)

    def size_of(self, lots: int) -> Decimal:
        """Lots to units of the underlying."""
        return from_units(lots, self.size_decimals)


def order_spec(
    market: Market,
    side: Side,
    *,
    size: Human,
    price: Human | None = None,
    time_in_force: TimeInForce | None = None,
    reduce_only: bool = False,
    client_id: int = 0,
    self_trade: SelfTrade = SelfTrade.EXPIRE_MAKER,
    good_til: TimeMs = _NEVER,
) -> OrderSpec:
    """An order in human units; without `price` a market order, immediate-or-cancel unless said otherwise. Raises AmountError."""
    kind = OrderType.MARKET if price is None else OrderType.LIMIT
    tif = TimeInForce.IOC if price is None else TimeInForce.GTC
    limit = Price(0) if price is None else market.price(price)
    return OrderSpec(
        market.id, side, kind, tif if time_in_force is None else time_in_force, limit, market.size(size), reduce_only, client_id,
        self_trade, good_til,
    )  # fmt: skip
