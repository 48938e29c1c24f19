"""What can go wrong for a client, by what it means for the caller."""

from dataclasses import dataclass

from proto.reject import RejectCode


@dataclass(slots=True)
class RefusedError(Exception):
    """The node or the rules refused. `seq` is 0 where the action was never sequenced (its nonce is then unused)."""

    code: int
    name: str
    sentence: str
    detail: str = ""
    seq: int = 0
    retry_can_help: bool = False
    retry_after_ms: int = 0

    def __str__(self) -> str:
        detail = f" ({self.detail})" if self.detail else ""
        return f"{self.code} {self.name}: {self.sentence}{detail}"

    @property
    def reject_code(self) -> RejectCode | None:
        """The code as this program knows it; None for a code of a newer node."""
        return RejectCode(self.code) if self.code in RejectCode._value2member_map_ else None


class OutcomeUnknownError(Exception):
    """The connection broke or the answer took too long: the action may or may not have been sequenced.

    The same signed frame can be sent again: if it was sequenced, it is refused with NONCE_REPLAYED and changes nothing.
    """


class NotConnectedError(Exception):
    """There is no connection at the moment; nothing was sent."""


class ProtocolError(Exception):
    """The peer does not speak this protocol or version."""
