"""Posts sealed batches to L1: data, then commitment, in order, several in flight.

A round reads tip, posted data and first free nonce at one block, derives what is still to be done from nothing but that and the sealed
batches, and has it sent. So a restart, a reorganisation, a half-posted body or somebody else's commit need no case of their own.
Invariants:
- Only batches whose seal is durable are posted, in order.
- Nothing that L1 has is sent again, except in a race with a reorganisation, where the contract refuses the second one.
- After any sign of trouble the next call is tried without sending first: what the contract refuses costs no gas, and has a number.
"""

import asyncio
from collections.abc import Callable
from enum import IntEnum, unique
from typing import Final, NamedTuple

from node.l1.answers import L1Error, L1Lied, L1Refused, L1Unavailable
from node.l1.contracts.errors import explain
from node.l1.rpc import CallMessage, L1Client
from node.l1.vault import CONTRACT, Vault
from node.ops.logs import room_log
from node.settlement.build import Postable, build
from node.settlement.pipeline import Call, Pipeline, PipelineRefused
from node.settlement.ports import SealedBatches
from node.settlement.settings import SettlementSettings
from proto.batch import Body
from proto.signing.eip712 import Domain
from proto.signing.secp256k1 import SigningKey

BACKOFF_MAX_S: Final = 15.0
DATA_GAS: Final = 200_000
"""Above intrinsic gas, which is 16 per byte: hashing a chunk and two slots. The floor of 40 per byte covers it for larger chunks."""
COMMIT_GAS: Final = 900_000
"""Measured 190,000 for two assets (docs/SETTLEMENT_COSTS.md); what is not used is not paid."""
_log = room_log("settlement")


@unique
class StepKind(IntEnum):
    """What a call to the contract does for a batch."""

    RESET = 0
    DATA = 1
    COMMIT = 2


class PostProblem(NamedTuple):
    """Why posting does not move: its number (the contract's, or L1's from 6720 on), its name, a sentence."""

    number: int
    name: str
    sentence: str


class OtherHistory(L1Error):
    """L1 has batches that this node never sealed: its data directory is behind, or another node posts for this contract."""


class Poster:
    """Sends for the operator."""

    def __init__(
        self,
        client: L1Client,
        batches: SealedBatches,
        key: SigningKey,
        domain: Domain,
        settings: SettlementSettings,
        clock_s: Callable[[], float],
    ) -> None:
        self._client = client
        self._vault = Vault(client, settings.contract)
        self._batches = batches
        self._key = key
        self._domain = domain
        self._settings = settings
        self._clock_s = clock_s
        self._pipeline = Pipeline(client, key, domain.chain_id, settings)
        self._built: dict[int, Postable] = {}
        self._wake = asyncio.Event()
        self._looked = asyncio.Event()
        self._doubt = True  # Something may be there from before.
        self.tip = 0
        """Newest batch that L1 has, when last seen."""
        self.problem: PostProblem | None = None

    def wake(self) -> None:
        """A batch was sealed."""
        self._wake.set()

    @property
    def backlog(self) -> int:
        """Sealed batches that L1 does not have."""
        return max(0, self._batches.sealed.batch_id - self.tip)

    async def posted_all(self) -> None:
        """Return once L1 has every batch that is sealed."""
        while self.backlog:
            self._looked.clear()
            await self._looked.wait()

    async def run(self) -> None:
        """Post for ever. Raises OtherHistory, StoreCorrupt."""
        pause_s = self._settings.poll_ms / 1_000
        while True:
            self._wake.clear()
            try:
                await self.round()
            except (L1Unavailable, L1Refused, L1Lied, PipelineRefused) as error:
                self._report(PostProblem(error.number, type(error).__name__, str(error)))
            if self.problem is None:
                pause_s = self._settings.poll_ms / 1_000
                await self._pause(pause_s)
            else:
                pause_s = min(2 * pause_s, BACKOFF_MAX_S)
                await asyncio.sleep(pause_s)

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            pass

    async def round(self) -> None:
        """Look once, and send what is missing. Raises L1Error kinds, PipelineRefused, StoreCorrupt."""
        head = await self._client.block("latest")
        if head is None:
            raise L1Unavailable("the node has no latest block")
        tip = await self._vault.tip(head.number)
        if tip > self._batches.sealed.batch_id:
            raise OtherHistory(f"L1 has batch {tip}, this node sealed up to {self._batches.sealed.batch_id}")
        nonce = await self._client.nonce(self._pipeline.address, head.number)
        self.tip = tip
        self._looked.set()
        for old in [number for number in self._built if number <= tip]:
            del self._built[old]
        calls = await self._wanted(tip, head.number)
        names = [call.name for call in calls]
        if any(name in names for name in self._pipeline.take_mined(nonce)):
            self._doubt = True  # It was mined and did nothing.
        if self._doubt and calls and not await self._is_accepted(calls[0], head.number):
            return
        self._doubt = False
        if calls:
            try:
                await self._pipeline.want(nonce, calls, head.base_fee_wei, self._clock_s())
            except PipelineRefused:
                self._doubt = True
                raise
        self._report(None)

    async def _wanted(self, tip: int, at: int) -> list[Call]:
        """What L1 still needs after block `at`, in order, up to the bounds."""
        settings = self._settings
        calls: list[Call] = []
        size = 0
        newest = min(self._batches.sealed.batch_id, tip + settings.batches_in_flight_max)
        for batch_id in range(tip + 1, newest + 1):
            postable = await self._postable(batch_id)
            size += sum(map(len, postable.chunks))
            if calls and size > settings.bytes_in_flight_max:
                break
            posted = await self._vault.data_of(batch_id, at)
            have = posted.chunks
            if have > len(postable.chunks) or posted.hash != postable.data_hashes[have]:
                calls.append(_call(batch_id, StepKind.RESET, 0, CONTRACT.encode_call("resetData", batch_id), DATA_GAS))
                have = 0
            calls.extend(
                _call(batch_id, StepKind.DATA, index, postable.data_call(index), DATA_GAS)
                for index in range(have, len(postable.chunks))
            )
            calls.append(_call(batch_id, StepKind.COMMIT, 0, postable.commit_call(), COMMIT_GAS))
            if len(calls) >= settings.transactions_in_flight_max:
                break
        return calls[: settings.transactions_in_flight_max]

    async def _postable(self, batch_id: int) -> Postable:
        built = self._built.get(batch_id)
        if built is None:
            header = self._batches.header(batch_id)
            assert header is not None, "sealed batches have headers"
            body: Body = await asyncio.to_thread(self._batches.body, batch_id)
            built = await asyncio.to_thread(build, header, body, self._key, self._domain)
            self._built[batch_id] = built
        return built

    async def _is_accepted(self, call: Call, at: int) -> bool:
        """Try a call without sending it; says why where the contract refuses."""
        message = CallMessage(self._settings.contract, call.data, self._pipeline.address)
        try:
            await self._client.call(message, at)
        except L1Refused as error:
            why = explain(error.data)
            if why is None:
                raise
            self._report(PostProblem(why.number, why.error.name, f"batch {call.name[0]}: {why.sentence}"))
            return False
        return True

    def _report(self, problem: PostProblem | None) -> None:
        if problem is not None and problem != self.problem:
            _log.warning("posting is held up", number=problem.number, name=problem.name, sentence=problem.sentence)
        elif problem is None and self.problem is not None:
            _log.info("posting goes on", batch=self.tip)
        if problem is not None:
            self._doubt = True
        self.problem = problem


def _call(batch_id: int, kind: StepKind, index: int, data: bytes, gas: int) -> Call:
    return Call((batch_id, kind.value, index), data, gas)
