"""What a devnet run came to."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Summary:
    """`orders` and `fills` are of this run; batches are those of the chain since its beginning."""

    orders: int
    fills: int
    batches_sealed: int
    batches_posted: int
    batches_verified: int
    batches_final: int
    verified_all: bool
    """The watcher agreed with every batch that was sealed."""
    audit: bool
    """The watcher's recount after the last batch found all money, and the contract holds what it owes."""
    seconds: float
    ack_p50_ms: float
    ack_p99_ms: float
    rpc: str
    contract: str
    chain_id: int
    ports: dict[str, int]
    validators: int = 1
    """Watchers that re-executed everything."""
    attested: int = 0
    """Newest batch that every one of them signed."""
    behind_max: int = 0
    """Most batches that L1 had and the watcher had not verified yet, at any look."""
    trouble: str = ""
    """Why something did not hold, for people."""

    @property
    def good(self) -> bool:
        """Whether everything held."""
        return self.verified_all and self.audit

    def to_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "orders": self.orders,
            "fills": self.fills,
            "batches_sealed": self.batches_sealed,
            "batches_posted": self.batches_posted,
            "batches_verified": self.batches_verified,
            "batches_final": self.batches_final,
            "verified_all": self.verified_all,
            "audit": self.audit,
            "seconds": round(self.seconds, 3),
            "ack_ms": {"p50": round(self.ack_p50_ms, 3), "p99": round(self.ack_p99_ms, 3)},
            "l1": {"rpc": self.rpc, "contract": self.contract, "chain_id": self.chain_id},
            "ports": self.ports,
            "validators": self.validators,
            "attested": self.attested,
        }
