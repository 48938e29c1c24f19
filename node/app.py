"""One node, put together: the only file that sees every room, and it only plugs them.

Start: open the store (a lock keeps a second process out) → recover, read models catching up with the replay → sequencer
→ gateway → settlement. While it recovers, in a thread, the port says that the node is alive and not ready, and a signal ends it.
Stop (SIGTERM): gateway takes no more, the sequencer finishes what it took in and seals, settlement posts what it can within its grace,
read models flush, the store closes. StoreFailed ends the process at once: the handle is never used again.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn, TypeVar

from node.config.operator import NodeSettings
from node.core.genesis import genesis_state
from node.core.params import Params
from node.core.state import State
from node.gateway.awaken import awaken
from node.gateway.operator import OperatorSocket
from node.gateway.ports import Backpressure, ReadRefusedError
from node.gateway.server import Gateway
from node.gateway.shelf import Shelf
from node.gateway.waiting import waiting_room
from node.l1.compared import open_l1
from node.l1.deployment import genesis_facts
from node.l1.rpc import L1Client
from node.ops.clock import SystemClock
from node.ops.health import Health
from node.ops.keystore import DEVELOPMENT_CHAIN_IDS
from node.ops.logs import room_log
from node.ops.metrics import Metrics
from node.ops.progress import ProgressLine
from node.sequencer.durability import SequencerStopped, TooManyReads
from node.sequencer.recover import recover, replay
from node.sequencer.released import ReleasedInput
from node.sequencer.sequencer import Identity, LeafProof, Sequencer
from node.settlement.claims import ClaimStage
from node.settlement.service import Account, Settlement, Tables
from node.store.errors import StoreFailed
from node.store.headers import BatchHeader
from node.store.store import Store, open_store
from proto.ids import Address
from proto.ledger import Section
from proto.reject import RejectCode
from proto.signing.eip712 import Domain
from proto.signing.secp256k1 import SigningKey
from proto.version import PROTOCOL_VERSION

NO_L1_CONTRACT: Final = Address(bytes(19) + b"\xfe")
"""What signatures bind to on a development node without L1."""
BACKPRESSURE: Final = Backpressure()
EXIT_STORE_FAILED: Final = 70
_START_S: Final = 600.0
_log = room_log("app")
T = TypeVar("T")


class StartRefused(Exception):
    """The node cannot start with these settings; the message says what to change."""


@dataclass(frozen=True, slots=True)
class Running:
    """What a started node tells whoever started it."""

    port: int
    domain: Domain
    genesis_hash: bytes
    recovered_inputs: int
    batch_id: int


class _NoSettlement:
    """Without L1 nothing is on its way there or back."""

    def unposted(self) -> int:
        return 0

    def pending_deposits(self, _owner: Address) -> list[dict[str, Any]]:
        return []

    def withdrawal(self, _index: int) -> dict[str, Any] | None:
        return None

    def solvency(self) -> dict[str, Any] | None:
        return None

    def solvency_proof(self, _address: Address) -> dict[str, Any] | None:
        return None


class _Bridge:
    """Settlement as the gateway shows it."""

    def __init__(self, settlement: Settlement) -> None:
        self._settlement = settlement

    def unposted(self) -> int:
        return self._settlement.unposted()

    def pending_deposits(self, owner: Address) -> list[dict[str, Any]]:
        return [
            {"queue_index": row.item.index, "asset": row.item.asset, "balance": row.item.amount, "l1_block": row.block}
            for row in self._settlement.pending_deposits(owner)
        ]

    def withdrawal(self, index: int) -> dict[str, Any] | None:
        status = self._settlement.withdrawal(index)
        if status.stage == ClaimStage.UNKNOWN:
            return None
        claim = status.claim.to_json() if status.claim is not None else None
        return {"index": index, "stage": status.stage.name.lower(), "batch": status.batch_id, "claim": claim}

    def solvency(self) -> dict[str, Any] | None:
        return self._settlement.solvency.statement()

    def solvency_proof(self, address: Address) -> dict[str, Any] | None:
        return self._settlement.solvency.proof(address)


class _Statuses:
    """What settlement finds out, into the batch view."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def posted(self, batch: int, tx: bytes, block: int, time: int) -> None:
        self._shelf.views.batches.posted(batch, tx, block, time)
        self._shelf.settled()

    def finalised(self, batch: int, time: int) -> None:
        self._shelf.views.batches.finalised(batch, time)
        self._shelf.settled()

    def unposted(self, batch: int) -> None:
        self._shelf.views.batches.unposted(batch)
        self._shelf.settled()


def _serious(settlement: Settlement) -> str | None:
    """Settlement's complaint, once its backlog is so large that admission slows: an L1 that is away for a while does no harm."""
    return settlement.complaint() if settlement.unposted() >= BACKPRESSURE.slow else None


class _SealsToSettlement:
    """Settlement listens to seals only."""

    def __init__(self, settlement: Settlement) -> None:
        self._settlement = settlement

    def released(self, _inputs: Sequence[ReleasedInput]) -> None:
        return

    def sealed(self, header: BatchHeader) -> None:
        self._settlement.sealed(header)


class _Writer(Sequencer):
    """The sequencer as the gateway wants it: a read that cannot be answered carries its code."""

    async def read(self, fn: Callable[[State], T]) -> T:
        try:
            return await super().read(fn)
        except TooManyReads as error:
            raise ReadRefusedError(RejectCode.NODE_BUSY) from error
        except SequencerStopped as error:
            raise ReadRefusedError(RejectCode.NODE_STOPPING) from error

    async def prove(self, section: Section, key: int) -> LeafProof:
        try:
            return await super().prove(section, key)
        except SequencerStopped as error:
            raise ReadRefusedError(RejectCode.NODE_STOPPING) from error


class _HealthAnswers:
    """The gateway's view of the node's checks."""

    def __init__(self, health: Health) -> None:
        self._health = health

    def alive(self) -> Sequence[str]:
        return ()  # Whoever answers is alive.

    def ready(self) -> Sequence[str]:
        return [f"{part}: {text}" for part, text in self._health.readiness().complaints.items()]


def domain_of(settings: NodeSettings, params: Params) -> Domain:
    """Where signatures for this node are valid. Raises StartRefused."""
    contract = settings.l1.contract_address
    if contract is not None:
        return Domain(params.chain_id, contract)
    if params.chain_id not in DEVELOPMENT_CHAIN_IDS:
        raise StartRefused(
            f"l1.contract: chain {params.chain_id} is not a development chain; a node there needs its contract"
        )
    return Domain(params.chain_id, NO_L1_CONTRACT)


def _check_deposit_socket(settings: NodeSettings, params: Params) -> Path | None:
    if not settings.operator.deposit_socket:
        return None
    if params.chain_id not in DEVELOPMENT_CHAIN_IDS or settings.l1.contract:
        raise StartRefused(
            "operator.deposit_socket: only for development chains without a contract; deposit on L1 instead"
        )
    return Path(settings.operator.deposit_socket).absolute()


class _StoppedAtStart(Exception):
    """The node was told to stop while it recovered. Nothing is lost: recovery writes only what it would write again."""


class _Start:
    """How far the start is; ends it where the node is told to stop. Called from the thread that recovers."""

    def __init__(self, stop: asyncio.Event) -> None:
        self._stop = stop
        self._line = ProgressLine()
        self._doing = "opening the store"

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Progress."""
        if self._stop.is_set():
            raise _StoppedAtStart
        self._doing = f"{stage}, {100 * done // total} %" if total else stage
        self._line(stage, done, total)

    def doing(self) -> str:
        """For whoever asks meanwhile."""
        return self._doing


async def run_node(
    settings: NodeSettings, params: Params, key: SigningKey, ready: Callable[[Running], None], stop: asyncio.Event
) -> None:
    """Run until `stop` is set, then stop in order. Raises StartRefused and the store's errors; `ready` is called once it answers."""
    domain, socket_path = domain_of(settings, params), _check_deposit_socket(settings, params)
    started = await _start(settings, params, domain, key, stop)
    if started is None:
        _log.info("stopped before it was ready; the next start begins again")
        return
    store, node = started
    try:
        await node.run(socket_path, ready, stop)
    except* StoreFailed as group:
        _end_at_once(group.exceptions[0])
    store.close()


async def _start(
    settings: NodeSettings, params: Params, domain: Domain, key: SigningKey, stop: asyncio.Event
) -> "tuple[Store, _Node] | None":
    """Open and recover in a thread, while the port says how far that is. None: told to stop meanwhile."""
    start = _Start(stop)
    async with waiting_room(settings.gateway, start.doing):
        try:
            store = await asyncio.to_thread(open_store, settings.store, params.digest(), start)
        except _StoppedAtStart:
            return None
        try:
            return store, await asyncio.to_thread(_Node, settings, params, domain, key, store, start)
        except _StoppedAtStart:
            store.close()
            return None
        except StoreFailed as error:
            _end_at_once(error)


def _end_at_once(reason: BaseException) -> NoReturn:
    """The store failed: nothing may touch its handle again, not even to close it."""
    _log.error("the store failed; the process ends", reason=str(reason))
    sys.stderr.flush()
    os._exit(EXIT_STORE_FAILED)


class _Node:
    """The parts of one node and the order in which they start and stop."""

    def __init__(
        self,
        settings: NodeSettings,
        params: Params,
        domain: Domain,
        key: SigningKey,
        store: Store,
        progress: Callable[[str, int, int], None],
    ) -> None:
        """Recovers, which takes as long as the journal is; needs no event loop."""
        self._settings = settings
        self._params = params
        self._domain = domain
        self._key = key
        self._metrics = Metrics(process=True)
        self._clock = SystemClock()
        self._health = Health()
        self._shelf, recovered = awaken(
            store.table("views"),
            settings.gateway,
            lambda: genesis_state(params),
            lambda on_cycle: recover(store, params, domain, on_cycle=on_cycle, progress=progress),
            lambda found: found.machine.state,
            lambda on_cycle: replay(store, params, domain, on_cycle=on_cycle, progress=progress),
        )
        self._recovered_inputs = recovered.replayed
        self.sequencer = _Writer(
            recovered, store, Identity(key, domain), self._clock, settings.sequencer, self._metrics
        )
        self._shelf.catch_up_batches(self.sequencer.header, self.sequencer.sealed.batch_id)
        self.sequencer.add_listener(self._shelf)
        self._l1: L1Client | None = None
        self._settlement = self._bridge(store)
        self._gateway = Gateway(
            settings.gateway,
            domain,
            self.sequencer,
            self._shelf,
            _Bridge(self._settlement) if self._settlement is not None else _NoSettlement(),
            _HealthAnswers(self._health),
            self._clock,
            self._metrics,
            status=self._status,
            backpressure=BACKPRESSURE,
        )
        self._started = False
        self._health.add("sequencer", self.sequencer.complaint)
        self._health.add("start", lambda: None if self._started else "the node is starting")

    def _bridge(self, store: Store) -> Settlement | None:
        """Settlement, where a contract is configured."""
        settings = self._settings
        if settings.settlement is None:
            return None
        self._l1 = open_l1(settings.l1.urls)
        settlement = Settlement(
            self._l1,
            self.sequencer,
            Account(self._key, self._domain, genesis_facts(self._params), self._params),
            Tables(
                store.table("settlement-tracks"), store.table("settlement-position"), store.table("solvency"), store.seals
            ),
            _Statuses(self._shelf),
            settings.settlement,
            self._clock,
            self._metrics,
        )
        self.sequencer.add_listener(_SealsToSettlement(settlement))
        self._health.add("settlement", lambda: _serious(settlement))
        return settlement

    def _status(self) -> dict[str, Any]:
        return {
            "network": self._params.network,
            "chain_id": self._domain.chain_id,
            "contract": "0x" + self._domain.contract.hex(),
            "genesis_hash": "0x" + self._params.digest().hex(),
            "protocol_version": PROTOCOL_VERSION,
            "operator": "0x" + self._key.address.hex(),
            "l1": self._settings.l1.rpc,
            "deposit_socket": self._settings.operator.deposit_socket,
        }

    async def run(self, socket_path: Path | None, ready: Callable[[Running], None], stop: asyncio.Event) -> None:
        """Run all parts until `stop`; each part outlives what needs it, and ends in its own way."""
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(_beside(self._shelf.run(), "views"))
            if self._settlement is not None and self._l1 is not None:
                await stack.enter_async_context(self._l1)
                await self._settlement.check()
                await stack.enter_async_context(_beside(self._settlement.run(), "settlement", self._settlement.stop))
            await stack.enter_async_context(_beside(self.sequencer.run(), "sequencer", self.sequencer.stop))
            await stack.enter_async_context(_beside(self._gateway.run(), "gateway"))
            if socket_path is not None:
                door = OperatorSocket(socket_path, self.sequencer, self._next_queue_index)
                await stack.enter_async_context(door.serving())
            async with asyncio.timeout(_START_S):
                await self._gateway.listening.wait()
            self._started = True
            ready(self._running())
            await stop.wait()
            self._started = False
        _log.info("stopped", batch=self.sequencer.sealed.batch_id, seq=self.sequencer.durable_seq)

    def _next_queue_index(self) -> int:
        return self.sequencer.peek(lambda state: state.queue_cursor)

    def _running(self) -> Running:
        return Running(
            self._gateway.port,
            self._domain,
            self._params.digest(),
            self._recovered_inputs,
            self.sequencer.sealed.batch_id,
        )


@asynccontextmanager
async def _beside(
    program: Coroutine[Any, Any, None], name: str, stop: Callable[[], None] | None = None
) -> AsyncIterator[None]:
    """Run a program beside the body. When the body ends, ask the program to stop and wait for it (or cancel it, without `stop`);
    when the program fails, the body is cancelled and the failure raised."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(program, name=name)
        yield
        if stop is None:
            task.cancel()
        else:
            stop()
