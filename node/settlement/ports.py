"""What settlement needs of other rooms."""

from collections.abc import Callable
from typing import Protocol, TypeVar

from node.core.state import State
from node.store.headers import BatchHeader
from proto.batch import Body
from proto.ids import Address
from proto.inputs import Input
from proto.reject import RejectCode
from proto.units import TimeMs

T = TypeVar("T")


class Writer(Protocol):
    """Takes inputs in order. Whatever it took in will be applied, unless the process dies first."""

    def submit(self, item: Input, signer: Address, reply: None = None) -> RejectCode | None:
        """Queue an input; a code where it was not taken in."""
        ...

    def peek(self, fn: Callable[[State], T]) -> T:
        """A value of the state as applied so far."""
        ...

    def bound_time(self, at_most: TimeMs) -> None:
        """Stamp nothing later than this until told otherwise."""
        ...


class SealedBatches(Protocol):
    """Batches whose seal is durable."""

    @property
    def sealed(self) -> BatchHeader:
        """The newest one; batch 0 is genesis."""
        ...

    def header(self, batch_id: int) -> BatchHeader | None:
        """A header, None where there is no such batch."""
        ...

    def body(self, batch_id: int) -> Body:
        """The inputs of a batch, from the journal. May be called in another thread."""
        ...


class Sequencing(Writer, SealedBatches, Protocol):
    """Both, as one object."""


class StatusListener(Protocol):
    """Shows how far batches have come."""

    def posted(self, batch: int, tx: bytes, block: int, time: int) -> None:
        """L1 has the batch: commit transaction, block, block time in ms."""
        ...

    def finalised(self, batch: int, time: int) -> None:
        """The challenge window is over; `time` in ms."""
        ...

    def unposted(self, batch: int) -> None:
        """L1 has forgotten the batch."""
        ...
