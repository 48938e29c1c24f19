"""The contract's life, replayed on the embedded chain and on anvil: same addresses, same gas, same logs, same refusals."""

import random

import pytest

from node.l1.answers import L1Refused
from node.l1.rpc import CallMessage
from node.l1.transactions import FeeMarketFields, sign_fee_market
from proto.hashing import keccak
from proto.ids import Address
from proto.signing.secp256k1 import SigningKey
from tests.l1.contracts.rig import (
    ALICE,
    BOB,
    CHAIN_ID,
    ETH,
    KEYS,
    OPERATOR,
    USDC,
    Deployed,
    Machine,
    Payout,
    Ran,
    Venue,
    new_venue,
    refused,
)
from tests.l1.keys import DEVELOPMENT_KEYS
from tests.l1.nodes import L1Node

GWEI = 10**9
FEE_WEI = 20 * GWEI
FUNDS_WEI = 1_000 * 10**18


def life(seed: int) -> Venue:
    """Deposits, batches with a reset between, withdrawals, and one refusal of each kind of call."""
    chance = random.Random(seed)
    venue = new_venue()
    for asset in (USDC, ETH, USDC):
        venue.deposit(asset, chance.randint(10**6, 10**9))
    with refused("AmountZero"):
        venue.novate.send(ALICE, "depositETH", ALICE)
    for at in range(3):
        venue.pay_out(Payout(3, BOB, at % 2, chance.randint(1, 10**5)))
        venue.novate.send(OPERATOR.address, "postData", venue.batch_id + 1, 0, chance.randbytes(200))
        venue.novate.send(OPERATOR.address, "resetData", venue.batch_id + 1)
        venue.body = chance.randbytes(chance.randint(1, 4_000))
        sealed = venue.advance()
        with refused("BatchIdWrong"):
            venue.novate.send(ALICE, "commit", *sealed.commit_args())
        with refused("BatchNotFinal"):
            venue.novate.send(BOB, "withdraw", *sealed.withdraw_args(at))
        venue.machine.now_s += 12
    sealed = venue.advance()
    venue.finalize()
    for at in (1, 0, 2):
        venue.novate.send(BOB, "withdraw", *sealed.withdraw_args(at))
    with refused("AlreadyWithdrawn"):
        venue.novate.send(ALICE, "withdraw", *sealed.withdraw_args(0))
    return venue


async def replay(l1: L1Node, machine: Machine) -> None:
    """Send the machine's history to a node and compare each receipt."""
    rich = SigningKey(DEVELOPMENT_KEYS[0])
    for nonce, address in enumerate(KEYS):
        await _send(l1, rich, nonce, address, FUNDS_WEI, b"", gas_limit=21_000)
    await l1.mine()
    before_s = machine.history[0].now_s
    for ran in machine.history:
        if ran.now_s > before_s:
            # Blocks mined fast run ahead of the clock that this moves, so the jump is longer by more than their number.
            await l1.rpc("evm_increaseTime", ran.now_s - before_s + len(machine.history))
        before_s = ran.now_s
        await _replay_one(l1, ran)


async def _send(
    l1: L1Node, key: SigningKey, nonce: int, to: Address | None, value_wei: int, data: bytes, *, gas_limit: int
) -> bytes:
    fields = FeeMarketFields(CHAIN_ID, nonce, FEE_WEI, GWEI, gas_limit, to, value_wei, data)
    signed = sign_fee_market(fields, key)
    await l1.client.send_raw(signed.raw, signed.hash)
    return signed.hash


async def _replay_one(l1: L1Node, ran: Ran) -> None:
    message = ran.message
    assert message.nonce is not None
    to = None if message.to is None else Address(message.to)
    key = KEYS[Address(message.sender)]
    sent = await _send(l1, key, message.nonce, to, message.value_wei, message.data, gas_limit=message.gas_limit)
    await l1.mine()
    receipt = await l1.client.receipt(sent)
    assert receipt is not None
    assert receipt.success == ran.outcome.success
    assert receipt.gas_used == ran.outcome.gas_used
    logs = [(log.address, log.topics) for log in receipt.logs]
    assert logs == [(log.address, log.topics) for log in ran.outcome.logs]


async def test_life_is_the_same_everywhere(l1: L1Node, seed: int) -> None:
    venue = life(seed)
    await replay(l1, venue.machine)
    for name in ("tip", "queueLength", "genesisHash", "assetIds"):
        here = venue.novate.call(name)
        output = await l1.client.call(CallMessage(venue.novate.address, venue.novate.data(name)))
        assert venue.novate.interface.decode_return(name, output)[0] == here
    for asset in (USDC, ETH):
        output = await l1.client.call(CallMessage(venue.novate.address, venue.novate.data("assetOf", asset)))
        assert venue.novate.interface.decode_return("assetOf", output)[0] == venue.novate.call("assetOf", asset)


async def test_delegated_operator_posts_no_data_from_inside(l1: L1Node) -> None:
    """A key whose account has delegated code (EIP-7702) can call itself: sender and origin are one, the input another's."""
    if l1.kind == "embedded":
        pytest.skip("the embedded chain has no delegated accounts")
    venue = new_venue()
    await replay(l1, venue.machine)
    relay = Deployed(venue.machine, "TestReceiver")
    await _replay_one(l1, venue.machine.history[-1])
    await l1.rpc("anvil_setCode", "0x" + OPERATOR.address.hex(), "0xef0100" + relay.address.hex())
    inner = venue.novate.data("postData", 1, 0, b"x")
    for message in (
        CallMessage(OPERATOR.address, relay.data("forward", venue.novate.address, inner), sender=OPERATOR.address),
        CallMessage(venue.novate.address, inner, sender=OPERATOR.address),
    ):
        with pytest.raises(L1Refused) as caught:
            await l1.client.call(message)
        assert caught.value.data[:4] == keccak(b"NotTopLevelCall()")[:4]
    await l1.rpc("anvil_setCode", "0x" + OPERATOR.address.hex(), "0x")
    await l1.client.call(CallMessage(venue.novate.address, inner, sender=OPERATOR.address))
