"""Deploys the settlement contract, and tells whether the one at an address is the one that a program was made for.

A mismatch is refused by number (67xx) and sentence: going on would post to, or believe, somebody else's venue.
"""

import re
from dataclasses import dataclass
from enum import IntEnum, unique
from typing import Any, Final

from node.core.commit.origin import genesis_root
from node.core.params import Params
from node.l1.answers import L1Error, L1Lied, L1Refused, L1WrongChain
from node.l1.contracts.artifact import load_artifact
from node.l1.creation import COMMITTEE, ESCAPE, TIMELOCK, AssetRow, Origin, Periods, Roles, creations
from node.l1.rpc import L1Client
from node.l1.sender import Included, Intent, SendRefused, TransactionSender
from node.l1.vault import CONTRACT, TOPICS, Vault
from proto.ids import Address


@unique
class Mismatch(IntEnum):
    """Why a deployment is not ours. Append only."""

    WRONG_CHAIN = 6701
    NO_CONTRACT = 6702
    OTHER_CODE = 6703
    OTHER_GENESIS = 6704
    OTHER_RULES = 6705
    OTHER_GENESIS_STATE = 6706
    OTHER_OPERATOR = 6707
    OTHER_ASSETS = 6708
    QUEUE_FORGOTTEN = 6709
    QUEUE_DIFFERS = 6710
    DATA_DIRECTORY_BEHIND = 6711
    DATA_DIRECTORY_FORKED = 6712


class DeploymentRefused(L1Error):
    """The contract is not the one that this program was made for, or contradicts what it holds. Do not start."""

    number: Mismatch

    def __init__(self, number: Mismatch, sentence: str) -> None:
        super().__init__(f"{number.value} {number.name}: {sentence}")
        self.number = number
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class AssetFacts:
    """A collateral asset as genesis has it."""

    id: int
    decimals: int


@dataclass(frozen=True, slots=True)
class GenesisFacts:
    """What a contract of this network must say."""

    chain_id: int
    genesis_hash: bytes
    genesis_state_root: bytes
    rules_hash: bytes
    assets: tuple[AssetFacts, ...]


def genesis_facts(params: Params) -> GenesisFacts:
    """What these parameters ask of a contract."""
    assets = tuple(AssetFacts(asset.id, asset.decimals) for asset in params.assets)
    return GenesisFacts(params.chain_id, params.digest(), genesis_root(params), params.rules_hash(), assets)


@dataclass(frozen=True, slots=True)
class AssetListing:
    """An asset for the constructor. `token` zero is ETH; caps are in ledger units."""

    id: int
    token: Address
    unit_divisor: int
    deposit_cap: int
    owing_cap: int


@dataclass(frozen=True, slots=True)
class Deployment:
    """A checked contract: who posts, and how long a batch can be challenged."""

    address: Address
    operator: Address
    challenge_window_s: int
    unit_divisors: tuple[int, ...]
    """Token units per ledger unit, by asset id."""


async def deploy(
    client: L1Client,
    sender: TransactionSender,
    facts: GenesisFacts,
    roles: Roles,
    periods: Periods,
    assets: tuple[AssetListing, ...],
) -> tuple[Address, int]:
    """Deploy the four contracts; address and block of the settlement contract. Raises SendRefused."""
    decimals = {asset.id: asset.decimals for asset in facts.assets}
    rows = tuple(
        AssetRow(a.id, a.token, a.unit_divisor, a.deposit_cap, a.owing_cap, decimals.get(a.id, 0)) for a in assets
    )
    origin = Origin(facts.genesis_hash, facts.genesis_state_root, facts.rules_hash)
    nonce = await client.nonce(sender.address)
    block = 0
    made = creations(sender.address, nonce, origin, rows, roles, periods)
    for creation in made:
        result = await sender.send(Intent(None, creation.code))
        if not isinstance(result, Included) or not result.receipt.success or result.receipt.contract != creation.address:
            raise SendRefused(f"{creation.contract.name} was not deployed where it belongs")
        block = result.receipt.block_number
    return made[-1].address, block


async def check_deployment(client: L1Client, address: Address, facts: GenesisFacts) -> Deployment:
    """The contract at `address`, if it is this network's. Raises DeploymentRefused, other L1Error kinds."""
    try:
        await client.expect_chain(facts.chain_id)
    except L1WrongChain as error:
        raise DeploymentRefused(
            Mismatch.WRONG_CHAIN,
            f"L1 serves chain {error.found}, genesis is for chain {error.expected}; check the L1 URL.",
        ) from error
    code = await client.code(address)
    if not code:
        raise DeploymentRefused(Mismatch.NO_CONTRACT, f"There is no contract at 0x{address.hex()} on this chain.")
    _require_code(code, CONTRACT.name, address)
    vault = Vault(client, address)
    for name, view in ((TIMELOCK.name, "timelock"), (COMMITTEE.name, "committee"), (ESCAPE.name, "escape")):
        beside = Address((await vault.ask(view))[0])
        _require_code(await client.code(beside), name, beside)
    await _compare_genesis(vault, facts)
    divisors = await _compare_assets(vault, facts)
    operator = (await vault.ask("operator"))[0]
    window_s = (await vault.ask("challengeWindow"))[0]
    return Deployment(address, operator, window_s, divisors)


FIND_RANGE_BLOCKS: Final = 10_000


async def find_contract(client: L1Client, facts: GenesisFacts, start_block: int = 0) -> Address:
    """The one contract of this network that ever took a deposit or a batch. Raises DeploymentRefused where it is none or several."""
    head, known = await client.block_number(), dict[Address, bool]()
    for first in range(start_block, head + 1, FIND_RANGE_BLOCKS):
        last = min(first + FIND_RANGE_BLOCKS - 1, head)
        for log in await client.logs(first, last, (), ((TOPICS["BatchCommitted"], TOPICS["DepositQueued"]),)):
            if log.address not in known:
                known[log.address] = await _is_of_network(client, log.address, facts)
    found = [address for address, is_ours in known.items() if is_ours]
    if len(found) == 1:
        return found[0]
    if not found:
        sentence = f"No contract of this genesis took a deposit or a batch from block {start_block} on; name it with --contract."
        raise DeploymentRefused(Mismatch.NO_CONTRACT, sentence)
    names = ", ".join("0x" + address.hex() for address in found)
    raise DeploymentRefused(Mismatch.NO_CONTRACT, f"Several contracts are of this genesis; name one with --contract: {names}.")


async def _is_of_network(client: L1Client, address: Address, facts: GenesisFacts) -> bool:
    """Whether it says that it was deployed for this genesis; somebody else's events may have our topics."""
    try:
        return bytes((await Vault(client, address).ask("genesisHash"))[0]) == facts.genesis_hash
    except (L1Refused, L1Lied):
        return False


async def _compare_genesis(vault: Vault, facts: GenesisFacts) -> None:
    expected: list[tuple[str, tuple[Any, ...], bytes, Mismatch, str]] = [
        ("genesisHash", (), facts.genesis_hash, Mismatch.OTHER_GENESIS, "was deployed for another genesis file"),
        (
            "rulesHash",
            (),
            facts.rules_hash,
            Mismatch.OTHER_RULES,
            "was deployed for other rules; another program version",
        ),
    ]
    for name, args, value, number, text in expected:
        found = bytes((await vault.ask(name, *args))[0])
        if found != value:
            raise DeploymentRefused(number, f"The contract {text}: it has 0x{found.hex()}, expected 0x{value.hex()}.")
    root = (await vault.batch(0)).state_root
    if root != facts.genesis_state_root:
        raise DeploymentRefused(
            Mismatch.OTHER_GENESIS_STATE,
            f"The contract starts from state 0x{root.hex()}, genesis gives 0x{facts.genesis_state_root.hex()}.",
        )


NATIVE_DECIMALS: Final = 18
_ZERO: Final = Address(bytes(20))


async def _compare_assets(vault: Vault, facts: GenesisFacts) -> tuple[int, ...]:
    found = await vault.assets()
    if [asset.id for asset in found] != [asset.id for asset in facts.assets]:
        raise DeploymentRefused(Mismatch.OTHER_ASSETS, "The contract lists other collateral assets than genesis.")
    for listed, asset in zip(found, facts.assets, strict=True):
        if listed.token == _ZERO and listed.unit_divisor != 10 ** (NATIVE_DECIMALS - asset.decimals):
            raise DeploymentRefused(
                Mismatch.OTHER_ASSETS, f"Asset {asset.id}: the contract divides wei by {listed.unit_divisor}."
            )
    return tuple(listed.unit_divisor for listed in found)


_IMMUTABLE = re.compile(rb"\x00{32,}")


def _require_code(code: bytes, name: str, address: Address) -> None:
    if not _is_ours(code, name):
        sentence = f"The contract at 0x{address.hex()} has other code than this program's version of {name}."
        raise DeploymentRefused(Mismatch.OTHER_CODE, sentence)


def _is_ours(code: bytes, name: str) -> bool:
    """Whether the code is the artifact's, apart from the places where immutables stand (zeros in the artifact)."""
    compiled = load_artifact(name).deployed_bytecode
    if len(code) != len(compiled):
        return False
    at = 0
    for gap in _IMMUTABLE.finditer(compiled):
        if code[at : gap.start()] != compiled[at : gap.start()]:
            return False
        at = gap.end()
    return code[at:] == compiled[at:]
