"""Carry out an action of the Hyperliquid-compatible dialect: resolve it to the venue's own intents and apply their rules.

Invariants:
- There is no second set of rules: orders, cancels, transfers, withdrawals and agents go through the same checks as native ones.
- Signatures of this dialect bind no venue and no deployment. Unless the network's parameters say otherwise, only keys that were approved
  natively for this dialect may use it: such a key exists for one deployment, so nothing it signs was meant for another.
"""

from typing import assert_never

from node.core.hl import accounts
from node.core.hl.modify import modify
from node.core.hl.resolve import market_of, member_spec, trading_intents, twap_intent
from node.core.ledger.scope import refusal_of_agent
from node.core.ledger.switch import fired_today
from node.core.outcome import Applied, Outcome, Rejected, Result, ValueResult, refused_order
from node.core.state import Account, Signer, State
from node.core.transitions import place_group, schedule_cancel, set_leverage, transfer, twap, withdraw
from node.core.transitions.cancel_order import result_of
from node.core.transitions.ending import Open, end, find
from node.core.transitions.placing import Meetings
from proto.events import CloseReason
from proto.hl.actions import (
    HlApproveAgent,
    HlApproveBuilderFee,
    HlCancel,
    HlCancelByCloid,
    HlCreateSubAccount,
    HlGrouping,
    HlL1Request,
    HlModify,
    HlNoop,
    HlPlace,
    HlRegisterReferrer,
    HlRequest,
    HlReserveWeight,
    HlScheduleCancel,
    HlSendAsset,
    HlSetReferrer,
    HlSpotSend,
    HlSubAccountModify,
    HlSubAccountSpotTransfer,
    HlSubAccountTransfer,
    HlTwapCancel,
    HlTwapOrder,
    HlUpdateLeverage,
    HlUsdClassTransfer,
    HlUsdSend,
    HlUserRequest,
    HlWithdraw,
)
from proto.hl.decimals import normal, scaled
from proto.hl.reading import address
from proto.ids import USDC, OrderId
from proto.intents import (
    SCOPE_HYPERLIQUID,
    CancelTwap,
    Grouping,
    ScheduleCancel,
    SetLeverage,
    Transfer,
    Withdraw,
)
from proto.reject import RejectCode
from proto.units import AMOUNT_MAX, AssetUnits, TimeMs

_USDC_DECIMALS = 6
_GROUPINGS = {
    HlGrouping.NONE: Grouping.NONE, HlGrouping.CHILDREN: Grouping.CHILDREN, HlGrouping.POSITION: Grouping.POSITION,
}  # fmt: skip
SCHEDULES_A_DAY = 10


def transition(state: State, account: Account, signer: Signer, request: HlRequest) -> Outcome:
    """Apply a request for the account that its signer may sign for. The nonce was used, and the request has not expired."""
    code = _refusal(state, account, signer, request)
    if code is not None:
        return Rejected(code)
    if isinstance(request, HlUserRequest):
        return _user_signed(state, account, request)
    return _agent_signed(state, account, request)


def _refusal(state: State, account: Account, signer: Signer, request: HlRequest) -> RejectCode | None:
    """Why this key may not sign this in this dialect."""
    if not state.params.dialects.hyperliquid_owners and not (signer.is_agent and signer.scope & SCOPE_HYPERLIQUID):
        return RejectCode.DIALECT_CLOSED
    if not signer.is_agent:
        return None
    if signer.valid_until and state.time > signer.valid_until:
        return RejectCode.AGENT_EXPIRED
    if isinstance(request.action, HlNoop | HlSetReferrer | HlRegisterReferrer | HlReserveWeight | HlApproveBuilderFee):
        return None
    intents = trading_intents(state, account.address, request)
    if intents is None:
        return RejectCode.AGENT_SCOPE
    refusals = (refusal_of_agent(state, account, signer, intent) for intent in intents)
    return next((code for code in refusals if code is not None), None)


def _agent_signed(state: State, account: Account, request: HlL1Request) -> Outcome:
    action = request.action
    match action:
        case HlPlace():
            members = [member_spec(state, order) for order in action.orders]
            return place_group.place(state, account, _GROUPINGS[action.grouping], members)
        case HlCancel():
            found = [(asset, find(state, account, OrderId(oid), 0)) for asset, oid in action.cancels]
            return _cancel(state, account, found)
        case HlCancelByCloid():
            found = [(asset, find(state, account, OrderId(0), cloid)) for asset, cloid in action.cancels]
            return _cancel(state, account, found)
        case HlModify():
            return _modify(state, account, action)
        case HlTwapOrder():
            intent = twap_intent(state, account.address, request, action)
            return Rejected(intent) if isinstance(intent, RejectCode) else twap.place(state, account, intent)
        case HlTwapCancel():
            head = (account.address, request.nonce, request.expires_after)
            return twap.cancel(state, account, CancelTwap(*head, OrderId(action.twap_id)))
        case HlScheduleCancel():
            head = (account.address, request.nonce, request.expires_after)
            if action.time and fired_today(state, account) >= SCHEDULES_A_DAY:
                return Rejected(RejectCode.SCHEDULE_LIMIT)
            return schedule_cancel.transition(state, account, ScheduleCancel(*head, action.time or TimeMs(0)))
        case HlUpdateLeverage():
            return _leverage(state, account, action)
        case HlSubAccountTransfer() | HlSubAccountSpotTransfer():
            return accounts.move(state, account, request, action)
        case HlCreateSubAccount():
            return accounts.create(state, account, request, action)
        case HlSubAccountModify():
            return accounts.rename(state, account, action)
        case HlNoop() | HlSetReferrer() | HlRegisterReferrer() | HlReserveWeight():
            return _nothing(state)
        case _ as unreachable:
            assert_never(unreachable)


def _nothing(state: State) -> Outcome:
    return Applied(tuple(state.events), (ValueResult(0),))


def _cancel(state: State, account: Account, found: list[tuple[int, Open | RejectCode]]) -> Outcome:
    """Cancel what is open, each with a result of its own; an order named twice, or in another market, is unknown."""
    results: list[Result] = []
    for asset, order in found:
        if isinstance(order, RejectCode):
            results.append(refused_order(order))
        elif _is_gone(state, account, order) or market_of(state, asset) is not state.markets[order.market]:
            results.append(refused_order(RejectCode.ORDER_UNKNOWN))
        else:
            end(state, account, order, CloseReason.USER_CANCELLED)
            results.append(result_of(order))
    return Applied(tuple(state.events), tuple(results))


def _is_gone(state: State, account: Account, item: Open) -> bool:
    """Whether an item before it in the action has ended it."""
    return item.id not in state.orders and item.id not in account.triggers


def _modify(state: State, account: Account, action: HlModify) -> Outcome:
    meetings = Meetings(state)
    results = [modify(state, account, target, order, meetings) for target, order in action.modifies]
    return Applied(tuple(state.events), tuple(results))


def _leverage(state: State, account: Account, action: HlUpdateLeverage) -> Outcome:
    """SetLeverage; the market's highest is what there is without a choice, and 0 is none."""
    market = market_of(state, action.asset)
    if market is None:
        return Rejected(RejectCode.MARKET_UNKNOWN)
    if action.leverage == 0:
        return Rejected(RejectCode.LEVERAGE_NOT_OFFERED)
    leverage = 0 if action.leverage == market.params.tiers[0].leverage_max else action.leverage
    head = (account.address, 0, TimeMs(0))
    return set_leverage.transition(state, account, SetLeverage(*head, market.params.id, leverage, not action.is_cross))


def _user_signed(state: State, account: Account, request: HlUserRequest) -> Outcome:
    action, head = request.action, (account.address, request.nonce, request.expires_after)
    match action:
        case HlUsdSend():
            sent = _micro_usd(action.amount)
            if sent is None:
                return Rejected(RejectCode.FIELD_OUT_OF_RANGE)
            return transfer.transition(state, account, Transfer(*head, address(action.destination), USDC, sent))
        case HlWithdraw():
            taken = _micro_usd(action.amount)
            if taken is None:
                return Rejected(RejectCode.FIELD_OUT_OF_RANGE)
            return withdraw.transition(state, account, Withdraw(*head, address(action.destination), USDC, taken))
        case HlApproveAgent():
            return accounts.approve(state, account, request, action)
        case HlSpotSend() | HlSendAsset():
            return accounts.send(state, account, request, action)
        case HlApproveBuilderFee() | HlUsdClassTransfer():
            return _nothing(state)
        case _ as unreachable:
            assert_never(unreachable)


def _micro_usd(amount: str) -> AssetUnits | None:
    """Whole micro-USDC, or None where it is no amount that could be sent."""
    units = scaled(normal(amount), _USDC_DECIMALS)
    return None if units is None or units > AMOUNT_MAX else AssetUnits(units)
