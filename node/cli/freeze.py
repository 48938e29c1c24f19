"""`novate freeze`: end a venue whose operator lets the queue wait, so that everybody can leave by what L1 knows."""

import asyncio
from pathlib import Path
from typing import Any, Final

import click
import uvloop

from node.cli.bridge import Wallet, client_of, l1_option
from node.cli.connect import DEVNET_DIR, find_key, key_options
from node.cli.forced import OnL1, find_l1, refuse_public_key
from node.cli.output import EXIT_FALSE, fail, json_option, print_json, say
from node.l1.answers import L1Error
from node.l1.sender import Intent
from node.l1.vault import CONTRACT
from proto.signing.secp256k1 import SigningKey

STAGES: Final = ("operator", "open", "freezable", "frozen", "settled")
_FREEZABLE: Final = 2


@click.command("freeze")
@click.option("--status", "only_status", is_flag=True, help="Only say where the liveness ladder stands.")
@click.option("--contract", help="Address of the contract; the devnet's by default.")
@click.option("--data-dir", type=click.Path(path_type=Path, file_okay=False), default=DEVNET_DIR, show_default=True)
@l1_option
@key_options
@json_option
def command(
    *,
    only_status: bool,
    contract: str | None,
    data_dir: Path,
    rpc: str | None,
    key_file: Path | None,
    password_file: Path | None,
    dev_account: int | None,
    as_json: bool,
) -> None:
    """Freeze the venue for ever, if a queue item has waited for long enough. Anyone may; there is no way back."""
    where = find_l1(rpc, contract, data_dir)
    key = None if only_status else find_key(key_file, password_file, dev_account)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            facts = runner.run(_run(where, key))
    except L1Error as error:
        fail(error.numbered())
    if as_json:
        print_json(facts)
    else:
        click.echo(f"stage: {facts['stage']}")


async def _run(where: OnL1, key: SigningKey | None) -> dict[str, Any]:
    async with client_of(where.url) as l1:
        chain_id = await l1.chain_id()
        if key is None:
            return await _facts(Wallet(l1, where.contract, find_key(None, None, None), chain_id))
        refuse_public_key(key, chain_id)
        wallet = Wallet(l1, where.contract, key, chain_id)
        facts = await _facts(wallet)
        if facts["stage"] in STAGES[_FREEZABLE + 1 :]:
            say("the venue is frozen already")
            return facts
        if facts["stage"] != STAGES[_FREEZABLE]:
            fail("no queue item has waited for long enough; see novate freeze --status.", EXIT_FALSE, **facts)
        await wallet.send("freeze", Intent(where.contract, CONTRACT.encode_call("freeze")))
        return await _facts(wallet)


async def _facts(wallet: Wallet) -> dict[str, Any]:
    stage, index, open_at, freeze_at = await wallet.vault.ask("ladder")
    waits = open_at != 0
    return {
        "stage": STAGES[stage],
        "queue_item": index if waits else None,
        "open_at_s": open_at if waits else None,
        "freeze_at_s": freeze_at if waits else None,
        "tip": await wallet.vault.tip(),
        "final_tip": await wallet.vault.final_tip(),
    }
