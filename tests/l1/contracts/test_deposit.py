"""Deposits: what enters escrow, what the queue keeps of it, and everything that must not enter."""

import random
from dataclasses import asdict
from typing import Any

import pytest

from node.l1.abi import Decoded
from proto.hashing import ZERO_HASH
from proto.units import AMOUNT_MAX
from tests.l1.contracts.rig import (
    ALICE,
    BOB,
    CAP,
    ETH,
    GWEI,
    OWING_CAP,
    START_S,
    USDC,
    Deployed,
    Machine,
    Payout,
    Venue,
    deploy,
    refused,
)

ZERO_ADDRESS = bytes(20)


def asset_of(venue: Venue, asset: int) -> dict[str, Any]:
    """The contract's record of an asset."""
    names = ("token", "unitDivisor", "deposited", "paid", "depositCap", "owingCap")
    return dict(zip(names, venue.novate.call("assetOf", asset), strict=True))


def fund(venue: Venue, amount: int) -> None:
    """Give Alice tokens and the contract her approval."""
    venue.usdc.send(ALICE, "mint", ALICE, amount)
    venue.usdc.send(ALICE, "approve", venue.novate.address, amount)


def test_erc20_deposit_is_queued(venue: Venue) -> None:
    outcome = venue.deposit(USDC, 5_000_000, BOB)
    expected = {
        "index": 0, "owner": BOB, "asset": USDC, "amount": 5_000_000, "time": START_S,
        "queueHash": venue.queue_hashes[1],
    }  # fmt: skip
    assert venue.novate.events(outcome) == [Decoded("DepositQueued", expected)]
    assert venue.usdc.call("balanceOf", venue.novate.address) == 5_000_000
    assert asset_of(venue, USDC)["deposited"] == 5_000_000
    assert venue.novate.call("queueLength") == 1
    assert venue.novate.call("queueTime", 0) == START_S


def test_eth_deposit_is_queued_in_ledger_units(venue: Venue) -> None:
    venue.deposit(USDC, 1)
    venue.machine.now_s += 7
    outcome = venue.deposit(ETH, 3, BOB)
    expected = {
        "index": 1, "owner": BOB, "asset": ETH, "amount": 3, "time": START_S + 7,
        "queueHash": venue.queue_hashes[2],
    }  # fmt: skip
    assert venue.novate.events(outcome) == [Decoded("DepositQueued", expected)]
    assert venue.machine.balance(venue.novate.address) == 3 * GWEI
    assert asset_of(venue, ETH)["deposited"] == 3


def test_queue_hash_is_that_of_the_protocol(venue: Venue, seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(12):
        venue.deposit(chance.choice((USDC, ETH)), chance.randint(1, 2**40), chance.choice((ALICE, BOB)))
    kept = [venue.novate.call("queueHashAt", count) for count in range(13)]
    assert kept == venue.queue_hashes
    assert kept[0] == ZERO_HASH


def test_unknown_asset_is_refused(venue: Venue) -> None:
    fund(venue, 5)
    with refused("AssetUnknown", 2):
        venue.novate.send(ALICE, "deposit", 2, 5, ALICE)
    with refused("AssetUnknown", 9):
        venue.novate.call("assetOf", 9)


def test_eth_through_the_token_door_is_refused(venue: Venue) -> None:
    with refused("AssetIsNative", ETH):
        venue.novate.send(ALICE, "deposit", ETH, GWEI, ALICE)


def test_eth_where_it_is_no_collateral_is_refused(venue: Venue) -> None:
    novate = deploy(venue.machine, [(USDC, venue.usdc.address, 1, CAP, OWING_CAP)])
    with refused("AssetUnknown", 65535):
        novate.send(ALICE, "depositETH", ALICE, value=GWEI)
    assert novate.call("nativeAsset") == 65535


def test_zero_amount_and_zero_owner_are_refused(venue: Venue) -> None:
    fund(venue, 5)
    with refused("AmountZero"):
        venue.novate.send(ALICE, "deposit", USDC, 0, ALICE)
    with refused("AmountZero"):
        venue.novate.send(ALICE, "depositETH", ALICE)
    with refused("OwnerZero"):
        venue.novate.send(ALICE, "deposit", USDC, 5, ZERO_ADDRESS)
    with refused("OwnerZero"):
        venue.novate.send(ALICE, "depositETH", ZERO_ADDRESS, value=GWEI)


def test_amount_that_does_not_divide_is_refused(venue: Venue) -> None:
    with refused("AmountDoesNotDivide", GWEI + 1, GWEI):
        venue.novate.send(ALICE, "depositETH", ALICE, value=GWEI + 1)
    assert venue.machine.balance(venue.novate.address) == 0


def test_amount_beyond_the_ledger_is_refused() -> None:
    machine = Machine()
    token = Deployed(machine, "TestToken", "Test USD", "USDC", 6)
    novate = deploy(machine, [(USDC, token.address, 1, 2**100, 0)])
    token.send(ALICE, "mint", ALICE, 2**70)
    token.send(ALICE, "approve", novate.address, 2**70)
    with refused("AmountTooLarge", AMOUNT_MAX + 1):
        novate.send(ALICE, "deposit", USDC, AMOUNT_MAX + 1, ALICE)
    novate.send(ALICE, "deposit", USDC, AMOUNT_MAX, ALICE)


def test_cap_binds_what_is_in_escrow(venue: Venue) -> None:
    venue.deposit(ETH, CAP)
    with refused("DepositCapExceeded", ETH, CAP + 1, CAP):
        venue.novate.send(ALICE, "depositETH", ALICE, value=GWEI)
    venue.pay_out(Payout(3, BOB, ETH, 10))
    sealed = venue.advance()
    venue.finalize()
    venue.novate.send(ALICE, "withdraw", *sealed.withdraw_args(0))
    venue.deposit(ETH, 10)
    with refused("DepositCapExceeded"):
        venue.novate.send(ALICE, "depositETH", ALICE, value=GWEI)
    assert asset_of(venue, ETH)["deposited"] == CAP + 10
    assert asset_of(venue, ETH)["paid"] == 10


def test_deposit_without_approval_or_balance_is_refused(venue: Venue) -> None:
    venue.usdc.send(ALICE, "mint", ALICE, 10)
    with pytest.raises(Exception, match="fb8f41b2"):  # The token's own ERC20InsufficientAllowance comes through.
        venue.novate.send(ALICE, "deposit", USDC, 10, ALICE)
    assert venue.novate.call("queueLength") == 0


def test_fee_on_transfer_token_is_refused() -> None:
    machine = Machine()
    token = Deployed(machine, "FeeOnTransferToken", "Taxed", "TAX", 6)
    novate = deploy(machine, [(USDC, token.address, 1, CAP, OWING_CAP)])
    token.send(ALICE, "mint", ALICE, 1_000)
    token.send(ALICE, "approve", novate.address, 1_000)
    with refused("TransferAmountDiffers", 1_000, 990):
        novate.send(ALICE, "deposit", USDC, 1_000, ALICE)
    assert token.call("balanceOf", ALICE) == 1_000
    novate.send(ALICE, "deposit", USDC, 99, ALICE)  # Its fee rounds to nothing here: what arrived counts.


def test_one_transfer_is_not_counted_for_two_deposits() -> None:
    """The token calls deposit again from inside the transfer: without the guard, what arrives once is credited twice."""
    machine = Machine()
    token = Deployed(machine, "CallingToken", "Eager", "EGR", 6)
    novate = deploy(machine, [(USDC, token.address, 1, CAP, OWING_CAP)])
    token.send(ALICE, "mint", token.address, 1_000)
    token.send(ALICE, "prepare", novate.address, novate.data("deposit", USDC, 1_000, ALICE))
    with refused("TransferAmountDiffers", 1_000, 0):
        novate.send(ALICE, "deposit", USDC, 1_000, ALICE)
    assert novate.call("queueLength") == 0
    assert token.call("balanceOf", token.address) == 1_000


def test_token_that_answers_false_is_refused() -> None:
    machine = Machine()
    answers_false = bytes.fromhex("600a600c600039600a6000f3" + "600060005260206000f3")
    outcome = machine.run(ALICE, None, answers_false)
    assert outcome.contract is not None
    novate = deploy(machine, [(USDC, outcome.contract, 1, CAP, OWING_CAP)])
    with refused("SafeERC20FailedOperation", outcome.contract):
        novate.send(ALICE, "deposit", USDC, 5, ALICE)


def test_plain_eth_is_refused(venue: Venue) -> None:
    with refused("PlainTransfer"):
        venue.novate.send_raw(ALICE, b"", value=1)
    assert venue.machine.balance(venue.novate.address) == 0


def test_queue_views_refuse_what_is_not_there(venue: Venue) -> None:
    venue.deposit(USDC, 1)
    with refused("QueueIndexUnknown", 2, 1):
        venue.novate.call("queueHashAt", 2)
    with refused("QueueIndexUnknown", 1, 1):
        venue.novate.call("queueTime", 1)


def test_deposits_add_up(venue: Venue, seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(20):
        venue.deposit(chance.choice((USDC, ETH)), chance.randint(1, CAP // 100))
    for asset in (USDC, ETH):
        assert asset_of(venue, asset)["deposited"] == asdict(venue.totals[asset])["deposited"]
    assert venue.usdc.call("balanceOf", venue.novate.address) == venue.totals[USDC].deposited
    assert venue.machine.balance(venue.novate.address) == venue.totals[ETH].deposited * GWEI
