"""What leaves the sequencer once it is durable, and who may listen."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from node.core.outcome import Outcome
from node.store.headers import BatchHeader
from proto.ids import Address, Seq
from proto.inputs import Input
from proto.units import TimeMs


class ReleasedInput(NamedTuple):
    """One durable input and what it did."""

    seq: Seq
    time: TimeMs
    item: Input
    signer: Address
    outcome: Outcome


Reply = Callable[[ReleasedInput], None]
"""Called once, on the event loop, when the input it was submitted with is durable. It must not block and must bound what it keeps."""


class Listener(Protocol):
    """A read model or a feed. Called on the event loop, in order, never with anything that could still be lost."""

    def released(self, inputs: Sequence[ReleasedInput]) -> None:
        """One cycle's inputs. The batch that the last of them closes, if any, is not sealed before this returns: rows that
        are put to the store here are durable when its header is."""
        ...

    def sealed(self, header: BatchHeader) -> None:
        """A batch's state and header are durable."""
        ...
