"""Names of coins: market and index names without what comes after the first dash, in the order of market ids."""

from typing import Final

from node.core.params import MarketParams, Params
from proto.hl.reading import HlMalformedError

SYMBOL_SUFFIX: Final = "-PERPETUAL"


class Coins:
    """Markets by coin and coins by market."""

    def __init__(self, params: Params) -> None:
        self.markets: tuple[MarketParams, ...] = params.markets
        self._names = {market.id: market.name.removesuffix(SYMBOL_SUFFIX) for market in params.markets}
        self._ids = {name: number for number, name in self._names.items()}
        self._params = {market.id: market for market in params.markets}

    def name(self, market: int) -> str:
        """The coin of a market."""
        return self._names[self._params[market].id]  # type: ignore[index]

    def decimals(self, market: int) -> int:
        """Decimals of sizes."""
        return self._params[market].size_decimals  # type: ignore[index]

    def find(self, coin: object) -> int | None:
        """The market of a coin, or None."""
        if type(coin) is not str:
            raise HlMalformedError("coin must be text")
        return self._ids.get(coin)
