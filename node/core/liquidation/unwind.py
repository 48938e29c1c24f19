"""What vault and insurance fund took over goes back to the market: reduced in the book near the mark, a part at a time.

One item for each of the two while it holds anything. A unit takes the next position by market and offers a slice of it to those who bid
within a tolerance of the mark; there is no hurry, so what nobody bids for waits.
"""

from node.core.liquidation import work
from node.core.liquidation.reduce import market_order
from node.core.num import div_ceil, div_floor
from node.core.price.mark import band
from node.core.price.status import may_liquidate
from node.core.state import State, UnwindWork
from proto.ids import AccountId, MarketId
from proto.intents import Side
from proto.units import PPM, TimeMs


def begin(state: State, number: AccountId) -> None:
    """See to it that what the account holds is being reduced."""
    if number not in state.unwinding:
        wait = state.params.liquidation.unwind_wait_ms
        work.add(state, UnwindWork(number, MarketId(0), TimeMs(state.time + wait)))


def unit(state: State, item: UnwindWork) -> None:
    """Offer a slice of the next position, or end where nothing is held."""
    account = state.accounts[item.account]
    held = sorted(number for number, position in account.positions.items() if position.size)
    if not held:
        work.finish(state, item)
        return
    item.market = next((number for number in held if number > item.market), held[0])
    market, position = state.markets[item.market], account.positions[item.market]
    if may_liquidate(state, market):
        rules = state.params.liquidation
        low, high = band(market.mark, rules.unwind_ppm)
        lots = abs(position.size)
        if lots * market.mark > rules.slice_notional:
            lots = max(div_ceil(lots * rules.slice_ppm, PPM), div_floor(rules.slice_notional, market.mark))
        if position.size > 0:
            market_order(state, account.id, market, Side.SELL, lots, low)
        else:
            market_order(state, account.id, market, Side.BUY, lots, high)
    work.postpone(state, item, state.params.liquidation.unwind_wait_ms)
