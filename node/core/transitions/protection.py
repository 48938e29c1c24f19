"""Set, take away and reset a market maker's protection in a market."""

from node.core.book import protection as bounds
from node.core.outcome import Applied, Outcome, Rejected, ValueResult
from node.core.state import Account, Protection, State
from proto.events import ProtectionSet
from proto.ids import MarketId
from proto.intents import ResetProtection, SetProtection
from proto.reject import RejectCode
from proto.units import Lots


def _announce(state: State, account: Account, market: MarketId, found: Protection | None) -> Applied:
    bounds.touch(state, account.id)
    terms = (found.window_ms, found.freeze_ms, found.quantity, found.delta) if found else (0, 0, Lots(0), Lots(0))
    state.events.append(ProtectionSet(account.id, market, *terms))
    return Applied(tuple(state.events), (ValueResult(0),))


def set_bounds(state: State, account: Account, intent: SetProtection) -> Outcome:
    """Guard the account's quotes there from now on, in a new window; a window of 0 ends it."""
    if intent.market not in state.markets:
        return Rejected(RejectCode.MARKET_UNKNOWN)
    if intent.window_ms == 0:
        if account.protections.pop(intent.market, None) is None:
            return Rejected(RejectCode.PROTECTION_UNKNOWN)
        if not account.protections:
            del state.protected[account.id]
        return _announce(state, account, intent.market, None)
    if not (intent.quantity or intent.delta):
        return Rejected(RejectCode.PROTECTION_INVALID)
    made = Protection(intent.window_ms, intent.freeze_ms, Lots(intent.quantity), Lots(intent.delta))
    account.protections[intent.market] = made
    state.protected[account.id] = None
    return _announce(state, account, intent.market, made)


def reset(state: State, account: Account, intent: ResetProtection) -> Outcome:
    """Begin a new window, frozen or not."""
    found = account.protections.get(intent.market)
    if found is None:
        return Rejected(RejectCode.PROTECTION_UNKNOWN)
    account.protections[intent.market] = made = Protection(found.window_ms, found.freeze_ms, found.quantity, found.delta)
    return _announce(state, account, intent.market, made)
