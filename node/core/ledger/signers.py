"""Nonces and authority: who may sign for which account, and that no signature counts twice.

Invariants:
- Per account and signer the 100 highest nonces are kept; a new one is unseen, above the smallest kept once 100 are kept, and within
  (T - 2 days, T + 1 day), T = stamp. Entries below T - 2 days are dropped at the next use:
  the window alone protects against their replay.
- Agents sign for their master and its sub-accounts, trading actions only, within the scope that the master gave (node.core.ledger.scope).
  Whose agent a key is says nothing about its own account.
"""

from bisect import bisect_left
from typing import Final

from node.core.ledger.accounts import account_at
from node.core.ledger.scope import refusal_of_agent
from node.core.state import Account, Signer, State, touch_account
from proto.ids import Address
from proto.intents import Intent
from proto.ops import OpKind
from proto.reject import RejectCode

NONCES_KEPT: Final = 100
NONCE_PAST_MS: Final = 2 * 86_400_000
NONCE_FUTURE_MS: Final = 86_400_000


def check_nonce(signer: Signer, nonce: int, time: int) -> RejectCode | None:
    """Whether the signer may use this nonce now."""
    if nonce <= time - NONCE_PAST_MS:
        return RejectCode.NONCE_TOO_OLD
    if nonce >= time + NONCE_FUTURE_MS:
        return RejectCode.NONCE_TOO_FAR_AHEAD
    kept = signer.nonces
    if not kept or nonce > kept[-1]:
        return None
    at = bisect_left(kept, nonce)
    if kept[at] == nonce:
        return RejectCode.NONCE_REPLAYED
    if at == 0 and len(kept) >= NONCES_KEPT:
        return RejectCode.NONCE_TOO_OLD
    return None


def use_nonce(state: State, signer: Signer, nonce: int) -> None:
    """Remember the nonce; drop what the window or the count makes superfluous."""
    kept = signer.nonces
    if not kept or nonce > kept[-1]:
        kept.append(nonce)
    else:
        kept.insert(bisect_left(kept, nonce), nonce)
    oldest = state.time - NONCE_PAST_MS
    while kept[0] <= oldest:
        del kept[0]
    if len(kept) > NONCES_KEPT:
        del kept[0]
    touch_account(state, state.accounts[signer.account])
    state.ops.append((OpKind.NONCE_USED, signer.account, signer.address, nonce))


def find_signer(state: State, address: Address, key: Address) -> tuple[Account, Signer] | RejectCode:
    """The account of `address`, and `key` as a signer for it: an owner's, its master's or an agent's. The agents' limit bounds the walk."""
    account = account_at(state, address)
    if account is not None:
        master = state.accounts[account.master] if account.master else account
        for signer in master.signers:
            if signer.address == key:
                return account, signer
    if key not in state.by_address and key not in state.agents:
        return RejectCode.SIGNER_UNKNOWN
    return RejectCode.ACCOUNT_UNKNOWN if account is None else RejectCode.SIGNER_NOT_AUTHORISED


def agent_refusal(state: State, account: Account, agent: Signer, intent: Intent) -> RejectCode | None:
    """Why an agent may not sign this for the account now, or None."""
    if agent.valid_until and state.time > agent.valid_until:
        return RejectCode.AGENT_EXPIRED
    return refusal_of_agent(state, account, agent, intent)


def agent_of(account: Account, address: Address) -> Signer | None:
    """The account's agent with this key, or None."""
    for signer in account.signers:
        if signer.is_agent and signer.address == address:
            return signer
    return None
