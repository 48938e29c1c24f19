"""Operator settings of settlement."""

from dataclasses import dataclass
from typing import Final

from proto.ids import Address

GWEI: Final = 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class SettlementSettings:
    """Where the contract is, how deep a deposit must be, how far posting may run ahead of L1."""

    contract: Address
    start_block: int = 0
    """Block of the contract's deployment: nothing of ours is before it."""
    deposit_depth_blocks: int = 0
    """Blocks below the head from which L1 is believed; 0 = what L1 calls finalized. A devnet uses 2."""
    poll_ms: int = 500
    batches_in_flight_max: int = 8
    """Batches whose transactions may wait in L1's pool at once."""
    bytes_in_flight_max: int = 2_000_000
    """Data bytes that may wait in L1's pool at once (one batch may exceed it alone)."""
    transactions_in_flight_max: int = 16
    """Transactions of the operator that may wait; geth guarantees 16 places per account."""
    bump_after_ms: int = 30_000
    """A transaction that waits longer is replaced with higher fees."""
    fee_cap_gwei: int = 500
    priority_fee_gwei_min: int = 1
    solvency_period_ms: int = 3_600_000
    """How often a statement of solvency is made."""
    stop_grace_ms: int = 5_000
    """How long a stopping node goes on posting."""

    def __post_init__(self) -> None:
        """Refuse settings that contradict each other."""
        if self.solvency_period_ms < 1_000:
            raise ValueError("settlement.solvency_period_ms: at least a second")
        if min(self.poll_ms, self.batches_in_flight_max, self.bytes_in_flight_max, self.transactions_in_flight_max) < 1:
            raise ValueError("settlement: bounds and periods must be positive")
        if min(self.start_block, self.deposit_depth_blocks, self.bump_after_ms, self.stop_grace_ms) < 0:
            raise ValueError("settlement: blocks and times are not negative")
        if not 0 < self.priority_fee_gwei_min <= self.fee_cap_gwei:
            raise ValueError("settlement.priority_fee_gwei_min: at most fee_cap_gwei")
