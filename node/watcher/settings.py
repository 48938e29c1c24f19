"""Settings of a watcher."""

from dataclasses import dataclass
from pathlib import Path

from proto.ids import Address


@dataclass(frozen=True, slots=True, kw_only=True)
class WatcherSettings:
    """Which contract on which L1, how deep L1 is believed, and how much is recounted."""

    url: str
    compare_url: str = ""
    """A second L1 node, run by somebody else: only what both say alike is believed."""
    contract: Address
    start_block: int = 0
    """Block of the contract's deployment, or an earlier one."""
    depth_blocks: int = 0
    """Blocks below the head from which L1 is believed while following; 0 = what L1 calls finalized."""
    poll_ms: int = 1_000
    request_timeout_ms: int = 10_000
    patience_ms: int = 60_000
    """How long a single pass (`once`) waits for an L1 that is away."""
    audit_accounts_max: int = 2_000
    """Up to so many accounts everything is recounted after every batch…"""
    audit_every_batches: int = 64
    """…and above that after every so many; the running totals always."""
    tick_slack_ms: int = 10_000
    """How late a due tick may come before the operator counts as withholding it."""
    snapshot: Path | None = None
    """Where to begin, where nothing is kept in `data_dir`; None: at genesis."""
    evidence_dir: Path | None = None
    """Where a finding is written down for others; None: nowhere."""
    recovery_processes: int | None = None
    """Processes that recover signers of large batches; None: as many as there are processors, 0: none."""
    data_dir: Path | None = None
    """Where verified state is kept, so that a restart does not begin at genesis; None keeps nothing."""

    def __post_init__(self) -> None:
        """Refuse settings that cannot work."""
        if min(self.poll_ms, self.request_timeout_ms, self.audit_every_batches) < 1:
            raise ValueError("watcher: periods must be positive")
        if min(self.start_block, self.depth_blocks, self.patience_ms, self.audit_accounts_max, self.tick_slack_ms) < 0:
            raise ValueError("watcher: blocks, times and counts are not negative")
