"""Liquidator accounts and vault depositors under stress: who takes positions over early, and whose money stands behind the rest.

A liquidator looks at open auctions after every work tick, takes the largest share its money and its patience allow once the discount pays,
and works what it holds off in the book.
"""

from typing import Final

from node.core.liquidation.auction import largest_share, price_after
from node.core.liquidation.estate import estate_of
from node.core.outcome import Applied
from node.core.state import LiquidateWork
from node.lab.stress.venue import StressVenue, owner_of
from proto.ids import ALL_MARKETS, BACKSTOP_VAULT, AccountId
from proto.intents import OrderSpec, OrderType, PlaceOrder, SelfTrade, Side, TakeOver, TimeInForce, VaultDeposit
from proto.units import MICRO_USD_PER_USD, PPM, AssetUnits, Lots, MicroUsd, Ppm, Price

_CAPITAL: Final = MicroUsd(1_000_000 * MICRO_USD_PER_USD)
_VAULT_CAPITAL: Final = MicroUsd(1_000_000 * MICRO_USD_PER_USD)
_LOOKED_AT: Final = 25  # Auctions per moment: a bot has no time for more.
_PATIENCE_PPM: Final = (950_000, 900_000)  # The price of mark value below which each liquidator bids.
_INVENTORY: Final = MicroUsd(3_000_000 * MICRO_USD_PER_USD)
_SLIP_PPM: Final = 1_500
_PART: Final = 4  # It sells a quarter of what it holds at a time.


class StressLiquidator:
    """One bot."""

    def __init__(self, venue: StressVenue, number: int) -> None:
        self.owner = owner_of("liquidator", number)
        self._venue = venue
        self._patience = _PATIENCE_PPM[number % len(_PATIENCE_PPM)]
        venue.deposit(self.owner, _CAPITAL)

    def move(self) -> None:
        """Bid where it pays, then reduce."""
        state = self._venue.state
        for account, market in list(state.liquidating)[:_LOOKED_AT]:
            item = state.liquidating.get((account, market))
            if item is not None and market == ALL_MARKETS:
                self._bid(account, item)
        self._unwind()

    def _bid(self, number: AccountId, item: LiquidateWork) -> None:
        venue = self._venue
        rules, account = venue.params.liquidation, venue.state.accounts[number]
        price = price_after(venue.time - item.since, rules)
        if price > self._patience or abs(venue.position(self.owner)) * venue.market.mark > _INVENTORY:
            return
        estate = estate_of(venue.state, account, ALL_MARKETS)
        surplus = estate.equity - estate.maintenance
        reserved = min(item.reserved, max(estate.equity, 0))
        share = largest_share(estate.equity, surplus, reserved, price, rules.takeover_buffer_ppm)
        if share:
            venue.act(
                self.owner, lambda head: TakeOver(*head, account.address, ALL_MARKETS, share, Ppm(self._patience))
            )

    def _unwind(self) -> None:
        size, mark = self._venue.position(self.owner), self._venue.market.mark
        if not size:
            return
        side = Side.SELL if size > 0 else Side.BUY
        bound = mark * (PPM - _SLIP_PPM if side == Side.SELL else PPM + _SLIP_PPM) // PPM
        spec = OrderSpec(
            self._venue.market.params.id, side, OrderType.MARKET, TimeInForce.IOC, Price(bound),
            Lots(max(abs(size) // _PART, min(abs(size), 100))), reduce_only=True, client_id=0, self_trade=SelfTrade.EXPIRE_MAKER,
        )  # fmt: skip
        self._venue.act(self.owner, lambda head: PlaceOrder(*head, spec))


def fill_vault(venue: StressVenue) -> bool:
    """Two depositors put money behind the venue; it needs prices first. Returns whether the vault took it."""
    taken = True
    for number in range(2):
        owner = owner_of("depositor", number)
        if venue.account(owner) is None:
            venue.deposit(owner, _VAULT_CAPITAL)
        outcome = venue.act(owner, lambda head: VaultDeposit(*head, BACKSTOP_VAULT, AssetUnits(_VAULT_CAPITAL)))
        taken = taken and isinstance(outcome, Applied)
    return taken
