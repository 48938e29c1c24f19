"""Where a publisher's prices come from."""

from typing import Protocol

from proto.units import MicroPrice, TimeMs


class SourceFailed(Exception):
    """The source has no price now; the publisher leaves its index out of the report and asks again at the next one."""


class SourceInvalid(ValueError):
    """The source can never be used as it was asked for; the message says what is wrong."""


class Source(Protocol):
    """Prices of one underlying. Asked once per report; an answer that takes longer than a report's period counts as none."""

    async def price(self, time: TimeMs) -> MicroPrice:
        """Micro-USDC per whole unit at `time`. Raises SourceFailed."""
        ...
