"""What a watcher finds: that it agrees, where it first disagrees, or that it could not tell."""

from dataclasses import dataclass
from enum import IntEnum, unique
from typing import Any, Protocol

from node.watcher.validator import Attestation


@unique
class Verdict(IntEnum):
    """Also the exit code."""

    AGREES = 0
    DISAGREES = 1
    UNKNOWN = 2


@dataclass(frozen=True, slots=True)
class Disagreement:
    """The first thing that is not as the operator says.

    `seq` is the first input that differs; where only a whole batch can be blamed, because L1 has one root for all of its inputs, `last_seq`
    is above it, and `seq` is the first input that looks wrong, or else the batch's first.
    """

    batch_id: int
    seq: int
    last_seq: int
    field: str
    claimed: str
    found: str
    sentence: str

    def __str__(self) -> str:
        """For a person."""
        where = f"input {self.seq}" if self.last_seq == self.seq else f"inputs {self.seq}…{self.last_seq}"
        return f"batch {self.batch_id}, {where}, {self.field}: {self.sentence} Claimed {self.claimed}, found {self.found}."

    def to_json(self) -> dict[str, Any]:
        """For reports and evidence."""
        return {
            "batch": self.batch_id,
            "seq": self.seq,
            "lastSeq": self.last_seq,
            "field": self.field,
            "claimed": self.claimed,
            "found": self.found,
            "sentence": self.sentence,
        }


@dataclass(frozen=True, slots=True)
class WatchReport:
    """How far a watcher came and what it says. `batch_id` and `last_seq` are the newest it agrees with."""

    verdict: Verdict
    batch_id: int
    last_seq: int
    state_root: bytes
    inputs: int
    seconds: float
    disagreement: Disagreement | None = None
    reason: str = ""
    attested: int | None = None
    """Newest batch that was signed; None without a key."""

    @property
    def inputs_per_second(self) -> float:
        """Speed of this run."""
        return self.inputs / max(self.seconds, 1e-9)

    def to_json(self) -> dict[str, Any]:
        """For `--json`."""
        found = self.disagreement
        return {
            "verdict": self.verdict.name.lower(),
            "batch": self.batch_id,
            "lastSeq": self.last_seq,
            "stateRoot": "0x" + self.state_root.hex(),
            "inputs": self.inputs,
            "seconds": round(self.seconds, 3),
            "inputsPerSecond": int(self.inputs_per_second),
            "reason": self.reason,
            "attested": self.attested,
            "disagreement": None if found is None else found.to_json(),
        }


class WatchListener(Protocol):
    """Follows a watcher: health, metrics, progress lines."""

    def verified(self, batch_id: int, last_seq: int, tip: int) -> None:
        """A batch was found to be right; L1's newest is `tip`."""
        ...

    def trouble(self, reason: str) -> None:
        """L1 is away or contradicts itself; the watcher goes on trying."""
        ...

    def disagreed(self, found: Disagreement) -> None:
        """The alarm."""
        ...

    def attested(self, attestation: Attestation) -> None:
        """A batch that is right was signed."""
        ...

    def withheld(self, reason: str) -> None:
        """A batch that is right may not be signed: the key's record has something else there."""
        ...

    def noted(self, text: str) -> None:
        """Something that a person will want to know."""
        ...


class Unheard:
    """A listener that does not care."""

    def verified(self, batch_id: int, last_seq: int, tip: int) -> None:
        """Nothing."""

    def trouble(self, reason: str) -> None:
        """Nothing."""

    def disagreed(self, found: Disagreement) -> None:
        """Nothing."""

    def attested(self, attestation: Attestation) -> None:
        """Nothing."""

    def withheld(self, reason: str) -> None:
        """Nothing."""

    def noted(self, text: str) -> None:
        """Nothing."""
