"""Bonds, and evidence that costs them: receipts that contradict each other or a batch, attestations that contradict each other."""

from dataclasses import replace

import pytest

from node.l1.abi import Decoded
from proto.batch import cycle_leaf, next_head
from proto.hashing import ZERO_HASH, keccak
from proto.ids import Address
from proto.merkle import list_proof, list_root
from proto.signing.eip712 import TYPE_HASHES, receipt_digest
from proto.signing.secp256k1 import SigningKey
from tests.l1.contracts.rig import ALICE, BOB, OPERATOR, WINDOW_S, Deployed, Sealed, Venue, fields, refused
from tests.l1.contracts.test_ladder import BOND, PERIODS, VALIDATORS, attest, attestation, watched_venue

Receipt = tuple[bytes, int, int, bytes]
SALT = keccak(b"salt")
CYCLES = [(1, 4), (5, 2), (7, 4)]
"""First number and count of the cycles of batch 1, whose last number is 10."""


@pytest.fixture
def venue() -> Venue:
    """Return a venue with bonded validators and a bonded operator."""
    venue = watched_venue(PERIODS)
    venue.committee.send(ALICE, "bond", OPERATOR.address, value=BOND)
    return venue


def root_of(at: int) -> bytes:
    """Of the records of a cycle."""
    return keccak(b"cycle %d" % at)


def receipts() -> list[Receipt]:
    """Those of the honest cycles."""
    head, found = ZERO_HASH, list[Receipt]()
    for at, (first, count) in enumerate(CYCLES):
        head = next_head(head, first, count, root_of(at))
        found.append((head, first, count, root_of(at)))
    return found


def signed(venue: Venue, receipt: Receipt, key: SigningKey = OPERATOR) -> bytes:
    """The receipt's signature, over what the protocol package hashes."""
    digest = receipt_digest(venue.domain, *receipt)
    assert digest == venue.committee.call("receiptDigest", receipt)
    return key.sign(digest)


def announce(venue: Venue, evidence: bytes, prover: bytes = ALICE) -> None:
    """Seal and wait."""
    digest = keccak(bytes(12) + prover + evidence + SALT)
    venue.committee.send(prover, "sealEvidence", digest)
    venue.machine.now_s += PERIODS.evidence


def words(*values: int | bytes) -> bytes:
    """abi.encode of static values; addresses are padded."""
    return b"".join(v.to_bytes(32, "big") if isinstance(v, int) else v.rjust(32, b"\0") for v in values)


def equivocation(a: Receipt, b: Receipt) -> bytes:
    """Hash of the evidence."""
    return keccak(words(OPERATOR.address, *a, *b))


def commit_with(venue: Venue, inputs_root: bytes) -> Sealed:
    """A batch with this root over its cycles."""
    sealed = venue.seal(inputs_root=inputs_root)
    venue.post_data(sealed)
    venue.commit(sealed)
    return sealed


def leaves() -> list[bytes]:
    """Of the honest cycles."""
    return [cycle_leaf(first, count, root_of(at)) for at, (first, count) in enumerate(CYCLES)]


def opening(at: int) -> tuple[int, int, bytes, int, list[bytes]]:
    """Of cycle `at` under the honest root: of three leaves, the last stands alone on the right."""
    first, count = CYCLES[at]
    sides = (0b00, 0b01, 0b1)[at]
    return first, count, root_of(at), sides, list(list_proof(leaves(), at))


# -------------------------------------------------------------------------------------------------------------- bonds


def test_bond_leaves_after_its_delay(venue: Venue) -> None:
    committee = venue.committee
    committee.send(ALICE, "bond", ALICE, value=10)
    with refused("NothingBonded", ALICE):
        committee.send(ALICE, "bond", ALICE)
    with refused("NothingBonded", ALICE):
        committee.send(ALICE, "unbond")
    for wrong in (0, 11):
        with refused("BondTooSmall", wrong, 10):
            committee.send(ALICE, "requestUnbond", wrong)
    committee.send(ALICE, "requestUnbond", 4)
    free_at = venue.machine.now_s + 2 * WINDOW_S
    assert committee.call("bondOf", ALICE) == (10, 4, free_at)
    with refused("BondNotFreeYet", free_at):
        committee.send(ALICE, "unbond")
    venue.machine.now_s = free_at
    committee.send(ALICE, "unbond")
    assert committee.call("bondOf", ALICE)[:2] == (6, 0)
    with refused("NotYourPull", BOB, ALICE):
        committee.send(BOB, "pull", ALICE, BOB)
    before = venue.machine.balance(BOB)
    committee.send(ALICE, "pull", ALICE, BOB)
    assert venue.machine.balance(BOB) == before + 4
    with refused("NothingToPull", ALICE):
        committee.send(ALICE, "pull", ALICE, ALICE)
    with refused("PullRefused", bytes(20)):
        committee.send(ALICE, "pull", ALICE, bytes(20))


def test_unbonded_validators_do_not_count() -> None:
    venue = watched_venue(PERIODS)
    stranger = VALIDATORS[2]
    venue.committee.send(ALICE, "sealEvidence", ZERO_HASH)
    two = [keccak(b"a"), keccak(b"b")]
    evidence = keccak(words(stranger.address, 9, *two))
    announce(venue, evidence)
    signatures = [attestation(venue, stranger, 9, one) for one in two]
    venue.committee.send(ALICE, "proveTwoAttestations", stranger.address, 9, two[0], signatures[0], two[1], signatures[1], SALT)
    venue.advance()
    with refused("BondMissing", stranger.address, 0, BOND):
        attest(venue, 1, stranger)


def test_only_the_settlement_contract_moves_open_bonds(venue: Venue) -> None:
    with refused("NotNovate", ALICE):
        venue.committee.send(ALICE, "takeOpenBond", 1, ALICE, value=BOND)
    with refused("NotNovate", ALICE):
        venue.committee.send(ALICE, "loseOpenBond", 1, ALICE)


# -------------------------------------------------------------------------------------------------------- equivocation


def test_two_receipts_for_one_number_cost_the_bond(venue: Venue) -> None:
    honest = receipts()[1]
    for lie in (
        (keccak(b"head"), *honest[1:]),
        (*honest[:3], keccak(b"root")),
        (honest[0], 6, 9, honest[3]),
    ):
        fresh = watched_venue(PERIODS)
        fresh.committee.send(ALICE, "bond", OPERATOR.address, value=BOND)
        announce(fresh, equivocation(honest, lie))
        arguments = (OPERATOR.address, honest, signed(fresh, honest), lie, signed(fresh, lie), SALT)
        with refused("EvidenceNotSealed"):
            fresh.committee.send(BOB, "proveEquivocation", *arguments)  # Copied from the mempool.
        outcome = fresh.committee.send(ALICE, "proveEquivocation", *arguments)
        expected = {"culprit": OPERATOR.address, "prover": ALICE, "reason": 1, "amount": BOND, "reward": BOND // 2}
        assert fresh.committee.events(outcome) == [Decoded("Slashed", expected)]
        assert fresh.committee.call("pullable", ALICE) == BOND // 2
        assert fresh.committee.call("bondOf", OPERATOR.address) == (0, 0, 0)
        with refused("NothingBonded", OPERATOR.address):
            fresh.committee.send(ALICE, "proveEquivocation", *arguments)


def test_receipts_that_agree_prove_nothing(venue: Venue) -> None:
    one, two, three = receipts()
    for a, b in ((one, one), (one, two), (three, one)):
        announce(venue, equivocation(a, b))
        with refused("EvidenceShowsNothing"):
            venue.committee.send(
                ALICE, "proveEquivocation", OPERATOR.address, a, signed(venue, a), b, signed(venue, b), SALT
            )


def test_receipts_of_others_prove_nothing(venue: Venue) -> None:
    honest = receipts()[1]
    lie = (*honest[:3], keccak(b"root"))
    announce(venue, equivocation(honest, lie))
    good = signed(venue, honest)
    for bad in (signed(venue, lie, VALIDATORS[0]), bytes(65), b"", good):
        with refused("ReceiptInvalid"):
            venue.committee.send(ALICE, "proveEquivocation", OPERATOR.address, honest, good, lie, bad, SALT)


def test_fresh_evidence_waits(venue: Venue) -> None:
    honest = receipts()[1]
    lie = (*honest[:3], keccak(b"root"))
    digest = keccak(bytes(12) + ALICE + equivocation(honest, lie) + SALT)
    venue.committee.send(ALICE, "sealEvidence", digest)
    with refused("EvidenceTooFresh", venue.machine.now_s + PERIODS.evidence):
        venue.committee.send(
            ALICE, "proveEquivocation", OPERATOR.address, honest, signed(venue, honest), lie, signed(venue, lie), SALT
        )


# ------------------------------------------------------------------------------------------------------------ omission


def omission(receipt: Receipt, sealed: Sealed) -> bytes:
    """Hash of the evidence."""
    return keccak(words(OPERATOR.address, *receipt, keccak(TYPE_HASHES["Commitment"] + sealed.commitment.words())))


def test_a_receipt_that_its_batch_contradicts_costs_the_bond(venue: Venue) -> None:
    sealed = commit_with(venue, list_root(leaves()))
    lost = (keccak(b"head"), 5, 2, keccak(b"what was promised"))
    announce(venue, omission(lost, sealed))
    arguments = (OPERATOR.address, lost, signed(venue, lost), fields(sealed.commitment), opening(1), SALT)
    with refused("BatchNotFinalYet", 1):
        venue.committee.send(ALICE, "proveOmission", *arguments)
    venue.finalize()
    outcome = venue.committee.send(ALICE, "proveOmission", *arguments)
    expected = {"culprit": OPERATOR.address, "prover": ALICE, "reason": 2, "amount": BOND, "reward": BOND // 2}
    assert venue.committee.events(outcome) == [Decoded("Slashed", expected)]


def test_an_honest_batch_proves_no_omission(venue: Venue) -> None:
    sealed = commit_with(venue, list_root(leaves()))
    venue.finalize()
    for at, receipt in enumerate(receipts()):
        for other in range(len(CYCLES)):
            announce(venue, omission(receipt, sealed))
            with refused("EvidenceShowsNothing"):
                venue.committee.send(
                    ALICE, "proveOmission", OPERATOR.address, receipt, signed(venue, receipt), fields(sealed.commitment),
                    opening(other), SALT,
                )  # fmt: skip
        assert list_root(leaves()) == sealed.commitment.inputs_root, at


def test_false_openings_are_refused(venue: Venue) -> None:
    sealed = commit_with(venue, list_root(leaves()))
    venue.finalize()
    lost = (keccak(b"head"), 5, 2, keccak(b"what was promised"))
    first, count, root, sides, siblings = opening(1)
    for bad in (
        (first, count, keccak(b"root"), sides, siblings), (first, count, root, 0, siblings),
        (first, count, root, sides, siblings[:-1]), (first, count, root, sides | 4, siblings),
    ):  # fmt: skip
        announce(venue, omission(lost, sealed))
        with refused("OpeningWrong"):
            venue.committee.send(
                ALICE, "proveOmission", OPERATOR.address, lost, signed(venue, lost), fields(sealed.commitment), bad, SALT
            )
    other = replace(sealed, commitment=replace(sealed.commitment, ops_count=8))
    announce(venue, omission(lost, other))
    with refused("CommitmentUnknown"):
        venue.committee.send(
            ALICE, "proveOmission", OPERATOR.address, lost, signed(venue, lost), fields(other.commitment), opening(1), SALT
        )


# -------------------------------------------------------------------------------------------------------- attestations


def test_two_attestations_for_one_batch_cost_the_bond(venue: Venue) -> None:
    key, one, two = VALIDATORS[0], keccak(b"one"), keccak(b"two")
    announce(venue, keccak(words(key.address, 3, one, two)))
    good, other = attestation(venue, key, 3, one), attestation(venue, key, 3, two)
    with refused("AttestationInvalid"):
        venue.committee.send(
            ALICE, "proveTwoAttestations", key.address, 3, one, good, two, attestation(venue, VALIDATORS[1], 3, two), SALT
        )
    venue.committee.send(ALICE, "proveTwoAttestations", key.address, 3, one, good, two, other, SALT)
    assert venue.committee.call("bondOf", key.address) == (0, 0, 0)
    announce(venue, keccak(words(key.address, 3, one, one)))
    with refused("EvidenceShowsNothing"):
        venue.committee.send(ALICE, "proveTwoAttestations", key.address, 3, one, good, one, good, SALT)


def test_an_attestation_of_what_was_replaced_costs_the_bond(venue: Venue) -> None:
    key = VALIDATORS[0]
    false = commit_with(venue, keccak(b"false inputs"))
    false_hash = keccak(TYPE_HASHES["Commitment"] + false.commitment.words())
    signature = attestation(venue, key, 1, false_hash)
    attest(venue, 1, key)  # Alone: not enough.
    venue.machine.now_s += PERIODS.attestation_window
    venue.novate.send(BOB, "revertBatch", 1)
    venue.batch_id, venue.last_seq, venue.state_root = 0, 0, venue.novate.call("batch", 0)[0]
    true = venue.seal()
    venue.commit(true)  # The same data; other inputs under the root.
    announce(venue, keccak(words(key.address, 1, false_hash)))
    arguments = (key.address, 1, false_hash, signature, SALT)
    with refused("BatchNotFinalYet", 1):
        venue.committee.send(ALICE, "proveRevertedAttestation", *arguments)
    venue.finalize()
    with refused("EvidenceShowsNothing"):  # Nobody attested to the one that is final either.
        venue.committee.send(ALICE, "proveRevertedAttestation", *arguments)
    attest(venue, 1, *VALIDATORS[1:])
    venue.committee.send(ALICE, "proveRevertedAttestation", *arguments)
    assert venue.committee.call("bondOf", key.address) == (0, 0, 0)
    true_hash = venue.novate.call("batch", 1)[1]
    other = VALIDATORS[1]
    announce(venue, keccak(words(other.address, 1, true_hash)))
    with refused("EvidenceShowsNothing"):
        venue.committee.send(
            ALICE, "proveRevertedAttestation", other.address, 1, true_hash, attestation(venue, other, 1, true_hash), SALT
        )


# ------------------------------------------------------------------------------------------------------------ deployment


@pytest.mark.parametrize(("bond", "open_bond"), [(0, 1), (1, 0), (2**96, 1), (1, 2**96)])
def test_bonds_are_in_range(venue: Venue, bond: int, open_bond: int) -> None:
    with refused("BondTooSmall", bond, open_bond):
        Deployed(venue.machine, "Committee", Address(bytes(20)), ALICE, [], 0, bond, open_bond, 600, 2)
