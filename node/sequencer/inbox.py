"""The bounded queue in front of the writer. First come, first sequenced; nothing is ever dropped once it was taken in."""

from collections import deque
from typing import NamedTuple

from node.sequencer.released import Reply
from node.sequencer.settings import SequencerSettings
from proto.ids import Address
from proto.inputs import Input, UserAction
from proto.reject import RejectCode


class Submission(NamedTuple):
    """An input that waits for its number. `reply` is None where nobody waits for the outcome."""

    item: Input
    signer: Address
    reply: Reply | None


class Inbox:
    """Users fill it up to a bound; reports and L1 facts have room above."""

    __slots__ = ("_items", "_operator_max", "_user_max", "closed")

    def __init__(self, settings: SequencerSettings) -> None:
        self._items: deque[Submission] = deque()
        self._user_max = settings.inbox_inputs_max
        self._operator_max = settings.inbox_inputs_max + settings.inbox_operator_reserve
        self.closed = False

    def put(self, item: Input, signer: Address, reply: Reply | None) -> RejectCode | None:
        """Take an input in, or say why not."""
        if self.closed:
            return RejectCode.NODE_STOPPING
        bound = self._user_max if type(item) is UserAction else self._operator_max
        if len(self._items) >= bound:
            return RejectCode.NODE_BUSY
        self._items.append(Submission(item, signer, reply))
        return None

    def pop(self) -> Submission:
        """The oldest one; there must be one."""
        return self._items.popleft()

    def __len__(self) -> int:
        return len(self._items)
