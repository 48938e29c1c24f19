"""Place orders at even steps between two prices, their sizes rising or falling evenly: one signed action, expanded by rule.

Roundings: a price is rounded to the tick away from the other side of the book (a buy's down, a sell's up), so that no order is dearer than
its step; sizes are cut from the whole at floor(whole x weight so far / all weights), so that they add up to it exactly.
"""

from dataclasses import replace

from node.core.num import div_floor
from node.core.outcome import Outcome, Rejected
from node.core.state import Account, Market, State
from node.core.transitions.place_orders import place_each
from proto.intents import OrderSpec, OrderType, PlaceScale, Side
from proto.reject import RejectCode
from proto.units import CLIENT_ID_MAX, PPM, Lots, Price, tick_is_valid, tick_size


def _on_tick(price: int, side: Side, size_decimals: int) -> int:
    """The nearest price on tick that is no better for the other side."""
    if tick_is_valid(price, size_decimals):
        return price
    step = tick_size(price, size_decimals)
    down = price - price % step
    return down if side == Side.BUY else down + step


def expand(market: Market, intent: PlaceScale) -> tuple[OrderSpec, ...]:
    """The orders that the action stands for, from its first price to its last."""
    first, last, steps = intent.order.price, intent.last_price, intent.count - 1
    # Weights fall or rise in equal steps from PPM to `skew`, all times `steps`, so that each is whole.
    weights = [PPM * steps + (intent.skew - PPM) * at for at in range(intent.count)]
    total, seen, cut = sum(weights), 0, 0
    orders = []
    for at, weight in enumerate(weights):
        seen += weight
        upto = div_floor(intent.order.size * seen, total)
        price = first + div_floor((last - first) * at, steps)
        client_id = intent.order.client_id + at if intent.order.client_id else 0
        orders.append(
            replace(
                intent.order, price=Price(_on_tick(price, intent.order.side, market.params.size_decimals)),
                size=Lots(upto - cut), client_id=client_id,
            )
        )  # fmt: skip
        cut = upto
    return tuple(orders)


def check(state: State, intent: PlaceScale) -> Market | RejectCode:
    """Decide without touching `state`; what each order needs is checked when it is placed."""
    market = state.markets.get(intent.order.market)
    if market is None:
        return RejectCode.MARKET_UNKNOWN
    if intent.order.order_type != OrderType.LIMIT or intent.order.client_id + intent.count > CLIENT_ID_MAX:
        return RejectCode.SCALE_INVALID
    if intent.order.price == 0 or intent.last_price == 0:
        return RejectCode.ORDER_PRICE_ZERO
    return market


def transition(state: State, account: Account, intent: PlaceScale) -> Outcome:
    """Place the orders, each with a result of its own."""
    market = check(state, intent)
    return Rejected(market) if isinstance(market, RejectCode) else place_each(state, account, expand(market, intent))
