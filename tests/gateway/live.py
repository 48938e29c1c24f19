"""A live gateway over the real sequencer, rule book and views, on an ephemeral port; the disk is the in-memory store's."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, TypeVar

from node.core.state import Signer, State
from node.gateway.ports import LeafProof, ReadRefusedError, Receipt, Released
from node.gateway.server import Gateway
from node.gateway.settings import GatewaySettings, LimitSettings
from node.gateway.shelf import Shelf
from node.ops.clock import Clock, SystemClock
from node.ops.metrics import Metrics
from node.sequencer.durability import SequencerStopped, TooManyReads
from node.sequencer.recover import recover
from node.sequencer.released import Listener
from node.sequencer.sequencer import Identity, Sequencer
from node.sequencer.settings import SequencerSettings
from node.store.memory import MemoryDisk
from node.store.store import open_memory
from node.views.streams import StreamLimits
from node.views.venue import Views
from proto.ids import Address
from proto.inputs import Input
from proto.ledger import Section
from proto.reject import RejectCode
from proto.signing.secp256k1 import SigningKey
from tests.sequencer.venue import DOMAIN, OPERATOR, PARAMS, PUBLISHERS, USD, deposit, report

T = TypeVar("T")

UNLIMITED = LimitSettings(weight_per_minute=0, frames_per_minute=0, budget_actions=0, refusals_per_second=0)
OPEN = GatewaySettings(port=0, limits=UNLIMITED)
FAST = SequencerSettings(tick_ms=20, batch_ms=200)
PRICES = (60_000 * USD, 3_000 * USD)


class WriterPort:
    """The sequencer as the gateway wants it."""

    def __init__(self, sequencer: Sequencer) -> None:
        self._sequencer = sequencer

    def submit(self, item: Input, signer: Address, reply: Callable[[Released], None]) -> RejectCode | None:
        """Queue an input."""
        return self._sequencer.submit(item, signer, reply)

    def peek(self, fn: Callable[[State], T]) -> T:
        """Look at the applied state."""
        return self._sequencer.peek(fn)

    async def read(self, fn: Callable[[State], T]) -> T:
        """Look at durable state."""
        try:
            return await self._sequencer.read(fn)
        except TooManyReads:
            raise ReadRefusedError(RejectCode.NODE_BUSY) from None
        except SequencerStopped:
            raise ReadRefusedError(RejectCode.NODE_STOPPING) from None

    def receipt(self, seq: int) -> Receipt | None:
        """A signed receipt."""
        return self._sequencer.receipt(seq)

    async def prove(self, section: Section, key: int) -> LeafProof:
        """A leaf with its path."""
        return await self._sequencer.prove(section, key)


class Ledgerless:
    """Settlement that is always up to date, unless told otherwise."""

    def __init__(self) -> None:
        self.waiting = 0

    def unposted(self) -> int:
        """Batches that wait."""
        return self.waiting

    def pending_deposits(self, _owner: Address) -> list[dict[str, Any]]:
        """No L1, no deposits on the way."""
        return []

    def solvency(self) -> dict[str, Any] | None:
        return None

    def solvency_proof(self, _address: Address) -> dict[str, Any] | None:
        return None

    def withdrawal(self, _index: int) -> dict[str, Any] | None:
        """No L1, no claims."""
        return None


class Fit:
    """Health that is good, unless told otherwise."""

    def __init__(self) -> None:
        self.reasons: list[str] = []

    def alive(self) -> Sequence[str]:
        """Always."""
        return []

    def ready(self) -> Sequence[str]:
        """Why not, if not."""
        return self.reasons


class LiveNode:
    """Everything between the socket and the disk."""

    def __init__(self, disk: MemoryDisk, settings: GatewaySettings, clock: Clock) -> None:
        self.disk = disk
        self.store = open_memory(disk, PARAMS.digest())
        self.table = self.store.table("views")
        self.views = Views(self.table, settings.streams)
        self.shelf = Shelf(self.views, self.table)
        recovered = recover(self.store, PARAMS, DOMAIN, on_cycle=self.shelf.replayed)
        self.views.seed(recovered.machine.state)
        self.state = recovered.machine.state
        self.clock = clock
        self.metrics = Metrics()
        self.sequencer = Sequencer(recovered, self.store, Identity(OPERATOR, DOMAIN), self.clock, FAST, self.metrics)
        self.shelf.catch_up_batches(self.sequencer.header, self.sequencer.sealed.batch_id)
        self.sequencer.add_listener(self.shelf)
        self.settlement = Ledgerless()
        self.health = Fit()
        self.port = WriterPort(self.sequencer)
        self.gateway = Gateway(
            settings, DOMAIN, self.port, self.shelf, self.settlement, self.health, self.clock, self.metrics
        )

    @property
    def url(self) -> str:
        """Of the native protocol."""
        return f"ws://127.0.0.1:{self.gateway.port}/v1/ws"

    @property
    def http(self) -> str:
        """Of the HTTP reads."""
        return f"http://127.0.0.1:{self.gateway.port}"

    def now_ms(self) -> int:
        """The node's wall clock."""
        return self.clock.wall_ns() // 1_000_000

    def owner(self, key: SigningKey) -> Signer:
        """A key as the owner of its account."""
        account = self.state.accounts[self.state.by_address[key.address]]
        return next(signer for signer in account.signers if signer.address == key.address)

    async def sequence(self, item: Input, signer: Address) -> Released:
        """Submit an input past the gateway and wait until it is durable."""
        done: asyncio.Future[Released] = asyncio.get_running_loop().create_future()


        def settle(released: Released) -> None:
            if not done.done():  # Whoever waited may have been cancelled.
                done.set_result(released)

        assert self.sequencer.submit(item, signer, settle) is None
        async with asyncio.timeout(10):
            return await done

    async def fund(self, key: SigningKey, usd: int) -> None:
        """Credit an account."""
        await self.sequence(*deposit(self.state.queue_cursor, key, usd * USD))

    async def price(self, prices: Sequence[int] = PRICES) -> None:
        """Have all publishers report."""
        for key in PUBLISHERS:
            await self.sequence(*report(key, self.now_ms(), prices))


@contextlib.asynccontextmanager
async def live(
    settings: GatewaySettings = OPEN,
    disk: MemoryDisk | None = None,
    clock: Clock | None = None,
    listener: Listener | None = None,
) -> AsyncIterator[LiveNode]:
    """A node that runs while the context is open and stops cleanly after; `listener` misses nothing."""
    node = LiveNode(disk or MemoryDisk(), settings, clock or SystemClock())
    if listener is not None:
        node.sequencer.add_listener(listener)
    async with asyncio.TaskGroup() as group:
        shelf = group.create_task(node.shelf.run())
        writer = group.create_task(node.sequencer.run())
        gateway = group.create_task(node.gateway.run())
        async with asyncio.timeout(10):
            await node.gateway.listening.wait()
        try:
            yield node
        finally:
            node.sequencer.stop()
            async with asyncio.timeout(20):
                await writer
            gateway.cancel()
            shelf.cancel()


async def eventually(check: Callable[[], bool] | Callable[[], Awaitable[bool]], seconds: float = 10.0) -> None:
    """Wait until something holds; a node's tasks go on meanwhile."""
    deadline = time.monotonic() + seconds
    while True:
        found = check()
        if isinstance(found, Awaitable):
            found = await found
        if found:
            return
        assert time.monotonic() < deadline, "did not come true in time"
        await asyncio.sleep(0.01)


def small_streams(events: int) -> GatewaySettings:
    """Settings with short rings."""
    return GatewaySettings(port=0, limits=UNLIMITED, streams=StreamLimits(ring_events=events))
