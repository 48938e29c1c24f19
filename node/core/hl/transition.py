"""Carry out an action of the Hyperliquid-compatible dialect: resolve it to the venue's own intents and apply their rules.

Invariants:
- There is no second set of rules: orders, cancels, transfers, withdrawals and agents go through the same checks as native ones.
- Signatures of this dialect bind no venue and no deployment. Unless the network's parameters say otherwise, only keys that were approved
  natively for this dialect may use it: such a key exists for one deployment, so nothing it signs was meant for another.
"""

from typing import assert_never

from node.core.hl.modify import modify
from node.core.hl.resolve import market_of, member_spec, trading_intents, twap_intent
from node.core.ledger.scope import refusal_of_agent
from node.core.outcome import Applied, Outcome, Rejected, Result, ValueResult, refused_order
from node.core.state import Account, Signer, State
from node.core.transitions import agents, place_group, schedule_cancel, set_leverage, transfer, twap, withdraw
from node.core.transitions.cancel_order import result_of
from node.core.transitions.ending import Open, end, find
from node.core.transitions.placing import Meetings
from proto.events import CloseReason
from proto.hl.actions import (
    HlApproveAgent,
    HlApproveBuilderFee,
    HlCancel,
    HlCancelByCloid,
    HlGrouping,
    HlL1Request,
    HlModify,
    HlNoop,
    HlPlace,
    HlRequest,
    HlScheduleCancel,
    HlSetReferrer,
    HlSubAccountTransfer,
    HlTwapCancel,
    HlTwapOrder,
    HlUpdateLeverage,
    HlUsdSend,
    HlUserRequest,
    HlWithdraw,
)
from proto.hl.decimals import normal, scaled
from proto.hl.reading import address
from proto.ids import USDC, OrderId
from proto.intents import (
    NAME_BYTES,
    SCOPE_HYPERLIQUID,
    SCOPE_TRADE,
    ApproveAgent,
    CancelTwap,
    Grouping,
    RevokeAgent,
    ScheduleCancel,
    SetLeverage,
    Transfer,
    Withdraw,
)
from proto.reject import RejectCode
from proto.units import AMOUNT_MAX, TIME_MS_MAX, AssetUnits, TimeMs

_USDC_DECIMALS = 6
_GROUPINGS = {
    HlGrouping.NONE: Grouping.NONE, HlGrouping.CHILDREN: Grouping.CHILDREN, HlGrouping.POSITION: Grouping.POSITION,
}  # fmt: skip
_NAME_CHARS_MAX = 16
_VALID_UNTIL = " valid_until "


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
    if isinstance(request.action, HlNoop | HlSetReferrer | HlApproveBuilderFee):
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
            return schedule_cancel.transition(state, account, ScheduleCancel(*head, action.time or TimeMs(0)))
        case HlUpdateLeverage():
            return _leverage(state, account, action)
        case HlSubAccountTransfer():
            return _sub_account_transfer(state, account, request, action)
        case HlNoop() | HlSetReferrer():
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


def _sub_account_transfer(
    state: State, account: Account, request: HlL1Request, action: HlSubAccountTransfer
) -> Outcome:
    sub_id = state.by_address.get(action.sub_account)
    sub = None if sub_id is None else state.accounts[sub_id]
    if sub is None or sub.master != account.id:
        return Rejected(RejectCode.ACCOUNT_UNKNOWN)
    source, target = (account, sub) if action.is_deposit else (sub, account)
    head = (source.address, request.nonce, request.expires_after)
    return transfer.transition(state, source, Transfer(*head, target.address, USDC, AssetUnits(action.usd)))


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
            return _approve(state, account, request, action)
        case HlApproveBuilderFee():
            return _nothing(state)
        case _ as unreachable:
            assert_never(unreachable)


def _micro_usd(amount: str) -> AssetUnits | None:
    """Whole micro-USDC, or None where it is no amount that could be sent."""
    units = scaled(normal(amount), _USDC_DECIMALS)
    return None if units is None or units > AMOUNT_MAX else AssetUnits(units)


def _approve(state: State, account: Account, request: HlUserRequest, action: HlApproveAgent) -> Outcome:
    """Approve an agent; another one of the same name (also: another without a name) loses its rights, as clients expect."""
    name, marker, until = action.name.partition(_VALID_UNTIL)
    encoded = name.encode()
    if not (until.isascii() and until.isdigit() and len(until) <= len(str(TIME_MS_MAX))) and marker:
        return Rejected(RejectCode.AGENT_NAME_INVALID)
    if (
        len(name) > _NAME_CHARS_MAX
        or len(encoded) > NAME_BYTES
        or "\0" in name
        or (marker and int(until) > TIME_MS_MAX)
    ):
        return Rejected(RejectCode.AGENT_NAME_INVALID)
    head = (account.address, request.nonce, request.expires_after)
    valid_until, padded = TimeMs(int(until) if marker else 0), encoded.ljust(NAME_BYTES, b"\0")
    intent = ApproveAgent(*head, action.agent, valid_until, SCOPE_TRADE | SCOPE_HYPERLIQUID, padded)
    code = agents.check_approve(state, account, intent)
    if code is not None:
        return Rejected(code)
    for former in [signer for signer in account.signers if signer.is_agent and signer.scope & SCOPE_HYPERLIQUID]:
        if former.name == padded and former.address != action.agent:
            agents.revoke(state, account, RevokeAgent(*head, former.address))
    return agents.commit_approve(state, account, intent)
