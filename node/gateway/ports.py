"""What the gateway needs from other rooms; the application plugs them in."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

from node.core.outcome import Outcome
from node.core.state import State
from node.store.headers import BatchHeader
from node.store.keys import CycleRow
from proto.ids import Address, Seq
from proto.inputs import Input
from proto.ledger import Section
from proto.merkle import SparseProof
from proto.reject import RejectCode
from proto.units import TimeMs

Value = TypeVar("Value")


class Released(Protocol):
    """One durable input and what it did."""

    @property
    def seq(self) -> Seq:
        """Its number."""
        ...

    @property
    def time(self) -> TimeMs:
        """Its stamp."""
        ...

    @property
    def item(self) -> Input:
        """What was sequenced."""
        ...

    @property
    def signer(self) -> Address:
        """Who signed; the zero address for inputs that nobody signs."""
        ...

    @property
    def outcome(self) -> Outcome:
        """What came of it."""
        ...


class Receipt(Protocol):
    """Proof that the sequencer took an input: its record, and the path to the signed root of its cycle."""

    @property
    def seq(self) -> Seq:
        """The input."""
        ...

    @property
    def cycle(self) -> CycleRow:
        """First seq, size, root and head of its cycle, and the sequencer's signature over them."""
        ...

    @property
    def record(self) -> bytes:
        """The input's bytes in journal and batch."""
        ...

    @property
    def position(self) -> int:
        """Its place in the cycle."""
        ...

    @property
    def siblings(self) -> tuple[bytes, ...]:
        """List proof from the record to the root."""
        ...


class LeafProof(Protocol):
    """A leaf of the newest sealed state with its path."""

    @property
    def header(self) -> BatchHeader:
        """The batch whose state it is."""
        ...

    @property
    def words(self) -> bytes:
        """The leaf's 32-byte words; empty where there is no such leaf."""
        ...

    @property
    def proof(self) -> SparseProof:
        """Path to the root of the leaf's section."""
        ...


class ReadRefusedError(Exception):
    """The writer cannot answer a read now; `code` says why (busy, stopping)."""

    def __init__(self, code: RejectCode) -> None:
        super().__init__(code.name)
        self.code = code


class Writer(Protocol):
    """The sequencer: the way in, and the one to ask for state and proofs. Call on the event loop."""

    def submit(self, item: Input, signer: Address, reply: Callable[[Released], None]) -> RejectCode | None:
        """Queue an input, or say why not. `reply` is called on the event loop once it is durable."""
        ...

    def peek(self, fn: Callable[[State], Value]) -> Value:
        """`fn(state)` at once, for decisions that are shown to nobody."""
        ...

    async def read(self, fn: Callable[[State], Value]) -> Value:
        """`fn(state)` between two cycles; returns once all that it shows is durable. Raises ReadRefusedError."""
        ...

    def receipt(self, seq: int) -> Receipt | None:
        """The receipt of a durable input, or None. Reads a whole cycle from disk; may be called from another thread."""
        ...

    async def prove(self, section: Section, key: int) -> LeafProof:
        """A leaf of the newest sealed state with its path."""
        ...


class Settlement(Protocol):
    """How far L1 lags behind, and what is on its way in and out."""

    def unposted(self) -> int:
        """Sealed batches that L1 does not have yet."""
        ...

    def pending_deposits(self, owner: Address) -> list[dict[str, Any]]:
        """Deposits for `owner` that L1 shows and that are not deep enough to be credited."""
        ...

    def withdrawal(self, index: int) -> dict[str, Any] | None:
        """Stage and batch of a withdrawal, with the claim once its batch is final; None for an unknown one."""
        ...

    def solvency(self) -> dict[str, Any] | None:
        """The newest statement of solvency; None before the first."""
        ...

    def solvency_proof(self, address: Address) -> dict[str, Any] | None:
        """An account's leaves and paths in it."""
        ...


class Backpressure(NamedTuple):
    """Unposted batches from which admission slows, and from which it stops."""

    slow: int = 300
    stop: int = 600


class Health(Protocol):
    """Whether the node is alive, and whether it is ready; the reasons it is not."""

    def alive(self) -> Sequence[str]:
        """Why the process should be restarted; empty: healthy."""
        ...

    def ready(self) -> Sequence[str]:
        """Why the node should get no traffic; empty: ready."""
        ...
