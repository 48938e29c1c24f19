"""Which accounts are below maintenance, found without looking at all of them.

By definition (a full scan after every change of marks or funding): every account but the venue's own whose equity is strictly below its
maintenance, in ascending order of equity/maintenance (in 1e-12, floored; without positions: first), then of id. The index finds them:
* an account changed since it was last looked at is `stale` and is looked at;
* any other was safe by a buffer B = equity - maintenance at that time. Half of B/positions covers the fall of each position's settlement
  value (mark x 1e12 - funding index), the other half the growth of its maintenance with the mark, at the highest rate of its tiers. It
  stays safe while no bound is crossed; crossing one makes it stale.
"""

from heapq import heapify, heappop, heappush

from node.core.ledger.guards import deficit_seen
from node.core.liquidation.work import enqueue_liquidation
from node.core.margin.account import health
from node.core.num import div_floor
from node.core.price.status import may_liquidate
from node.core.state import Account, Market, RiskIndex, State
from proto.events import LiquidationStarted
from proto.ids import ALL_MARKETS, VENUE_ACCOUNTS, AccountId, MarketId
from proto.units import PPM, RATE_SCALE, MicroUsd

_RATIO_SCALE = 10**12


def settlement_value(market: Market) -> int:
    """Value of one lot, funding included, in 1e-12 micro-USDC, up to a constant per position."""
    return market.mark * RATE_SCALE - market.funding_index


def _collect_crossed(state: State) -> None:
    """Make every account stale that has a crossed bound."""
    risk = state.risk
    for number, market in state.markets.items():
        value = settlement_value(market)
        _pop(risk, risk.value_lows.get(number), -value)
        _pop(risk, risk.value_highs.get(number), value)
        _pop(risk, risk.mark_highs.get(number), market.mark)


def _pop(risk: RiskIndex, heap: list[tuple[int, int, int]] | None, level: int) -> None:
    """Entries are (bound, account, version); a bound below `level` is crossed. Low bounds are stored negated."""
    while heap and heap[0][0] < level:
        _, number, version = heappop(heap)
        if risk.versions.get(AccountId(number)) == version:
            risk.stale[AccountId(number)] = None


def _set_bounds(state: State, account: Account, buffer: int) -> None:
    """Enter a safe account with bounds that its buffer pays for."""
    risk = state.risk
    version = risk.versions.get(account.id, 0) + 1
    risk.versions[account.id] = version
    held = [position for position in account.positions.values() if position.size]
    part = div_floor(buffer, 2 * len(held))
    for position in held:
        market = state.markets[position.market]
        lots = abs(position.size)
        # A unit each for the roundings of funding and requirement, and of every tier's deduction.
        share = max(part - 2 - len(market.maintenance), 0)
        room = div_floor(share * RATE_SCALE, lots)
        value = settlement_value(market)
        if position.size > 0:
            _push(risk, risk.value_lows, position.market, (room - value, account.id, version))  # -(value - room)
        else:
            _push(risk, risk.value_highs, position.market, (value + room, account.id, version))
        steepest = market.maintenance[-1][1]
        mark_room = div_floor(share * PPM, lots * steepest)
        _push(risk, risk.mark_highs, position.market, (market.mark + mark_room, account.id, version))


_HEAP_SLACK = 4  # A heap is rebuilt when it holds this many times more entries than there are live accounts.


def _push(
    risk: RiskIndex, heaps: dict[MarketId, list[tuple[int, int, int]]], market: MarketId, entry: tuple[int, int, int]
) -> None:
    heap = heaps.setdefault(market, [])
    heappush(heap, entry)
    if len(heap) > 64 + _HEAP_SLACK * len(risk.versions):
        heap[:] = [row for row in heap if risk.versions.get(AccountId(row[1])) == row[2]]
        heapify(heap)


def scan(state: State) -> None:
    """Queue every account that is below maintenance now. Call after marks or funding changed."""
    _collect_crossed(state)
    found: list[tuple[int, AccountId, int, int]] = []
    stale, state.risk.stale = state.risk.stale, {}
    for number in sorted(stale):
        account = state.accounts[number]
        held = any(position.size for position in account.positions.values())
        if number in VENUE_ACCOUNTS or (number, ALL_MARKETS) in state.liquidating or not (held or account.cash < 0):
            continue
        equity, maintenance = health(state, account)
        if equity < 0:
            deficit_seen(state)
        if equity >= maintenance:
            if held:
                _set_bounds(state, account, equity - maintenance)
        elif _prices_allow(state, account):
            ratio = div_floor(equity * _RATIO_SCALE, maintenance) if maintenance else -(2**200)
            found.append((ratio, number, equity, maintenance))
        else:
            state.risk.stale[number] = None
    found.sort()
    for _, number, equity, maintenance in found:
        enqueue_liquidation(state, number, ALL_MARKETS)
        state.events.append(LiquidationStarted(number, MicroUsd(equity), MicroUsd(maintenance)))


def _prices_allow(state: State, account: Account) -> bool:
    """No liquidation on bad data: every market with a position has a fresh, certain price."""
    return all(may_liquidate(state, state.markets[n]) for n, position in account.positions.items() if position.size)
