"""A random walk over all calls: after each, what the contract holds is what its books say it owes."""

import random
from dataclasses import dataclass, field

from proto.ids import Address
from proto.signing.secp256k1 import SigningKey
from tests.l1.contracts.rig import (
    ALICE,
    BOB,
    ETH,
    USDC,
    WINDOW_S,
    Deployed,
    Payout,
    Sealed,
    Venue,
)

STEPS = 150
MOODS = 4  # Takes, refuses, burns gas, returns much.


@dataclass
class Walk:
    """The venue, its chance, and what the books should say."""

    venue: Venue
    chance: random.Random
    receivers: list[Deployed]
    batches: list[tuple[int, Sealed]] = field(default_factory=list)  # With the time of finality.
    paid: set[int] = field(default_factory=set)

    def deposit(self) -> None:
        """Any asset, any amount, sometimes on behalf of another."""
        self.venue.deposit(
            self.chance.choice((USDC, ETH)), self.chance.randint(1, 10**9), self.chance.choice((ALICE, BOB))
        )

    def order_payout(self) -> None:
        """A withdrawal within what is owed."""
        asset = self.chance.choice((USDC, ETH))
        owed = self.venue.totals[asset].owed
        if owed:
            stranger = SigningKey(self.chance.randbytes(32)).address
            to = self.chance.choice([stranger, BOB, *(receiver.address for receiver in self.receivers)])
            self.venue.pay_out(Payout(self.chance.getrandbits(32), Address(to), asset, self.chance.randint(1, owed)))

    def commit(self) -> None:
        """A batch."""
        self.batches.append((self.venue.machine.now_s + WINDOW_S, self.venue.advance()))

    def claim(self) -> None:
        """Any withdrawal against any batch: paid exactly when that batch holds it, is final, and it was not paid."""
        if not self.batches or not self.venue.payouts:
            return
        final_at, sealed = self.chance.choice(self.batches)
        if not sealed.payouts:
            return
        index = self.chance.randrange(len(sealed.payouts))
        payable = self.venue.machine.now_s >= final_at and index not in self.paid
        refusal = self.venue.novate.try_send(BOB, "withdraw", *sealed.withdraw_args(index))
        assert (refusal == "") == payable, refusal
        if payable:
            self.paid.add(index)

    def fetch(self) -> None:
        """A receiver changes its mood; then anyone sends it what waits for it."""
        receiver = self.chance.choice(self.receivers)
        mood = self.chance.randrange(MOODS)
        receiver.send(ALICE, "prepare", mood, self.venue.novate.address, b"", 0)
        before = self.venue.novate.call("claimable", receiver.address)
        address = receiver.address
        refusal = self.venue.novate.try_send(ALICE, "claim", address, address, gas=1_000_000)
        assert refusal in (("", "SendFailed") if before else ("NothingToClaim",))
        assert self.venue.novate.call("claimable", address) == (before if refusal else 0)

    def wait(self) -> None:
        """Time passes."""
        self.venue.machine.now_s += self.chance.randint(1, WINDOW_S)

    def audit(self) -> None:
        """Tokens held are deposited less paid; ETH held is that and what waits to be fetched."""
        novate = self.venue.novate
        for asset in (USDC, ETH):
            _, unit, deposited, paid, _, _ = novate.call("assetOf", asset)
            due = sum(
                self.venue.payouts[index].amount for index in self.paid if self.venue.payouts[index].asset == asset
            )
            assert deposited == self.venue.totals[asset].deposited
            assert paid == due
            escrow = (deposited - paid) * unit
            if asset == USDC:
                assert self.venue.usdc.call("balanceOf", novate.address) == escrow
            else:
                waiting = sum(novate.call("claimable", receiver.address) for receiver in self.receivers)
                assert self.venue.machine.balance(novate.address) == escrow + waiting


def test_what_is_held_is_what_is_owed(venue: Venue, seed: int) -> None:
    receivers = [Deployed(venue.machine, "TestReceiver") for _ in range(3)]
    walk = Walk(venue, random.Random(seed), receivers)
    steps = [
        walk.deposit,
        walk.order_payout,
        walk.order_payout,
        walk.commit,
        walk.claim,
        walk.claim,
        walk.fetch,
        walk.wait,
    ]
    for _ in range(STEPS):
        walk.chance.choice(steps)()
        walk.audit()
    assert venue.batch_id == len(walk.batches)
