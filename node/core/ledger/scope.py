"""What an agent may do: trading actions, in the markets of its scope, reduce-only orders alone where its scope says so.

Money never moves by an agent's signature. An action that names an order that is not there passes here: the action's own rule refuses it.
"""

from node.core.state import Account, Order, Signer, State, Trigger
from proto.ids import ALL_MARKETS, MarketId, OrderId
from proto.intents import (
    SCOPE_REDUCE_ONLY,
    SCOPE_TRADE,
    AmendOrder,
    AmendOrders,
    CancelAll,
    CancelByClientId,
    CancelOrder,
    CancelOrders,
    CancelTwap,
    Intent,
    OrderSpec,
    PlaceGroup,
    PlaceOrder,
    PlaceOrders,
    PlaceScale,
    PlaceTwap,
    ResetProtection,
    ScheduleCancel,
    SetLeverage,
    SetProtection,
    TakeOver,
)
from proto.reject import RejectCode


def refusal_of_agent(state: State, account: Account, agent: Signer, intent: Intent) -> RejectCode | None:
    """Why the agent may not sign this for the account, or None."""
    if not agent.scope & SCOPE_TRADE:
        return RejectCode.AGENT_SCOPE
    match intent:
        case PlaceOrder():
            return _of_order(agent, intent.order)
        case CancelByClientId():
            return _of_resting(agent, account.clients.get(intent.client_id), changes=False)
        case CancelOrder():
            return _of_resting(agent, _by_id(state, intent.order_id), changes=False)
        case AmendOrder():
            return _of_resting(agent, _named(state, account, intent.order_id, intent.client_id), changes=True)
        case PlaceOrders():
            return _first([_of_order(agent, order) for order in intent.orders])
        case PlaceScale():
            return _of_order(agent, intent.order)
        case PlaceGroup():
            orders = [*intent.orders, *(trigger.order for trigger in intent.triggers)]
            return _first([_of_order(agent, order) for order in orders])
        case PlaceTwap():
            if agent.scope & SCOPE_REDUCE_ONLY and not intent.reduce_only:
                return RejectCode.AGENT_REDUCE_ONLY
            return _of_market(agent, intent.market)
        case CancelTwap():
            twap = account.twaps.get(intent.twap_id)
            return None if twap is None else _of_market(agent, twap.market)
        case CancelOrders():
            found = [_by_id(state, number) for number in intent.order_ids]
            found += [account.clients.get(number) for number in intent.client_ids]
            return _first([_of_resting(agent, order, changes=False) for order in found])
        case AmendOrders():
            named = [_named(state, account, row.order_id, row.client_id) for row in intent.amends]
            return _first([_of_resting(agent, order, changes=True) for order in named])
        case CancelAll() | SetProtection() | ResetProtection():
            return _of_market(agent, intent.market)
        case TakeOver() | SetLeverage():
            return RejectCode.AGENT_REDUCE_ONLY if agent.scope & SCOPE_REDUCE_ONLY else _of_market(agent, intent.market)
        case ScheduleCancel():
            return _of_market(agent, ALL_MARKETS)
        case _:
            return RejectCode.AGENT_SCOPE


def _first(refusals: list[RejectCode | None]) -> RejectCode | None:
    """An action with one part outside the scope is refused whole."""
    return next((code for code in refusals if code is not None), None)


def _by_id(state: State, order_id: OrderId) -> Order | Trigger | None:
    return state.orders.get(order_id) or state.triggers.get(order_id)


def _named(state: State, account: Account, order_id: OrderId, client_id: int) -> Order | Trigger | None:
    return _by_id(state, order_id) if order_id else account.clients.get(client_id)


def _of_market(agent: Signer, market: MarketId) -> RejectCode | None:
    """A scope of some markets never holds all of them."""
    return None if not agent.markets or market in agent.markets else RejectCode.AGENT_MARKET


def _of_order(agent: Signer, order: OrderSpec) -> RejectCode | None:
    if agent.scope & SCOPE_REDUCE_ONLY and not order.reduce_only:
        return RejectCode.AGENT_REDUCE_ONLY
    return _of_market(agent, order.market)


def _of_resting(agent: Signer, order: Order | Trigger | None, *, changes: bool) -> RejectCode | None:
    if order is None:
        return None
    if changes and agent.scope & SCOPE_REDUCE_ONLY and not order.reduce_only:
        return RejectCode.AGENT_REDUCE_ONLY
    return _of_market(agent, order.market)
