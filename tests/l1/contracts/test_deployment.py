"""Deployment: what the constructor keeps, and the tables and windows it refuses."""

from typing import Any

import pytest

from proto.hashing import ZERO_HASH
from tests.l1.contracts.rig import (
    ALICE,
    BOB,
    GENESIS_HASH,
    GENESIS_ROOT,
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
        with refused("WindowTooShort", window_s, WEEK_S):
            deploy(machine, [(0, NATIVE, 10**9, 1, 1)], window_s=window_s)
    deploy(machine, [(0, NATIVE, 10**9, 1, 1)], window_s=WEEK_S)


@pytest.mark.parametrize("chain_id", [1337, 31337])
def test_short_window_on_a_development_chain_is_accepted(chain_id: int) -> None:
    assert deploy(Machine(chain_id), [(0, NATIVE, 10**9, 1, 1)], window_s=0).call("challengeWindow") == 0


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
