"""An action that an account's owner sent on L1: msg.sender is the authority, the queue index protects against replay, no nonce is used.

Whatever cannot be done is consumed as a no-op, so that the queue always moves; expiry was judged when it was queued.
"""

from node.core.ledger.accounts import account_at
from node.core.outcome import Applied, Outcome, Rejected
from node.core.state import State
from node.core.transitions.user_action import perform
from proto.batch import action_item_hash, next_queue_hash
from proto.events import QueueItemConsumed
from proto.ids import AccountId
from proto.inputs import QueueItemSeen
from proto.intents import IntentError, decode_intent
from proto.ops import OpKind
from proto.reject import RejectCode


def transition(state: State, item: QueueItemSeen) -> Outcome:
    """Consume the next queue item."""
    if item.index != state.queue_cursor:
        return Rejected(RejectCode.QUEUE_OUT_OF_ORDER)
    state.queue_hash = next_queue_hash(state.queue_hash, action_item_hash(item.index, item.sender, item.payload))
    state.queue_cursor = item.index + 1
    outcome = _perform(state, item)
    code = outcome.code.value if isinstance(outcome, Rejected) else 0
    results = outcome.results if isinstance(outcome, Applied) else ()
    state.ops.append((OpKind.QUEUE_ITEM, item.index, item.sender, code))
    state.events.append(QueueItemConsumed(item.index, code))
    return Applied(tuple(state.events), results)


def _perform(state: State, item: QueueItemSeen) -> Outcome:
    try:
        intent = decode_intent(item.payload)
    except IntentError as error:
        return Rejected(error.code)
    owner = account_at(state, item.sender)
    account = account_at(state, intent.account)
    if owner is None or account is None:
        return Rejected(RejectCode.ACCOUNT_UNKNOWN)
    if owner.master != AccountId(0) or owner.id not in (account.id, account.master):
        return Rejected(RejectCode.SIGNER_NOT_AUTHORISED)
    return perform(state, account, intent)
