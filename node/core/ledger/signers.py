"""Nonces and authority: who may sign for which account, and that no signature counts twice.

Invariants:
- Per signer the 100 highest nonces are kept; a new one is unseen, above the smallest kept once 100 are kept, and within
  (T - 2 days, T + 1 day), T = stamp. Entries below T - 2 days are dropped at the next use:
  the window alone protects against their replay.
- Agents sign for their master and its sub-accounts, trading actions only, within the scope that the master gave (node.core.ledger.scope).
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


def authorise(state: State, signer: Signer, intent: Intent) -> Account | RejectCode:
    """The account acted for, if this signer may do this for it."""
    account = account_at(state, intent.account)
    if account is None:
        return RejectCode.ACCOUNT_UNKNOWN
    if signer.account not in (account.id, account.master):
        return RejectCode.SIGNER_NOT_AUTHORISED
    if signer.is_agent:
        if signer.valid_until and state.time > signer.valid_until:
            return RejectCode.AGENT_EXPIRED
        code = refusal_of_agent(state, account, signer, intent)
        if code is not None:
            return code
    return account


def agent_of(account: Account, address: Address) -> Signer | None:
    """The account's agent with this key, or None."""
    for signer in account.signers:
        if signer.is_agent and signer.address == address:
            return signer
    return None
