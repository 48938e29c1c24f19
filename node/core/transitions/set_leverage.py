"""Choose the highest leverage of new risk in a market.

Invariant: no choice leaves what is open without its initial requirement; maintenance, and so liquidation, never depends on it.
"""

from dataclasses import replace

from node.core.ledger.settings import set_setting
from node.core.margin.account import initial_equity, initial_of
from node.core.outcome import Applied, Outcome, Rejected, ValueResult
from node.core.state import Account, MarketSetting, State
from proto.intents import SetLeverage
from proto.reject import RejectCode


def check(state: State, account: Account, intent: SetLeverage) -> RejectCode | None:
    """Decide without touching `state`."""
    market = state.markets.get(intent.market)
    if market is None:
        return RejectCode.MARKET_UNKNOWN
    if intent.leverage > market.params.tiers[0].leverage_max:
        return RejectCode.LEVERAGE_NOT_OFFERED
    if intent.isolated:
        return RejectCode.ISOLATED_NOT_OFFERED
    if intent.market not in account.positions:
        return None
    settings = {**account.settings, intent.market: MarketSetting(intent.leverage)}
    wanted = replace(account, settings=settings)
    need, before = initial_of(state, wanted), initial_of(state, account)
    if need > before and initial_equity(state, account) < need:
        return RejectCode.MARGIN_INSUFFICIENT
    return None


def transition(state: State, account: Account, intent: SetLeverage) -> Outcome:
    """Check, then commit."""
    code = check(state, account, intent)
    if code is not None:
        return Rejected(code)
    set_setting(state, account, intent.market, MarketSetting(intent.leverage))
    return Applied(tuple(state.events), (ValueResult(intent.leverage),))
