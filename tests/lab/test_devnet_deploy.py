"""Deployment and first deposits on a real embedded chain: once, found again, finished after a crash in the middle, refused elsewhere."""

from pathlib import Path

import pytest

from node.config.genesis import find_genesis, load_genesis
from node.l1.abi import load_contract
from node.l1.deployment import check_deployment, genesis_facts
from node.l1.rpc import CallMessage, L1Client
from node.l1.vault import Vault
from node.lab.devnet.deploy import DEPOSIT_USD, DeployFailed, deploy, deposits_count, mine, script
from node.lab.devnet.escrow import escrow_shortfall
from node.lab.devnet.people import People
from proto.ids import USDC, Address
from proto.signing.secp256k1 import SigningKey
from proto.units import MICRO_USD_PER_USD
from tests.l1.nodes import embedded

PARAMS = load_genesis(find_genesis("devnet"))
PEOPLE = People.of(PARAMS)


async def wallet(client: L1Client, token: Address, owner: SigningKey) -> int:
    """Tokens of an address on L1."""
    contract = load_contract("TestToken")
    call = CallMessage(token, contract.encode_call("balanceOf", owner.address))
    (balance,) = contract.decode_return("balanceOf", await client.call(call))
    return int(balance)


async def test_everything_is_deployed_and_deposited_once(tmp_path: Path) -> None:
    async with embedded(tmp_path, 2) as chain:
        first = await deploy(chain.client, PARAMS, PEOPLE)
        assert first.fresh
        checked = await check_deployment(chain.client, first.contract, genesis_facts(PARAMS))
        assert checked.operator == PEOPLE.operator.address
        vault = Vault(chain.client, first.contract)
        assert await vault.queue_length() == deposits_count(PEOPLE)
        usdc = next(asset for asset in await vault.assets() if asset.id == USDC)
        accounts = len(PEOPLE.traders) + len(PEOPLE.bots) + 1
        assert usdc.deposited == accounts * DEPOSIT_USD * MICRO_USD_PER_USD
        assert await escrow_shortfall(chain.client, first.contract) == ""
        for key in PEOPLE.traders:
            assert await wallet(chain.client, first.token, key) == DEPOSIT_USD * MICRO_USD_PER_USD
        again = await deploy(chain.client, PARAMS, PEOPLE)
        assert not again.fresh
        assert (again.contract, again.token, again.block) == (first.contract, first.token, first.block)
        assert await vault.queue_length() == deposits_count(PEOPLE)


@pytest.mark.parametrize("done", [1, 2, 5, 17])
async def test_a_deployment_that_was_cut_off_is_finished(tmp_path: Path, done: int) -> None:
    async with embedded(tmp_path, 2) as chain:
        for _, transaction in script(PARAMS, PEOPLE)[:done]:
            await chain.client.send_raw(transaction.raw, transaction.hash)
        await mine(chain.client)
        deployed = await deploy(chain.client, PARAMS, PEOPLE)
        assert deployed.fresh
        assert await Vault(chain.client, deployed.contract).queue_length() == deposits_count(PEOPLE)


async def test_a_chain_that_somebody_else_began_is_refused(tmp_path: Path) -> None:
    async with embedded(tmp_path, 2) as chain:
        stranger = People(PEOPLE.traders, PEOPLE.publishers[0], PEOPLE.publishers, PEOPLE.bots)
        await deploy(chain.client, PARAMS, stranger)
        with pytest.raises(DeployFailed, match="begun by something else"):
            await deploy(chain.client, PARAMS, PEOPLE)


def test_publishers_are_those_that_genesis_names() -> None:
    assert [key.address for key in PEOPLE.publishers] == [row.address for row in PARAMS.publishers]
    everybody = [*PEOPLE.traders, PEOPLE.operator, *PEOPLE.publishers, *PEOPLE.bots]
    assert len(dict.fromkeys(key.address for key in everybody)) == len(everybody)
