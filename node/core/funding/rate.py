"""The hourly funding rate and the funding index.

F8h = P + clamp(interest - P, ±clamp), P = mean premium of the interval; hourly = F8h / 8, capped; payment = size x index x rate, through
the cumulative index (Hyperliquid, funding). Rates in 1e-12, truncated towards zero. The index grows by index price x rate, exactly:
micro-USDC per lot in 1e-12, so a payment is size x difference / 1e12.
"""

from node.core.num import clamp, div_trunc
from node.core.params import FundingParams
from node.core.price.ladder import Action, allows
from node.core.state import Market, State, touch_market
from proto.events import FundingRateSet
from proto.ops import OpKind
from proto.units import FUNDING_MAX, FundingUnits

INTERVALS_PER_8H = 8


def hourly_rate(mean_premium: int, funding: FundingParams) -> int:
    """Rate for one interval from the mean premium, both 1e-12."""
    eight_hours = mean_premium + clamp(funding.interest_8h - mean_premium, -funding.clamp_8h, funding.clamp_8h)
    return clamp(div_trunc(eight_hours, INTERVALS_PER_8H), -funding.cap_hourly, funding.cap_hourly)


def charge(state: State, market: Market) -> None:
    """Close the interval of a market: rate from the samples, index forward, samples cleared.

    Without samples nothing is charged; while the price is too bad for it neither, and the samples wait for the next interval.
    """
    premium = market.premium
    if premium.samples == 0 or market.index_price == 0 or not allows(state, market, Action.FUNDING):
        return
    rate = hourly_rate(div_trunc(premium.sample_sum, premium.samples), state.params.funding)
    premium.sample_sum = premium.samples = 0
    market.funding_rate = rate
    market.funding_index = FundingUnits(market.funding_index + market.index_price * rate)
    assert abs(market.funding_index) <= FUNDING_MAX, "funding index out of its leaf field"
    touch_market(state, market)
    state.ops.append((OpKind.FUNDING_SET, market.params.id, rate, market.funding_index))
    state.events.append(FundingRateSet(market.params.id, rate, market.funding_index))
