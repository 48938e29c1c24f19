"""One unit of a time-sliced order: its due slice becomes an immediate-or-cancel order by the same checks as any.

Slice k of n brings what is traded to floor(size x (k + 1) / n), so what did not trade is caught up with, but no slice is larger than three
times ceil(size / n). Each trades at most `slippage` away from the mark and no worse than the order's price. Slices whose time has gone by
are not made up for one by one: the next one catches up. After the last there is one more for what is left, then the order ends. Slices
are not varied at random: whoever re-executes the batch must find the same ones.
"""

from typing import Final

from node.core.num import div_ceil, div_floor
from node.core.outcome import OrderResult
from node.core.state import Account, Market, State, Twap
from node.core.transitions.placing import Meetings, check_order, commit_order
from node.core.twap import schedule
from proto.events import CloseReason, MarketStatus, TwapSliced
from proto.ids import OrderId
from proto.intents import OrderSpec, OrderType, SelfTrade, Side, TimeInForce
from proto.ops import OpKind
from proto.reject import RejectCode
from proto.units import PPM, PRICE_MAX, Lots, MicroUsd, Price

CATCH_UP: Final = 3


def unit(state: State, twap: Twap) -> None:
    """Trade the slice that is due now, or end the order."""
    account = state.accounts[twap.account]
    count = schedule.slices_of(twap)
    now = min(div_floor(state.time - twap.start, schedule.SLICE_MS), count)
    lots = min(div_floor(twap.size * min(now + 1, count), count) - twap.filled, CATCH_UP * div_ceil(twap.size, count))
    code = _slice(state, account, twap, Lots(lots)) if lots > 0 else None
    if twap.filled == twap.size:
        schedule.stop(state, account, twap, CloseReason.FILLED)
    elif code == RejectCode.REDUCE_ONLY_WOULD_INCREASE:
        schedule.stop(state, account, twap, CloseReason.REDUCE_ONLY)
    elif now >= count:
        schedule.stop(state, account, twap, CloseReason.EXPIRED)
    else:
        schedule.advance(state, twap, now + 1)


def _slice(state: State, account: Account, twap: Twap, lots: Lots) -> RejectCode | None:
    """Place one slice and count what it trades; its refusal, if it had one."""
    market = state.markets[twap.market]
    number = state.next_order
    spec = OrderSpec(
        twap.market, twap.side, OrderType.MARKET, TimeInForce.IOC, _limit(market, twap), lots, twap.reduce_only, 0,
        SelfTrade.EXPIRE_MAKER,
    )  # fmt: skip
    decided = check_order(state, account, spec, Meetings(state))
    refused = decided if isinstance(decided, RejectCode) else None
    if refused is None and market.status != MarketStatus.OPEN:
        refused = RejectCode.MARKET_POST_ONLY
    order = number if refused is None else OrderId(0)
    code = refused.value if refused is not None else 0
    state.ops.append((OpKind.TWAP_SLICED, twap.id, order, lots, code))
    state.events.append(TwapSliced(twap.id, account.id, twap.market, order, lots, code))
    if refused is None:
        assert not isinstance(decided, RejectCode), "it was not refused"
        result: OrderResult = commit_order(state, account, decided)
        twap.filled, twap.quote = Lots(twap.filled + result.filled), MicroUsd(twap.quote + result.quote)
    return refused


def _limit(market: Market, twap: Twap) -> Price:
    """The worst price of a slice: so far from the mark, rounded towards it, and no worse than the order's own."""
    if twap.side == Side.BUY:
        near = div_floor(market.mark * (PPM + twap.slippage), PPM)
        return Price(max(min(near, twap.price or near, PRICE_MAX), 1))
    near = div_ceil(market.mark * (PPM - twap.slippage), PPM)
    return Price(max(near, twap.price, 1))
