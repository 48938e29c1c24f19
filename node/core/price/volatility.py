"""Forecast volatility of a mark, and the margin fractions it asks for.

Exponentially weighted variance of squared log returns over `sample_ms` (RiskMetrics): v = λ·v + (1 - λ)·r². The return of the sample under
way counts as soon as it is there, at the largest it has been, so a jump raises the forecast at once; it decays by λ a sample, slowly.
fraction = z·√(v·horizon/sample), limited to [first tier's fraction, `cap_ppm` of it]. Variances are in 1e-18, returns in 1e-12; the
fraction rounds up.
Invariants:
- The initial fraction follows the forecast at once, up and down; the maintenance part of it rises by at most `rise_ppm` a minute, counted
  in gaps of at most a minute, so that margins for new risk move before those that positions are liquidated by.
- Without a fresh index nothing is sampled: a frozen price is not a calm one.
"""

from node.core.num import clamp, div_ceil, div_floor, ln_ratio, sqrt_ceil
from node.core.price.ladder import index_of, is_fresh
from node.core.state import Market, State, touch_market
from proto.events import VolatilitySet
from proto.ops import OpKind
from proto.units import PPM, Ppm

_SQUARE_TO_VARIANCE = 10**6  # 1e-24 to 1e-18.
_ROOT_SCALE = 10**9  # The root of a variance in 1e-18.
_MINUTE_MS = 60_000


def forecast(variance: int, peak: int, lambda_ppm: int) -> int:
    """Variance with the sample under way counted in, rounded up, all 1e-18."""
    return div_ceil(lambda_ppm * variance + (PPM - lambda_ppm) * peak, PPM)


def fraction(variance: int, z_ppm: int, horizon_ms: int, sample_ms: int) -> int:
    """z deviations over the horizon in ppm, rounded up; `variance` is that of one sample, 1e-18."""
    root = sqrt_ceil(div_ceil(variance * horizon_ms, sample_ms), 1)
    return div_ceil(z_ppm * root, _ROOT_SCALE)


def sample(state: State, market: Market) -> None:
    """Take the mark in and set the market's fractions. Call once per SampleTick."""
    rules, held = state.params.volatility, market.volatility
    if not rules.z_ppm or not market.mark or not is_fresh(state, index_of(state, market)):
        return
    if held.open == 0:
        held.open, held.time = market.mark, state.time
    change = ln_ratio(market.mark, held.open)
    held.peak = max(held.peak, div_floor(change * change, _SQUARE_TO_VARIANCE))
    expected = forecast(held.variance, held.peak, rules.lambda_ppm)
    if state.time - held.time >= rules.sample_ms:
        held.variance, held.open, held.time, held.peak = expected, market.mark, state.time, 0
    _set_fractions(state, market, fraction(max(expected, held.variance), rules.z_ppm, rules.horizon_ms, rules.sample_ms))
    touch_market(state, market)


def _set_fractions(state: State, market: Market, wanted: int) -> None:
    rules, held = state.params.volatility, market.volatility
    floor = market.initial_ppm[0][1]
    initial = clamp(wanted, floor, min(div_floor(floor * rules.cap_ppm, PPM), PPM))
    least = market.maintenance[0][1]
    target = max(div_ceil(initial * market.params.maintenance_ppm, PPM), least)
    elapsed = min(state.time - held.raised, _MINUTE_MS) if held.raised else 0
    now = max(market.maintenance_vol_ppm, least)
    maintenance = min(target, now + div_floor(rules.rise_ppm * elapsed, _MINUTE_MS))
    held.raised = state.time
    if (initial, maintenance) == (market.initial_vol_ppm, market.maintenance_vol_ppm):
        return
    market.initial_vol_ppm, market.maintenance_vol_ppm = Ppm(initial), Ppm(maintenance)
    state.ops.append((OpKind.FRACTIONS_SET, market.params.id, initial, maintenance))
    state.events.append(VolatilitySet(market.params.id, initial, maintenance))
