"""`novate deposit`: from a wallet on L1 into an account, each stage told as it happens."""

import asyncio
from pathlib import Path
from typing import Any

import click

from node.cli.bridge import POLL_S, Amount, Wallet, amount_of, asset_option, client_of, l1_of, l1_option, wait_option
from node.cli.connect import Where, address_of, find_key, find_url, key_options, node_options, talk
from node.cli.output import fail, json_option, print_json, say
from node.client.client import NovateClient
from node.l1.abi import load_contract
from node.l1.rpc import CallMessage
from node.l1.sender import Intent
from node.l1.vault import CONTRACT, DepositQueued, event_of
from proto.ids import ETH, Address
from proto.signing.secp256k1 import SigningKey

_WEI_PER_UNIT = 10**9  # The ledger counts ETH in 1e-9.


@click.command("deposit")
@click.argument("amount")
@asset_option
@click.option("--to", help="Account to credit; the key's own by default.")
@l1_option
@wait_option
@key_options
@node_options
@json_option
def command(
    *,
    amount: str,
    asset: str,
    to: str | None,
    rpc: str | None,
    wait_s: int,
    key_file: Path | None,
    password_file: Path | None,
    dev_account: int | None,
    url: str | None,
    data_dir: Path,
    as_json: bool,
) -> None:
    """Deposit AMOUNT of an asset from the key's wallet on L1: approve, queue, wait until it is credited."""
    wanted, key = amount_of(amount, asset), find_key(key_file, password_file, dev_account)
    owner = address_of(to) if to else key.address
    where = Where(find_url(url, data_dir), key)
    result = talk(where, lambda client: _deposit(client, key, wanted, owner, rpc, wait_s))
    if as_json:
        print_json(result)


async def _deposit(
    client: NovateClient, key: SigningKey, wanted: Amount, owner: Address, rpc: str | None, wait_s: int
) -> dict[str, Any]:
    l1_url, contract = await l1_of(client, rpc)
    async with client_of(l1_url) as l1:
        wallet = Wallet(l1, contract, key, client.domain.chain_id)
        queued, block = await _queue(wallet, wanted, owner)
    say(f"queued on L1, block {block}, place {queued.index} → waiting for its depth …")
    seq = await _credited(client, owner, queued.index, wait_s)
    say(f"credited, seq {seq}: {wanted.symbol} in account 0x{owner.hex()}")
    return {
        "asset": wanted.symbol,
        "amount_units": wanted.units,
        "account": "0x" + owner.hex(),
        "queue_index": queued.index,
        "l1_block": block,
        "seq": seq,
    }


async def _queue(wallet: Wallet, wanted: Amount, owner: Address) -> tuple[DepositQueued, int]:
    """Approve where needed, deposit; the queue item and its block."""
    if wanted.asset == ETH:
        call = Intent(
            wallet.contract, CONTRACT.encode_call("depositETH", "0x" + owner.hex()), wanted.units * _WEI_PER_UNIT
        )
    else:
        await _approve(wallet, wanted)
        data = CONTRACT.encode_call("deposit", wanted.asset, wanted.units, "0x" + owner.hex())
        call = Intent(wallet.contract, data)
    included = await wallet.send("deposit", call)
    for log in included.receipt.logs:
        event = event_of(log) if log.address == wallet.contract else None
        if isinstance(event, DepositQueued):
            return event, included.receipt.block_number
    return fail("L1 mined the deposit without its event; is this the right contract?")


async def _approve(wallet: Wallet, wanted: Amount) -> None:
    """Let the contract take the tokens. Tokens count in their own unit, which for USDC is the ledger's."""
    listed = next((asset for asset in await wallet.vault.assets() if asset.id == wanted.asset), None)
    if listed is None:
        fail(f"the contract does not list {wanted.symbol}.", 1)
    token, units = load_contract("TestToken"), wanted.units * listed.unit_divisor
    output = await wallet.l1.call(
        CallMessage(listed.token, token.encode_call("balanceOf", "0x" + wallet.address.hex()))
    )
    (balance,) = token.decode_return("balanceOf", output)
    if balance < units:
        fail(f"the wallet 0x{wallet.address.hex()} has {balance} units of the token, the deposit needs {units}.", 1)
    data = token.encode_call("approve", "0x" + wallet.contract.hex(), units)
    await wallet.send("approve", Intent(listed.token, data))


async def _credited(client: NovateClient, owner: Address, index: int, wait_s: int) -> int:
    """Wait until the node's ledger has the deposit; its sequence number."""
    try:
        async with asyncio.timeout(wait_s):
            while True:
                found = await client.query("status")
                if found.value["queue_cursor"] > index:
                    return found.seq
                await asyncio.sleep(POLL_S)
    except TimeoutError:
        fail(
            f"not credited within {wait_s} s. It is safe in the queue at place {index}; see `novate account 0x{owner.hex()}` later."
        )
