"""Which prices are good enough for what: one table for every action (Drift, oracle validity).

Prices get worse in steps; each action names the worst step at which it is still done. What takes from users what is theirs stops first,
what lets them out stops last, and a cancel never stops. Who is refused for a price is told so (INDEX_STALE), never that margin is missing.
Freshness ends by time alone: an index whose reports stop is stale from `fresh_until` on, even before a tick says so.
"""

from enum import IntEnum, unique
from typing import Final

from node.core.state import Account, Index, Market, State
from proto.events import BreakerCause, IndexStatus
from proto.ids import USDC, IndexId
from proto.reject import RejectCode


@unique
class Validity(IntEnum):
    """What a price is worth, best first."""

    VALID = 0
    UNCERTAIN = 1  # Fresh, but the publishers' spread is wider than `confidence_ppm`.
    VOLATILE = 2  # Fresh, but after a deep move the index is not calm yet.
    STALE = 3  # No fresh quorum.
    LOST = 4  # None for `cancel_only_ms`.
    DEAD = 5  # None for `halt_ms`.
    MISSING = 6  # There never was one.


@unique
class Action(IntEnum):
    """What is done with a price."""

    LIQUIDATE = 0
    TAKE_OVER = 1
    OPEN_RISK = 2
    FUNDING = 3
    REDUCE = 4
    WITHDRAW = 5
    TRANSFER = 6
    CANCEL = 7


WORST: Final[dict[Action, Validity]] = {
    Action.LIQUIDATE: Validity.VALID,  # A wrong price would take a position that was sound.
    Action.TAKE_OVER: Validity.VALID,
    Action.OPEN_RISK: Validity.VOLATILE,  # As far as the market's status lets it.
    Action.FUNDING: Validity.VOLATILE,  # Nobody pays by a price that nobody vouches for; the samples wait.
    Action.REDUCE: Validity.STALE,  # Until the market takes cancels only.
    Action.WITHDRAW: Validity.STALE,  # For accounts that the price stands behind; others may always leave.
    Action.TRANSFER: Validity.STALE,
    Action.CANCEL: Validity.MISSING,
}
"""The worst price at which each action is still done."""


def index_of(state: State, market: Market) -> Index:
    """The index a market follows."""
    return state.indices[market.params.index]


def is_fresh(state: State, index: Index) -> bool:
    """Whether a quorum of reports agrees and is fresh at the state's time."""
    return index.status <= IndexStatus.UNCERTAIN and state.time <= index.fresh_until


def index_validity(state: State, index: Index) -> Validity:
    """What an index is worth at the state's time."""
    if index.price == 0:
        return Validity.MISSING
    if is_fresh(state, index):
        return Validity.UNCERTAIN if index.status == IndexStatus.UNCERTAIN else Validity.VALID
    age = state.time - index.fresh_until
    if age >= state.params.oracle.halt_ms:
        return Validity.DEAD
    return Validity.LOST if age >= state.params.oracle.cancel_only_ms else Validity.STALE


def validity(state: State, market: Market) -> Validity:
    """What a market's index and mark are worth at the state's time."""
    if market.mark == 0:
        return Validity.MISSING
    found = index_validity(state, index_of(state, market))
    if found < Validity.VOLATILE and market.breaker.cause == BreakerCause.DEEP_MOVE:
        return Validity.VOLATILE
    return found


def allows(state: State, market: Market, action: Action) -> bool:
    """Whether the market's prices are good enough for an action."""
    return validity(state, market) <= WORST[action]


def refusal(state: State, account: Account, action: Action, market: Market | None = None) -> RejectCode | None:
    """INDEX_STALE where a price that the account's worth hangs on, or the market's, is too bad for an action; else None."""
    worst = WORST[action]
    if market is not None and validity(state, market) > worst:
        return RejectCode.INDEX_STALE
    for number, position in account.positions.items():
        if position.size and validity(state, state.markets[number]) > worst:
            return RejectCode.INDEX_STALE
    return None


def borrows(state: State, account: Account, action: Action) -> RejectCode | None:
    """INDEX_STALE where other collateral than USDC stands behind positions or debt, and its price is too bad for an action."""
    if account.cash >= 0 and not account.positions:
        return None
    for asset in account.balances:
        index = state.params.assets[asset].index if asset < len(state.params.assets) else IndexId(0)
        if asset != USDC and index and index_validity(state, state.indices[index]) > WORST[action]:
            return RejectCode.INDEX_STALE
    return None


def is_any_stale(state: State, account: Account, market: Market | None = None) -> bool:
    """Whether a price that the account's margin hangs on has no fresh quorum: then margin is not what is missing."""
    markets = [state.markets[number] for number, position in account.positions.items() if position.size or position.orders]
    if market is not None:
        markets.append(market)
    return any(validity(state, item) >= Validity.STALE for item in markets)
