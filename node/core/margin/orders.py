"""Whether an order may be taken.

An order is accepted if initial margin holds for the worse of (position + open buys) and (position - open sells) with it included, its fee
paid; one that only reduces is also accepted where equity/maintenance does not get worse (StarkEx's rule for reducing trades).
"""

from node.core.book.execute import fee_of
from node.core.margin.account import health, market_initial, position_value, resting_losses, side_requirement
from node.core.margin.tiers import requirement
from node.core.state import Account, Market, Position, State
from proto.intents import Side
from proto.units import MicroUsd


def initial_with(market: Market, position: Position | None, side: Side, lots: int, price: int) -> int:
    """Initial requirement in one market with one more open order."""
    size, buys, sells, buy_loss, sell_loss = 0, 0, 0, 0, 0
    if position is not None:
        size, buys, sells = position.size, position.buy_lots, position.sell_lots
        buy_loss, sell_loss = resting_losses(market, position)
    beyond = lots * (price - market.mark)  # What the order itself would lose against the mark, or if negative gain.
    if side == Side.BUY:
        return side_requirement(
            market, size, buys + lots, sells, buy_loss + beyond if beyond > 0 else buy_loss, sell_loss
        )
    return side_requirement(market, size, buys, sells + lots, buy_loss, sell_loss - beyond if beyond < 0 else sell_loss)


def order_fits(
    state: State, account: Account, market: Market, mine: Position | None, side: Side, lots: int, price: int
) -> bool:
    """Whether initial margin holds with an order of `lots` at `price` added and its taker fee paid.

    `mine` is the account's record in the market, without the order that this one replaces.
    """
    value, need = int(account.cash), 0
    for number, position in account.positions.items():
        here = market if number == market.params.id else state.markets[number]
        if position.size:
            value += position_value(position, here)
        if here is not market:
            need += market_initial(position, here)
    need += initial_with(market, mine, side, lots, price)
    return value - fee_of(lots * price, state.params.fees.taker_ppm) >= need


def only_reduces(position: Position | None, side: Side, lots: int) -> bool:
    """Whether an order, with all open ones on its side, could not do more than close the position."""
    if position is None:
        return False
    if side == Side.BUY:
        return lots + position.buy_lots <= -position.size
    return lots + position.sell_lots <= position.size


def reducing_is_sound(state: State, account: Account, market: Market, side: Side, lots: int, price: int) -> bool:
    """Whether filling a reducing order at its own price leaves equity/maintenance no worse; ratios cross-multiplied."""
    value, need = health(state, account)
    position = account.positions[market.params.id]
    signed = lots if side == Side.BUY else -lots
    after_value = value + signed * (market.mark - price) - fee_of(lots * price, state.params.fees.taker_ppm)
    before = requirement(market.maintenance, abs(position.size) * market.mark)
    after_need = need - before + requirement(market.maintenance, abs(position.size + signed) * market.mark)
    return after_value * need >= value * after_need


def order_margin(market: Market, position: Position | None, side: Side, lots: int, price: int) -> MicroUsd:
    """Initial margin that one more order would add to what the account needs now, fee not included."""
    now = market_initial(position, market) if position is not None else 0
    return MicroUsd(initial_with(market, position, side, lots, price) - now)
