"""The state transition function: `apply(state, stamp, item, signer) -> Outcome`.

Sequencer, recovery and watcher call this and nothing else in `core` that writes. It never raises for what a user, a publisher or L1 sent.
"""

from typing import assert_never

from node.core.outcome import Applied, Outcome, Rejected
from node.core.state import State
from node.core.transitions import (
    clock_ticks,
    deposit_seen,
    oracle_report,
    queue_item_seen,
    revoke_publisher,
    user_action,
)
from node.core.triggers import groups
from proto.ids import Address
from proto.inputs import (
    DepositSeen,
    FundingTick,
    Input,
    OracleReport,
    QueueItemSeen,
    RevokePublisher,
    SampleTick,
    SealTick,
    Stamp,
    UserAction,
    WorkTick,
)
from proto.ops import OpKind


def apply(state: State, stamp: Stamp, item: Input, signer: Address) -> Outcome:
    """Apply one stamped input; `signer` is what its signature recovers to, zero where nobody signs."""
    assert stamp.seq == state.seq + 1, "sequence numbers are consecutive"
    assert stamp.time >= state.time, "time never falls"
    state.seq, state.time = stamp
    state.events, state.settled = [], 0
    state.ops.append((OpKind.CLOCK, stamp.seq, stamp.time))
    outcome = _transition(state, item, signer)
    if not (state.triggers or state.protected) or isinstance(outcome, Rejected):
        return outcome
    groups.settle(state)
    return outcome if len(outcome.events) == len(state.events) else Applied(tuple(state.events), outcome.results)


def _transition(state: State, item: Input, signer: Address) -> Outcome:
    match item:
        case UserAction():
            return user_action.transition(state, item, signer)
        case OracleReport():
            return oracle_report.transition(state, item, signer)
        case RevokePublisher():
            return revoke_publisher.transition(state, item, signer)
        case WorkTick():
            return clock_ticks.work_tick(state, item)
        case DepositSeen():
            return deposit_seen.transition(state, item)
        case QueueItemSeen():
            return queue_item_seen.transition(state, item)
        case SampleTick():
            return clock_ticks.sample_tick(state)
        case FundingTick():
            return clock_ticks.funding_tick(state)
        case SealTick():
            return clock_ticks.seal_tick(state, item)
        case _ as unreachable:
            assert_never(unreachable)
