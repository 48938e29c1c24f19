"""Comparing what the node did with what really happened.

An aggressive order matches where the node filled it against the same makers, at the same prices, for the same sizes, in
the same order. The node's fills come on the makers' `fills` streams, each named by the number of its input; the
acknowledgement tells how many lots to expect. Either may come first.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from node.lab.feed.rows import Fill, Row


class Mismatch(NamedTuple):
    """An aggressive order that did not do what it did on record; `found` None: it was refused, or its fills never came."""

    row: Row
    found: tuple[Fill, ...] | None

    def __str__(self) -> str:
        expected = show_fills(self.row.fills)
        found = "no answer" if self.found is None else show_fills(self.found)
        return f"line {self.row.line}, order {self.row.order}: the record has {expected}, the node {found}"


def show_fills(fills: tuple[Fill, ...]) -> str:
    """Fills as the file writes them."""
    return ";".join(f"{fill.maker}:{fill.price_ticks}:{fill.size}" for fill in fills) or "no fills"


@dataclass(slots=True)
class _Input:
    """What is known of the input with one number."""

    row: Row | None = None  # None: not acknowledged yet.
    lots: int = 0  # Filled, as the acknowledgement says.
    seen: int = 0  # Filled, as the streams say.
    fills: list[tuple[int, Fill]] = field(default_factory=list)  # With the position among the input's events.


class Verdicts:
    """Collects acknowledgements and fills until both are complete, then judges. Holds only what is not judged yet."""

    def __init__(self, unit: int, mismatch: Callable[[Mismatch], None]) -> None:
        """`unit`: price units of one tick."""
        self._unit = unit
        self._mismatch = mismatch
        self._inputs: dict[int, _Input] = {}
        self.matched = 0
        self.mismatched = 0

    @property
    def waiting(self) -> int:
        """Acknowledged orders whose fills have not all come."""
        return sum(1 for item in self._inputs.values() if item.row is not None)

    def acknowledged(self, row: Row, seq: int, lots: int) -> None:
        """An aggressive order is durable as input `seq` and filled so many lots."""
        item = self._inputs.setdefault(seq, _Input())
        item.row, item.lots = row, lots
        self._judge(seq, item)

    def passed_over(self, seq: int, lots: int) -> None:
        """Some other row is durable as input `seq`: its fills, if any, are nobody's business here."""
        if lots:
            self._inputs.pop(seq, None)

    def refused(self, row: Row) -> None:
        """An aggressive order was refused."""
        self._miss(Mismatch(row, None))

    def fills_seen(self, maker_fills: list[dict[str, Any]]) -> None:
        """An event of a maker's `fills` stream: fills of one or several inputs, each named by its own number."""
        for fill in maker_fills:
            seq = int(fill["seq"])
            item = self._inputs.setdefault(seq, _Input())
            ticks, rest = divmod(int(fill["price"]), self._unit)
            assert rest == 0, "makers' prices are whole ticks"
            item.fills.append((int(fill["position"]), Fill(int(fill["client_id"]), ticks, int(fill["size"]))))
            item.seen += int(fill["size"])
            self._judge(seq, item)

    def give_up(self) -> None:
        """No more fills will come: whatever still waits did not happen as recorded."""
        for item in self._inputs.values():
            if item.row is not None:
                self._miss(Mismatch(item.row, None))
        self._inputs.clear()

    def _judge(self, seq: int, item: _Input) -> None:
        if item.row is None or item.seen < item.lots:
            return
        del self._inputs[seq]
        found = tuple(fill for _, fill in sorted(item.fills))
        if found == item.row.fills:
            self.matched += 1
        else:
            self._miss(Mismatch(item.row, found))

    def _miss(self, mismatch: Mismatch) -> None:
        self.mismatched += 1
        self._mismatch(mismatch)
