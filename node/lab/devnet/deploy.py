"""Contract, test tokens and first deposits of a devnet, as one fixed list of transactions of one key.

Invariants:
- The list is a function of genesis and program version: same nonces, same fees, same bytes, same hashes. So a second start finds every
  transaction by its hash and sends nothing, and a start after a crash in the middle goes on where the chain stopped.
- Nothing is believed to be done before its receipt says so.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from node.core.commit.origin import genesis_root
from node.core.params import Params
from node.l1.abi import load_contract
from node.l1.answers import L1Error, L1Receipt, L1Refused
from node.l1.creation import AssetRow, Creation, Origin, Periods, Roles, creations
from node.l1.rpc import L1Client
from node.l1.sender import GWEI
from node.l1.transactions import FeeMarketFields, Transaction, created_address, sign_fee_market
from node.l1.vault import CONTRACT
from node.lab.devnet.people import People
from proto.ids import BTC, ETH, INSURANCE_ADDRESS, USDC, ZERO_ADDRESS, Address
from proto.units import MICRO_USD_PER_USD

TOKEN: Final = load_contract("TestToken")
TOKEN_DECIMALS: Final = 6
BTC_DECIMALS: Final = 8
WEI_PER_ETHER: Final = 10**18
NATIVE_DECIMALS: Final = 18
CHALLENGE_WINDOW_S: Final = 10
DEPOSIT_USD: Final = 1_000_000
"""For each trader, each bot and the insurance fund; each trader also has as much in its L1 wallet, to try a deposit."""
DEPOSIT_ETHER: Final = 10
DEPOSIT_BTC: Final = 1
"""For each trader; with as much in its L1 wallet."""
OPERATOR_ETHER: Final = 5_000
"""For posting: about 0.004 a batch."""

_MAX_FEE_WEI: Final = 100 * GWEI  # Fixed, so that hashes are: a fresh chain asks for about one.
_TIP_WEI: Final = GWEI
_GAS_DEPLOY: Final = 14_000_000
_GAS_CALL: Final = 300_000
_MINED_S: Final = 30.0
_POLL_S: Final = 0.05


class DeployFailed(L1Error):
    """The chain is not one that a devnet of this version and genesis can use; the message says why."""


@dataclass(frozen=True, slots=True)
class Deployed:
    """Where things are."""

    contract: Address
    token: Address
    """Of USDC."""
    block: int
    """Block of the contract's creation."""
    fresh: bool
    """Whether this start has deployed; False: it was found."""


@dataclass(frozen=True, slots=True)
class _Step:
    """One transaction to be."""

    label: str
    to: Address | None
    data: bytes
    value_wei: int = 0


def token_address(people: People) -> Address:
    """The funder's first transaction creates the token."""
    return created_address(people.funder.address, 0)


def btc_address(people: People) -> Address:
    """The funder's second transaction creates the token that stands for BTC."""
    return created_address(people.funder.address, 1)


_FIRST_CREATION: Final = 2
"""The funder's transaction that creates the time lock, when the tokens are there; three more follow."""
_CREATION: Final = _FIRST_CREATION + 3


def contract_address(people: People) -> Address:
    """Where the contract will be."""
    return created_address(people.funder.address, _CREATION)


def _creations(params: Params, people: People) -> tuple[Creation, ...]:
    rows = []
    for asset in params.assets:
        if asset.id == ETH:
            token, decimals = ZERO_ADDRESS, NATIVE_DECIMALS
        elif asset.id == USDC:
            token, decimals = token_address(people), TOKEN_DECIMALS
        elif asset.id == BTC:
            token, decimals = btc_address(people), BTC_DECIMALS
        else:
            raise DeployFailed(f"asset {asset.id}: a devnet has tokens for USDC and BTC, and ETH, only")
        divisor = 10 ** (decimals - asset.decimals)
        rows.append(AssetRow(asset.id, token, divisor, asset.deposit_cap, asset.deposit_cap, asset.decimals))
    origin = Origin(params.digest(), genesis_root(params), params.rules_hash())
    funder = people.funder.address
    roles = Roles(people.operator.address, guardian=funder, proposers=(funder,))
    return creations(funder, _FIRST_CREATION, origin, tuple(rows), roles, Periods.development(CHALLENGE_WINDOW_S))


def _steps(params: Params, people: People) -> Iterator[_Step]:
    token, btc, contract = token_address(people), btc_address(people), contract_address(people)
    usd, satoshi = DEPOSIT_USD * MICRO_USD_PER_USD, DEPOSIT_BTC * 10**BTC_DECIMALS
    owners = [*(key.address for key in people.traders), *(key.address for key in people.bots), INSURANCE_ADDRESS]
    yield _Step("deploy token", None, TOKEN.creation_code("Test USD Coin", "USDC", TOKEN_DECIMALS))
    yield _Step("deploy BTC token", None, TOKEN.creation_code("Test Bitcoin", "BTC", BTC_DECIMALS))
    for creation in _creations(params, people):
        yield _Step(f"deploy {creation.contract.name}", None, creation.code)
    yield _Step("fund operator", people.operator.address, b"", OPERATOR_ETHER * WEI_PER_ETHER)
    yield _Step("mint", token, TOKEN.encode_call("mint", people.funder.address, len(owners) * usd))
    yield _Step("approve", token, TOKEN.encode_call("approve", contract, len(owners) * usd))
    for owner in owners:
        yield _Step(f"deposit USDC for 0x{owner.hex()}", contract, CONTRACT.encode_call("deposit", USDC, usd, owner))
    with_btc = [asset.id for asset in params.assets if asset.id == BTC]
    if with_btc:
        coins = len(people.traders) * satoshi
        yield _Step("mint BTC", btc, TOKEN.encode_call("mint", people.funder.address, coins))
        yield _Step("approve BTC", btc, TOKEN.encode_call("approve", contract, coins))
    for key in people.traders:
        ether = DEPOSIT_ETHER * WEI_PER_ETHER
        yield _Step("deposit ETH", contract, CONTRACT.encode_call("depositETH", key.address), ether)
        yield _Step("fill wallet", token, TOKEN.encode_call("mint", key.address, usd))
        if with_btc:
            yield _Step("deposit BTC", contract, CONTRACT.encode_call("deposit", BTC, satoshi, key.address))
            yield _Step("fill wallet with BTC", btc, TOKEN.encode_call("mint", key.address, satoshi))


def script(params: Params, people: People) -> list[tuple[str, Transaction]]:
    """All transactions, signed, each with what it is for. Raises DeployFailed."""
    return [
        (
            step.label,
            sign_fee_market(
                FeeMarketFields(
                    chain_id=params.chain_id,
                    nonce=nonce,
                    max_fee_wei=_MAX_FEE_WEI,
                    max_priority_fee_wei=_TIP_WEI,
                    gas_limit=_GAS_DEPLOY if step.to is None else _GAS_CALL,
                    to=step.to,
                    value_wei=step.value_wei,
                    data=step.data,
                ),
                people.funder,
            ),
        )
        for nonce, step in enumerate(_steps(params, people))
    ]


def deposits_count(people: People) -> int:
    """Queue items that the script makes with the devnet's own genesis."""
    return 3 * len(people.traders) + len(people.bots) + 1


async def deploy(client: L1Client, params: Params, people: People) -> Deployed:
    """Send what is missing and wait until everything is mined. Raises DeployFailed, other L1Error kinds."""
    await client.expect_chain(params.chain_id)
    transactions = script(params, people)
    done = await client.nonce(people.funder.address)
    for label, transaction in transactions[:done]:
        await _require(client, label, transaction)
    for label, transaction in transactions[done:]:
        try:
            await client.send_raw(transaction.raw, transaction.hash)
        except L1Refused as error:
            if "known" not in error.message:
                raise DeployFailed(f"{label}: {error.message}") from error
    for label, transaction in transactions[done:]:
        await _mined(client, label, transaction)
    creation = await client.receipt(transactions[_CREATION][1].hash)
    if creation is None or creation.contract != contract_address(people):
        raise DeployFailed("the contract is not where it belongs")
    return Deployed(contract_address(people), token_address(people), creation.block_number, done < len(transactions))


async def _require(client: L1Client, label: str, transaction: Transaction) -> L1Receipt:
    receipt = await client.receipt(transaction.hash)
    if receipt is None:
        raise DeployFailed(
            "this chain was begun by something else: another genesis, another version, or another program. Use another data directory"
        )
    if not receipt.success:
        raise DeployFailed(f"{label}: the transaction failed on L1")
    return receipt


async def _mined(client: L1Client, label: str, transaction: Transaction) -> None:
    """Wait for a block with the transaction; ask for one where the chain makes blocks on request."""
    async with asyncio.timeout(_MINED_S):
        while await client.receipt(transaction.hash) is None:
            await mine(client)
            await asyncio.sleep(_POLL_S)
    await _require(client, label, transaction)


async def mine(client: L1Client) -> None:
    """A block at once, on chains that make them on request; nothing elsewhere."""
    try:
        await client.request("evm_mine")
    except L1Refused:
        return
