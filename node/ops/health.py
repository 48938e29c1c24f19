"""Whether the process lives and whether it is ready to serve, and if not, why.

Alive: it answers. Ready: every part that registered a check has nothing to complain about. Parts complain in sentences for operators.
"""

from collections.abc import Callable
from typing import NamedTuple

Check = Callable[[], str | None]
"""None where all is well, else a sentence that says what is missing. Must be cheap and must not block."""


class Readiness(NamedTuple):
    """The answer of `/readyz`."""

    ready: bool
    complaints: dict[str, str]
    """By part, in order of registration."""


class Health:
    """The checks of one node."""

    def __init__(self) -> None:
        self._checks: dict[str, Check] = {}

    def add(self, part: str, check: Check) -> None:
        """Ask `check` at each request from now on."""
        assert part not in self._checks, f"{part} has a check"
        self._checks[part] = check

    def readiness(self) -> Readiness:
        """Ask everybody."""
        answers = {part: check() for part, check in self._checks.items()}
        complaints = {part: text for part, text in answers.items() if text is not None}
        return Readiness(not complaints, complaints)
