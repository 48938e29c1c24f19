"""Several sources of one underlying as one: the median of those that have a price.

With an even number of them it is the mean of the middle two, rounded down. One source that lies or hangs cannot move it outside the others
where there are at least three; with fewer than `least` there is no price.
"""

from collections.abc import Sequence

from node.oracle.gauges import OracleGauges
from node.oracle.source import Source, SourceFailed, SourceInvalid
from proto.ids import IndexId
from proto.units import MicroPrice, TimeMs


def median(prices: Sequence[int]) -> MicroPrice:
    """The middle price, or the mean of the middle two rounded down."""
    rows, half = sorted(prices), len(prices) // 2
    return MicroPrice(rows[half] if len(rows) % 2 else (rows[half - 1] + rows[half]) // 2)


class Blend:
    """The sources of one index; asked one after the other, because each answers at once."""

    def __init__(self, index: IndexId, members: Sequence[tuple[str, Source]], least: int, gauges: OracleGauges) -> None:
        """Members with the names that metrics have for them. Raises SourceInvalid."""
        if not 1 <= least <= len(members):
            raise SourceInvalid(f"index {index}: at least {least} of {len(members)} sources cannot be asked for")
        self._index = index
        self._members = tuple(members)
        self._least = least
        self._gauges = gauges

    async def price(self, time: TimeMs) -> MicroPrice:
        """The median. Raises SourceFailed where too few have a price."""
        found: list[int] = []
        problem = ""
        for label, source in self._members:
            try:
                found.append(await source.price(time))
            except SourceFailed as error:
                problem = str(error)
                self._gauges.source(self._index, label, up=False)
            else:
                self._gauges.source(self._index, label, up=True)
        if len(found) < self._least:
            self._gauges.price(self._index, 0, 0)
            raise SourceFailed(
                f"{len(found)} of {len(self._members)} sources have a price, {self._least} are needed; {problem}"
            )
        price = median(found)
        self._gauges.price(self._index, price, len(found))
        return price
