"""Nonces of one signing key: the wall clock in milliseconds, strictly increasing."""

import time
from collections.abc import Callable

_NS_PER_MS = 1_000_000


class NonceSource:
    """Gives each nonce once. Two programs that share a key need two agents instead: they would race."""

    __slots__ = ("_last", "_wall_ns")

    def __init__(self, wall_ns: Callable[[], int] = time.time_ns) -> None:
        self._wall_ns = wall_ns
        self._last = 0

    def next(self) -> int:
        """The next nonce."""
        self._last = max(self._last + 1, self._wall_ns() // _NS_PER_MS)
        return self._last
