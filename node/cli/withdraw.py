"""`novate withdraw`: from an account to an address on L1, each stage told as it happens."""

import asyncio
import time
from pathlib import Path
from typing import Any

import click

from node.cli.bridge import POLL_S, Wallet, amount_of, asset_option, client_of, l1_of, l1_option, wait_option
from node.cli.connect import Where, address_of, find_key, find_url, key_options, node_options, talk
from node.cli.forced import find_l1, force, head_of, via_l1_options
from node.cli.output import EXIT_FALSE, fail, json_option, print_json, say
from node.client.client import NovateClient
from node.client.errors import RefusedError
from node.l1.sender import Intent
from proto.ids import Address, AssetId
from proto.intents import Withdraw
from proto.reject import RejectCode
from proto.signing.secp256k1 import SigningKey
from proto.units import AssetUnits

_STAGES = {
    "sealed": "sealed in batch {batch}",
    "posted": "batch {batch} is on L1, its challenge window is open",
    "claimable": "batch {batch} is final",
}
_SEALED_S_MAX = 30.0
"""Batches are sealed every few seconds: what none of them holds after so long was never made."""


@click.command("withdraw")
@click.argument("amount", required=False)
@asset_option
@click.option("--to", help="Address on L1; the key's own by default.")
@click.option(
    "--resume", type=click.IntRange(0, 2**32 - 1), help="Go on with withdrawal number N instead of starting one."
)
@via_l1_options
@l1_option
@wait_option
@key_options
@node_options
@json_option
def command(
    *,
    amount: str | None,
    asset: str,
    to: str | None,
    resume: int | None,
    via_l1: bool,
    contract: str | None,
    rpc: str | None,
    wait_s: int,
    key_file: Path | None,
    password_file: Path | None,
    dev_account: int | None,
    url: str | None,
    data_dir: Path,
    as_json: bool,
) -> None:
    """Withdraw AMOUNT of an asset: sign, wait until its batch is final on L1, claim it there."""
    if (amount is None) == (resume is None):
        fail("give an amount, or --resume N for a withdrawal that was started.")
    wanted = amount_of(amount, asset) if amount is not None else None
    key = find_key(key_file, password_file, dev_account)
    destination = address_of(to) if to else key.address
    if via_l1:
        if wanted is None:
            fail("--via-l1 starts a withdrawal; go on with --resume N alone.")
        forced = Withdraw(*head_of(key), destination, AssetId(wanted.asset), AssetUnits(wanted.units))
        queued = force(find_l1(rpc, contract, data_dir), key, forced)
        if as_json:
            print_json(queued)
        return

    async def run(client: NovateClient) -> dict[str, Any]:
        index = resume
        if index is None:
            assert wanted is not None, "checked above"
            index = await client.withdraw(AssetId(wanted.asset), AssetUnits(wanted.units), destination)
            say(f"signed and sequenced: withdrawal {index} (resume with --resume {index})")
        return await _finish(client, key, index, rpc, wait_s)

    result = talk(Where(find_url(url, data_dir), key), run)
    if as_json:
        print_json(result)


async def _finish(client: NovateClient, key: SigningKey, index: int, rpc: str | None, wait_s: int) -> dict[str, Any]:
    claim = await _claimable(client, index, wait_s)
    l1_url, contract = await l1_of(client, rpc)
    async with client_of(l1_url) as l1:
        wallet = Wallet(l1, contract, key, client.domain.chain_id)
        if await wallet.vault.is_withdrawn(index):
            fail(f"withdrawal {index} was claimed before; the money is with 0x{_destination(claim).hex()}.", EXIT_FALSE)
        included = await wallet.send("claim", Intent(contract, bytes.fromhex(claim["calldata"].removeprefix("0x"))))
    say(f"paid on L1 to {claim['destination']}")
    return {
        "withdrawal": index,
        "batch": claim["batchId"],
        "destination": claim["destination"],
        "amount_units": int(claim["amount"]),
        "l1_block": included.receipt.block_number,
        "l1_transaction": "0x" + included.receipt.transaction_hash.hex(),
    }


def _destination(claim: dict[str, Any]) -> Address:
    return Address(bytes.fromhex(claim["destination"].removeprefix("0x")))


async def _claimable(client: NovateClient, index: int, wait_s: int) -> dict[str, Any]:
    """Wait until the withdrawal can be claimed, telling each stage once. Ends the program where no batch comes to hold it."""
    told, began_s = "", time.monotonic()
    try:
        async with asyncio.timeout(wait_s):
            while True:
                found = await _stage(client, index)
                if found is not None and found["stage"] != told:
                    told = found["stage"]
                    say(_STAGES[told].format(batch=found["batch"]))
                if found is not None and found["claim"] is not None:
                    claim: dict[str, Any] = found["claim"]
                    return claim
                if found is None and time.monotonic() - began_s > _SEALED_S_MAX:
                    fail(f"no sealed batch holds a withdrawal {index}; is the number right?")
                await asyncio.sleep(POLL_S)
    except TimeoutError:
        fail(f"not final within {wait_s} s; nothing is lost. Go on later with: novate withdraw --resume {index}")


async def _stage(client: NovateClient, index: int) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = (await client.query("withdrawal", index)).value
    except RefusedError as error:
        if error.reject_code == RejectCode.WITHDRAWAL_UNKNOWN:
            return None  # Not sealed yet.
        raise
    return found
