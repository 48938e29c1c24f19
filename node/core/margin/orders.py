"""Whether an order may be taken.

An order is accepted if initial margin holds for the worse of (position + open buys) and (position - open sells) with it included, its fee
paid; one that only reduces is also accepted where equity/maintenance does not get worse (StarkEx's rule for reducing trades).
"""

from node.core.book.execute import fee_of
from node.core.margin.account import health, initial_equity, market_initial, resting_losses, side_requirement
from node.core.margin.collateral import borrow_room, initial_collateral, unpriced_collateral
from node.core.margin.fractions import maintenance_requirement, terms_of
from node.core.state import Account, Market, Position, State
from proto.intents import Side
from proto.units import MicroUsd


def initial_with(
    state: State, account: Account, market: Market, position: Position | None, side: Side, lots: int, price: int
) -> int:
    """Initial requirement in one market with one more open order."""
    size, buys, sells, buy_loss, sell_loss = 0, 0, 0, 0, 0
    if position is not None:
        size, buys, sells = position.size, position.buy_lots, position.sell_lots
        buy_loss, sell_loss = resting_losses(market, position)
    terms = terms_of(state, account, market)
    beyond = lots * (price - market.mark)  # What the order itself would lose against the mark, or if negative gain.
    if side == Side.BUY:
        return side_requirement(
            terms, size, buys + lots, sells, buy_loss + beyond if beyond > 0 else buy_loss, sell_loss
        )
    return side_requirement(terms, size, buys, sells + lots, buy_loss, sell_loss - beyond if beyond < 0 else sell_loss)


def order_fits(
    state: State, account: Account, market: Market, mine: Position | None, side: Side, lots: int, price: int
) -> bool:
    """Whether initial margin holds with an order of `lots` at `price` added and its taker fee paid.

    `mine` is the account's record in the market, without the order that this one replaces.
    """
    return order_surplus(state, account, market, mine, side, lots, price) >= 0


def order_surplus(
    state: State, account: Account, market: Market, mine: Position | None, side: Side, lots: int, price: int
) -> int:
    """What would be left of initial equity, or missing, with an order added and its taker fee paid; below 0 too where too much is owed."""
    need = initial_with(state, account, market, mine, side, lots, price)
    for number, position in account.positions.items():
        if number != market.params.id:
            need += market_initial(state, account, position, state.markets[number])
    left = initial_equity(state, account) - fee_of(lots * price, state.params.fees.taker_ppm) - need
    if account.cash < 0:
        left = min(left, borrow_room(state, account, initial_collateral(state, account)))
    return left


def rests_on_stale_prices(state: State, account: Account, surplus: int) -> bool:
    """Whether new risk would be carried by collateral whose price is not fresh, given what would be left with all of it."""
    return bool(account.balances) and surplus < unpriced_collateral(state, account)


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
    before = maintenance_requirement(market, abs(position.size) * market.mark)
    after_need = need - before + maintenance_requirement(market, abs(position.size + signed) * market.mark)
    return after_value * need >= value * after_need


def order_margin(
    state: State, account: Account, market: Market, position: Position | None, side: Side, lots: int, price: int
) -> MicroUsd:
    """Initial margin that one more order would add to what the account needs now, fee not included."""
    now = market_initial(state, account, position, market) if position is not None else 0
    return MicroUsd(initial_with(state, account, market, position, side, lots, price) - now)
