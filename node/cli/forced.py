"""What `--via-l1` means for a command: the action goes into the contract's queue, sent by the account's owner, and the node is not asked.

L1 and contract: --l1 and --contract, else the devnet.json of --data-dir. Units of markets: the genesis file.
"""

import asyncio
import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import click
import uvloop

from node.cli.bridge import Wallet, client_of
from node.cli.connect import address_of
from node.cli.output import fail, say
from node.client.amounts import Market
from node.config.genesis import find_genesis, load_genesis
from node.l1.answers import L1Error
from node.l1.sender import Intent as L1Intent
from node.l1.vault import CONTRACT, ActionQueued, event_of
from node.ops.keystore import DEVELOPMENT_CHAIN_IDS, development_keys
from proto.ids import Address
from proto.intents import Intent, encode_intent
from proto.signing.secp256k1 import SigningKey
from proto.units import TimeMs


class OnL1(NamedTuple):
    """Where the contract is."""

    url: str
    contract: Address


def via_l1_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """--via-l1, --contract."""
    contract = click.option("--contract", help="With --via-l1: address of the contract; the devnet's by default.")
    via = click.option("--via-l1", is_flag=True, help="Force it through the queue on L1, without asking the node.")
    return via(contract(command))


def find_l1(rpc: str | None, contract: str | None, data_dir: Path) -> OnL1:
    """L1's address and the contract's. Ends the program where they are not known."""
    facts: dict[str, Any] = {}
    with contextlib.suppress(OSError, ValueError):
        facts = json.loads((data_dir / "devnet.json").read_text(encoding="utf-8"))
    url, address = rpc or facts.get("rpc"), contract or facts.get("contract")
    if not url or not address:
        fail(f"name L1 with --l1 URL and the contract with --contract 0x…; there is no devnet in {data_dir}.")
    return OnL1(url, address_of(address))


def head_of(key: SigningKey) -> tuple[Address, int, TimeMs]:
    """Account, nonce and expiry of a forced action: the last two do not count."""
    return key.address, 0, TimeMs(0)


def genesis_market(genesis: str, name: str) -> Market:
    """A market's units. Ends the program where genesis has none of this name."""
    try:
        params = load_genesis(find_genesis(genesis))
    except (OSError, ValueError) as error:
        fail(str(error))
    found = [market for market in params.markets if market.name == name.upper()]
    if not found:
        fail(f"genesis {genesis} has no market {name}.")
    return Market(found[0].id, found[0].name, found[0].size_decimals, {})


def force(where: OnL1, key: SigningKey, intent: Intent) -> dict[str, Any]:
    """Queue the action; what became of it on L1. Ends the program where L1 refuses."""
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_force(where, key, intent))
    except L1Error as error:
        fail(error.numbered())


async def _force(where: OnL1, key: SigningKey, intent: Intent) -> dict[str, Any]:
    async with client_of(where.url) as l1:
        chain_id = await l1.chain_id()
        refuse_public_key(key, chain_id)
        wallet = Wallet(l1, where.contract, key, chain_id)
        call = CONTRACT.encode_call("forceAction", encode_intent(intent))
        included = await wallet.send("force", L1Intent(where.contract, call))
        deadline_s = int((await wallet.vault.ask("queueDeadline"))[0])
        events = [event_of(log) for log in included.receipt.logs if log.address == where.contract]
        queued = [event for event in events if isinstance(event, ActionQueued)]
        if not queued:
            fail("the transaction succeeded without queueing anything; is this the right contract?", 1)
        event = queued[0]
        say(f"queue item {event.index}: a batch takes it in within {deadline_s} s, or the venue can be opened and frozen")
        return {
            "queue_index": event.index, "queued_at_s": event.time_s, "deadline_s": event.time_s + deadline_s,
            "l1_block": included.receipt.block_number, "l1_transaction": "0x" + included.receipt.transaction_hash.hex(),
        }  # fmt: skip


def refuse_public_key(key: SigningKey, chain_id: int) -> None:
    """A development key must not send on a chain where its secret would matter."""
    if chain_id in DEVELOPMENT_CHAIN_IDS:
        return
    if key.address in {public.address for public in development_keys(DEVELOPMENT_CHAIN_IDS[0], 64)}:
        fail("this is a public development key; on this chain give your own with --key FILE (`novate key new FILE`).")
