"""Which accounts are below maintenance, found without looking at all of them.

By definition (a full scan after every change of marks or funding): every account but insurance fund and treasury whose equity is strictly
below its maintenance, in ascending order of equity/maintenance (in 1e-12, floored; without positions: first), then of id. An account in
liquidation that has fallen to the backstop's line is worked on at once. The index finds them:
* an account changed since it was last looked at is `stale` and is looked at;
* any other was safe by a buffer B = equity - maintenance at that time (in liquidation: equity - the line). Half of B/positions covers the
  fall of each position's settlement value (mark x 1e12 - funding index - loss index), the other half the growth of its maintenance with
  the mark, at the highest rate of its tiers. It stays safe while no bound is crossed; crossing one makes it stale.
"""

from heapq import heapify, heappop, heappush

from node.core.ledger.guards import deficit_seen
from node.core.liquidation.estate import Estate, estate_of
from node.core.liquidation.work import enqueue_liquidation, hasten
from node.core.num import div_ceil, div_floor
from node.core.state import Account, LiquidateWork, Market, RiskIndex, State
from proto.events import LiquidationStarted
from proto.ids import ALL_MARKETS, INSURANCE_ACCOUNT, TREASURY_ACCOUNT, AccountId, MarketId
from proto.units import PPM, RATE_SCALE, MicroUsd

_RATIO_SCALE = 10**12
_NEVER = (INSURANCE_ACCOUNT, TREASURY_ACCOUNT)  # The backstop vault is liquidated like anybody.


def settlement_values(market: Market) -> tuple[int, int]:
    """Value of one lot to a long and to a short (negated), funding and losses included, in 1e-12 micro-USDC, up to a constant."""
    value = market.mark * RATE_SCALE - market.funding_index
    return value - market.long_loss_index, value + market.short_loss_index


def _collect_crossed(state: State) -> None:
    """Make every account stale that has a crossed bound."""
    risk = state.risk
    for number, market in state.markets.items():
        long_value, short_value = settlement_values(market)
        _pop(risk, risk.value_lows.get(number), -long_value)
        _pop(risk, risk.value_highs.get(number), short_value)
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
        # A unit each for the roundings of funding, losses and requirement, and of every tier's deduction.
        share = max(part - 3 - len(market.maintenance), 0)
        room = div_floor(share * RATE_SCALE, lots)
        long_value, short_value = settlement_values(market)
        if position.size > 0:
            _push(risk, risk.value_lows, position.market, (room - long_value, account.id, version))  # -(value - room)
        else:
            _push(risk, risk.value_highs, position.market, (short_value + room, account.id, version))
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
    """Queue every portfolio that is below maintenance now, and hasten those that have fallen to the backstop. Call after marks or funding
    changed."""
    _collect_crossed(state)
    found: list[tuple[int, AccountId, Estate]] = []
    stale, state.risk.stale = state.risk.stale, {}
    for number in sorted(stale):
        account = state.accounts[number]
        held = any(position.size for position in account.positions.values())
        if number in _NEVER or not (held or account.cash < 0):
            continue
        estate = estate_of(state, account, ALL_MARKETS)
        item = state.liquidating.get((number, ALL_MARKETS))
        if item is not None:
            _watch(state, item, estate)
            continue
        if estate.equity < 0:  # Looked at whatever the index holds; queued ones are seen by the units that work on them.
            deficit_seen(state)
        if not estate.is_healthy():
            ratio = div_floor(estate.equity * _RATIO_SCALE, estate.judged) if estate.judged else -(2**200)
            found.append((ratio, number, estate))
        elif estate.equity < estate.maintenance:  # Spared because prices are unfit: look again.
            state.risk.stale[number] = None
        elif held:
            _set_bounds(state, account, estate.equity - estate.maintenance)
    found.sort(key=lambda row: row[:2])
    for _, number, estate in found:
        enqueue_liquidation(state, number, ALL_MARKETS)
        state.events.append(
            LiquidationStarted(number, ALL_MARKETS, MicroUsd(estate.equity), MicroUsd(estate.maintenance))
        )


def _watch(state: State, item: LiquidateWork, estate: Estate) -> None:
    """Nobody who has fallen to the backstop's line waits for the next slice. Before it, bounds tell when to look again."""
    line = state.params.liquidation.backstop_ppm
    behind = bool(estate.fit) and estate.is_behind(line)
    if behind:
        hasten(state, item)
    buffer = estate.equity - div_ceil(estate.maintenance * line, PPM)
    if behind or buffer < 0:  # Behind with all that is held: prices that become fit move no bound, so it is looked at each time.
        state.risk.stale[estate.account.id] = None
    elif estate.held:
        _set_bounds(state, estate.account, buffer)
