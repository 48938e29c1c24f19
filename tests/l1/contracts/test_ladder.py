"""The queue's deadlines, open posting, reverts, freeze, pause, and what the time lock changes."""

from dataclasses import replace
from typing import Any

import pytest

from node.l1.abi import Decoded
from node.l1.chain.executor import Outcome
from node.l1.creation import Periods, Roles
from proto.batch import action_item_hash, next_queue_hash
from proto.hashing import ZERO_HASH, keccak
from proto.ids import Address
from proto.signing.eip712 import TYPE_HASHES
from proto.signing.secp256k1 import SigningKey
from tests.l1.contracts.rig import (
    ALICE,
    BOB,
    CHAIN_ID,
    OPERATOR,
    RULES_HASH,
    USDC,
    WINDOW_S,
    Payout,
    Sealed,
    Venue,
    new_venue,
    refused,
)

PERIODS = Periods.development(WINDOW_S)
BOND = 10**18
VALIDATORS = sorted((SigningKey(keccak(b"validator %d" % at)) for at in range(3)), key=lambda key: key.address)
OPERATOR_STAGE, OPEN, FREEZABLE, FROZEN, SETTLED = range(5)
ATTESTATION = keccak(b"Attestation(uint64 batchId,bytes32 commitmentHash)")


def domain_separator(venue: Venue) -> bytes:
    """Of the settlement contract."""
    kind = keccak(b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
    words = kind + keccak(b"Novate") + keccak(b"1") + CHAIN_ID.to_bytes(32, "big") + bytes(12) + venue.novate.address
    return keccak(words)


def attestation(venue: Venue, key: SigningKey, batch_id: int, commitment_hash: bytes) -> bytes:
    """A validator's signature."""
    struct_hash = keccak(ATTESTATION + batch_id.to_bytes(32, "big") + commitment_hash)
    digest = keccak(b"\x19\x01" + domain_separator(venue) + struct_hash)
    assert digest == venue.committee.call("attestationDigest", batch_id, commitment_hash)
    return key.sign(digest)


def attest(venue: Venue, batch_id: int, *keys: SigningKey) -> Outcome:
    """Send attestations of the batch as it is on L1."""
    commitment_hash = venue.novate.call("batch", batch_id)[1]
    signatures = b"".join(attestation(venue, key, batch_id, commitment_hash) for key in keys)
    return venue.committee.send(BOB, "attest", batch_id, signatures)


def force(venue: Venue, payload: bytes = b"payload", sender: bytes = ALICE) -> Outcome:
    """Queue an action and keep the books."""
    outcome = venue.novate.send(sender, "forceAction", payload)
    item = action_item_hash(len(venue.queue_hashes) - 1, Address(sender), payload)
    venue.queue_hashes.append(next_queue_hash(venue.queue_hashes[-1], item))
    return outcome


def skipping(venue: Venue, **changes: Any) -> Sealed:
    """The next batch, with nothing new of the queue."""
    kept = venue.queue_hashes
    venue.queue_hashes = kept[: venue.novate.call("batch", venue.batch_id)[3] + 1]
    sealed = venue.seal(**changes)
    venue.queue_hashes = kept
    return sealed


@pytest.fixture
def watched() -> Venue:
    """Return a venue with two of three bonded validators required."""
    return watched_venue(PERIODS)


def watched_venue(periods: Periods) -> Venue:
    """Two of three bonded validators are required."""
    roles = Roles(
        OPERATOR.address, guardian=BOB, proposers=(ALICE,), validators=tuple(key.address for key in VALIDATORS),
        attestation_threshold=2,
    )  # fmt: skip
    venue = new_venue(roles=roles, periods=periods)
    for key in VALIDATORS:
        venue.committee.send(ALICE, "bond", key.address, value=BOND)
    return venue


def stage(venue: Venue) -> int:
    """Of the ladder."""
    return int(venue.novate.call("stage"))


# --------------------------------------------------------------------------------------------------------------- queue


def test_action_takes_its_place(venue: Venue) -> None:
    venue.deposit(USDC, 5)
    outcome = force(venue)
    expected = {
        "index": 1, "sender": ALICE, "time": venue.machine.now_s, "queueHash": venue.queue_hashes[-1], "payload": b"payload",
    }  # fmt: skip
    assert venue.novate.events(outcome) == [Decoded("ActionQueued", expected)]
    assert venue.novate.call("queueHashAt", 2) == venue.queue_hashes[2]
    venue.advance()
    assert venue.novate.call("batch", 1)[3] == 2


def test_large_payloads_are_refused(venue: Venue) -> None:
    force(venue, bytes(4_096))
    with refused("PayloadTooLarge", 4_097):
        venue.novate.send(ALICE, "forceAction", bytes(4_097))


def test_a_batch_takes_in_what_is_older_than_its_deadline(venue: Venue) -> None:
    force(venue)
    queued = venue.machine.now_s
    venue.machine.now_s = queued + PERIODS.queue_deadline
    sealed = skipping(venue)
    venue.post_data(sealed)
    venue.commit(sealed)  # At the deadline still allowed.
    venue.machine.now_s += 1
    late = skipping(venue)
    venue.post_data(late)
    with refused("QueueItemSkipped", 0, queued + PERIODS.queue_deadline):
        venue.commit(late)
    venue.commit(venue.seal())


def test_what_was_sealed_before_an_item_came_can_be_posted_late(venue: Venue) -> None:
    sealed = venue.seal()
    venue.machine.now_s += 1
    force(venue)
    venue.machine.now_s += 10 * PERIODS.freeze_after
    venue.post_data(sealed)
    venue.commit(sealed)


def test_batch_time_is_bounded_behind(venue: Venue) -> None:
    venue.post_data(venue.seal())
    sealed = venue.seal({"l2Time": 5}, l2_time=5)
    venue.machine.now_s = 5 + PERIODS.l2_time_lag + 10**9
    with refused("L2TimeBehindL1"):
        venue.commit(sealed)


# -------------------------------------------------------------------------------------------------------------- ladder


def test_ladder_goes_up_one_way(venue: Venue) -> None:
    venue.deposit(USDC, 500)
    venue.pay_out(Payout(3, BOB, USDC, 200))
    sealed = venue.advance()
    assert stage(venue) == OPERATOR_STAGE
    force(venue)
    queued = venue.machine.now_s
    assert venue.novate.call("ladder") == (OPERATOR_STAGE, 1, queued + PERIODS.open_after, queued + PERIODS.freeze_after)
    venue.machine.now_s = queued + PERIODS.open_after
    assert stage(venue) == OPEN
    with refused("NotFreezableYet", queued + PERIODS.freeze_after):
        venue.novate.send(BOB, "freeze")
    venue.machine.now_s = queued + PERIODS.freeze_after
    assert stage(venue) == FREEZABLE
    next_ = venue.seal()
    venue.post_data(next_)
    outcome = venue.novate.send(BOB, "freeze")
    assert venue.novate.events(outcome) == [Decoded("Frozen", {"index": 1, "tip": 1})]
    assert stage(venue) == FROZEN
    with refused("VenueFrozen"):
        venue.commit(next_)
    with refused("VenueFrozen"):
        venue.novate.send(BOB, "freeze")
    with refused("VenueFrozen"):
        venue.novate.send(BOB, "forceAction", b"")
    with refused("VenueFrozen"):
        venue.novate.send(BOB, "depositETH", BOB, value=10**9)
    with refused("DepositConsumed", 0, 1):
        venue.finalize()
        venue.novate.send(BOB, "refundDeposit", 0, ALICE, USDC, 500)
    assert stage(venue) == SETTLED
    venue.novate.send(ALICE, "withdraw", *sealed.withdraw_args(0))  # What was in a posted batch is paid as ever.
    assert venue.usdc.call("balanceOf", BOB) == 200


def test_taking_the_item_in_resets_the_ladder(venue: Venue) -> None:
    force(venue)
    venue.machine.now_s += PERIODS.freeze_after
    assert stage(venue) == FREEZABLE
    venue.advance()
    assert stage(venue) == OPERATOR_STAGE
    with refused("NotFreezableYet"):
        venue.novate.send(BOB, "freeze")


def test_open_posting_needs_validators(venue: Venue) -> None:
    force(venue)
    venue.machine.now_s += PERIODS.open_after
    sealed = venue.seal()
    c, _, sections, venue_root, words = sealed.commit_args()
    with refused("OpenPostingNeedsValidators"):
        venue.novate.send(BOB, "commitOpen", c, sections, venue_root, words, value=BOND)


def post_open(venue: Venue, sealed: Sealed, value: int = BOND) -> Outcome:
    """Bob's batch, with his own data."""
    for index, chunk in enumerate(sealed.chunks):
        if venue.novate.call("dataBy", BOB, sealed.commitment.batch_id)[1] == index:
            venue.novate.send(BOB, "postData", sealed.commitment.batch_id, index, chunk)
    c, _, sections, venue_root, words = sealed.commit_args()
    return venue.novate.send(BOB, "commitOpen", c, sections, venue_root, words, value=value)


def test_open_batch_is_final_only_when_attested(watched: Venue) -> None:
    force(watched)
    with refused("NotOperator", BOB):
        post_open(watched, watched.seal())
    c, _, sections, venue_root, words = watched.seal().commit_args()
    with refused("NotOpenYet"):
        watched.novate.send(BOB, "commitOpen", c, sections, venue_root, words, value=BOND)
    watched.machine.now_s += PERIODS.open_after
    with refused("OpenBondWrong", BOND - 1, BOND):
        post_open(watched, watched.seal(), BOND - 1)
    with refused("NothingConsumed"):
        post_open(watched, _stale(watched))
    sealed = watched.seal()
    post_open(watched, sealed)
    watched.batch_id, watched.state_root, watched.last_seq = 1, sealed.commitment.state_root, sealed.commitment.last_seq
    assert watched.novate.call("ladder")[1] == 0, "a batch in doubt does not stop the clock"
    follower = watched.seal()
    watched.post_data(follower)
    with refused("TipNotAttested", 1):
        watched.commit(follower)
    watched.machine.now_s += WINDOW_S
    assert not watched.novate.call("isFinal", 1)
    assert watched.novate.call("finalTip") == 0
    with refused("BatchNotFinalYet", 1):
        watched.committee.send(ALICE, "freeOpenBond", 1)
    attest(watched, 1, VALIDATORS[0], VALIDATORS[2])
    assert watched.novate.call("isFinal", 1)
    assert watched.novate.call("finalTip") == 1
    watched.committee.send(ALICE, "freeOpenBond", 1)
    with refused("OpenBondUnknown", 1):
        watched.committee.send(ALICE, "freeOpenBond", 1)
    assert watched.committee.call("pullable", BOB) == BOND
    watched.commit(watched.seal())


def _stale(venue: Venue) -> Sealed:
    """A batch that takes nothing in, old enough in its own time not to have to."""
    at_ms = (venue.machine.now_s - PERIODS.open_after) * 1000
    kept, venue.queue_hashes = venue.queue_hashes, venue.queue_hashes[:1]
    sealed = venue.seal({"l2Time": at_ms}, l2_time=at_ms)
    venue.queue_hashes = kept
    return sealed


def test_open_batch_in_doubt_is_reverted_and_costs_its_bond(watched: Venue) -> None:
    force(watched)
    watched.machine.now_s += PERIODS.open_after
    post_open(watched, watched.seal())
    with refused("AttestationPending"):
        watched.novate.send(ALICE, "revertBatch", 1)
    watched.machine.now_s += WINDOW_S  # Even after the window: it is not final.
    burned = watched.machine.balance(watched.committee.call("BURN"))
    watched.novate.send(ALICE, "revertBatch", 1)
    assert watched.committee.call("pullable", ALICE) == BOND // 2
    assert watched.machine.balance(watched.committee.call("BURN")) - burned == BOND // 2
    assert watched.novate.call("tip") == 0
    watched.advance()  # The operator is back; nothing of the other one is left.
    watched.finalize()
    assert watched.novate.call("isFinal", 1)


# ------------------------------------------------------------------------------------------------------------- reverts


def test_what_nobody_attests_can_be_reverted_by_anyone(watched: Venue) -> None:
    first = watched.advance()
    second = watched.advance()
    with refused("AttestationPending", 1, watched.machine.now_s + PERIODS.attestation_window):
        watched.novate.send(ALICE, "revertBatch", 1)
    watched.machine.now_s += PERIODS.attestation_window
    for batch_id in (0, 3):
        with refused("BatchUnknown", batch_id, 2):
            watched.novate.send(ALICE, "revertBatch", batch_id)
    outcome = watched.novate.send(ALICE, "revertBatch", 1)
    struct_hash = keccak(TYPE_HASHES["Commitment"] + first.commitment.words())
    expected = {"batchId": 1, "lastBatch": 2, "commitmentHash": struct_hash, "by": ALICE}
    assert watched.novate.events(outcome) == [Decoded("BatchesReverted", expected)]
    assert watched.novate.call("tip") == 0
    with refused("BatchUnknown"):
        watched.novate.call("batch", 1)
    for sealed in (first, second):  # The same again, with the data that is there.
        watched.novate.send(OPERATOR.address, "commit", *sealed.commit_args())
    attest(watched, 2, *VALIDATORS[:2])
    watched.machine.now_s += PERIODS.attestation_window
    with refused("BatchIsAttested", 1):
        watched.novate.send(ALICE, "revertBatch", 1)
    watched.finalize()
    with refused("BatchFinal", 2):
        watched.novate.send(ALICE, "revertBatch", 2)


def test_nothing_is_reverted_for_want_of_attestation_where_there_is_none(venue: Venue) -> None:
    venue.advance()
    venue.machine.now_s += PERIODS.attestation_window
    with refused("AttestationsNotRequired"):
        venue.novate.send(ALICE, "revertBatch", 1)
    with refused("NothingToAttest", 1):
        venue.committee.send(ALICE, "attest", 1, bytes(65))
    venue.finalize()
    assert venue.novate.call("isFinal", 1)


def test_a_thousand_pending_batches_are_reverted_at_the_cost_of_one(watched: Venue) -> None:
    """Burial: a false batch with any number on top of it is undone in one cheap call."""
    for _ in range(1_000):
        watched.advance()
    watched.machine.now_s += PERIODS.attestation_window
    deep = watched.novate.send(ALICE, "revertBatch", 1).gas_used
    assert watched.novate.call("tip") == 0
    watched.batch_id, watched.last_seq = 0, 0
    watched.state_root = watched.novate.call("batch", 0)[0]
    watched.novate.send(OPERATOR.address, "resetData", 1)
    watched.advance()
    watched.machine.now_s += PERIODS.attestation_window
    assert abs(deep - watched.novate.send(ALICE, "revertBatch", 1).gas_used) < 20_000
    assert deep < 120_000


def test_reverts_do_not_put_off_the_end_for_ever(watched: Venue) -> None:
    force(watched)
    queued = watched.machine.now_s
    while watched.machine.now_s < queued + 3 * PERIODS.freeze_after:
        sealed = watched.seal()
        if watched.novate.call("dataOf", 1)[1] == 0:
            watched.post_data(sealed)
        watched.novate.send(OPERATOR.address, "commit", *sealed.commit_args())
        watched.machine.now_s += PERIODS.attestation_window
        watched.novate.send(ALICE, "revertBatch", 1)
    assert stage(watched) == FREEZABLE
    watched.novate.send(ALICE, "freeze")


def test_after_a_revert_there_is_time_to_post_again() -> None:
    periods = Periods.development(300)
    assert periods.attestation_window > periods.freeze_after
    venue = watched_venue(periods)
    force(venue)
    venue.advance()
    venue.machine.now_s += periods.attestation_window
    venue.novate.send(ALICE, "revertBatch", 1)
    assert stage(venue) == OPERATOR_STAGE
    venue.machine.now_s += periods.open_after
    assert stage(venue) == OPEN


# ---------------------------------------------------------------------------------------------------- attestations


def test_attestations_add_up_and_cover_what_came_before(watched: Venue) -> None:
    watched.advance()
    watched.advance()
    commitment_hash = watched.novate.call("batch", 2)[1]
    outcome = attest(watched, 2, VALIDATORS[1])
    seen = {"batchId": 2, "validator": VALIDATORS[1].address, "commitmentHash": commitment_hash, "count": 1}
    assert watched.committee.events(outcome) == [Decoded("Attested", seen)]
    assert not watched.committee.call("isAttested", 2)
    assert watched.committee.events(attest(watched, 2, VALIDATORS[1])) == []  # Seen before.
    outcome = attest(watched, 2, VALIDATORS[0])
    assert watched.novate.events(outcome) == [Decoded("BatchAttested", {"batchId": 2, "commitmentHash": commitment_hash})]
    assert watched.committee.call("attestationsOf", 2) == 2
    assert all(watched.committee.call("isAttested", batch_id) for batch_id in (1, 2))
    attest(watched, 2, VALIDATORS[2])
    attest(watched, 1, *VALIDATORS)


def test_false_attestations_are_refused(watched: Venue) -> None:
    watched.advance()
    commitment_hash = watched.novate.call("batch", 1)[1]
    with refused("NotValidator", OPERATOR.address):
        attest(watched, 1, OPERATOR)
    for bad in (b"", bytes(64), bytes(65)):
        with refused("AttestationInvalid"):
            watched.committee.send(BOB, "attest", 1, bad)
    with refused("NotValidator"):
        watched.committee.send(BOB, "attest", 1, attestation(watched, VALIDATORS[0], 1, keccak(b"other")))
    with refused("BatchUnknown"):
        watched.committee.send(BOB, "attest", 2, attestation(watched, VALIDATORS[0], 2, commitment_hash))
    with refused("NotAuthorised", ALICE):
        watched.novate.send(ALICE, "markAttested", 1)


def test_a_full_committee_makes_nothing_final_earlier(watched: Venue) -> None:
    watched.advance()
    attest(watched, 1, *VALIDATORS)
    watched.machine.now_s += WINDOW_S - 1
    assert not watched.novate.call("isFinal", 1)


# ------------------------------------------------------------------------------------------------------------ roles


def through_timelock(venue: Venue, target: bytes, data: bytes) -> None:
    """Schedule, wait, execute."""
    arguments = (target, 0, data, ZERO_HASH, ZERO_HASH)
    delay = venue.timelock.call("getMinDelay")
    venue.timelock.send(ALICE, "schedule", *arguments, delay)
    with refused("TimelockUnexpectedOperationState"):
        venue.timelock.send(BOB, "execute", *arguments)
    venue.machine.now_s += delay
    venue.timelock.send(BOB, "execute", *arguments)


def test_parameters_change_by_the_time_lock_alone(venue: Venue) -> None:
    novate, committee = venue.novate, venue.committee
    new_operator, other = SigningKey(keccak(b"new operator")), SigningKey(keccak(b"other signer"))
    signers = sorted((new_operator, other), key=lambda key: key.address)
    calls: list[tuple[str, tuple[Any, ...]]] = [
        ("setOperator", (new_operator.address,)), ("setSigners", ([key.address for key in signers], 2)),
        ("setGuardian", (ALICE,)), ("setDisputer", (BOB,)), ("scheduleRules", (keccak(b"new rules"), 2)),
        ("setCaps", (USDC, 7, 8)),
    ]  # fmt: skip
    for name, arguments in calls:
        with refused("NotAuthorised", OPERATOR.address):
            novate.send(OPERATOR.address, name, *arguments)
    with refused("NotTimelock", ALICE):
        committee.send(ALICE, "setValidators", [ALICE], 1)
    with refused("DelayIsFixed"):
        venue.timelock.send(ALICE, "updateDelay", 0)
    venue.advance()
    for name, arguments in calls:
        through_timelock(venue, novate.address, novate.data(name, *arguments))
    through_timelock(venue, committee.address, committee.data("setValidators", [ALICE], 1))
    assert novate.call("operator") == new_operator.address
    assert novate.call("signers") == tuple(key.address for key in signers)
    assert [novate.call("isSigner", key.address) for key in (*signers, OPERATOR)] == [True, True, False]
    assert (novate.call("guardian"), novate.call("disputer")) == (ALICE, BOB)
    assert (novate.call("rulesHashAt", 1), novate.call("rulesHashAt", 2)) == (RULES_HASH, keccak(b"new rules"))
    assert novate.call("assetOf", USDC)[4:] == (7, 8)
    assert committee.call("validators") == (ALICE,)
    _next_batch_is_signed_by_both(venue, signers, new_operator)


def _next_batch_is_signed_by_both(venue: Venue, signers: list[SigningKey], operator: SigningKey) -> None:
    sealed = venue.seal(rules_hash=keccak(b"new rules"))
    for index, chunk in enumerate(sealed.chunks):
        venue.novate.send(operator.address, "postData", 2, index, chunk)
    digest = sealed.commitment.digest(venue.domain)
    one, two = (key.sign(digest) for key in signers)
    for wrong in (one, two + one, one + one, sealed.signature, one + sealed.signature):
        with refused("SignatureInvalid"):
            venue.commit(replace(sealed, signature=wrong))
    venue.commit(replace(sealed, signature=one + two))


def test_bad_changes_are_refused_when_due(venue: Venue) -> None:
    venue.advance()
    novate, committee = venue.novate, venue.committee
    bad = [
        (novate, "setOperator", (bytes(20),), "OperatorZero"), (novate, "setSigners", ([], 0), "SignersInvalid"),
        (novate, "scheduleRules", (keccak(b"r"), 1), "RulesScheduleInvalid"),
        (novate, "scheduleRules", (ZERO_HASH, 9), "RulesScheduleInvalid"),
        (committee, "setValidators", ([ALICE], 2), "ValidatorsInvalid"),
        (committee, "setValidators", ([ALICE, ALICE], 1), "ValidatorsInvalid"),
    ]  # fmt: skip
    for contract, name, arguments, error in bad:
        with refused(error):
            through_timelock(venue, contract.address, contract.data(name, *arguments))


def test_disputer_reverts_what_is_not_final(watched: Venue) -> None:
    through_timelock(watched, watched.novate.address, watched.novate.data("setDisputer", BOB))
    watched.advance()
    attest(watched, 1, *VALIDATORS)
    watched.novate.send(BOB, "revertBatch", 1)
    assert (watched.novate.call("tip"), watched.novate.call("attestedTip")) == (0, 0)


def test_a_pause_stops_no_exit(venue: Venue) -> None:
    venue.deposit(USDC, 500)
    venue.pay_out(Payout(3, BOB, USDC, 200))
    sealed = venue.advance()
    until = venue.machine.now_s + 3 * 86_400
    with refused("NotAuthorised", ALICE):
        venue.novate.send(ALICE, "pause", until)
    with refused("PauseTooLong", until + 1, until):
        venue.novate.send(BOB, "pause", until + 1)
    venue.novate.send(BOB, "pause", until)
    with refused("DepositsPaused", until):
        venue.novate.send(ALICE, "depositETH", ALICE, value=10**9)
    next_ = venue.seal()
    venue.post_data(next_)
    with refused("PostingPaused", until):
        venue.commit(next_)
    force(venue)
    venue.finalize()
    venue.novate.send(ALICE, "withdraw", *sealed.withdraw_args(0))
    assert stage(venue) == FREEZABLE
    venue.novate.send(ALICE, "freeze")
    assert stage(venue) == SETTLED


def test_a_pause_ends(venue: Venue) -> None:
    venue.novate.send(BOB, "pause", venue.machine.now_s + 100)
    venue.novate.send(BOB, "pause", 0)
    venue.advance()


# ------------------------------------------------------------------------------------------------------------- blobs


def test_blobs_are_named_by_the_operators_own_transaction(venue: Venue) -> None:
    with refused("NotOperator", ALICE):
        venue.novate.send(ALICE, "postBlobs", 1, 0, [1])
    with refused("BlobMissing", 0):
        venue.novate.send(OPERATOR.address, "postBlobs", 1, 0, [1])
    with refused("ChunkEmpty"):
        venue.novate.send(OPERATOR.address, "postBlobs", 1, 0, [])
    venue.novate.send(OPERATOR.address, "postData", 1, 0, b"x")
    with refused("DataMixed"):
        venue.novate.send(OPERATOR.address, "postBlobs", 1, 1, [1])
    assert not venue.novate.call("blobElement", ZERO_HASH, 0, 0, bytes(48), bytes(48))
