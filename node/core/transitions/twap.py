"""Start and cancel time-sliced orders. The first slice is traded by the work tick that follows."""

from typing import Final

from node.core.book.match import reducible
from node.core.num import div_floor
from node.core.outcome import Applied, Outcome, Rejected, ValueResult
from node.core.price.status import refusal_of_orders
from node.core.state import Account, State, Twap
from node.core.twap import schedule
from proto.events import CloseReason, TwapPlaced
from proto.ids import OrderId
from proto.intents import CancelTwap, PlaceTwap
from proto.ops import OpKind
from proto.reject import RejectCode

SECONDS_MIN: Final = 300
SECONDS_MAX: Final = 86_400


def check_place(state: State, account: Account, intent: PlaceTwap) -> RejectCode | None:
    """Decide without touching `state`."""
    market = state.markets.get(intent.market)
    if market is None:
        return RejectCode.MARKET_UNKNOWN
    code = refusal_of_orders(state, market)
    if code is not None:
        return code
    if intent.size == 0:
        return RejectCode.ORDER_SIZE_ZERO
    if not SECONDS_MIN <= intent.seconds <= SECONDS_MAX or intent.seconds * 1_000 % schedule.SLICE_MS:
        return RejectCode.TWAP_DURATION
    if len(account.twaps) >= state.params.limits.twaps_per_account:
        return RejectCode.TWAP_LIMIT
    if intent.reduce_only and not reducible(state, account.id, market, intent.side):
        return RejectCode.REDUCE_ONLY_WOULD_INCREASE
    lots = div_floor(intent.size, intent.seconds * 1_000 // schedule.SLICE_MS)
    if lots == 0 or (not intent.reduce_only and lots * market.mark < market.params.minimum_notional):
        return RejectCode.TWAP_SLICE_TOO_SMALL
    return None


def place(state: State, account: Account, intent: PlaceTwap) -> Outcome:
    """Check, then commit."""
    code = check_place(state, account, intent)
    if code is not None:
        return Rejected(code)
    number = state.next_order
    state.next_order = OrderId(number + 1)
    twap = Twap(
        number, account.id, intent.market, intent.side, intent.size, intent.reduce_only, intent.seconds, intent.slippage,
        intent.price, state.time,
    )  # fmt: skip
    schedule.start(state, account, twap)
    terms = (intent.size, intent.reduce_only, intent.seconds, intent.slippage, intent.price)
    state.ops.append((OpKind.TWAP_PLACED, number, account.id, intent.market, intent.side.value, *terms))
    state.events.append(TwapPlaced(number, account.id, intent.market, intent.side, *terms))
    return Applied(tuple(state.events), (ValueResult(number),))


def cancel(state: State, account: Account, intent: CancelTwap) -> Outcome:
    """End one at once; what it has traded stays traded."""
    twap = account.twaps.get(intent.twap_id)
    if twap is None:
        return Rejected(RejectCode.TWAP_UNKNOWN)
    schedule.stop(state, account, twap, CloseReason.USER_CANCELLED)
    return Applied(tuple(state.events), (ValueResult(twap.filled),))
