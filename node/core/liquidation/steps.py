"""One bounded unit of bringing an estate back above maintenance: which of the steps is due.

1 cancel what adds risk; 2 reduce in the book; 3 is open to bidders all the while (node.core.transitions.take_over); 4 close out what is too
far behind: vault, fund; 5 the fund covers a shortfall; 6 auto-deleveraging; 7 socialised loss. Each is a module of its own.
"""

from typing import Final

from node.core.ledger.guards import deficit_seen
from node.core.liquidation import backstop, cancel, deleverage, work
from node.core.liquidation.estate import Estate, estate_of
from node.core.liquidation.insurance import cover
from node.core.liquidation.reduce import RETRY_MS, reduce
from node.core.liquidation.socialise import spread_over_both
from node.core.state import LiquidateWork, State
from proto.events import LiquidationEnded
from proto.ids import BACKSTOP_ACCOUNT, INSURANCE_ACCOUNT
from proto.units import MicroUsd

DEBT_RETRY_MS: Final = 60_000  # When neither the fund nor anybody else can pay a debt.


def step(state: State, item: LiquidateWork) -> None:
    """Work one unit on a queued liquidation."""
    estate = estate_of(state, state.accounts[item.account], item.market)
    if estate.equity < 0:
        deficit_seen(state)
    if estate.equity >= estate.maintenance:
        _end(state, item, estate)
    elif estate.is_healthy():  # Spared while prices are unfit; the clock of the takeover goes on.
        work.postpone(state, item, RETRY_MS)
    elif item.target:
        deleverage.unit(state, item, estate)
    elif estate.fit:
        _work_on(state, item, estate)
    elif estate.held:
        work.postpone(state, item, RETRY_MS)
    else:
        _settle_debt(state, item, estate)


def _work_on(state: State, item: LiquidateWork, estate: Estate) -> None:
    behind = estate.is_behind(state.params.liquidation.backstop_ppm)
    orders = cancel.open_of(state, estate, all_of_them=behind)
    if orders:
        cancel.cancel(state, estate, orders)
    elif not behind:
        reduce(state, item, estate)
    elif backstop.close_out(state, item, estate):
        _end(state, item, estate_of(state, estate.account, item.market))


def _settle_debt(state: State, item: LiquidateWork, estate: Estate) -> None:
    """Nothing is held, and cash and collateral are below zero together."""
    orders = cancel.open_of(state, estate, all_of_them=True)
    if orders:
        cancel.cancel(state, estate, orders)
        return
    missing = cover(state, estate, -estate.equity)
    if missing and not spread_over_both(state, estate, missing):
        work.postpone(state, item, DEBT_RETRY_MS)
        return
    estate = estate_of(state, estate.account, item.market)
    if estate.account.cash < 0:  # What collateral stands against.
        backstop.settle_rest(state, estate, BACKSTOP_ACCOUNT if backstop.may_serve(state, estate) else INSURANCE_ACCOUNT)
    _end(state, item, estate)


def _end(state: State, item: LiquidateWork, estate: Estate) -> None:
    work.finish(state, item)
    state.events.append(
        LiquidationEnded(estate.account.id, estate.market, MicroUsd(estate.equity), MicroUsd(estate.maintenance))
    )
