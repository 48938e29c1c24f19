"""Balances and positions of every account, flat: one entry per account and asset or market.

Zero balances and closed positions are absent, so an idle account costs one entry.
"""

from typing import Final, NamedTuple

from node.core.state import State
from proto.events import BalanceChanged, PositionChanged
from proto.ids import SHARES, USDC

_SHIFT: Final = 16  # Asset and market ids are u16.
_LOW: Final = (1 << _SHIFT) - 1


class PositionRow(NamedTuple):
    """A position: signed lots (long > 0) and signed entry notional in micro-USDC."""

    market: int
    size: int
    entry: int


class BalanceRow(NamedTuple):
    """An asset's balance in its smallest ledger unit."""

    asset: int
    balance: int


class AccountView:
    """What every account holds."""

    __slots__ = ("_assets", "_balances", "_markets", "_positions")

    def __init__(self) -> None:
        self._balances: dict[int, int] = {}
        self._positions: dict[int, tuple[int, int, int]] = {}  # Size, entry, the market's funding index when it last settled.
        self._assets: tuple[int, ...] = ()
        self._markets: tuple[int, ...] = ()

    def seed(self, state: State) -> None:
        """Take everything from the state."""
        self._assets = tuple(asset.id for asset in state.params.assets)
        self._markets = tuple(state.markets)
        self._balances.clear()
        self._positions.clear()
        for number, account in state.accounts.items():
            if account.cash:
                self._balances[number << _SHIFT | USDC] = account.cash
            for asset, amount in account.balances.items():
                if amount and asset < SHARES:  # Shares of vaults are no balance that events change.
                    self._balances[number << _SHIFT | asset] = amount
            for market, position in account.positions.items():
                if position.size:
                    self._positions[number << _SHIFT | market] = (position.size, position.entry, position.funding_index)

    def balance_changed(self, event: BalanceChanged) -> None:
        """The new balance is in the event."""
        key = event.account << _SHIFT | event.asset
        if event.balance:
            self._balances[key] = event.balance
        else:
            self._balances.pop(key, None)

    def position_changed(self, event: PositionChanged, funding_index: int) -> int:
        """The new position is in the event; its funding is settled. Returns the change of the long side's lots."""
        key = event.account << _SHIFT | event.market
        before = self._positions.get(key)
        if event.size:
            self._positions[key] = (event.size, event.entry, funding_index)
        else:
            self._positions.pop(key, None)
        was = before[0] if before else 0
        return max(event.size, 0) - max(was, 0)

    def funding_settled(self, account: int, market: int, funding_index: int) -> None:
        """A position paid or was paid up to the market's index."""
        key = account << _SHIFT | market
        held = self._positions.get(key)
        if held is not None:
            self._positions[key] = (held[0], held[1], funding_index)

    def holders(self) -> list[int]:
        """Accounts whose value moves with prices: they hold a position or another asset than USDC."""
        found = dict.fromkeys(key >> _SHIFT for key in self._positions)
        found.update((key >> _SHIFT, None) for key in self._balances if key & _LOW != USDC)
        return list(found)

    def funded(self, account: int) -> list[tuple[PositionRow, int]]:
        """Open positions of an account with the funding index each is settled to."""
        found = ((market, self._positions.get(account << _SHIFT | market)) for market in self._markets)
        return [(PositionRow(market, held[0], held[1]), held[2]) for market, held in found if held is not None]

    def balances(self, account: int) -> list[BalanceRow]:
        """Balances of an account by asset id; USDC is always there."""
        found = ((asset, self._balances.get(account << _SHIFT | asset)) for asset in self._assets)
        return [BalanceRow(asset, amount or 0) for asset, amount in found if amount is not None or asset == USDC]

    def positions(self, account: int) -> list[PositionRow]:
        """Open positions of an account by market id."""
        found = ((market, self._positions.get(account << _SHIFT | market)) for market in self._markets)
        return [PositionRow(market, held[0], held[1]) for market, held in found if held is not None]
