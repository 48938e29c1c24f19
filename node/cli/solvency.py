"""`novate solvency`: what the venue says that it owes, checked against the state and the money on L1, and one's own part of it."""

import asyncio
from pathlib import Path
from typing import Any

import click

from node.cli.bridge import POLL_S, client_of, l1_of, l1_option
from node.cli.connect import Where, address_of, find_key, find_url, key_options, node_options, talk
from node.cli.output import EXIT_FALSE, json_option, print_json, say
from node.client.client import NovateClient
from node.l1.rpc import L1Client
from node.l1.vault import Vault
from node.settlement.check_solvency import Holding, check_proof, check_statement, statement_of
from proto.ids import Address

_ON_L1_S_MAX = 60.0


@click.command("solvency")
@click.argument("account", required=False)
@l1_option
@key_options
@node_options
@json_option
def command(
    *,
    account: str | None,
    rpc: str | None,
    key_file: Path | None,
    password_file: Path | None,
    dev_account: int | None,
    url: str | None,
    data_dir: Path,
    as_json: bool,
) -> None:
    """Check the newest statement of solvency: its totals against the state root on L1, the money that L1 holds, and ACCOUNT's part of it.

    ACCOUNT is an address; without it, the key's own. Exit code 0: all holds, 1: something does not, 2: could not tell.
    """
    key = find_key(key_file, password_file, dev_account)
    address = address_of(account) if account else key.address
    result = talk(Where(find_url(url, data_dir), key), lambda client: _check(client, address, rpc))
    if as_json:
        print_json(result)
    else:
        _tell(result)
    if result["findings"]:
        raise SystemExit(EXIT_FALSE)


async def _check(client: NovateClient, address: Address, rpc: str | None) -> dict[str, Any]:
    answer = (await client.query("solvency")).value
    proof = (await client.query("solvency_proof", address)).value
    if proof["batch"] != answer["batch"]:  # A new statement came in between.
        answer = (await client.query("solvency")).value
    statement = statement_of(answer)
    url, contract = await l1_of(client, rpc)
    async with client_of(url) as l1:
        vault = Vault(l1, contract)
        await _wait_for_batch(vault, statement.batch_id)
        holdings = await _holdings(l1, vault)
        on_l1 = (await vault.batch(statement.batch_id)).state_root
        operator = Address((await vault.ask("operator"))[0])
    findings = check_statement(answer, on_l1, holdings, operator, client.domain)
    leaves, wrong = check_proof(statement, proof, address)
    return {
        "batch": statement.batch_id,
        "state_root": "0x" + on_l1.hex(),
        "account": "0x" + address.hex(),
        "assets": [_asset_row(statement.assets[h.asset].root.sums, h) for h in holdings],
        "leaves": [{"asset": leaf.asset, **leaf.sums._asdict()} for leaf in leaves],
        "findings": [f._asdict() for f in (*findings, *wrong)],
    }  # fmt: skip


def _asset_row(sums: Any, holding: Holding) -> dict[str, Any]:
    return {
        "asset": holding.asset, "owed": sums.owed, "owing": sums.owing, "entries": sums.entries,
        "escrow": holding.received - holding.paid, "token_balance": holding.balance,
    }  # fmt: skip


async def _wait_for_batch(vault: Vault, batch_id: int) -> None:
    """Statements are about sealed batches; L1 gets each a moment later."""
    async with asyncio.timeout(_ON_L1_S_MAX):
        while await vault.tip() < batch_id:
            say(f"batch {batch_id} is not on L1 yet; waiting …")
            await asyncio.sleep(POLL_S)


async def _holdings(l1: L1Client, vault: Vault) -> list[Holding]:
    """What L1 received, paid, and really has, per asset."""
    return [
        Holding(int(asset.id), asset.deposited, asset.paid, await vault.balance_of(asset))
        for asset in await vault.assets()
    ]


def _tell(result: dict[str, Any]) -> None:
    click.echo(f"batch {result['batch']}, state root {result['state_root']}")
    for row in result["assets"]:
        net = row["owed"] - row["owing"] - row["entries"]
        click.echo(
            f"asset {row['asset']}: owed {row['owed']:,}, deficits {row['owing']:,}, net of entries {net:,}; "
            f"L1 holds {row['escrow']:,}"
        )
    for leaf in result["leaves"]:
        sums = f"owed {leaf['owed']:,}, owing {leaf['owing']:,}, entries {leaf['entries']:,}"
        click.echo(f"{result['account']}: asset {leaf['asset']}, {sums}")
    for finding in result["findings"]:
        click.echo(f"DOES NOT HOLD: {finding['what']}: {finding['detail']}")
    if not result["findings"]:
        click.echo("all holds: your leaf is in the tree, its totals are those on L1, and L1 holds at least as much.")
