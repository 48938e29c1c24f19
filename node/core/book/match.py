"""Matching: what an incoming order would do to the book, planned without writing.

Invariants:
- Price-time priority: best price first, inside a price the lowest priority number first.
- A plan names every fill and every resting order that is cancelled on the way (expired, frozen, self-trade, nothing left to reduce),
  in order.
- At most `budget` makers are touched by one plan: no input does unbounded work.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from node.core.book.protection import Watch
from node.core.book.side import key_of
from node.core.state import BookSide, Market, Order, State
from proto.events import CloseReason
from proto.ids import AccountId
from proto.intents import SelfTrade, Side
from proto.units import Lots, Price

_GONE = (CloseReason.EXPIRED, CloseReason.PROTECTION)


class PlannedFill(NamedTuple):
    """Trade `lots` with `maker` at its price."""

    maker: Order
    lots: Lots


class PlannedClose(NamedTuple):
    """Cancel `maker` for `reason`."""

    maker: Order
    reason: CloseReason


@dataclass(slots=True)
class MatchPlan:
    """What will happen, in order, and what is left of the incoming order."""

    remaining: int
    steps: list[PlannedFill | PlannedClose] = field(default_factory=list)
    quote: int = 0  # Σ price x lots of the fills.
    stopped: CloseReason | None = None  # Why the rest may not rest.
    watch: Watch | None = None  # Of protected makers, where there are any.

    def meets_nobody(self) -> bool:
        """Whether all that the order meets are orders whose time has come, or whose account is frozen."""
        return all(isinstance(step, PlannedClose) and step.reason in _GONE for step in self.steps) and (
            self.stopped is None or self.stopped == CloseReason.MATCH_LIMIT
        )


def opposite(market: Market, side: Side) -> BookSide:
    """The side an order of `side` trades against."""
    return market.asks if side == Side.BUY else market.bids


def own(market: Market, side: Side) -> BookSide:
    """The side an order of `side` rests on."""
    return market.bids if side == Side.BUY else market.asks


def crosses(market: Market, side: Side, price: Price) -> bool:
    """Whether an order at `price` would trade at once."""
    against = opposite(market, side)
    return bool(against.keys) and against.keys[-1] >= key_of(against.side, price)


def reducible(state: State, account: AccountId, market: Market, side: Side) -> int:
    """Lots by which an order of `side` can reduce the account's position; 0 where it would increase or open one."""
    position = state.accounts[account].positions.get(market.params.id)
    if position is None:
        return 0
    return max(-position.size, 0) if side == Side.BUY else max(position.size, 0)


def _passes_cap(state: State, market: Market, maker: Order, lots: int, traded: dict[AccountId, int]) -> bool:
    """Whether a fill would make the maker's position larger than its account may have at the present mark.

    Orders were judged at the mark of their time. Open interest needs no such look: it grows only where both sides open, and the taker's
    whole size is judged.
    """
    position = state.accounts[maker.account].positions.get(market.params.id)
    sign = 1 if maker.side == Side.BUY else -1
    before = (position.size if position is not None else 0) + sign * traded.get(maker.account, 0)
    after = abs(before + sign * lots)
    return after > abs(before) and after * market.mark > market.params.position_cap


def plan(state: State, market: Market, order: Order, lots: int, budget: int) -> MatchPlan:
    """How `lots` of `order` would trade now, up to its price."""
    against = opposite(market, order.side)
    result = MatchPlan(lots, watch=Watch(state) if state.protected else None)
    limit = key_of(against.side, order.price)
    reduced: dict[AccountId, int] = {}  # Lots that makers' positions shrink by inside this plan.
    for at in range(len(against.keys) - 1, -1, -1):
        key = against.keys[at]
        if key < limit or result.remaining == 0:
            break
        if not _plan_level(state, market, order, against, key, result, reduced, budget):
            break
    return result


def _plan_level(
    state: State,
    market: Market,
    order: Order,
    against: BookSide,
    key: int,
    result: MatchPlan,
    reduced: dict[AccountId, int],
    budget: int,
) -> bool:
    """Plan through one level. False: stop here."""
    maker = against.levels[key].head
    while maker is not None and result.remaining:
        if len(result.steps) >= budget:
            result.stopped = CloseReason.MATCH_LIMIT
            return False
        if maker.good_til and maker.good_til <= state.time:
            result.steps.append(PlannedClose(maker, CloseReason.EXPIRED))
            maker = maker.after
            continue
        if result.watch is not None and maker.account in state.protected and result.watch.stops(maker):
            result.steps.append(PlannedClose(maker, CloseReason.PROTECTION))
            maker = maker.after
            continue
        if maker.account == order.account:
            if order.self_trade != SelfTrade.EXPIRE_TAKER:
                result.steps.append(PlannedClose(maker, CloseReason.SELF_TRADE))
            if order.self_trade != SelfTrade.EXPIRE_MAKER:
                result.stopped = CloseReason.SELF_TRADE
                return False
            maker = maker.after
            continue
        lots = min(maker.remaining, result.remaining)
        if market.params.position_cap and not maker.reduce_only and _passes_cap(state, market, maker, lots, reduced):
            result.steps.append(PlannedClose(maker, CloseReason.CAP_REACHED))
            maker = maker.after
            continue
        if maker.reduce_only:
            room = reducible(state, maker.account, market, maker.side) - reduced.get(maker.account, 0)
            if room <= 0:
                result.steps.append(PlannedClose(maker, CloseReason.REDUCE_ONLY))
                maker = maker.after
                continue
            lots = min(lots, room)
        reduced[maker.account] = reduced.get(maker.account, 0) + lots
        result.steps.append(PlannedFill(maker, Lots(lots)))
        if result.watch is not None and maker.account in state.protected:
            result.watch.traded(maker, lots)
        result.quote += lots * maker.price
        result.remaining -= lots
        if lots < maker.remaining and result.remaining:  # A reduce-only maker that has nothing left to reduce.
            result.steps.append(PlannedClose(maker, CloseReason.REDUCE_ONLY))
        maker = maker.after
    return True
