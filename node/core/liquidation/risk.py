"""Which accounts are below maintenance, found without looking at all of them.

By definition (a full scan after every change of prices, fractions or indices): every account but insurance fund and treasury whose equity
is strictly below its maintenance, in ascending order of equity/maintenance (in 1e-12, floored; without positions: first), then of id. An
account in liquidation that has fallen to the backstop's line is worked on at once. The index finds them:
* an account changed since it was last looked at is `stale` and is looked at;
* any other was safe by a buffer B = equity - maintenance at that time (in liquidation: equity - the line). B is divided among all factors
  that could use it up: per position the fall of its settlement value (mark, funding, losses), the growth of its requirement with the mark
  and with forecast volatility; per asset the fall of its price; for a debt its interest. It stays safe while no factor passes its bound;
  passing one makes the account stale.
"""

from heapq import heapify, heappop, heappush

from node.core.ledger.guards import deficit_seen
from node.core.liquidation.estate import Estate, estate_of
from node.core.liquidation.work import enqueue_liquidation, hasten
from node.core.margin.collateral import held_assets
from node.core.num import div_ceil, div_floor
from node.core.state import Account, LiquidateWork, Market, Position, RiskFactor, RiskIndex, State
from proto.events import LiquidationStarted
from proto.ids import ALL_MARKETS, INSURANCE_ACCOUNT, TREASURY_ACCOUNT, AccountId, MarketId
from proto.units import INDEX_SCALE, PPM, RATE_SCALE, MicroUsd

_RATIO_SCALE = 10**12
_NEVER = (INSURANCE_ACCOUNT, TREASURY_ACCOUNT)  # The backstop vault is liquidated like anybody.


def long_value(market: Market) -> int:
    """Value of one lot of a long with funding and losses, in 1e-12 micro-USDC, up to a constant per position."""
    return market.mark * RATE_SCALE - market.funding_index - market.long_loss_index


def short_value(market: Market) -> int:
    """Cost of one lot of a short likewise."""
    return market.mark * RATE_SCALE - market.funding_index + market.short_loss_index


def _level(state: State, factor: RiskFactor, key: int) -> int:
    """Where a factor is now; what may not fall is negated."""
    match factor:
        case RiskFactor.LONG_VALUE:
            return -long_value(state.markets[MarketId(key)])
        case RiskFactor.SHORT_VALUE:
            return short_value(state.markets[MarketId(key)])
        case RiskFactor.MARK:
            return state.markets[MarketId(key)].mark
        case RiskFactor.VOLATILITY:
            return state.markets[MarketId(key)].maintenance_vol_ppm
        case RiskFactor.COLLATERAL:
            return -state.totals[key].price
        case RiskFactor.INTEREST:
            return state.borrow_index


def _collect_crossed(state: State) -> None:
    """Make every account stale that has a crossed bound."""
    risk = state.risk
    for (factor, key), heap in risk.bounds.items():
        if not heap:
            continue
        level = _level(state, factor, key)
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
    assets, owes = held_assets(account), account.cash < 0
    # A position's value takes two parts, its requirement one for the mark and one for the forecast; an asset two; interest one.
    part = div_floor(buffer, 4 * len(held) + 2 * len(assets) + owes)
    for position in held:
        _bound_position(state, account, position, part, version)
    for asset in assets:
        params = state.params.assets[asset]
        weighted = account.balances[asset] * params.weight_maintenance_ppm
        if weighted:
            room = div_floor(max(2 * part - 1, 0) * 10**params.decimals * PPM, weighted)
            _push(risk, RiskFactor.COLLATERAL, asset, (room - state.totals[asset].price, account.id, version))
    if owes:
        room = div_floor(max(part - 1, 0) * INDEX_SCALE, -account.cash)
        _push(risk, RiskFactor.INTEREST, 0, (state.borrow_index + room, account.id, version))


def _bound_position(state: State, account: Account, position: Position, part: int, version: int) -> None:
    risk, market, lots = state.risk, state.markets[position.market], abs(position.size)
    # A unit each for the roundings of funding and losses; of requirement, of every tier's deduction and of the forecast's requirement.
    room = div_floor(max(2 * part - 2, 0) * RATE_SCALE, lots)
    share = max(part - 2 - len(market.maintenance), 0)
    if position.size > 0:
        _push(risk, RiskFactor.LONG_VALUE, position.market, (room - long_value(market), account.id, version))
    else:
        _push(risk, RiskFactor.SHORT_VALUE, position.market, (short_value(market) + room, account.id, version))
    # notional' x rate' - notional x rate = (notional' - notional) x rate' + notional x (rate' - rate), rate' at most its bound.
    rate = max(market.maintenance_vol_ppm, market.maintenance[0][1])
    rate_bound = min(rate + div_floor(share * PPM, lots * market.mark), 2 * rate)
    _push(risk, RiskFactor.VOLATILITY, position.market, (rate_bound, account.id, version))
    steepest = max(market.maintenance[-1][1], rate_bound)
    mark_room = div_floor(share * PPM, lots * steepest)
    _push(risk, RiskFactor.MARK, position.market, (market.mark + mark_room, account.id, version))


_HEAP_SLACK = 4  # A heap is rebuilt when it holds this many times more entries than there are live accounts.


def _push(risk: RiskIndex, factor: RiskFactor, key: int, entry: tuple[int, int, int]) -> None:
    heap = risk.bounds.setdefault((factor, key), [])
    heappush(heap, entry)
    if len(heap) > 64 + _HEAP_SLACK * len(risk.versions):
        heap[:] = [row for row in heap if risk.versions.get(AccountId(row[1])) == row[2]]
        heapify(heap)


def scan(state: State) -> None:
    """Queue every portfolio that is below maintenance now, and hasten those that have fallen to the backstop. Call after prices,
    fractions or indices changed."""
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
        else:
            _set_bounds(state, account, estate.equity - estate.maintenance)
    found.sort(key=lambda row: row[:2])
    for _, number, estate in found:
        enqueue_liquidation(state, number, ALL_MARKETS)
        state.risk.stale[number] = None  # Watched from the next scan on, also where no unit of work touches it.
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
