"""Events of the waterfall beyond the book, and of vaults. Members of `proto.events.Event`, where the conventions stand."""

from typing import NamedTuple

from proto.ids import AccountId, MarketId, VaultId
from proto.intents import Side
from proto.units import Lots, MicroUsd, Ppm, TimeMs


class TakeoverMade(NamedTuple):
    """A bidder took a share (1e-12) of a portfolio in liquidation at a price (ppm of mark value): it paid `bid` and gained `reward`."""

    account: AccountId
    market: MarketId
    bidder: AccountId
    share: int
    price_ppm: Ppm
    bid: MicroUsd
    reward: MicroUsd


class PositionTakenOver(NamedTuple):
    """A position (long > 0) of the estate `market` went to `by` for `quote`, paid by `by` (< 0: to it)."""

    account: AccountId
    market: MarketId
    by: AccountId
    position: MarketId
    size: Lots
    quote: MicroUsd


class Deleveraged(NamedTuple):
    """A position was closed against `winner`, whose own changed by `size` lots, which it sold or bought for `quote` (paid > 0)."""

    account: AccountId
    market: MarketId
    winner: AccountId
    position: MarketId
    size: Lots
    quote: MicroUsd


class ShortfallCovered(NamedTuple):
    """The insurance fund paid what a portfolio owed beyond its worth."""

    account: AccountId
    market: MarketId
    amount: MicroUsd


class LossSocialised(NamedTuple):
    """One side of a market bears a loss of the account's together; `loss_index` is the side's now."""

    account: AccountId
    market: MarketId
    side: Side
    amount: MicroUsd
    loss_index: int


class VaultSharesChanged(NamedTuple):
    """Shares bought (> 0) or paid out (< 0) for `amount` micro-USDC."""

    vault: VaultId
    account: AccountId
    shares: int
    held: int
    amount: MicroUsd


class VaultLeaving(NamedTuple):
    """Shares given back; paid out from `time` on."""

    vault: VaultId
    account: AccountId
    shares: int
    time: TimeMs
