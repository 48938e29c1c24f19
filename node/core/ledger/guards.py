"""What leaves the venue: limits per asset, and a gate while an account is in deficit (dYdX v4, withdrawal rate limits and gating).

What was withdrawn decays in a straight line, by the whole limit over its period; a withdrawal is taken while what is left of the earlier
ones and it fit the limit. Limit of a period: the larger of a part of the asset's escrow and an amount of USDC at the asset's index price.
Invariants:
- Both are functions of what is committed: amounts and times are in the leaf, limits follow from totals, prices and parameters.
- The gate opens by itself, `gate_ms` after an account with negative equity was last seen; liquidations look again sooner than that.
"""

from typing import Final

from node.core.num import div_floor
from node.core.state import Outflow, State
from proto.events import WithdrawalsGated
from proto.ids import AssetId
from proto.ledger import Section
from proto.units import PPM, TimeMs

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 86_400_000
GUARDS_KEY: Final = 1
"""The leaf of the guards in VENUE_WORK."""


def touch_guards(state: State) -> None:
    """Mark the guards for the next seal."""
    state.touched[Section.VENUE_WORK][GUARDS_KEY] = None


def deficit_seen(state: State) -> None:
    """An account's equity is negative: nothing leaves for a while. Announced when the gate closes, not when it stays so."""
    gate_ms = state.params.withdrawals.gate_ms
    if not gate_ms or state.guards.deficit_seen == state.time:
        return
    was_open = not is_gated(state)
    state.guards.deficit_seen = state.time
    touch_guards(state)
    if was_open:
        state.events.append(WithdrawalsGated(TimeMs(state.time + gate_ms)))


def is_gated(state: State) -> bool:
    """Whether nothing may leave at the state's time."""
    seen = state.guards.deficit_seen
    return bool(seen) and state.time < seen + state.params.withdrawals.gate_ms


def limits(state: State, asset: AssetId) -> tuple[int, int]:
    """What may leave in an hour and in a day, in the asset's units; -1 where there is no limit."""
    rules, totals = state.params.withdrawals, state.totals[asset]
    escrow = totals.deposited - totals.withdrawn
    unit = 10 ** state.params.assets[asset].decimals
    found = []
    for ppm, amount in ((rules.hour_ppm, rules.hour_amount), (rules.day_ppm, rules.day_amount)):
        worth = div_floor(amount * unit, totals.price) if totals.price else 0
        found.append(max(div_floor(escrow * ppm, PPM), worth) if ppm or amount else -1)
    return found[0], found[1]


def decayed(spent: int, limit: int, elapsed: int, period_ms: int) -> int:
    """What an earlier withdrawal still counts for, never below 0; the decay rounds down."""
    return max(spent - div_floor(max(limit, 0) * elapsed, period_ms), 0)


def _outflow(state: State, asset: AssetId) -> tuple[int, int]:
    """What counts against the hour's and the day's limit now."""
    flow, (hour, day) = state.guards.outflows[asset], limits(state, asset)
    elapsed = state.time - flow.time
    return decayed(flow.hour, hour, elapsed, HOUR_MS), decayed(flow.day, day, elapsed, DAY_MS)


def room(state: State, asset: AssetId) -> int:
    """What may leave now, in the asset's units; -1 where there is no limit."""
    pairs = zip(limits(state, asset), _outflow(state, asset), strict=True)
    rooms = [max(limit - spent, 0) for limit, spent in pairs if limit >= 0]
    return min(rooms) if rooms else -1


def fits(state: State, asset: AssetId, amount: int) -> bool:
    """Whether `amount` may leave now."""
    left = room(state, asset)
    return left < 0 or amount <= left


def spend(state: State, asset: AssetId, amount: int) -> None:
    """Count a withdrawal. Call before the totals change."""
    rules = state.params.withdrawals
    if not (rules.hour_ppm or rules.hour_amount or rules.day_ppm or rules.day_amount):
        return
    hour, day = _outflow(state, asset)
    state.guards.outflows[asset] = Outflow(hour + amount, day + amount, state.time)
    touch_guards(state)
