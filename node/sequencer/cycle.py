"""The open cycle: drains the inbox into the machine, decides when a batch is full, and says what may be journaled next.

Synchronous and without I/O: a function of inbox, time and machine. Invariants:
- Between the drain of an input and its place in the machine nothing suspends.
- A SealTick is the last input of its cycle, and no input is applied before that cycle is taken.
"""

from typing import NamedTuple

from node.core.schedule import due_inputs
from node.sequencer.inbox import Inbox
from node.sequencer.machine import ClosedCycle, Machine, SealWork, assert_sealed
from node.sequencer.released import ReleasedInput, Reply
from node.sequencer.settings import SequencerSettings
from proto.ids import ZERO_ADDRESS
from proto.inputs import Input
from proto.units import TimeMs


class Cycle(NamedTuple):
    """One journal write and what it releases."""

    closed: ClosedCycle
    inputs: tuple[ReleasedInput, ...]
    replies: tuple[tuple[Reply, ReleasedInput], ...]
    seal: SealWork | None


class OpenCycle:
    """Fills from the inbox until it is taken."""

    __slots__ = ("_bytes", "_inbox", "_inputs", "_machine", "_replies", "_settings", "_since", "sealing", "work_due")

    def __init__(self, machine: Machine, inbox: Inbox, settings: SequencerSettings, now: TimeMs) -> None:
        self._machine = machine
        self._inbox = inbox
        self._settings = settings
        self._inputs: list[ReleasedInput] = []
        self._replies: list[tuple[Reply, ReleasedInput]] = []
        self._bytes = 0
        # The time that the node was down does not make an empty batch old.
        self._since = TimeMs(0) if machine.batch.inputs else now
        self.sealing = False
        """Whether the cycle ends with a SealTick: nothing more may enter."""
        self.work_due = False
        """Whether ticks were due at the last fill; there may be more at once."""

    def has_room(self) -> bool:
        """Whether another input may enter."""
        settings = self._settings
        return (
            not self.sealing
            and len(self._inputs) < settings.cycle_inputs_max
            and self._bytes < settings.cycle_bytes_max
        )

    def batch_is_full(self) -> bool:
        """Whether the open batch has reached one of its bounds."""
        batch, settings = self._machine.batch, self._settings
        return (
            batch.inputs >= settings.batch_inputs_max
            or batch.ops.count >= settings.batch_ops_max
            or batch.bytes >= settings.batch_bytes_max
        )

    def seal_is_due(self, now: TimeMs) -> bool:
        """Whether the open batch should be sealed: full, or old enough for what is in it."""
        batch, settings = self._machine.batch, self._settings
        if batch.inputs == 0:
            return False
        age_ms = now - max(batch.opened, self._since)
        period_ms = settings.batch_ms if batch.eventful else settings.idle_batch_ms
        return age_ms >= period_ms or self.batch_is_full()

    def fill(self, now: TimeMs) -> None:
        """Apply the ticks that are due, then what waits, up to the bounds of cycle and batch."""
        machine, settings, inbox = self._machine, self._settings, self._inbox
        due = due_inputs(machine.state, now)
        self.work_due = bool(due)
        for item in due:
            self._apply_own(now, item)
        batch = machine.batch
        inputs_max = min(settings.cycle_inputs_max - len(self._inputs), settings.batch_inputs_max - batch.inputs)
        bytes_max = min(settings.cycle_bytes_max - self._bytes, settings.batch_bytes_max - batch.bytes)
        ops_max = settings.batch_ops_max - batch.ops.count
        bytes_before = batch.bytes
        step, state = machine.step, machine.state
        for _ in range(min(inputs_max, len(inbox))):
            if batch.bytes - bytes_before >= bytes_max or len(state.ops) >= ops_max:
                break
            item, signer, reply = inbox.pop()
            outcome = step(now, item, signer)
            released = ReleasedInput(machine.seq, now, item, signer, outcome)
            self._inputs.append(released)
            if reply is not None:
                self._replies.append((reply, released))
        self._bytes += batch.bytes - bytes_before
        machine.take_ops()

    def seal(self, now: TimeMs) -> None:
        """Close the batch: its SealTick is the last input of this cycle."""
        assert not self.sealing
        self._apply_own(now, self._machine.seal_tick())
        assert_sealed(self._inputs[-1].outcome)
        self.sealing = True

    def take(self) -> Cycle | None:
        """Hand out what was filled and start anew; None where there is nothing."""
        if not self._inputs:
            return None
        closed = self._machine.end_cycle()
        # Leaves are encoded here, before the next apply can change them.
        work = self._machine.end_batch() if self.sealing else None
        cycle = Cycle(closed, tuple(self._inputs), tuple(self._replies), work)
        self._inputs, self._replies, self._bytes, self.sealing = [], [], 0, False
        return cycle

    def _apply_own(self, now: TimeMs, item: Input) -> None:
        outcome = self._machine.step(now, item, ZERO_ADDRESS)
        self._inputs.append(ReleasedInput(self._machine.seq, now, item, ZERO_ADDRESS, outcome))
