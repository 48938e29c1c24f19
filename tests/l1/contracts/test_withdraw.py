"""Withdrawals: proved once against a final batch, paid once, to the destination in the leaf, and to nobody else."""

import random
from typing import Any

import pytest

from node.l1.abi import Decoded
from proto.hashing import ZERO_HASH, keccak
from proto.ids import Address
from tests.l1.contracts.rig import (
    ALICE,
    BOB,
    ETH,
    GWEI,
    USDC,
    Deployed,
    Payout,
    Refused,
    Sealed,
    Venue,
    new_venue,
    refused,
)

# Positions of withdraw's arguments.
BATCH, INDEX, ACCOUNT, DESTINATION, ASSET, AMOUNT, BITMAP, SIBLINGS, LEDGER, SYSTEM, VENUE = range(11)
TAKES, REFUSES, BURNS_GAS, RETURNS_MUCH, CALLS_BACK, NEEDS_GAS = range(6)
PAYEE = Address(keccak(b"payee")[12:])


@pytest.fixture
def funded(venue: Venue) -> Venue:
    """Return a venue with deposits of both assets."""
    venue.deposit(USDC, 10**12)
    venue.deposit(ETH, 10**12)
    return venue


def final_batch(venue: Venue, *payouts: Payout) -> Sealed:
    """Commit a batch with these withdrawals and let it become final."""
    for payout in payouts:
        venue.pay_out(payout)
    sealed = venue.advance()
    venue.finalize()
    return sealed


def claim(venue: Venue, sealed: Sealed, index: int, sender: bytes = ALICE) -> list[Decoded]:
    """Claim one withdrawal."""
    return venue.novate.events(venue.novate.send(sender, "withdraw", *sealed.withdraw_args(index)))


def held(venue: Venue, address: bytes) -> tuple[int, int]:
    """USDC and wei of an address."""
    return venue.usdc.call("balanceOf", address), venue.machine.balance(address)


def test_token_and_eth_are_paid(funded: Venue) -> None:
    sealed = final_batch(funded, Payout(3, PAYEE, USDC, 500), Payout(4, PAYEE, ETH, 7))
    expected = {"index": 0, "destination": PAYEE, "asset": USDC, "amount": 500}
    assert claim(funded, sealed, 0) == [Decoded("Withdrawn", expected)]
    expected = {"index": 1, "destination": PAYEE, "asset": ETH, "amount": 7 * GWEI}
    assert claim(funded, sealed, 1) == [Decoded("Withdrawn", expected)]
    assert held(funded, PAYEE) == (500, 7 * GWEI)
    assert funded.novate.call("isWithdrawn", 0)
    assert not funded.novate.call("isWithdrawn", 2)
    assert [funded.novate.call("assetOf", asset)[3] for asset in (USDC, ETH)] == [500, 7]


def test_second_claim_is_refused_against_any_batch(funded: Venue) -> None:
    first = final_batch(funded, Payout(3, PAYEE, USDC, 500))
    later = final_batch(funded, Payout(3, PAYEE, USDC, 500))
    claim(funded, first, 0)
    for sealed in (first, later):
        with refused("AlreadyWithdrawn", 0):
            claim(funded, sealed, 0)
    claim(funded, later, 1)
    assert held(funded, PAYEE)[0] == 1000


def test_batch_that_is_not_final_is_refused(funded: Venue) -> None:
    funded.pay_out(Payout(3, PAYEE, USDC, 500))
    sealed = funded.advance()
    final_at = funded.machine.now_s + 600
    funded.machine.now_s = final_at - 1
    with refused("BatchNotFinal", 1, final_at):
        claim(funded, sealed, 0)
    funded.machine.now_s = final_at
    claim(funded, sealed, 0)


def test_batch_that_does_not_exist_is_refused(funded: Venue) -> None:
    sealed = final_batch(funded, Payout(3, PAYEE, USDC, 500))
    args = list(sealed.withdraw_args(0))
    args[BATCH] = 2
    with refused("BatchUnknown", 2, 1):
        funded.novate.send(ALICE, "withdraw", *args)


def test_genesis_pays_nothing(funded: Venue) -> None:
    sealed = final_batch(funded, Payout(3, PAYEE, USDC, 500))
    args = list(sealed.withdraw_args(0))
    args[BATCH] = 0
    with refused("StateRootOpeningWrong"):
        funded.novate.send(ALICE, "withdraw", *args)


def test_zero_destination_is_refused(funded: Venue) -> None:
    sealed = final_batch(funded, Payout(3, Address(bytes(20)), USDC, 500))
    with refused("DestinationZero"):
        claim(funded, sealed, 0)


def test_proof_of_others_pays_the_others(funded: Venue) -> None:
    sealed = final_batch(funded, Payout(3, PAYEE, USDC, 500), Payout(4, BOB, USDC, 90))
    args = list(sealed.withdraw_args(0))
    args[DESTINATION] = BOB
    with refused("WithdrawalNotInTree"):
        funded.novate.send(BOB, "withdraw", *args)
    claim(funded, sealed, 0, sender=BOB)
    assert held(funded, PAYEE)[0] == 500
    assert held(funded, BOB)[0] == 0


@pytest.mark.parametrize(
    ("position", "value", "error"),
    [
        (INDEX, 1, "WithdrawalNotInTree"),
        (INDEX, 2**32, "ProofMalformed"),
        (INDEX, 2**32 + 2, "ProofMalformed"),
        (INDEX, 2**64 - 1, "ProofMalformed"),
        (ACCOUNT, 9, "WithdrawalNotInTree"),
        (DESTINATION, ALICE, "WithdrawalNotInTree"),
        (ASSET, ETH, "WithdrawalNotInTree"),
        (ASSET, 77, "WithdrawalNotInTree"),
        (AMOUNT, 501, "WithdrawalNotInTree"),
        (AMOUNT, 0, "WithdrawalNotInTree"),
        (SYSTEM, ZERO_HASH, "StateRootOpeningWrong"),
        (VENUE, ZERO_HASH, "StateRootOpeningWrong"),
    ],
)
def test_false_argument_is_refused(funded: Venue, position: int, value: Any, error: str) -> None:
    payouts = [Payout(3, PAYEE, USDC, 500 + at) for at in range(5)]
    sealed = final_batch(funded, *payouts)
    args = list(sealed.withdraw_args(0))
    args[position] = value
    with refused(error):
        funded.novate.send(ALICE, "withdraw", *args)
    claim(funded, sealed, 0)


def test_false_section_roots_are_refused(funded: Venue) -> None:
    sealed = final_batch(funded, Payout(3, PAYEE, USDC, 500))
    for at in range(5):
        args = list(sealed.withdraw_args(0))
        args[LEDGER] = [*args[LEDGER][:at], keccak(b"lie"), *args[LEDGER][at + 1 :]]
        with refused("StateRootOpeningWrong"):
            funded.novate.send(ALICE, "withdraw", *args)


def test_malformed_proofs_are_refused(funded: Venue) -> None:
    sealed = final_batch(funded, *(Payout(3, PAYEE, USDC, 500 + at) for at in range(5)))
    good = list(sealed.withdraw_args(0))
    bitmap, siblings = good[BITMAP], tuple(good[SIBLINGS])
    assert len(siblings) == 3
    free = next(level for level in range(32) if not bitmap >> level & 1)
    for changed in (
        {BITMAP: bitmap | 1 << free, SIBLINGS: (*siblings, ZERO_HASH)},  # A zero sibling where none is.
        {SIBLINGS: (*siblings, keccak(b"surplus"))},
        {SIBLINGS: siblings[:-1]},
        {SIBLINGS: ()},
        {BITMAP: bitmap | 1 << free},
        {BITMAP: bitmap | 1 << 32, SIBLINGS: (*siblings, keccak(b"high"))},
        {BITMAP: bitmap | 1 << 255},
        {BITMAP: 0},
    ):
        args = [changed.get(at, value) for at, value in enumerate(good)]
        with refused("ProofMalformed"):
            funded.novate.send(ALICE, "withdraw", *args)
    claim(funded, sealed, 0)


def test_asset_the_contract_does_not_hold_is_refused(funded: Venue) -> None:
    """A leaf that should never exist: proved, and still nothing is paid."""
    funded.payouts.append(Payout(3, PAYEE, 9, 500))
    sealed = final_batch(funded)
    with refused("AssetUnknown", 9):
        claim(funded, sealed, 0)


@pytest.mark.parametrize("asset", [USDC, ETH])
def test_no_more_is_paid_than_was_deposited(funded: Venue, asset: int) -> None:
    """Leaves that no honest ledger holds; the totals in the system words say nothing of them."""
    funded.payouts += [Payout(3, PAYEE, asset, 10**12), Payout(3, PAYEE, asset, 1)]
    sealed = final_batch(funded)
    claim(funded, sealed, 0)
    with refused("EscrowShort", asset, 10**12 + 1, 10**12):
        claim(funded, sealed, 1)
    assert not funded.novate.call("isWithdrawn", 1)
    funded.deposit(asset, 1)
    claim(funded, sealed, 1)


def test_token_that_refuses_keeps_the_withdrawal_claimable() -> None:
    """What the token does not move does not count as paid."""
    funded = new_venue("BarringToken")
    funded.deposit(USDC, 10**6)
    sealed = final_batch(funded, Payout(3, PAYEE, USDC, 500))
    funded.usdc.send(ALICE, "bar", PAYEE, *[True])
    with pytest.raises(Refused):
        claim(funded, sealed, 0)
    assert not funded.novate.call("isWithdrawn", 0)
    assert funded.novate.call("assetOf", USDC)[3] == 0
    funded.usdc.send(ALICE, "bar", PAYEE, *[False])
    claim(funded, sealed, 0)


class Misbehaving:
    """A contract that holds a withdrawal of ETH and does as told on receipt."""

    def __init__(self, venue: Venue, mood: int, payload: bytes = b"") -> None:
        self.venue = venue
        self.contract = Deployed(venue.machine, "TestReceiver", errors_of="Novate")
        self.prepare(mood, payload)

    def prepare(self, mood: int, payload: bytes = b"", value_wei: int = 0) -> None:
        """Choose what happens on receipt."""
        self.contract.send(ALICE, "prepare", mood, self.venue.novate.address, payload, value_wei)


def test_contract_that_takes_is_paid(funded: Venue) -> None:
    receiver = Misbehaving(funded, TAKES)
    sealed = final_batch(funded, Payout(3, receiver.contract.address, ETH, 7))
    assert [event.name for event in claim(funded, sealed, 0)] == ["Withdrawn"]
    assert funded.machine.balance(receiver.contract.address) == 7 * GWEI


def test_contract_that_returns_much_is_paid(funded: Venue) -> None:
    receiver = Misbehaving(funded, RETURNS_MUCH)
    sealed = final_batch(funded, Payout(3, receiver.contract.address, ETH, 7))
    assert [event.name for event in claim(funded, sealed, 0)] == ["Withdrawn"]


@pytest.mark.parametrize("mood", [REFUSES, BURNS_GAS])
def test_destination_that_does_not_take_is_credited(funded: Venue, mood: int) -> None:
    receiver = Misbehaving(funded, mood)
    address = receiver.contract.address
    sealed = final_batch(funded, Payout(3, address, ETH, 7), Payout(3, address, ETH, 8))
    credited = Decoded("Credited", {"destination": address, "amount": 7 * GWEI})
    assert claim(funded, sealed, 0)[1:] == [credited]
    claim(funded, sealed, 1)
    assert funded.novate.call("claimable", address) == 15 * GWEI
    assert funded.novate.call("isWithdrawn", 0)
    assert funded.machine.balance(funded.novate.address) == 10**12 * GWEI

    with refused("SendFailed", address):
        funded.novate.send(BOB, "claim", address, address, gas=500_000)
    with refused("NotYourClaim", BOB, address):
        funded.novate.send(BOB, "claim", address, BOB)
    redirect = funded.novate.data("claim", address, PAYEE)
    receiver.contract.send(ALICE, "forward", funded.novate.address, redirect)
    assert funded.machine.balance(PAYEE) == 15 * GWEI
    with refused("NothingToClaim", address):
        funded.novate.send(BOB, "claim", address, address)


def test_anyone_may_send_a_claim_to_its_owner(funded: Venue) -> None:
    receiver = Misbehaving(funded, REFUSES)
    address = receiver.contract.address
    sealed = final_batch(funded, Payout(3, address, ETH, 7))
    claim(funded, sealed, 0)
    receiver.prepare(TAKES)
    with refused("DestinationZero"):
        receiver.contract.send(ALICE, "forward", funded.novate.address, funded.novate.data("claim", address, bytes(20)))
    outcome = funded.novate.send(BOB, "claim", address, address)
    expected = {"owner": address, "to": address, "amount": 7 * GWEI}
    assert funded.novate.events(outcome) == [Decoded("Claimed", expected)]
    assert funded.machine.balance(address) == 7 * GWEI
    assert funded.novate.call("claimable", address) == 0


@pytest.mark.parametrize("function", ["withdraw", "claim", "depositETH", "deposit"])
def test_reentrance_gains_nothing(funded: Venue, function: str) -> None:
    """On receipt the destination calls back; the guard refuses, and the books are those of one payment."""
    receiver = Misbehaving(funded, TAKES)
    address = receiver.contract.address
    sealed = final_batch(funded, Payout(3, address, ETH, 7), Payout(3, address, ETH, 8))
    arguments: dict[str, tuple[Any, ...]] = {
        "withdraw": sealed.withdraw_args(1), "claim": (address, address), "depositETH": (address,),
        "deposit": (USDC, 1, address),
    }  # fmt: skip
    receiver.prepare(CALLS_BACK, funded.novate.data(function, *arguments[function]))
    claim(funded, sealed, 0)
    assert funded.machine.balance(address) + funded.novate.call("claimable", address) == 7 * GWEI
    assert not funded.novate.call("isWithdrawn", 1)
    assert not receiver.contract.call("lastCallWorked")
    assert funded.novate.call("queueLength") == 2


@pytest.mark.parametrize("function", ["withdraw", "claim", "depositETH", "deposit"])
def test_reentrance_of_a_claim_is_refused(funded: Venue, function: str) -> None:
    """Here all gas is passed on, so the guard's own error can be seen through the receiver."""
    receiver = Misbehaving(funded, REFUSES)
    address = receiver.contract.address
    sealed = final_batch(funded, Payout(3, address, ETH, 7), Payout(3, address, ETH, 8))
    claim(funded, sealed, 0)
    arguments: dict[str, tuple[Any, ...]] = {
        "withdraw": sealed.withdraw_args(1), "claim": (address, address), "depositETH": (address,),
        "deposit": (USDC, 1, address),
    }  # fmt: skip
    value_wei = GWEI if function == "depositETH" else 0
    receiver.prepare(CALLS_BACK, funded.novate.data(function, *arguments[function]), value_wei)
    funded.novate.send(ALICE, "claim", address, address)
    assert receiver.contract.call("calls") == 1
    assert not receiver.contract.call("lastCallWorked")
    assert receiver.contract.call("lastRefusal")[:4] == keccak(b"ReentrancyGuardReentrantCall()")[:4]
    assert funded.machine.balance(address) == 7 * GWEI
    assert not funded.novate.call("isWithdrawn", 1)


def test_gas_too_low_to_pay_does_not_credit(funded: Venue) -> None:
    """Whoever sends the claim cannot starve the destination: all or nothing, for every amount of gas."""
    receiver = Misbehaving(funded, NEEDS_GAS)
    sealed = final_batch(funded, Payout(3, receiver.contract.address, ETH, 7))
    call = funded.novate.data("withdraw", *sealed.withdraw_args(0))
    names = set()
    for gas in range(30_000, 200_000, 1_000):
        try:
            funded.novate.send_raw(ALICE, call, gas=gas)
        except Refused as refusal:
            names.add(refusal.name)
            continue
        break
    assert "GasTooLow" in names
    assert funded.machine.balance(receiver.contract.address) == 7 * GWEI
    assert funded.novate.call("claimable", receiver.contract.address) == 0


def test_random_trees_pay_every_leaf_once(venue: Venue, seed: int) -> None:
    """Money out equals the leaves, whatever the order and the batch proved against."""
    chance = random.Random(seed)
    venue.deposit(USDC, 10**9)
    venue.deposit(ETH, 10**9)
    due: dict[tuple[bytes, int], int] = {}
    batches: list[Sealed] = []
    for _ in range(3):
        for _ in range(chance.randint(1, 40)):
            destination = Address(chance.choice((PAYEE, keccak(chance.randbytes(1))[12:])))
            payout = Payout(
                chance.randint(1, 2**32 - 1), destination, chance.choice((USDC, ETH)), chance.randint(1, 10**6)
            )
            venue.pay_out(payout)
            key = (payout.destination, payout.asset)
            due[key] = due.get(key, 0) + payout.amount
        batches.append(final_batch(venue))
    order = list(range(len(venue.payouts)))
    chance.shuffle(order)
    for index in order:
        holders = [sealed for sealed in batches if index < len(sealed.payouts)]
        claim(venue, chance.choice(holders), index, sender=BOB)
        with refused("AlreadyWithdrawn", index):
            claim(venue, chance.choice(holders), index, sender=BOB)
    for (holder, asset), amount in due.items():
        assert held(venue, holder)[asset] == amount * (GWEI if asset == ETH else 1)
    assert [venue.novate.call("assetOf", asset)[3] for asset in (USDC, ETH)] == [
        venue.totals[asset].withdrawn for asset in (USDC, ETH)
    ]


def test_no_flipped_bit_ever_pays(funded: Venue, seed: int) -> None:
    """Any bit of the call data but those of padding: refused, and nobody holds a unit more."""
    chance = random.Random(seed)
    sealed = final_batch(
        funded, *(Payout(3 + at, Address(keccak(bytes((at,)))[12:]), at % 2, 500 + at) for at in range(50))
    )
    for _ in range(400):
        index = chance.randrange(50)
        call = bytearray(funded.novate.data("withdraw", *sealed.withdraw_args(index)))
        at = chance.randrange(len(call))
        call[at] ^= 1 << chance.randrange(8)
        with pytest.raises(Refused):
            funded.novate.send_raw(BOB, bytes(call))
    assert funded.usdc.call("balanceOf", funded.novate.address) == 10**12
    assert funded.machine.balance(funded.novate.address) == 10**12 * GWEI
