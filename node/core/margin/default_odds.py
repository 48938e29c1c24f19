"""How likely an account is to be worth less than nothing before a liquidation could have closed it, and what that would cost.

Over the liquidation horizon H a mark moves like a Brownian path without drift whose deviation the market forecasts (`market_deviation`).
Portfolio deviation s: positions on one underlying net; different underlyings are added as if the worst came together, so no hedge
between them counts. With equity E:

* default probability  P = 2 Φ(-E/s), the chance that the path touches zero within H (reflection principle, Bachelier 1900); 1 where E <= 0;
* expected shortfall   L = s φ(E/s) - E Φ(-E/s), the mean of what is missing at H where something is; it falls to the insurance fund.

Shortfalls of accounts add up whatever their correlation. The normal tail is thinner than that of real returns: what that hides is measured
in docs/RISK.md. Nothing here decides who is liquidated; estimates are for people, bots and metrics.
"""

from typing import NamedTuple

from node.core.margin.account import health
from node.core.num import FIXED, div_ceil, div_floor, normal_cdf, normal_pdf
from node.core.price.volatility import forecast, fraction
from node.core.state import Account, Market, State
from proto.ids import IndexId
from proto.units import PPM, MicroUsd, Ppm

_DEVIATIONS_OF_FRACTION = 3  # Of the initial fraction, as volatility scaling has it by default.
_FAR = 8  # Deviations from which both figures round to nothing.


class Outlook(NamedTuple):
    """What to expect of one account."""

    deviation: MicroUsd  # Of its equity over the horizon.
    probability: int  # Of touching zero equity, 1e-12.
    shortfall: MicroUsd  # Expected missing amount, rounded up.


def outlook(equity: int, deviation: int) -> Outlook:
    """Probability and shortfall from equity and its deviation, both micro-USDC (deviation >= 0). Absolute error of the shortfall: 3e-12 x
    deviation and a unit."""
    if deviation == 0:
        return Outlook(MicroUsd(0), FIXED if equity < 0 else 0, MicroUsd(max(-equity, 0)))
    if equity >= _FAR * deviation:
        return Outlook(MicroUsd(deviation), 0, MicroUsd(0))
    if equity <= -_FAR * deviation:
        return Outlook(MicroUsd(deviation), FIXED, MicroUsd(-equity))
    distance = div_floor(equity * FIXED, deviation)
    below = normal_cdf(-distance)
    missing = div_ceil(deviation * normal_pdf(distance) - equity * below, FIXED)
    probability = FIXED if equity <= 0 else min(2 * below, FIXED)
    return Outlook(MicroUsd(deviation), probability, MicroUsd(max(missing, -equity, 0)))


def market_deviation(state: State, market: Market) -> Ppm:
    """One deviation of the market's mark over the liquidation horizon, rounded up.

    The forecast of node.core.price.volatility; before there is one, what the first tier's initial fraction says.
    """
    rules, held = state.params.volatility, market.volatility
    variance = max(forecast(held.variance, held.peak, rules.lambda_ppm), held.variance)
    if not rules.z_ppm or not variance:
        return Ppm(div_ceil(market.initial_ppm[0][1], _DEVIATIONS_OF_FRACTION))
    return Ppm(fraction(variance, PPM, rules.horizon_ms, rules.sample_ms))


def portfolio_deviation(state: State, account: Account) -> MicroUsd:
    """One deviation of an account's equity over the horizon: Σ over underlyings of |Σ size x mark x deviation|, rounded up."""
    by_index: dict[IndexId, int] = {}
    for number, position in account.positions.items():
        if position.size:
            market = state.markets[number]
            exposure = position.size * market.mark * market_deviation(state, market)
            by_index[market.params.index] = by_index.get(market.params.index, 0) + exposure
    return MicroUsd(sum(div_ceil(abs(exposure), PPM) for exposure in by_index.values()))


def outlook_of(state: State, account: Account) -> Outlook:
    """An account's outlook at the present marks."""
    return outlook(health(state, account)[0], portfolio_deviation(state, account))
