"""Step 6: positions that nobody can take are closed against those on the other side who rank first, at the bankruptcy price.

The best are found by a scan over account ids in bounded parts, which other inputs may pass between; the item keeps where it is and the best
so far. Ranks are taken again when positions are closed. What one unit closes is paid for at the bankruptcy quote, split by lots.
If nobody on the other side can bear it, the insurance fund takes the position at the mark and the loss is socialised (step 7).
"""

from heapq import nsmallest
from typing import Final, NamedTuple

from node.core.ledger.handover import hand_over
from node.core.liquidation import unwind, work
from node.core.liquidation.bankruptcy import quote_of
from node.core.liquidation.estate import Estate, estate_of
from node.core.liquidation.insurance import cover
from node.core.liquidation.rank import rank, split
from node.core.liquidation.socialise import spread
from node.core.margin.account import health, position_value
from node.core.num import div_ceil, div_floor
from node.core.state import Account, LiquidateWork, Market, Position, State
from proto.ids import INSURANCE_ACCOUNT, AccountId, MarketId
from proto.intents import Side
from proto.units import Lots, MicroUsd
from proto.waterfall_events import Deleveraged, PositionTakenOver

LOOKED_AT: Final = 512  # Accounts a unit.
KEPT: Final = 32  # Best of them.


class Candidate(NamedTuple):
    """Somebody on the other side; sorts best first."""

    order: int  # Negative rank.
    account: AccountId
    lots: int
    value: int


def begin(state: State, item: LiquidateWork, market: MarketId) -> None:
    """Look for those who rank first against the estate's position in `market`."""
    item.target, item.cursor, item.ranked = market, AccountId(1), ()
    work.touch_item(state, item)


def end(state: State, item: LiquidateWork) -> None:
    """Go back to the step before."""
    item.target, item.cursor, item.ranked = MarketId(0), AccountId(0), ()
    work.touch_item(state, item)


def unit(state: State, item: LiquidateWork, estate: Estate) -> None:
    """Look at some more accounts; when all have been looked at, close against the best."""
    position = next((held for held in estate.fit if held.market == item.target), None)
    if position is None or not estate.is_behind(state.params.liquidation.backstop_ppm):
        end(state, item)
    elif item.cursor < state.next_account:
        _look(state, item, position)
    else:
        _close(state, item, estate, position)


def candidate(state: State, number: AccountId, against: Position) -> Candidate | None:
    """An account with a position on the other side and something to lose."""
    account = state.accounts[number]
    mine = account.positions.get(against.market)
    if mine is None or mine.size == 0 or (mine.size > 0) == (against.size > 0):
        return None
    value = value_behind(state, account, mine)
    score = rank(mine.size, mine.entry, state.markets[against.market].mark, value)
    return Candidate(-score, number, abs(mine.size), value) if score > 0 else None


def value_behind(state: State, account: Account, position: Position) -> int:
    """The account value that answers for a position."""
    if position.isolated:
        return position.isolated_cash + position_value(position, state.markets[position.market])
    return health(state, account)[0]


def _look(state: State, item: LiquidateWork, position: Position) -> None:
    stop = min(item.cursor + LOOKED_AT, state.next_account)
    found = _candidates(state, [*item.ranked, *map(AccountId, range(item.cursor, stop))], position)
    item.ranked = tuple(sorted(row.account for row in found))
    item.cursor = AccountId(stop)
    work.touch_item(state, item)


def _candidates(state: State, numbers: list[AccountId], position: Position) -> list[Candidate]:
    """The best of some accounts, best first."""
    rows = (candidate(state, number, position) for number in numbers)
    return nsmallest(KEPT, (row for row in rows if row is not None))


def _close(state: State, item: LiquidateWork, estate: Estate, position: Position) -> None:
    if estate.equity < 0:
        cover(state, estate, -estate.equity)
        estate = estate_of(state, estate.account, estate.market)
    market = state.markets[position.market]
    shares = _shares(state, item, estate, market, position)
    if shares:
        _close_against(state, estate, market, position, shares)
    else:
        _give_to_fund(state, estate, market, position)
    if position.size:
        begin(state, item, position.market)
    else:
        end(state, item)


def _shares(
    state: State, item: LiquidateWork, estate: Estate, market: Market, position: Position
) -> list[tuple[AccountId, int]]:
    """Who closes how many lots, best first. Nobody closes more than its value can bear."""
    size = abs(position.size)
    at_mark = market.mark * size if position.size > 0 else -market.mark * size
    loss = max(div_ceil(quote_of(estate, market, position, size) - at_mark, size), 0)  # Per lot, for the other side.
    shares: list[tuple[AccountId, int]] = []
    left = size
    for row in _candidates(state, list(item.ranked), position):
        lots = min(left, row.lots, div_floor(row.value, loss) if loss else row.lots)
        if lots:
            shares.append((row.account, lots))
            left -= lots
    return shares


def _close_against(
    state: State, estate: Estate, market: Market, position: Position, shares: list[tuple[AccountId, int]]
) -> None:
    long = position.size > 0
    total = sum(lots for _, lots in shares)
    quote = quote_of(estate, market, position, total)
    parts = split(abs(quote), [lots for _, lots in shares])
    for (winner, lots), part in zip(shares, parts, strict=True):
        signed, paid = lots if long else -lots, part if quote >= 0 else -part
        hand_over(state, estate.account, state.accounts[winner], market, signed, paid)
        state.events.append(
            Deleveraged(estate.account.id, estate.market, winner, market.params.id, Lots(-signed), MicroUsd(paid))
        )


def _give_to_fund(state: State, estate: Estate, market: Market, position: Position) -> None:
    """Nobody on the other side can bear it alone: together they bear what the fund cannot."""
    size = position.size
    quote = quote_of(estate, market, position, abs(size))
    spread(state, estate, market, Side.SELL if size > 0 else Side.BUY, quote - size * market.mark)
    hand_over(state, estate.account, state.accounts[INSURANCE_ACCOUNT], market, size, size * market.mark)
    state.events.append(
        PositionTakenOver(
            estate.account.id, estate.market, INSURANCE_ACCOUNT, market.params.id, Lots(size), MicroUsd(size * market.mark)
        )
    )
    unwind.begin(state, INSURANCE_ACCOUNT)
