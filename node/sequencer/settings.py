"""Operator settings of the sequencer."""

from dataclasses import dataclass

from proto.batch import BODY_BYTES_MAX, RECORD_BYTES_MAX


@dataclass(frozen=True, slots=True)
class SequencerSettings:
    """Bounds and periods. None of them can change a result of `apply`, only what shares a cycle or a batch."""

    inbox_inputs_max: int = 20_000
    """User inputs that may wait; beyond this they are refused with NODE_BUSY."""
    inbox_operator_reserve: int = 2_000
    """Room above that for reports and L1 facts, which users must not be able to crowd out."""
    cycle_inputs_max: int = 256
    """Inputs applied between two turns of the event loop, and inputs in one journal write."""
    cycle_bytes_max: int = 1_000_000
    write_pause_ms: int = 2
    """From the start of one journal write to the next: under load, fewer and larger writes leave more time for inputs; an idle node
    writes at once."""
    tick_ms: int = 250
    """An idle node looks for due ticks and seals at least this often."""
    batch_ms: int = 1_000
    batch_inputs_max: int = 10_000
    batch_ops_max: int = 16_384
    batch_bytes_max: int = 4_000_000
    idle_batch_ms: int = 10_000
    """A batch of nothing but clock ticks is sealed no more often than this: posting it costs gas and tells little."""
    reads_waiting_max: int = 10_000
    """Reads that may wait for durability."""
    write_slow_ms: int = 2_000
    """A write that takes longer makes the node unready until it ends."""
    write_ms_max: int = 60_000
    """A disk that takes longer for one write has failed."""

    def __post_init__(self) -> None:
        """Refuse bounds that contradict each other."""
        overhead = 8 * (self.batch_inputs_max + self.cycle_inputs_max) + 64
        room = BODY_BYTES_MAX - self.batch_bytes_max - self.cycle_bytes_max - RECORD_BYTES_MAX - overhead
        if room < 0:
            raise ValueError("sequencer.batch_bytes_max: a batch must fit the largest body")
        smallest = min(self.cycle_inputs_max, self.batch_inputs_max, self.batch_ops_max, self.cycle_bytes_max)
        if smallest < 1 or self.inbox_inputs_max < 1 or self.tick_ms < 1:
            raise ValueError("sequencer: bounds and periods must be positive")
        if not 0 < self.batch_ms <= self.idle_batch_ms:
            raise ValueError("sequencer.idle_batch_ms: at least batch_ms")
