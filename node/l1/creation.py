"""What a deployment is made of: four contracts that know each other's addresses, created by consecutive transactions of one key.

Order: time lock, committee, escape, settlement contract. The first three are made for the address that the last one will have; its
constructor refuses others, so a half-made deployment never takes a deposit.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

from node.l1.abi import Contract, load_contract
from node.l1.transactions import created_address
from node.l1.vault import CONTRACT
from proto.ids import ZERO_ADDRESS, Address

TIMELOCK: Final = load_contract("Timelock")
COMMITTEE: Final = load_contract("Committee")
ESCAPE: Final = load_contract("Escape")
EXIT_S: Final = 7 * 86_400
"""On production chains a change waits this long and a challenge window."""
GWEI: Final = 10**9
BOND_WEI: Final = 10**18


@dataclass(frozen=True, slots=True)
class Periods:
    """Seconds; the defaults are the least that production chains take."""

    challenge_window: int = 7 * 86_400
    attestation_window: int = 86_400
    queue_deadline: int = 86_400
    open_after: int = 2 * 86_400
    freeze_after: int = 7 * 86_400
    l2_time_lag: int = 14 * 86_400
    claims: int = 30 * 86_400
    evidence: int = 60
    timelock: int = EXIT_S + 7 * 86_400

    @classmethod
    def development(cls, challenge_window: int) -> "Periods":
        """Short ones, for chains whose money is play money; a node that slept for years can still post."""
        return cls(
            challenge_window=challenge_window, attestation_window=max(1, challenge_window // 2), queue_deadline=30,
            open_after=60, freeze_after=120, l2_time_lag=3_650 * 86_400, claims=30, evidence=2, timelock=challenge_window,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Roles:
    """Who may do what. Addresses in lists ascend."""

    operator: Address
    signers: tuple[Address, ...] = ()
    """Who signs commitments; empty: the operator."""
    signers_required: int = 1
    validators: tuple[Address, ...] = ()
    attestation_threshold: int = 0
    guardian: Address = ZERO_ADDRESS
    proposers: tuple[Address, ...] = ()
    """Who may schedule changes in the time lock."""
    validator_bond_wei: int = BOND_WEI
    open_bond_wei: int = BOND_WEI


class Origin(NamedTuple):
    """What the network's genesis says."""

    genesis_hash: bytes
    genesis_state_root: bytes
    rules_hash: bytes


class AssetRow(NamedTuple):
    """An asset for the constructors. `token` zero is ETH; caps are in ledger units, `decimals` are the ledger's."""

    id: int
    token: Address
    unit_divisor: int
    deposit_cap: int
    owing_cap: int
    decimals: int


class Creation(NamedTuple):
    """One transaction to be sent, and where its contract will be."""

    contract: Contract
    address: Address
    code: bytes


def creations(
    deployer: Address, nonce: int, origin: Origin, assets: tuple[AssetRow, ...], roles: Roles, periods: Periods
) -> tuple[Creation, ...]:
    """The four creations in their order, for transactions `nonce`, `nonce` + 1, ... of `deployer`; the last is the settlement contract."""
    timelock, committee, escape, novate = (created_address(deployer, nonce + at) for at in range(4))
    p = periods
    setup = (
        *origin, roles.operator, list(roles.signers or (roles.operator,)), roles.signers_required, timelock, roles.guardian,
        committee, escape, p.challenge_window, p.attestation_window, p.queue_deadline, p.open_after, p.freeze_after,
        p.l2_time_lag, [tuple(row[:5]) for row in assets],
    )  # fmt: skip
    return (
        Creation(TIMELOCK, timelock, TIMELOCK.creation_code(p.timelock, list(roles.proposers))),
        Creation(
            COMMITTEE,
            committee,
            COMMITTEE.creation_code(
                novate, timelock, list(roles.validators), roles.attestation_threshold, roles.validator_bond_wei,
                roles.open_bond_wei, p.challenge_window, p.evidence,
            ),
        ),
        Creation(ESCAPE, escape, ESCAPE.creation_code(novate, p.claims, [row.decimals for row in assets])),
        Creation(CONTRACT, novate, CONTRACT.creation_code(setup)),
    )  # fmt: skip
