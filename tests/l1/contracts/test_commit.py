"""Commitments: one honest batch passes, and each claim in it is refused when it is false.

Lies are told before signing: a wrong signature must not be what hides a missing check.
"""

from dataclasses import replace
from typing import Any

import pytest

from node.l1.abi import Decoded
from proto.batch import Commitment, data_hash
from proto.hashing import ZERO_HASH, keccak, word
from proto.ledger import SYSTEM_ASSET_WORDS, SYSTEM_FIXED_WORDS
from proto.signing.eip712 import TYPE_HASHES, Domain
from proto.signing.secp256k1 import SigningKey
from tests.l1.contracts.rig import (
    ALICE,
    BOB,
    CHAIN_ID,
    ETH,
    GENESIS_ROOT,
    OPERATOR,
    OWING_CAP,
    RULES_HASH,
    USDC,
    WINDOW_S,
    Sealed,
    Venue,
    fields,
    refused,
)

LIE = keccak(b"lie")
CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
TOTAL_MAX = 2**127 - 1


@pytest.fixture
def running(venue: Venue) -> Venue:
    """Return a venue with deposits of both assets and one batch committed."""
    venue.deposit(USDC, 10_000)
    venue.deposit(ETH, 20_000)
    venue.advance()
    venue.machine.now_s += 2
    return venue


def attempt(venue: Venue, sealed: Sealed) -> None:
    """Post the data that the honest batch has and try to commit."""
    if venue.novate.call("dataOf", venue.batch_id + 1)[1] == 0:
        venue.novate.send(OPERATOR.address, "postData", venue.batch_id + 1, 0, sealed.chunks[0])
    venue.novate.send(OPERATOR.address, "commit", *sealed.commit_args())


def test_honest_batch_is_kept(venue: Venue) -> None:
    venue.deposit(USDC, 10_000)
    sealed = venue.seal()
    venue.post_data(sealed)
    now_s = venue.machine.now_s
    outcome = venue.commit(sealed)
    c = sealed.commitment
    expected = {
        "batchId": 1, "stateRoot": c.state_root, "finalAt": now_s + WINDOW_S, "commitment": fields(c),
        "signature": sealed.signature, "poster": OPERATOR.address,
    }  # fmt: skip
    assert venue.novate.events(outcome) == [Decoded("BatchCommitted", expected)]
    assert venue.novate.call("tip") == 1
    struct_hash = keccak(TYPE_HASHES["Commitment"] + c.words())
    kept = (c.state_root, struct_hash, now_s, c.queue_cursor, c.last_seq, c.l2_time)
    assert venue.novate.call("batch", 1) == kept


def test_genesis_is_batch_zero(venue: Venue) -> None:
    assert venue.novate.call("batch", 0) == (GENESIS_ROOT, ZERO_HASH, venue.machine.now_s, 0, 0, 0)
    with refused("BatchUnknown", 1, 0):
        venue.novate.call("batch", 1)


def test_anyone_may_send_what_the_operator_signed(running: Venue) -> None:
    sealed = running.seal()
    running.post_data(sealed)
    running.novate.send(BOB, "commit", *sealed.commit_args())
    assert running.novate.call("tip") == 2


def test_batches_follow_each_other(running: Venue) -> None:
    for _ in range(3):
        running.advance()
    assert running.novate.call("tip") == 4


def test_same_batch_twice_is_refused(running: Venue) -> None:
    sealed = running.seal()
    running.post_data(sealed)
    running.commit(sealed)
    with refused("BatchIdWrong", 2, 3):
        running.novate.send(OPERATOR.address, "commit", *sealed.commit_args())


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"batch_id": 1}, "BatchIdWrong"),
        ({"batch_id": 3}, "BatchIdWrong"),
        ({"prev_state_root": LIE}, "PrevStateRootWrong"),
        ({"prev_state_root": GENESIS_ROOT}, "PrevStateRootWrong"),
        ({"state_root": LIE}, "StateRootOpeningWrong"),
        ({"data_hash": LIE}, "DataHashWrong"),
        ({"data_hash": ZERO_HASH}, "DataHashWrong"),
        ({"rules_hash": LIE}, "RulesHashWrong"),
        ({"queue_hash": LIE}, "QueueHashWrong"),
        ({"queue_cursor": 1}, "QueueCursorBackwards"),
        ({"queue_cursor": 3}, "QueueCursorBeyondQueue"),
        ({"last_seq": 10}, "LastSeqNotHigher"),
        ({"l2_time": 0}, "L2TimeBackwards"),
        ({"l2_time": 2**64 - 1}, "L2TimeAheadOfL1"),
    ],
    ids=str,
)
def test_false_field_is_refused(running: Venue, changes: dict[str, Any], error: str) -> None:
    with refused(error):
        attempt(running, running.seal(**changes))
    attempt(running, running.seal())


def test_fields_that_l1_cannot_judge_are_signed_and_kept(running: Venue) -> None:
    """inputsRoot and opsRoot are for those who re-execute; the hash of the commitment binds them."""
    sealed = running.seal(inputs_root=LIE, ops_root=LIE, ops_count=0)
    attempt(running, sealed)
    assert running.novate.call("batch", 2)[1] == keccak(TYPE_HASHES["Commitment"] + sealed.commitment.words())


def test_every_field_is_signed(running: Venue) -> None:
    sealed = running.seal()
    running.post_data(sealed)
    names = list(Commitment.__dataclass_fields__)
    assert len(names) == len(fields(sealed.commitment))
    for name in names:
        value = getattr(sealed.commitment, name)
        change: dict[str, Any] = {name: LIE if isinstance(value, bytes) else value + 1}
        changed = replace(sealed.commitment, **change)
        with pytest.raises(Exception, match=r"[A-Z]\w+\("):
            running.novate.send(OPERATOR.address, "commit", fields(changed), *sealed.commit_args()[1:])
    running.commit(sealed)


def test_batch_without_data_is_refused(running: Venue) -> None:
    sealed = running.seal(data_hash=ZERO_HASH)
    with refused("DataMissing", 2):
        running.novate.send(OPERATOR.address, "commit", *sealed.commit_args())


def test_data_of_another_batch_does_not_count(running: Venue) -> None:
    sealed = running.seal()
    running.novate.send(OPERATOR.address, "postData", 3, 0, sealed.chunks[0])
    with refused("DataMissing", 2):
        running.novate.send(OPERATOR.address, "commit", *sealed.commit_args())


def test_half_posted_data_is_refused(running: Venue) -> None:
    sealed = running.seal(data_hash=data_hash((b"one", b"two")))
    running.novate.send(OPERATOR.address, "postData", 2, 0, b"one")
    with refused("DataHashWrong", sealed.commitment.data_hash, data_hash((b"one",))):
        running.novate.send(OPERATOR.address, "commit", *sealed.commit_args())
    running.novate.send(OPERATOR.address, "postData", 2, 1, b"two")
    running.commit(sealed)


def test_queue_may_be_consumed_in_parts(running: Venue) -> None:
    for _ in range(3):
        running.deposit(USDC, 5)
    part: dict[str, int | bytes] = {"queueCursor": 4, "queueHash": running.queue_hashes[4]}
    sealed = running.seal(words=part, queue_cursor=4, queue_hash=running.queue_hashes[4])
    running.post_data(sealed)
    running.commit(sealed)
    running.advance()
    assert running.novate.call("batch", 3)[3] == 5


def test_batch_time_is_bounded_by_l1(running: Venue) -> None:
    latest = running.machine.now_s * 1000 + 15 * 60 * 1000
    with refused("L2TimeAheadOfL1", latest + 1, latest):
        attempt(running, running.seal(words={"l2Time": latest + 1}, l2_time=latest + 1))
    attempt(running, running.seal(words={"l2Time": latest}, l2_time=latest))


def test_batch_time_may_stand_still(running: Venue) -> None:
    same = running.novate.call("batch", 1)[5]
    attempt(running, running.seal(words={"l2Time": same}, l2_time=same))


@pytest.mark.parametrize(
    "name", ["stranger", "other contract", "other chain", "high s", "v 0", "short", "compact", "long", "empty", "zero"]
)
def test_false_signature_is_refused(running: Venue, name: str) -> None:
    sealed = running.seal()
    c, good = sealed.commitment, sealed.signature
    high_s = (CURVE_ORDER - int.from_bytes(good[32:64], "big")).to_bytes(32, "big")
    false = {
        "stranger": SigningKey(keccak(b"stranger")).sign(c.digest(running.domain)),
        "other contract": OPERATOR.sign(c.digest(Domain(CHAIN_ID, ALICE))),
        "other chain": OPERATOR.sign(c.digest(Domain(1, running.novate.address))),
        "high s": good[:32] + high_s + bytes((27 + 28 - good[64],)),
        "v 0": good[:64] + bytes((good[64] - 27,)),
        "short": good[:64],
        "compact": good[:32] + ((good[64] - 27) << 255 | int.from_bytes(good[32:64], "big")).to_bytes(32, "big"),
        "long": good + b"\x00",
        "empty": b"",
        "zero": bytes(65),
    }
    with refused("SignatureInvalid"):
        attempt(running, replace(sealed, signature=false[name]))
    attempt(running, sealed)


def test_opening_of_other_roots_is_refused(running: Venue) -> None:
    """Each section root, the venue root and each system word is bound by the state root."""
    sealed = running.seal()
    running.post_data(sealed)
    c, signed, sections, venue_root, words = sealed.commit_args()
    for at in range(5):
        with refused("StateRootOpeningWrong"):
            running.novate.send(
                ALICE, "commit", c, signed, [*sections[:at], LIE, *sections[at + 1 :]], venue_root, words
            )
    with refused("StateRootOpeningWrong"):
        running.novate.send(ALICE, "commit", c, signed, sections, LIE, words)
    for at in range(len(words)):
        with refused("StateRootOpeningWrong"):
            running.novate.send(ALICE, "commit", c, signed, sections, venue_root, [*words[:at], LIE, *words[at + 1 :]])
    running.novate.send(ALICE, "commit", c, signed, sections, venue_root, words)


def test_positions_of_system_words_are_those_of_the_protocol() -> None:
    names = ("seq", "l2Time", "queueCursor", "queueHash", "batchId")
    assert SYSTEM_FIXED_WORDS[:5] == names
    assert SYSTEM_FIXED_WORDS.index("assetCount") == 12 == len(SYSTEM_FIXED_WORDS) - 1
    assert SYSTEM_ASSET_WORDS == ("owed", "owing", "entries", "withdrawn", "deposited", "price")


@pytest.mark.parametrize("name", ["seq", "l2Time", "queueCursor", "queueHash", "batchId", "assetCount"])
def test_system_word_that_contradicts_the_commitment_is_refused(running: Venue, name: str) -> None:
    position = SYSTEM_FIXED_WORDS.index(name)
    true = running.words()[name]
    true_word = word(true) if isinstance(true, int) else true
    with refused("SystemWordWrong", position, LIE, true_word):
        attempt(running, running.seal(words={name: LIE}))


def test_number_of_system_words_is_that_of_the_assets(running: Venue) -> None:
    with refused("SystemWordsCount", 26, 25):
        attempt(running, running.seal(words={"surplus": 0}))
    with refused("SystemWordsCount", 24, 25):
        attempt(running, running.seal(words={"deposited1": None}))
    attempt(running, running.seal())


@pytest.mark.parametrize("asset", [USDC, ETH])
def test_totals_that_exceed_deposits_are_refused(running: Venue, asset: int) -> None:
    """Each of the terms that add to what users are owed, one unit too many."""
    received = running.totals[asset].deposited
    for lie in ({"owed": received + 1}, {"withdrawn": 1}, {"entries": -1}, {"owed": received + 11, "owing": 10}):
        words: dict[str, int | bytes] = {f"{name}{asset}": value for name, value in lie.items()}
        with refused("LiabilitiesExceedDeposits", asset, received + 1, received):
            attempt(running, running.seal(words=words))
    with refused("DepositedExceedsReceived", asset, received + 1, received):
        attempt(running, running.seal(words={f"deposited{asset}": received + 1}))
    with refused("OwingCapExceeded", asset, OWING_CAP + 1, OWING_CAP):
        attempt(running, running.seal(words={f"owing{asset}": OWING_CAP + 1}))


def test_totals_at_their_bounds_pass(running: Venue) -> None:
    received = running.totals[USDC].deposited
    running.totals[USDC].owing = OWING_CAP
    running.totals[USDC].entries = -7
    running.totals[USDC].withdrawn = 3
    running.totals[USDC].owed = received + OWING_CAP - 7 - 3
    running.advance()


@pytest.mark.parametrize("name", SYSTEM_ASSET_WORDS[:5])
def test_totals_out_of_range_are_refused(running: Venue, name: str) -> None:
    """No word, however hostile, overflows the sum."""
    signed = name == "entries"
    hostile = [2**127, 2**255, 2**256 - 1, 2**256 - 2**127 - 1]
    if signed:
        hostile = [2**127, -(2**127), 2**255 - 1, -(2**255)]
    for value in hostile:
        with refused("TotalOutOfRange", ETH):
            attempt(running, running.seal(words={f"{name}{ETH}": word(value)}))


def test_extreme_entries_are_summed_without_overflow(running: Venue) -> None:
    received = running.totals[ETH].deposited
    with refused("LiabilitiesExceedDeposits", ETH, received + TOTAL_MAX, received):
        attempt(running, running.seal(words={f"entries{ETH}": -TOTAL_MAX}))
    with refused("LiabilitiesExceedDeposits", ETH, 3 * TOTAL_MAX, received):
        words: dict[str, int | bytes] = {"owed1": TOTAL_MAX, "withdrawn1": TOTAL_MAX, "entries1": -TOTAL_MAX}
        attempt(running, running.seal(words=words))
    attempt(running, running.seal(words={f"entries{ETH}": TOTAL_MAX}))


def test_rules_are_those_of_the_deployment(running: Venue) -> None:
    assert running.novate.call("rulesHash") == RULES_HASH
    assert running.novate.call("operator") == OPERATOR.address
    assert running.novate.call("challengeWindow") == WINDOW_S


def test_finality_is_a_delay(venue: Venue) -> None:
    posted = []
    for _ in range(9):
        venue.advance()
        posted.append(venue.machine.now_s)
        venue.machine.now_s += 100
    for now_s in range(posted[0], posted[-1] + WINDOW_S + 200, 50):
        venue.machine.now_s = now_s
        final = sum(1 for time in posted if time + WINDOW_S <= now_s)
        assert venue.novate.call("finalTip") == final
        assert [venue.novate.call("isFinal", batch) for batch in range(11)] == [batch <= final for batch in range(11)]


def test_genesis_is_final_from_the_start(venue: Venue) -> None:
    assert venue.novate.call("finalTip") == 0
    assert venue.novate.call("isFinal", 0)
