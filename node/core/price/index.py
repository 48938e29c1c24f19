"""Index of an underlying: weighted median of the publishers' fresh reports.

A report counts while it is at most `stale_ms` old. The index is the weighted median of all that count, provided that at least `quorum` of
them lie within `deviation_ppm` of it; the spread of those is its confidence.
Invariants:
- The index is a report; less than half of the weight cannot move it outside the others' range. (A second median over those inside the
  deviation band could be moved: a liar at the band's edge pushes an honest report out of it.)
- Without a quorum the last price stays, its status says so, and what would harm users with it stops (node.core.price.status).
"""

from node.core.params import OracleParams, PublisherParams
from node.core.state import Index, State
from proto.events import IndexSet, IndexStatus
from proto.ledger import Section
from proto.units import PPM, MicroPrice, TimeMs


def weighted_median(prices: list[tuple[int, int]]) -> int:
    """Lower weighted median of (price, weight), sorted by price: the first price at which half of the weight is reached."""
    total = sum(weight for _, weight in prices)
    seen = 0
    for price, weight in prices:
        seen += weight
        if 2 * seen >= total:
            return price
    raise AssertionError("no prices")


def _fresh(
    index: Index, publishers: tuple[PublisherParams, ...], time: int, stale_ms: int
) -> list[tuple[int, int, int]]:
    """(price, weight, report time) of fresh reports, sorted."""
    rows: list[tuple[int, int, int]] = [
        (report.price, publisher.weight, report.time)
        for publisher in publishers
        if (report := index.reports.get(publisher.address)) is not None and time - report.time <= stale_ms
    ]
    rows.sort()
    return rows


def recompute(state: State, index: Index) -> bool:
    """Form the index anew at the state's time. Returns whether there is a fresh price."""
    oracle = state.params.oracle
    rows = _fresh(index, state.params.publishers, state.time, oracle.stale_ms)
    before = (index.price, index.confidence, index.status, index.publishers)
    centre = 0
    if len(rows) >= oracle.quorum:
        centre = weighted_median([(price, weight) for price, weight, _ in rows])
        rows = [row for row in rows if abs(row[0] - centre) * PPM <= oracle.deviation_ppm * centre]
    if len(rows) >= oracle.quorum:
        _set(index, centre, rows, oracle)
    else:
        index.status = IndexStatus.STALE if index.price else IndexStatus.MISSING
        index.publishers = len(rows)
    if before != (index.price, index.confidence, index.status, index.publishers):
        state.events.append(IndexSet(index.id, index.price, index.confidence, index.status, index.publishers))
    state.touched[Section.VENUE_INDICES][index.id] = None
    return index.status in (IndexStatus.FRESH, IndexStatus.UNCERTAIN)


def _set(index: Index, price: int, rows: list[tuple[int, int, int]], oracle: OracleParams) -> None:
    index.price = MicroPrice(price)
    index.confidence = MicroPrice(rows[-1][0] - rows[0][0])
    index.publishers = len(rows)
    times = sorted((time for _, _, time in rows), reverse=True)
    index.fresh_until = TimeMs(times[oracle.quorum - 1] + oracle.stale_ms)
    wide = index.confidence * PPM > oracle.confidence_ppm * index.price
    index.status = IndexStatus.UNCERTAIN if wide else IndexStatus.FRESH
