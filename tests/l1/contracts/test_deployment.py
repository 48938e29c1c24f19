"""Deployment: what the constructor keeps, and the tables and windows it refuses."""

from dataclasses import replace
from typing import Any

import pytest

from node.l1.creation import AssetRow, Origin, Periods, Roles, creations
from proto.hashing import ZERO_HASH
from proto.ids import Address
from tests.l1.contracts.rig import (
    ALICE,
    BOB,
    GENESIS_HASH,
    GENESIS_ROOT,
    OPERATOR,
    RULES_HASH,
    Deployed,
    Machine,
    Venue,
    deploy,
    refused,
)

WEEK_S = 7 * 86_400
NATIVE = bytes(20)


@pytest.fixture
def machine() -> Machine:
    """Return an empty development chain."""
    return Machine()


@pytest.fixture
def token(machine: Machine) -> bytes:
    """Return the address of a token."""
    return Deployed(machine, "TestToken", "Test USD", "USDC", 6).address


def test_what_was_given_is_kept(venue: Venue) -> None:
    novate = venue.novate
    assert novate.call("genesisHash") == GENESIS_HASH
    assert novate.call("rulesHash") == RULES_HASH
    assert novate.call("batch", 0)[0] == GENESIS_ROOT
    assert list(novate.call("assetIds")) == [0, 1]
    assert novate.call("nativeAsset") == 1
    assert novate.call("assetOf", 0) == (venue.usdc.address, 1, 0, 0, 10**18, 10**12)
    assert novate.call("assetOf", 1) == (NATIVE, 10**9, 0, 0, 10**18, 10**12)
    assert (novate.call("tip"), novate.call("queueLength")) == (0, 0)


@pytest.mark.parametrize("chain_id", [1, 10, 17_000, 11_155_111])
def test_short_window_on_a_production_chain_is_refused(chain_id: int) -> None:
    machine = Machine(chain_id)
    for window_s in (0, 600, WEEK_S - 1):
        with refused("PeriodInvalid", window_s, WEEK_S) if window_s else refused("PeriodInvalid"):
            deploy(machine, [(0, NATIVE, 10**9, 1, 1)], periods=replace(Periods(), challenge_window=window_s))
    deploy(machine, [(0, NATIVE, 10**9, 1, 1)], periods=Periods())


@pytest.mark.parametrize("chain_id", [1337, 31337])
def test_short_window_on_a_development_chain_is_accepted(chain_id: int) -> None:
    assert deploy(Machine(chain_id), [(0, NATIVE, 10**9, 1, 1)], window_s=2).call("challengeWindow") == 2


PERIODS = Periods()
DAY_S = 86_400


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"queue_deadline": DAY_S - 1}, "PeriodTooShort"),
        ({"open_after": DAY_S - 1}, "PeriodTooShort"),
        ({"freeze_after": WEEK_S - 1}, "PeriodTooShort"),
        ({"attestation_window": DAY_S - 1}, "PeriodTooShort"),
        ({"timelock": 2 * WEEK_S - 1}, "PeriodTooShort"),
        ({"claims": 30 * DAY_S - 1}, "ClaimPeriodTooShort"),
        ({"evidence": 59}, "PeriodInvalid"),
        ({"queue_deadline": 3 * DAY_S}, "PeriodsOutOfOrder"),
        ({"open_after": 8 * DAY_S}, "PeriodsOutOfOrder"),
        ({"attestation_window": WEEK_S}, "PeriodsOutOfOrder"),
        ({"l2_time_lag": WEEK_S - 1}, "PeriodsOutOfOrder"),
    ],
)
def test_short_periods_on_a_production_chain_are_refused(changed: dict[str, int], error: str) -> None:
    with refused(error):
        deploy(Machine(1), [(0, NATIVE, 10**9, 1, 1)], periods=replace(PERIODS, **changed))


def test_the_settlement_contract_refuses_a_short_window_itself(machine: Machine) -> None:
    """The committee's twin of the check is not what protects it."""
    machine = Machine(1)
    rows = (AssetRow(0, Address(NATIVE), 10**9, 1, 1, 9),)
    origin, roles = Origin(GENESIS_HASH, GENESIS_ROOT, RULES_HASH), Roles(OPERATOR.address)
    nonce = machine.world.get(ALICE).nonce
    good = creations(ALICE, nonce, origin, rows, roles, PERIODS)
    bad = creations(ALICE, nonce, origin, rows, roles, replace(PERIODS, challenge_window=WEEK_S - 1))
    for creation in good[:3]:
        Deployed.made(machine, creation.contract.name, creation.code)
    with refused("WindowTooShort", WEEK_S - 1, WEEK_S):
        Deployed.made(machine, "Novate", bad[3].code)


@pytest.mark.parametrize("missing", range(3))
def test_modules_of_another_address_are_refused(machine: Machine, missing: int) -> None:
    rows = (AssetRow(0, Address(NATIVE), 10**9, 1, 1, 9),)
    origin, roles = Origin(GENESIS_HASH, GENESIS_ROOT, RULES_HASH), Roles(OPERATOR.address)
    nonce = machine.world.get(ALICE).nonce
    good = creations(ALICE, nonce, origin, rows, roles, Periods.development(600))
    stray = creations(ALICE, nonce + 9, origin, rows, roles, Periods.development(600))
    for at, creation in enumerate(good[:3]):
        if at != missing:
            Deployed.made(machine, creation.contract.name, creation.code)
        elif missing:
            Deployed.made(machine, creation.contract.name, stray[at].code)  # For another settlement contract.
        else:
            machine.run(ALICE, BOB, b"")  # No contract there.
    with refused("ModuleInvalid", good[missing].address):
        Deployed.made(machine, "Novate", good[3].code)


@pytest.mark.parametrize(
    ("signers", "needed"), [((ALICE,), 2), ((ALICE,), 0), ((ALICE, ALICE), 1), ((max(ALICE, BOB), min(ALICE, BOB)), 1)]
)
def test_bad_signers_are_refused(machine: Machine, signers: tuple[Address, ...], needed: int) -> None:
    with refused("SignersInvalid"):
        deploy(machine, [(0, NATIVE, 10**9, 1, 1)], roles=Roles(OPERATOR.address, signers, needed))


@pytest.mark.parametrize("missing", range(3))
def test_zero_genesis_is_refused(machine: Machine, missing: int) -> None:
    hashes = [GENESIS_HASH, GENESIS_ROOT, RULES_HASH]
    hashes[missing] = ZERO_HASH
    with refused("GenesisInvalid"):
        deploy(machine, [(0, NATIVE, 10**9, 1, 1)], genesis=(hashes[0], hashes[1], hashes[2]))


def test_zero_operator_is_refused(machine: Machine) -> None:
    with refused("OperatorZero"):
        deploy(machine, [(0, NATIVE, 10**9, 1, 1)], operator=bytes(20))


def test_bad_asset_tables_are_refused(machine: Machine, token: bytes) -> None:
    good = (0, token, 1, 1, 1)
    tables: list[tuple[int, list[tuple[int, Any, int, int, int]]]] = [
        (0, []),
        (0, [(1, token, 1, 1, 1)]),  # USDC, asset 0, is what all else is quoted in.
        (1, [good, (0, NATIVE, 1, 1, 1)]),
        (2, [good, (2, NATIVE, 1, 1, 1), (1, token, 1, 1, 1)]),
        (1, [good, (1, token, 1, 1, 1)]),
        (2, [good, (1, NATIVE, 1, 1, 1), (2, NATIVE, 1, 1, 1)]),
        (0, [(0, token, 0, 1, 1)]),
        (0, [(0, BOB, 1, 1, 1)]),  # No code there.
        (0, [(0, token, 1, 2**127, 1)]),
        (0, [(0, token, 1, 1, 2**127)]),
        (1, [good, (65535, NATIVE, 1, 1, 1)]),
    ]
    for position, table in tables:
        with refused("AssetTableInvalid", position):
            deploy(machine, table)
    deploy(machine, [good, (65534, NATIVE, 1, 2**127 - 1, 2**127 - 1)])


def test_ids_may_leave_gaps(machine: Machine, token: bytes) -> None:
    novate = deploy(machine, [(0, token, 1, 1, 1), (7, NATIVE, 10**9, 10, 1)])
    novate.send(ALICE, "depositETH", ALICE, value=10**9)
    assert novate.call("assetOf", 7)[2] == 1
