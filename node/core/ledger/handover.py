"""Positions that go from one account to another at a quote, without the book.

Invariant: what one side closes or opens the other opens or closes, for the same quote; no fee, no order, no trade number.
"""

from node.core.ledger.positions import drop_if_empty, trade_for
from node.core.state import Account, Market, State
from proto.ops import OpKind


def hand_over(state: State, giver: Account, taker: Account, market: Market, signed_lots: int, quote: int) -> None:
    """Move `signed_lots` of the giver's position (long > 0) to the taker, who pays `quote` (< 0: receives) for them."""
    number = market.params.id
    state.ops.append((OpKind.POSITION_MOVED, giver.id, taker.id, number, signed_lots, quote))
    trade_for(state, giver, market, -signed_lots, -quote)
    trade_for(state, taker, market, signed_lots, quote)
    for account in (giver, taker):
        position = account.positions.get(number)
        if position is not None:
            drop_if_empty(account, position)
