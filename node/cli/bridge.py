"""What `novate deposit` and `novate withdraw` share: L1 and contract as the node names them, units of assets, steps told as they happen."""

from typing import Final, NamedTuple

import click

from node.cli.output import fail, say
from node.client.amounts import AmountError, wire_units
from node.client.client import NovateClient
from node.l1.answers import L1Error
from node.l1.rpc import L1Client, L1ClientSettings
from node.l1.sender import Included, Intent, SenderSettings, TransactionSender
from node.l1.vault import Vault
from proto.ids import Address
from proto.signing.secp256k1 import SigningKey

ASSETS: Final = {"USDC": (0, 6), "ETH": (1, 9), "BTC": (2, 8)}
"""Symbol → asset id, decimals of the ledger's unit."""
POLL_S: Final = 0.5

asset_option = click.option(
    "--asset", type=click.Choice(list(ASSETS), case_sensitive=False), default="USDC", show_default=True
)
l1_option = click.option("--l1", "rpc", help="JSON-RPC address of L1; the node's own by default.")
wait_option = click.option(
    "--wait-s", type=click.IntRange(1, 86_400 * 30), default=120, show_default=True, help="How long to watch."
)


class Amount(NamedTuple):
    """An asset and an amount in its ledger unit."""

    symbol: str
    asset: int
    units: int


def amount_of(text: str, symbol: str) -> Amount:
    """What a person typed. Ends the program where it is no amount."""
    asset, decimals = ASSETS[symbol.upper()]
    try:
        units = wire_units(text, decimals, "amount")
    except AmountError as error:
        fail(str(error))
    if units <= 0:
        fail("the amount must be above zero.")
    return Amount(symbol.upper(), asset, units)


async def l1_of(client: NovateClient, rpc: str | None) -> tuple[str, Address]:
    """L1's address and the contract's. Ends the program where the node has none."""
    status = (await client.query("status")).value
    url = rpc or status.get("l1")
    if not url:
        fail("this node runs without L1; there is nothing to deposit into. Start one with `novate devnet`.")
    return url, client.domain.contract


class Wallet:
    """One key on L1, for a few transactions."""

    def __init__(self, l1: L1Client, contract: Address, key: SigningKey, chain_id: int) -> None:
        self.l1 = l1
        self.vault = Vault(l1, contract)
        self.contract = contract
        self.address = key.address
        self._sender = TransactionSender(l1, key, SenderSettings(chain_id=chain_id, poll_s=POLL_S))

    async def send(self, what: str, intent: Intent) -> Included:
        """Send, wait until it is mined, say where. Ends the program where L1 refuses."""
        say(f"{what}: sending …")
        try:
            result = await self._sender.send(intent)
        except L1Error as error:
            fail(f"{what}: {error.numbered()}", 1)
        if not isinstance(result, Included) or not result.receipt.success:
            fail(f"{what}: L1 mined it, but it did not succeed.", 1)
        say(f"{what}: block {result.receipt.block_number}, transaction 0x{result.receipt.transaction_hash.hex()}")
        return result


def client_of(url: str) -> L1Client:
    """A JSON-RPC client."""
    return L1Client(L1ClientSettings(url=url))
