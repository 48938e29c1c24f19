"""A publisher's signed prices: remember them, form the indices anew, move the marks, look for accounts at risk.

Invariants:
- A report with any bad line is refused whole; its time must be newer than the publisher's last and near the stamp.
- A price far from a fresh index is refused. Where the market itself moved so far at once, all are refused until the index is stale, and
  then believed: such a move costs `stale_ms`.
"""

from node.core.liquidation import risk
from node.core.outcome import Applied, Outcome, Rejected
from node.core.price.breaker import judge
from node.core.price.index import recompute
from node.core.price.ladder import is_fresh
from node.core.price.mark import update_mark
from node.core.state import Index, Report, State
from proto.ids import Address
from proto.inputs import OracleReport
from proto.ops import OpKind
from proto.reject import RejectCode
from proto.units import PPM


def check(state: State, report: OracleReport, publisher: Address) -> RejectCode | None:
    """Decide without touching `state`."""
    oracle = state.params.oracle
    if all(publisher != known.address for known in state.params.publishers):
        return RejectCode.PUBLISHER_UNKNOWN
    if publisher in state.guards.revoked:
        return RejectCode.PUBLISHER_REVOKED
    if report.time > state.time + oracle.future_ms:
        return RejectCode.REPORT_FROM_THE_FUTURE
    if report.time < state.time - oracle.stale_ms:
        return RejectCode.REPORT_STALE
    for line in report.prices:
        index = state.indices.get(line.index)
        if index is None:
            return RejectCode.INDEX_UNKNOWN
        if line.price == 0:
            return RejectCode.REPORT_PRICE_INVALID
        before = index.reports.get(publisher)
        if before is not None and before.time >= report.time:
            return RejectCode.REPORT_TIME_NOT_NEWER
        if oracle.jump_ppm and is_fresh(state, index) and abs(line.price - index.price) * PPM > oracle.jump_ppm * index.price:
            return RejectCode.REPORT_PRICE_JUMP
    return None


def transition(state: State, report: OracleReport, publisher: Address) -> Outcome:
    """Check, then commit."""
    code = check(state, report, publisher)
    if code is not None:
        return Rejected(code)
    for line in report.prices:
        index = state.indices[line.index]
        index.reports[publisher] = Report(line.price, line.confidence, report.time)
        if recompute(state, index):
            refresh_markets(state, index)
    risk.scan(state)
    return Applied(tuple(state.events), ())


def refresh_markets(state: State, index: Index) -> None:
    """Marks and statuses of the markets, and prices of the assets, that follow an index with a fresh price."""
    for asset in state.params.assets:
        if asset.index == index.id and state.totals[asset.id].price != index.price:
            state.totals[asset.id].price = index.price
            state.ops.append((OpKind.ASSET_PRICED, asset.id, index.price))
    for market in state.markets.values():
        if market.params.index == index.id:
            update_mark(state, market, index)
            judge(state, market)
