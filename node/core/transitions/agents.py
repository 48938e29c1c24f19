"""Approve and revoke agents: keys that may sign trading actions for an account and its sub-accounts.

Invariants: a key is the agent of one account at most, and no account's own when it is approved; it may become one later, and then signs for
both, with nonces of each. A revoked agent's nonces stay while the window could replay what it signed: approved again, it goes on from them.
"""

from node.core.ledger.signers import NONCE_PAST_MS, agent_of
from node.core.outcome import Applied, Outcome, Rejected, ValueResult
from node.core.state import Account, Signer, State, touch_account
from proto.events import AgentApproved, AgentRevoked
from proto.ids import ZERO_ADDRESS
from proto.intents import ApproveAgent, RevokeAgent, market_word
from proto.ops import OpKind
from proto.reject import RejectCode
from proto.units import TimeMs


def check_approve(state: State, account: Account, intent: ApproveAgent) -> RejectCode | None:
    """Decide without touching `state`."""
    if account.master:
        return RejectCode.SUB_ACCOUNT_OF_SUB_ACCOUNT
    if intent.agent == ZERO_ADDRESS:
        return RejectCode.DESTINATION_ZERO
    if intent.valid_until and intent.valid_until <= state.time:
        return RejectCode.AGENT_EXPIRY_PAST
    if any(market not in state.markets for market in intent.markets):
        return RejectCode.MARKET_UNKNOWN
    if agent_of(account, intent.agent) is not None:
        return None
    if intent.agent in state.agents or intent.agent in state.by_address:
        return RejectCode.AGENT_ADDRESS_IN_USE
    if sum(_counts(state, signer) for signer in account.signers) >= state.params.limits.agents_per_account:
        return RejectCode.AGENT_LIMIT
    return None


def _counts(state: State, signer: Signer) -> bool:
    return signer.is_agent and not _forgettable(state, signer)


def _revoked(signer: Signer) -> bool:
    return signer.is_agent and signer.scope == 0


def _forgettable(state: State, signer: Signer) -> bool:
    """A revoked agent whose newest nonce has left the window: nothing it signed can be replayed."""
    return _revoked(signer) and (not signer.nonces or signer.nonces[-1] <= state.time - NONCE_PAST_MS)


def commit_approve(state: State, account: Account, intent: ApproveAgent) -> Applied:
    """Add the agent or change its terms; forget revoked ones that can be forgotten. Cannot fail."""
    for signer in [s for s in account.signers if _forgettable(state, s) and s.address != intent.agent]:
        account.signers.remove(signer)
        del state.agents[signer.address]
        state.ops.append((OpKind.AGENT_REMOVED, account.id, signer.address))
    agent = agent_of(account, intent.agent)
    if agent is None:
        agent = Signer(intent.agent, account.id, is_agent=True, valid_until=TimeMs(0), scope=0, name=bytes(32))
        account.signers.append(agent)
        state.agents[intent.agent] = agent
    agent.valid_until, agent.scope, agent.name = intent.valid_until, intent.scope, intent.name
    agent.markets = intent.markets
    touch_account(state, account)
    terms = (account.id, agent.address, agent.valid_until, agent.scope, agent.name)
    state.ops.append((OpKind.AGENT_SET, *terms, market_word(agent.markets)))
    state.events.append(AgentApproved(*terms, agent.markets))
    return Applied(tuple(state.events), (ValueResult(0),))


def approve(state: State, account: Account, intent: ApproveAgent) -> Outcome:
    """Check, then commit."""
    code = check_approve(state, account, intent)
    return Rejected(code) if code is not None else commit_approve(state, account, intent)


def revoke(state: State, account: Account, intent: RevokeAgent) -> Outcome:
    """Take every right from an agent at once; its nonces are kept until the window makes them worthless."""
    agent = agent_of(account, intent.agent)
    if agent is None or _revoked(agent):
        return Rejected(RejectCode.AGENT_UNKNOWN)
    agent.scope = 0
    touch_account(state, account)
    state.ops.append((OpKind.AGENT_REMOVED, account.id, agent.address))
    state.events.append(AgentRevoked(account.id, agent.address))
    return Applied(tuple(state.events), (ValueResult(0),))
