"""Byte formats: the contract and the protocol package compute the same, and so does an independent EIP-712 signer."""

import random
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data

from proto.batch import Commitment
from proto.hashing import ZERO_HASH, keccak
from proto.ids import Address
from proto.ledger import withdrawal_words
from proto.merkle import SparseProof, sparse_proof_root
from proto.signing.eip712 import TYPES, Domain
from proto.signing.secp256k1 import recover
from proto.units import TimeMs
from tests.l1.contracts.rig import (
    ALICE,
    CHAIN_ID,
    OPERATOR,
    Payout,
    Refused,
    SparseTree,
    Venue,
    fields,
    refused,
)


def random_commitment(chance: random.Random) -> Commitment:
    """A commitment of noise."""
    one, two, three, four, five, six, seven = (chance.randbytes(32) for _ in range(7))
    last_seq, ops_count, cursor = (chance.getrandbits(64) for _ in range(3))
    batch_id, time = chance.getrandbits(64), TimeMs(chance.getrandbits(64))
    return Commitment(batch_id, one, two, three, four, five, six, seven, last_seq, ops_count, cursor, time)


def test_commitment_digest(venue: Venue, seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(20):
        commitment = random_commitment(chance)
        assert venue.novate.call("commitmentDigest", fields(commitment)) == commitment.digest(venue.domain)


def test_domain(venue: Venue) -> None:
    described = venue.novate.call("eip712Domain")
    assert described[1:5] == ("Novate", "1", CHAIN_ID, venue.novate.address)
    assert described[0] == b"\x0f"


def test_independent_signer_agrees(venue: Venue, seed: int) -> None:
    """What a wallet signs from the type's text is what the contract accepts."""
    commitment = random_commitment(random.Random(seed))
    members = TYPES["Commitment"].removeprefix("Commitment(").removesuffix(")").split(",")
    names = [member.split(" ")[1] for member in members]
    message = encode_typed_data(
        {"name": "Novate", "version": "1", "chainId": CHAIN_ID, "verifyingContract": venue.novate.address},
        {"Commitment": [{"type": member.split(" ")[0], "name": member.split(" ")[1]} for member in members]},
        dict(zip(names, fields(commitment), strict=True)),
    )
    signed = Account.sign_message(message, OPERATOR.secret)
    digest = venue.novate.call("commitmentDigest", fields(commitment))
    assert recover(digest, bytes(signed.signature)) == OPERATOR.address
    assert bytes(signed.signature) == OPERATOR.sign(commitment.digest(Domain(CHAIN_ID, venue.novate.address)))


def test_state_root_opening(venue: Venue) -> None:
    """The contract says which root it opened; it is the protocol's."""
    sealed = venue.seal(state_root=keccak(b"another"))
    venue.post_data(sealed)
    with refused("StateRootOpeningWrong", sealed.roots.state_root(), keccak(b"another")):
        venue.commit(sealed)


def contract_root(venue: Venue, args: list[Any]) -> bytes | None:
    """Root that the contract computes for a proof, read from its refusal; None where it calls the proof malformed."""
    with pytest.raises(Refused) as caught:
        venue.novate.send(ALICE, "withdraw", *args)
    if caught.value.name == "ProofMalformed":
        return None
    assert caught.value.name == "WithdrawalNotInTree"
    opened: bytes = caught.value.values[0]
    return opened


def test_sparse_proofs(venue: Venue, seed: int) -> None:
    """Random keys, leaves and proofs, well formed and not: both sides give the same root or both refuse."""
    chance = random.Random(seed)
    venue.deposit(0, 1000)
    venue.pay_out(Payout(1, ALICE, 0, 1))
    sealed = venue.advance()
    venue.finalize()
    template = list(sealed.withdraw_args(0))
    seen = set()
    for _ in range(300):
        key = chance.choice((chance.getrandbits(32), chance.getrandbits(64), chance.getrandbits(4)))
        bitmap = chance.choice(
            (chance.getrandbits(32), chance.getrandbits(33), 1 << chance.randrange(32), 0, 2**32 - 1)
        )
        count = bitmap.bit_count() + chance.choice((0, 0, 0, 0, 1, -1))
        siblings = [chance.randbytes(32) for _ in range(max(count, 0))]
        if siblings and chance.random() < 0.1:
            siblings[chance.randrange(len(siblings))] = ZERO_HASH
        account, amount = chance.getrandbits(32), chance.getrandbits(63)
        destination = Address(chance.randbytes(20))
        leaf = keccak(withdrawal_words(key, account, destination, 1, amount))
        args = [1, key, account, destination, 1, amount, bitmap, siblings, *template[8:]]
        expected = sparse_proof_root(leaf, key, 32, SparseProof(bitmap, tuple(siblings)))
        assert contract_root(venue, args) == expected
        seen.add(expected is None)
    assert seen == {True, False}


def test_reference_tree_agrees_with_the_protocol(seed: int) -> None:
    chance = random.Random(seed)
    leaves = {chance.choice((chance.randrange(64), chance.getrandbits(32))): chance.randbytes(32) for _ in range(50)}
    tree = SparseTree(leaves)
    for key, leaf in leaves.items():
        assert sparse_proof_root(leaf, key, 32, tree.proof(key)) == tree.root
