"""An account as it would be after positions came to it at a quote: to judge its margin before anything is written."""

from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

from node.core.ledger.positions import funding_due, loss_due
from node.core.margin.account import MarginSummary, summary
from node.core.state import Account, Position, State
from proto.ids import MarketId
from proto.units import Lots, MicroUsd


class Arrival(NamedTuple):
    """Signed lots of a market that would arrive, and what would be paid for them."""

    market: MarketId
    lots: int
    quote: int


def summary_after(state: State, account: Account, arrivals: Iterable[Arrival], cash: int) -> MarginSummary:
    """Margin with the arrivals, and `cash` more (or less) in the account's cross balance. Profit realised on the way stays profit."""
    positions = dict(account.positions)
    paid = 0
    for market_id, lots, quote in arrivals:
        held = positions.get(market_id)
        moved = replace(held) if held is not None else Position(market_id)
        market = state.markets[market_id]
        paid += funding_due(moved, market) + loss_due(moved, market)
        size = moved.size + lots
        moved.size, moved.entry = Lots(size), MicroUsd(moved.entry + quote)
        moved.funding_index = market.funding_index
        moved.loss_index = market.long_loss_index if size > 0 else market.short_loss_index
        if size == 0:  # Its profit becomes cash.
            paid += moved.entry
            moved.entry = MicroUsd(0)
        positions[market_id] = moved
    imagined = replace(account, positions=positions, cash=MicroUsd(account.cash + cash - paid))
    return summary(state, imagined)
