"""A publisher's key is revoked: by its own signature at once, or by more than half of the other publishers' weight.

Invariants:
- Only publishers' signatures count, so an operator can neither revoke a key nor keep one alive by itself.
- A revoked key never counts again: its reports are gone from every index, its votes too. Genesis of another network may name it anew.
- Less than half of the weight can do nothing: a lying minority cannot silence honest publishers.
"""

from typing import Final

from node.core.ledger.guards import touch_guards
from node.core.liquidation import risk
from node.core.outcome import Applied, Outcome, Rejected
from node.core.price.breaker import judge
from node.core.price.index import recompute
from node.core.state import RevocationVote, State
from node.core.transitions.oracle_report import refresh_markets
from proto.events import PublisherRevoked, RevocationVoted
from proto.ids import Address
from proto.inputs import RevokePublisher
from proto.reject import RejectCode

VOTE_MS: Final = 86_400_000
"""How long a vote counts: signatures of an old quarrel must not add up with those of a new one."""


def check(state: State, vote: RevokePublisher, voter: Address) -> RejectCode | None:
    """Decide without touching `state`."""
    known = {publisher.address: publisher.weight for publisher in state.params.publishers}
    if voter not in known or vote.publisher not in known:
        return RejectCode.PUBLISHER_UNKNOWN
    if voter in state.guards.revoked or vote.publisher in state.guards.revoked:
        return RejectCode.PUBLISHER_REVOKED
    if vote.time > state.time + state.params.oracle.future_ms:
        return RejectCode.REPORT_FROM_THE_FUTURE
    if vote.time <= state.time - VOTE_MS:
        return RejectCode.REVOCATION_STALE
    for held in state.guards.votes:
        if (held.publisher, held.voter) == (vote.publisher, voter) and held.time >= vote.time:
            return RejectCode.REVOCATION_REPEATED
    return None


def transition(state: State, vote: RevokePublisher, voter: Address) -> Outcome:
    """Check, then commit."""
    code = check(state, vote, voter)
    if code is not None:
        return Rejected(code)
    guards = state.guards
    if voter == vote.publisher:
        _revoke(state, vote.publisher, by_itself=True)
        return Applied(tuple(state.events), ())
    guards.votes = [
        held for held in guards.votes
        if held.time > state.time - VOTE_MS and (held.publisher, held.voter) != (vote.publisher, voter)
    ]  # fmt: skip
    guards.votes.append(RevocationVote(vote.publisher, voter, vote.time))
    touch_guards(state)
    weight, total = _count(state, vote.publisher)
    state.events.append(RevocationVoted(vote.publisher, voter, weight, total))
    if 2 * weight > total:
        _revoke(state, vote.publisher, by_itself=False)
    return Applied(tuple(state.events), ())


def _count(state: State, publisher: Address) -> tuple[int, int]:
    """Weight of the others that want the key revoked, and of all others."""
    others = [p for p in state.params.publishers if p.address != publisher and p.address not in state.guards.revoked]
    voters = [held.voter for held in state.guards.votes if held.publisher == publisher]
    return sum(p.weight for p in others if p.address in voters), sum(p.weight for p in others)


def _revoke(state: State, publisher: Address, *, by_itself: bool) -> None:
    guards = state.guards
    guards.revoked[publisher] = state.time
    guards.votes = [held for held in guards.votes if publisher not in (held.publisher, held.voter)]
    touch_guards(state)
    state.events.append(PublisherRevoked(publisher, by_itself))
    for index in state.indices.values():
        if index.reports.pop(publisher, None) is not None and recompute(state, index):
            refresh_markets(state, index)
    for market in state.markets.values():
        judge(state, market)
    risk.scan(state)
