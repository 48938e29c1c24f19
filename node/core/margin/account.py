"""Equity and requirements of an account across its markets.

* equity = cash - unpaid interest + weighted collateral + Σ (size x mark - entry) - unsettled funding and losses.
* maintenance = Σ maintenance requirement of the positions.
* initial = Σ over markets of the worse of (position + open buys) and (position - open sells), each with a bound on the loss that its
  orders would realise against the mark: all of them count as priced at the best price of their book side, which none of them passes.
  (Own prices summed up would let a cheap buy hide a dear one, and money leave that the dear one still needs.)
All amounts micro-USDC.
"""

from typing import NamedTuple

from node.core.ledger.money import interest_due
from node.core.ledger.positions import funding_due, loss_due
from node.core.margin.collateral import initial_collateral, maintenance_collateral
from node.core.margin.fractions import Terms, initial_requirement, maintenance_requirement, terms_of
from node.core.state import Account, Market, Position, State
from proto.units import MicroUsd


class MarginSummary(NamedTuple):
    """An account's margin at the current marks."""

    equity: MicroUsd
    initial: MicroUsd
    maintenance: MicroUsd
    free: MicroUsd  # What cash could leave: min(cash, equity with initial weights - initial), not below 0.
    surplus: MicroUsd  # Equity with the initial weights of collateral, less initial: below 0 no new risk is taken.


def position_value(position: Position, market: Market) -> int:
    """Unrealised profit less unsettled funding and losses."""
    if position.size == 0:
        return 0
    return position.size * market.mark - position.entry - funding_due(position, market) - loss_due(position, market)


def market_initial(state: State, account: Account, position: Position, market: Market) -> int:
    """Initial requirement of position and open orders in one market."""
    buy_loss, sell_loss = resting_losses(market, position)
    terms = terms_of(state, account, market)
    return side_requirement(terms, position.size, position.buy_lots, position.sell_lots, buy_loss, sell_loss)


def resting_losses(market: Market, position: Position) -> tuple[int, int]:
    """The most that the open buys, and the open sells, could realise against the mark; reduce-only ones fill up to the position."""
    mark, bids, asks = market.mark, market.bids.keys, market.asks.keys
    buy_loss = sell_loss = 0
    if bids and bids[-1] > mark:
        buy_loss = (bids[-1] - mark) * (position.buy_lots + min(position.reduce_buys, max(-position.size, 0)))
    if asks and -asks[-1] < mark:  # Keys of asks are negated prices.
        sell_loss = (mark + asks[-1]) * (position.sell_lots + min(position.reduce_sells, max(position.size, 0)))
    return buy_loss, sell_loss


def side_requirement(terms: Terms, size: int, buy_lots: int, sell_lots: int, buy_loss: int, sell_loss: int) -> int:
    """The worse of all buys filled and all sells filled."""
    bought = initial_requirement(terms, size + buy_lots) + buy_loss
    if size >= 0 and not sell_lots and not sell_loss:
        return bought  # Not for a short: the buys that would close it may never fill.
    sold = initial_requirement(terms, size - sell_lots) + sell_loss
    return bought if bought >= sold else sold


def equity(state: State, account: Account) -> int:
    """Account value with the maintenance weights of collateral; also with positions in markets that never had a mark (they have none)."""
    return _net_cash(state, account) + maintenance_collateral(state, account) + _positions_value(state, account)


def initial_equity(state: State, account: Account) -> int:
    """Account value with the initial weights of collateral: what new risk and money that leaves are judged by."""
    return _net_cash(state, account) + initial_collateral(state, account) + _positions_value(state, account)


def _net_cash(state: State, account: Account) -> int:
    return account.cash - interest_due(state, account)


def _positions_value(state: State, account: Account) -> int:
    total = 0
    for market_id, position in account.positions.items():
        if position.size:
            total += position_value(position, state.markets[market_id])
    return total


def health(state: State, account: Account) -> tuple[int, int]:
    """(equity, maintenance). Liquidatable iff equity < maintenance, strictly."""
    value, need = _net_cash(state, account), 0
    if account.balances:
        value += maintenance_collateral(state, account)
    for market_id, position in account.positions.items():
        if position.size:
            market = state.markets[market_id]
            value += position_value(position, market)
            need += maintenance_requirement(market, abs(position.size) * market.mark)
    return value, need


def initial_of(state: State, account: Account) -> int:
    """Initial requirement of all positions and open orders."""
    markets = state.markets
    return sum(market_initial(state, account, row, markets[number]) for number, row in account.positions.items())


def summary(state: State, account: Account) -> MarginSummary:
    """Everything an account wants to know about its margin."""
    value, maintenance = health(state, account)
    initial = initial_of(state, account)
    surplus = initial_equity(state, account) - initial
    free = max(min(account.cash, surplus), 0)
    return MarginSummary(MicroUsd(value), MicroUsd(initial), MicroUsd(maintenance), MicroUsd(free), MicroUsd(surplus))
