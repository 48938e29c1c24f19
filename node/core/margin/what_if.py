"""What an account would look like after given orders and price moves: a pure function that leaves the state as it is.

The account and what a trade writes are copied, orders are filled in the copy by the ledger's own rules with their taker fee, marks
are moved, and the copy is asked what any account is asked. Orders come first, at the prices given; then the moves. Nothing says that
an order would be filled at its price or taken at all; `allowed` tells whether initial margin holds in the end.
"""

from dataclasses import replace
from typing import NamedTuple

from node.core.book.execute import fee_of
from node.core.ledger.money import credit
from node.core.ledger.positions import drop_if_empty, trade
from node.core.margin.account import summary
from node.core.margin.default_odds import Outlook, outlook_of
from node.core.margin.fractions import maintenance_requirement
from node.core.margin.liquidation_price import liquidation_price
from node.core.num import clamp, div_half_up
from node.core.state import Account, Market, RiskIndex, State
from proto.events import BalanceReason
from proto.ids import INSURANCE_ACCOUNT, USDC, MarketId
from proto.intents import Side
from proto.units import PPM, PRICE_MAX, Lots, MicroUsd, Price


class SupposedOrder(NamedTuple):
    """An order as if it were filled. `price` 0 means the mark."""

    market: MarketId
    side: Side
    size: Lots
    price: Price


class SupposedMove(NamedTuple):
    """A market's mark moved by `ppm` of itself; negative: down."""

    market: MarketId
    ppm: int


class SupposedPosition(NamedTuple):
    """A position as it would be."""

    market: MarketId
    size: Lots
    entry: MicroUsd
    mark: Price
    unrealised: MicroUsd
    maintenance: MicroUsd
    liquidation_price: Price  # 0: no mark of this market alone would lead there.


class Supposition(NamedTuple):
    """The account as it would be."""

    equity: MicroUsd
    initial: MicroUsd
    maintenance: MicroUsd
    free: MicroUsd
    fees: MicroUsd
    allowed: bool  # Initial margin holds.
    liquidatable: bool  # Equity is below maintenance.
    outlook: Outlook
    positions: tuple[SupposedPosition, ...]


def what_if(
    state: State, account: Account, orders: tuple[SupposedOrder, ...], moves: tuple[SupposedMove, ...]
) -> Supposition:
    """Suppose these orders filled, then these moves. Markets named must exist and have a mark; sizes fit a position."""
    trial, mine = _copy(state, account)
    fees = 0
    for order in orders:
        market = trial.markets[order.market]
        price = order.price or market.mark
        trade(trial, mine, market, order.size if order.side == Side.BUY else -order.size, price)
        fee = fee_of(order.size * price, trial.params.fees.taker_ppm)
        credit(trial, mine, USDC, -fee, BalanceReason.FEE)
        credit(trial, trial.accounts[INSURANCE_ACCOUNT], USDC, fee, BalanceReason.FEE)
        drop_if_empty(mine, mine.positions[order.market])
        fees += fee
    for move in moves:
        market = trial.markets[move.market]
        market.mark = Price(clamp(div_half_up(market.mark * (PPM + move.ppm), PPM), 1, PRICE_MAX))
    margin = summary(trial, mine)
    held = [number for number in sorted(mine.positions) if mine.positions[number].size]
    return Supposition(
        margin.equity, margin.initial, margin.maintenance, margin.free, MicroUsd(fees),
        allowed=margin.surplus >= 0, liquidatable=margin.equity < margin.maintenance,
        outlook=outlook_of(trial, mine), positions=tuple(_position(trial, mine, trial.markets[number]) for number in held),
    )  # fmt: skip


def _copy(state: State, account: Account) -> tuple[State, Account]:
    """A state that shares nothing with the real one that trading and moving marks would write to, and the account in it."""
    mine = _copy_of(account)
    accounts = {mine.id: mine}
    if INSURANCE_ACCOUNT not in accounts:
        accounts[INSURANCE_ACCOUNT] = _copy_of(state.accounts[INSURANCE_ACCOUNT])
    trial = replace(
        state, accounts=accounts, markets={number: replace(market) for number, market in state.markets.items()},
        totals=[replace(totals) for totals in state.totals], risk=RiskIndex(), touched=tuple({} for _ in state.touched),
        events=[], ops=[],
    )  # fmt: skip
    return trial, mine


def _copy_of(account: Account) -> Account:
    return replace(
        account,
        balances=dict(account.balances),
        positions={number: replace(position) for number, position in account.positions.items()},
    )


def _position(state: State, account: Account, market: Market) -> SupposedPosition:
    position = account.positions[market.params.id]
    return SupposedPosition(
        market.params.id, position.size, position.entry, market.mark,
        MicroUsd(position.size * market.mark - position.entry),
        MicroUsd(maintenance_requirement(market, abs(position.size) * market.mark)),
        liquidation_price(state, account, market) or Price(0),
    )  # fmt: skip
