"""The committed contract through every piece at once: deployed, paid into, read back from logs and calldata."""

import random

import pytest

from node.l1.abi import load_contract
from node.l1.answers import L1Refused
from node.l1.chain.settings import DEVELOPMENT_CHAIN_ID
from node.l1.creation import AssetRow, Origin, Periods, Roles, creations
from node.l1.follow import BlockSeen, ChainFollower, FollowSettings
from node.l1.rpc import CallMessage
from node.l1.sender import Included, Intent, SenderSettings, SendRefused, TransactionSender
from proto.hashing import keccak
from proto.ids import ETH, USDC, ZERO_ADDRESS, Address
from proto.signing.secp256k1 import SigningKey
from tests.l1.keys import DEVELOPMENT_KEYS
from tests.l1.nodes import L1Node, mining

KEY = SigningKey(DEVELOPMENT_KEYS[0])
SETTINGS = SenderSettings(chain_id=DEVELOPMENT_CHAIN_ID, poll_s=0.002)
WEI_PER_UNIT = 10**9
CHUNK_BYTES = 100_000
CAP = 10**18


async def sent(sender: TransactionSender, intent: Intent) -> Included:
    """Send; it must be mined and succeed."""
    result = await sender.send(intent)
    assert isinstance(result, Included)
    assert result.receipt.success
    return result


async def test_deposit_and_data_are_found_again(l1: L1Node, seed: int) -> None:
    novate = load_contract("Novate")
    sender = TransactionSender(l1.client, KEY, SETTINGS)
    token_code = load_contract("TestToken").creation_code("Dollar", "USD", 6)
    async with mining(l1):
        token = (await sent(sender, Intent(None, token_code))).receipt.contract
    rows = (AssetRow(USDC, token or ZERO_ADDRESS, 1, CAP, CAP, 6), AssetRow(ETH, ZERO_ADDRESS, WEI_PER_UNIT, CAP, CAP, 9))
    origin = Origin(keccak(b"genesis"), keccak(b"root"), keccak(b"rules"))
    made = creations(KEY.address, 1, origin, rows, Roles(KEY.address), Periods.development(600))
    at: Address | None = None
    async with mining(l1):
        for creation in made:
            at = (await sent(sender, Intent(None, creation.code))).receipt.contract
        assert at is not None
        follower = ChainFollower(l1.client, FollowSettings(addresses=(at,), topics=(novate.topic("DepositQueued"),)))
        deposit = Intent(at, novate.encode_call("depositETH", KEY.address), value_wei=5 * WEI_PER_UNIT)
        receipt = (await sent(sender, deposit)).receipt
        chunk = random.Random(seed).randbytes(CHUNK_BYTES)
        posted = (await sent(sender, Intent(at, novate.encode_call("postData", 1, 0, chunk)))).receipt
        with pytest.raises(SendRefused) as refused:
            await sender.send(Intent(at, novate.encode_call("depositETH", KEY.address), value_wei=1))
    seen = [log async for step in follower.advance() if isinstance(step, BlockSeen) for log in step.logs]
    assert [log.transaction_hash for log in seen] == [receipt.transaction_hash]
    event = novate.decode_event(seen[0])
    assert event is not None
    assert (event.name, event.values["owner"], event.values["amount"]) == ("DepositQueued", KEY.address, 5)
    error = novate.decode_error(refused.value.output)
    assert error is not None
    assert error.name == "AmountDoesNotDivide"
    found = await l1.client.transaction(posted.transaction_hash)
    assert found is not None
    call = novate.decode_call(found.data)
    assert call is not None
    assert list(call.values.values()) == [1, 0, chunk]
    with pytest.raises(L1Refused):
        await l1.client.call(CallMessage(at, novate.encode_call("batch", 7)))
    assert await l1.client.balance(at) == 5 * WEI_PER_UNIT
