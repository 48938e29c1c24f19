"""A history on a real L1: an embedded chain in its own process, the contract, and batches of the order flow, signed, sealed and posted.

Made without a running node, by the same machine, seals and poster, so that a watcher can be measured on it alone.
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from node.core.commit.forest import Forest
from node.core.commit.seal import collect
from node.core.schedule import due_inputs
from node.l1.abi import load_contract
from node.l1.creation import Periods, Roles
from node.l1.deployment import AssetListing, deploy, genesis_facts
from node.l1.rpc import L1Client, L1ClientSettings
from node.l1.sender import Included, Intent, SenderSettings, TransactionSender
from node.l1.vault import CONTRACT, DepositQueued, event_of
from node.lab.bench.flow import Flow
from node.lab.bench.measure import BenchError
from node.lab.bench.venue import MAKER, OPENING, START, TAKER, Signed, Venue
from node.lab.devnet.processes import Fleet, supervised
from node.ops.keystore import development_keys
from node.sequencer.machine import Machine, assert_sealed
from node.sequencer.seal import genesis_header, seal_header
from node.settlement.post import Poster
from node.settlement.settings import SettlementSettings
from node.store.headers import BatchHeader
from proto.batch import Body
from proto.ids import ETH, USDC, ZERO_ADDRESS, Address
from proto.inputs import DepositSeen
from proto.intents import CancelAll
from proto.signing.eip712 import Domain
from proto.signing.secp256k1 import SigningKey
from proto.units import AMOUNT_MAX, TimeMs

BATCH_INPUTS: Final = 5_000
CYCLE_INPUTS: Final = 256
WINDOW_S: Final = 10
_DEPOSITS: Final = 4
"""Of the largest amount, for each of the two accounts."""
_CAP: Final = 2**120
_OPERATOR: Final = 9
_START_S: Final = 60.0
_POST_S: Final = 600.0
_TOKEN: Final = load_contract("TestToken")
_URL: Final = re.compile(r"L1 chain \d+ at (http://\S+?),")


@dataclass(frozen=True, slots=True)
class History:
    """Where a posted history is."""

    url: str
    contract: Address
    start_block: int
    inputs: int
    batches: int


class _Made:
    """Sealed batches in memory, as settlement asks for them."""

    def __init__(self, genesis: BatchHeader) -> None:
        self._headers = [genesis]
        self._bodies: dict[int, Body] = {}

    @property
    def sealed(self) -> BatchHeader:
        return self._headers[-1]

    def header(self, batch_id: int) -> BatchHeader | None:
        return self._headers[batch_id] if batch_id < len(self._headers) else None

    def body(self, batch_id: int) -> Body:
        return self._bodies[batch_id]

    def add(self, header: BatchHeader, body: Body) -> None:
        self._headers.append(header)
        self._bodies[header.batch_id] = body


@asynccontextmanager
async def posted_history(
    directory: Path, flow: Flow, repeat: int, say: Callable[[str], None]
) -> AsyncIterator[tuple[Fleet, History]]:
    """Make and post it; the L1 process lives as long as the context. Raises BenchError, ChildEnded, L1Error kinds."""
    venue = Venue()
    async with Fleet(directory / "logs") as fleet, supervised(fleet):
        child = await fleet.start(
            "l1", "l1", "--data-dir", str(directory / "l1"), "--port", "0", "--block-time-ms", "50"
        )
        url = (await fleet.heard(child, _URL, _START_S))[1]
        async with L1Client(L1ClientSettings(url=url)) as client:
            contract, start_block, deposits = await _deploy(client, venue)
            venue.domain = Domain(venue.params.chain_id, contract)
            say("signing and sealing")
            made, inputs = await asyncio.to_thread(_make, venue, deposits, flow, repeat)
            say(f"posting {made.sealed.batch_id} batches of {inputs:,} inputs")
            await _post(client, made, venue.domain, SettlementSettings(contract=contract, start_block=start_block))
        yield fleet, History(url, contract, start_block, inputs, made.sealed.batch_id)


async def _deploy(client: L1Client, venue: Venue) -> tuple[Address, int, list[DepositQueued]]:
    """Contract, its block, and deposits that nothing in a flow can exhaust."""
    keys = development_keys(venue.params.chain_id, _OPERATOR + 1)
    sender = TransactionSender(client, keys[0], SenderSettings(chain_id=venue.params.chain_id, poll_s=0.02))
    token = await _sent(sender, Intent(None, _TOKEN.creation_code("Test USD Coin", "USDC", 6)))
    assert token.receipt.contract is not None
    divisors = {asset.id: 10 ** (18 - asset.decimals) if asset.id == ETH else 1 for asset in venue.params.assets}
    tokens: dict[int, Address] = {USDC: token.receipt.contract, ETH: ZERO_ADDRESS}
    for asset in venue.params.assets:
        if asset.id not in tokens:
            other = await _sent(sender, Intent(None, _TOKEN.creation_code("Test", asset.symbol, asset.decimals)))
            assert other.receipt.contract is not None
            tokens[asset.id] = other.receipt.contract
    listings = tuple(AssetListing(a.id, tokens[a.id], divisors[a.id], _CAP, _CAP) for a in venue.params.assets)
    facts = genesis_facts(venue.params)
    contract, block = await deploy(
        client, sender, facts, Roles(keys[_OPERATOR].address), Periods.development(WINDOW_S), listings
    )
    total = 2 * _DEPOSITS * AMOUNT_MAX
    await _sent(sender, Intent(tokens[USDC], _TOKEN.encode_call("mint", sender.address, total)))
    await _sent(sender, Intent(tokens[USDC], _TOKEN.encode_call("approve", contract, total)))
    deposits = []
    for owner in [key.address for key in (MAKER, TAKER) for _ in range(_DEPOSITS)]:
        done = await _sent(sender, Intent(contract, CONTRACT.encode_call("deposit", USDC, AMOUNT_MAX, owner)))
        events = [event_of(log) for log in done.receipt.logs if log.address == contract]
        deposits += [event for event in events if isinstance(event, DepositQueued)]
    return contract, block, deposits


async def _sent(sender: TransactionSender, intent: Intent) -> Included:
    result = await sender.send(intent)
    if not isinstance(result, Included) or not result.receipt.success:
        raise BenchError("a transaction that prepares the measurement failed")
    return result


def _inputs(venue: Venue, deposits: list[DepositQueued], flow: Flow, repeat: int) -> Iterator[Signed]:
    for item in deposits:
        yield Signed(DepositSeen(item.index, item.owner, item.asset, item.amount), ZERO_ADDRESS)
    for publisher in venue.publishers:
        yield venue.report(publisher, OPENING, signed=True)
    nonce = int(START)
    for _ in range(repeat):
        for key, intent in venue.intents(flow, nonce):
            yield Signed(venue.sign(key, intent), key.address)
        nonce += len(flow.rows)
        for key in (MAKER, TAKER):  # The next round uses the same client ids.
            every = CancelAll(key.address, nonce, TimeMs(0), venue.market.id)
            yield Signed(venue.sign(key, every), key.address)
            nonce += 1


def _make(venue: Venue, deposits: list[DepositQueued], flow: Flow, repeat: int) -> tuple[_Made, int]:
    """Apply and seal, batch after batch."""
    forest = Forest()
    genesis = genesis_header(forest, collect(venue.state), venue.params.rules_hash())
    made, machine = _Made(genesis), Machine(venue.state, genesis)

    def seal() -> None:
        assert_sealed(machine.step(venue.time, machine.seal_tick(), ZERO_ADDRESS))
        machine.end_cycle()
        work = machine.end_batch()
        header = seal_header(forest, work, made.sealed)
        made.add(header, Body(header.batch_id, header.first_seq, tuple(work.batch.cycles)))

    for given in _inputs(venue, deposits, flow, repeat):
        for due in due_inputs(machine.state, venue.time):
            machine.step(venue.time, due, ZERO_ADDRESS)
        machine.step(venue.time, given.item, given.signer)
        if machine.batch.inputs >= BATCH_INPUTS:
            seal()
        elif machine.cycle_inputs >= CYCLE_INPUTS:
            machine.end_cycle()
    seal()
    return made, int(machine.seq)


async def _post(client: L1Client, made: _Made, domain: Domain, settings: SettlementSettings) -> None:
    key: SigningKey = development_keys(domain.chain_id, _OPERATOR + 1)[_OPERATOR]
    poster = Poster(client, made, key, domain, settings, time.monotonic)
    async with asyncio.TaskGroup() as tasks, asyncio.timeout(_POST_S):
        posting = tasks.create_task(poster.run())
        await asyncio.sleep(0)
        await poster.posted_all()
        posting.cancel()
