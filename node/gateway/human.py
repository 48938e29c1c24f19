"""How HTTP shows values: JSON for people and scripts, exact.

Decided once for all HTTP answers:
- amounts are decimal strings in human units (USDC, ETH, contracts of the underlying). They are exact, never rounded: every unit of the
  protocol is a power of ten, so a market's `size_decimals` and `price_decimals`, or an asset's `decimals`, lead back to the integer;
- rates named `..._ppm` and counts are numbers; funding rates are decimal strings per hour (0.0000125 = 0.00125 %);
- ids, sequence numbers and times (ms since the epoch) are numbers; client ids, hashes, addresses and bytes are 0x hex;
- enumerations are lower-case words; cursors are "seq-position", and an empty `next` says that there is no more now.
The maps are those of the native protocol (node.views.describe, node.gateway.portraits): same keys, other spelling of the values.
"""

from collections.abc import Callable, Mapping
from enum import IntEnum
from typing import Any, Final

from node.core.params import Params
from node.views.batches import BatchStatus
from node.views.rows import OrderStatus
from proto.events import BalanceReason, CloseReason, IndexStatus, MarketStatus
from proto.intents import OrderType, SelfTrade, Side, TimeInForce

_USD_DECIMALS: Final = 6
_RATE_DECIMALS: Final = 12
_PRICES: Final = ("price", "mark", "index_price", "last_price", "bid", "ask", "open", "high", "low", "close", "liquidation_price")
_SIZES: Final = (
    "size", "remaining", "filled", "bid_size", "ask_size", "volume", "open_interest", "position_size", "buy_size", "sell_size",
)  # fmt: skip
_USD: Final = (
    "quote", "fee", "pnl", "funding", "entry", "equity", "initial_margin", "maintenance_margin", "free_collateral", "notional",
    "fees", "deviation", "expected_shortfall",
    "initial_added", "taker_fee", "maker_fee", "unrealised_pnl", "funding_due", "value", "minimum_notional", "open_interest_cap",
    "lower_notional", "reward", "worth_of_all", "minimum", "buy_value", "sell_value", "net_inflow", "traded",
)  # fmt: skip
_ASSET_AMOUNTS: Final = ("balance", "delta")
_RATES: Final = ("funding_rate", "default_probability")
_WORDS: Final[dict[str, type[IntEnum]]] = {
    "side": Side, "taker_side": Side, "type": OrderType, "time_in_force": TimeInForce, "self_trade": SelfTrade,
    "index_status": IndexStatus,
}  # fmt: skip


def decimal_text(units: int, decimals: int) -> str:
    """`units` x 10^-decimals as exact decimal text without trailing zeros."""
    sign, digits = ("-", -units) if units < 0 else ("", units)
    whole, part = divmod(digits, 10**decimals)
    fraction = f"{part:0{decimals}d}".rstrip("0") if decimals else ""
    return f"{sign}{whole}.{fraction}" if fraction else f"{sign}{whole}"


class Human:
    """Rewrites maps of the native protocol for JSON."""

    def __init__(self, params: Params) -> None:
        self.params = params
        self._size_decimals: dict[int, int] = {market.id: market.size_decimals for market in params.markets}
        self._names: dict[int, str] = {market.id: market.name for market in params.markets}
        self._decimals: dict[int, int] = {asset.id: asset.decimals for asset in params.assets}
        self._symbols: dict[int, str] = {asset.id: asset.symbol for asset in params.assets}

    def show(self, value: Any, market: int = 0) -> Any:
        """The JSON form of a value; `market` gives the units of prices and sizes where the map does not name its own."""
        if isinstance(value, Mapping):
            return self._map(value, market)
        if isinstance(value, bytes):
            return "0x" + value.hex()
        if isinstance(value, (list, tuple)):
            return [self.show(item, market) for item in value]
        return value

    def _map(self, row: Mapping[str, Any], market: int) -> dict[str, Any]:
        if "size_decimals" in row:
            market = row["id"]
        market = row.get("market", market)
        shown = {key: self._field(row, key, value, market) for key, value in row.items()}
        if "market" in row:
            shown["market_name"] = self._names.get(market, "")
        if "asset" in row:
            shown["asset_name"] = self._symbols.get(row["asset"], "")
        return shown

    def _field(self, row: Mapping[str, Any], key: str, value: Any, market: int) -> Any:
        if type(value) is bool or value is None:
            return value
        if isinstance(value, int):
            return self._number(row, key, int(value), market)
        if key in ("cursor", "next"):
            return "-".join(str(part) for part in value)
        if key in ("bids", "asks"):
            size, price = self._unit(market, 0), self._unit(market, 1)
            if value and not isinstance(value[0][1], int):  # Order by order.
                return [[decimal_text(at, price), [[order, decimal_text(lots, size)] for order, lots in queue]] for at, queue in value]
            return [[decimal_text(level[0], price), decimal_text(level[1], size), level[2]] for level in value]
        return self.show(value, market)

    def _number(self, row: Mapping[str, Any], key: str, value: int, market: int) -> Any:
        word = _WORDS.get(key) or _STATUS.get(key, _nothing)(row)
        if word is not None:
            return word(value).name.lower()
        if key == "client_id":
            return f"0x{value:032x}"
        if key in _USD:
            return decimal_text(value, _USD_DECIMALS)
        if key in _RATES:
            return decimal_text(value, _RATE_DECIMALS)
        if key in _ASSET_AMOUNTS:
            return decimal_text(value, self._decimals.get(row.get("asset", 0), 0))
        if key in _SIZES:
            return decimal_text(value, self._unit(market, 0))
        if key in _PRICES:
            return decimal_text(value, self._unit(market, 1))
        return value if abs(value) < 2**53 else str(value)

    def _unit(self, market: int, price: int) -> int:
        """Decimals of sizes (0) or prices (1) in a market."""
        size_decimals = self._size_decimals[market]
        return 6 - size_decimals if price else size_decimals


def _status_of(row: Mapping[str, Any]) -> type[IntEnum] | None:
    """`status` is of an order, a batch or a market, as the other keys tell."""
    if "time_in_force" in row:
        return OrderStatus
    return BatchStatus if "state_root" in row else MarketStatus


def _reason_of(row: Mapping[str, Any]) -> type[IntEnum] | None:
    return CloseReason if "time_in_force" in row else BalanceReason


def _nothing(_row: Mapping[str, Any]) -> type[IntEnum] | None:
    return None


_STATUS: Final[dict[str, Callable[[Mapping[str, Any]], type[IntEnum] | None]]] = {
    "status": _status_of,
    "reason": _reason_of,
}
