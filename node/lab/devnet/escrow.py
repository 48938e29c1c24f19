"""Whether the contract on L1 really holds what its own books say."""

from node.l1.abi import load_contract
from node.l1.rpc import CallMessage, L1Client
from node.l1.vault import Vault
from proto.ids import ZERO_ADDRESS, Address


async def escrow_shortfall(client: L1Client, contract: Address) -> str:
    """Empty where every asset's balance covers deposits less withdrawals; otherwise what is missing. Raises L1Error kinds."""
    token = load_contract("TestToken")
    for asset in await Vault(client, contract).assets():
        owed = (asset.deposited - asset.paid) * asset.unit_divisor
        if asset.token == ZERO_ADDRESS:
            held = await client.balance(contract)
        else:
            call = CallMessage(asset.token, token.encode_call("balanceOf", contract))
            (held,) = token.decode_return("balanceOf", await client.call(call))
        if held < owed:
            return f"asset {asset.id}: the contract holds {held}, its books say {owed}"
    return ""
