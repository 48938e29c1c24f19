"""A signed action: signer, nonce, expiry, an agent's rights, then the rules of its kind.

Invariants:
- A signer who is none of the account's, or an unusable nonce, changes nothing at all. From the nonce on, a refusal has used it.
- `perform` is the same for actions that arrive through the L1 queue, where msg.sender is the authority and no nonce is used.
"""

from typing import assert_never

from node.core.hl import transition as hyperliquid
from node.core.hl.resolve import acted_for
from node.core.ledger.signers import agent_refusal, check_nonce, find_signer, use_nonce
from node.core.outcome import Outcome, Rejected
from node.core.state import Account, State
from node.core.transitions import (
    agents,
    amend_order,
    buy_collateral,
    cancel_all,
    cancel_order,
    create_sub_account,
    name_account,
    place_group,
    place_order,
    place_orders,
    place_scale,
    protection,
    schedule_cancel,
    set_leverage,
    take_over,
    transfer,
    twap,
    vault_deposit,
    vault_withdraw,
    withdraw,
)
from proto.hl.actions import HlL1Request, HlUserRequest
from proto.ids import Address
from proto.inputs import UserAction
from proto.intents import (
    AmendOrder,
    AmendOrders,
    ApproveAgent,
    BuyCollateral,
    CancelAll,
    CancelByClientId,
    CancelOrder,
    CancelOrders,
    CancelTwap,
    CreateSubAccount,
    Intent,
    NameAccount,
    PlaceGroup,
    PlaceOrder,
    PlaceOrders,
    PlaceScale,
    PlaceTwap,
    ResetProtection,
    RevokeAgent,
    ScheduleCancel,
    SetLeverage,
    SetProtection,
    TakeOver,
    Transfer,
    VaultDeposit,
    VaultWithdraw,
    Withdraw,
)
from proto.reject import RejectCode


def transition(state: State, action: UserAction, address: Address) -> Outcome:
    """Apply one signed action of the recovered signer `address`."""
    intent = action.intent
    found = find_signer(state, acted_for(state, intent, address), address)
    if isinstance(found, RejectCode):
        return Rejected(found)
    account, signer = found
    code = check_nonce(signer, intent.nonce, state.time)
    if code is not None:
        return Rejected(code)
    use_nonce(state, signer, intent.nonce)
    if intent.expires_after and state.time > intent.expires_after:
        return Rejected(RejectCode.ACTION_EXPIRED)
    if isinstance(intent, HlL1Request | HlUserRequest):
        return hyperliquid.transition(state, account, signer, intent)
    if signer.is_agent:
        code = agent_refusal(state, account, signer, intent)
        if code is not None:
            return Rejected(code)
    return perform(state, account, intent)


def perform(state: State, account: Account, intent: Intent) -> Outcome:
    """The rules of the action's kind, for an authorised account."""
    match intent:
        case PlaceOrder():
            return place_order.transition(state, account, intent)
        case CancelByClientId() | CancelOrder():
            return cancel_order.transition(state, account, intent)
        case AmendOrder():
            return amend_order.transition(state, account, intent)
        case PlaceOrders():
            return place_orders.transition(state, account, intent)
        case CancelOrders():
            return cancel_order.transition_batch(state, account, intent)
        case AmendOrders():
            return amend_order.transition_batch(state, account, intent)
        case PlaceScale():
            return place_scale.transition(state, account, intent)
        case PlaceGroup():
            return place_group.transition(state, account, intent)
        case PlaceTwap():
            return twap.place(state, account, intent)
        case CancelTwap():
            return twap.cancel(state, account, intent)
        case SetProtection():
            return protection.set_bounds(state, account, intent)
        case ResetProtection():
            return protection.reset(state, account, intent)
        case NameAccount():
            return name_account.transition(state, account, intent)
        case CancelAll():
            return cancel_all.transition(state, account, intent)
        case ScheduleCancel():
            return schedule_cancel.transition(state, account, intent)
        case SetLeverage():
            return set_leverage.transition(state, account, intent)
        case BuyCollateral():
            return buy_collateral.transition(state, account, intent)
        case Withdraw():
            return withdraw.transition(state, account, intent)
        case Transfer():
            return transfer.transition(state, account, intent)
        case ApproveAgent():
            return agents.approve(state, account, intent)
        case RevokeAgent():
            return agents.revoke(state, account, intent)
        case TakeOver():
            return take_over.transition(state, account, intent)
        case VaultDeposit():
            return vault_deposit.transition(state, account, intent)
        case VaultWithdraw():
            return vault_withdraw.transition(state, account, intent)
        case CreateSubAccount():
            return create_sub_account.transition(state, account, intent)
        case _ as unreachable:
            assert_never(unreachable)
