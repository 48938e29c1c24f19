"""Numbers of the waterfall from public documents (Derive, Vega, Hyperliquid), and what its formulas promise for all numbers."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.core.liquidation.auction import SHARE_SCALE, bid_for, largest_share, price_after, reward_for
from node.core.liquidation.rank import rank, split
from proto.units import PPM
from tests.core.venue import PARAMS, USD

RULES = PARAMS.liquidation
VALUE, SURPLUS = 119_306_330, -103_090_620


def test_takeover_of_a_solvent_portfolio() -> None:
    """Derive: value 119.30633, surplus -103.09062, d 0.98, buffer 20 %."""
    share = largest_share(VALUE, SURPLUS, 0, 980_000, 200_000)
    assert abs(Decimal(share).scaleb(-12) - Decimal("0.557941285")) < Decimal("2e-9")  # The inputs have five decimals.
    assert bid_for(VALUE, 0, 980_000, share) == 65_234_609
    assert reward_for(VALUE, 0, 980_000, share) == 1_331_318


@pytest.mark.parametrize(
    ("elapsed_ms", "ppm"),
    [(0, 980_000), (50_000, 890_000), (99_999, 800_002), (100_000, 800_000), (7_250_000, 400_000), (14_399_999, 1), (14_400_000, 0),
     (10**12, 0)],
)  # fmt: skip
def test_the_price_falls_fast_then_slowly(elapsed_ms: int, ppm: int) -> None:
    assert price_after(elapsed_ms, RULES) == ppm


@given(st.integers(0, 20_000_000), st.integers(0, 10_000_000))
def test_the_price_never_rises(elapsed_ms: int, more: int) -> None:
    assert RULES.takeover_start_ppm >= price_after(elapsed_ms, RULES) >= price_after(elapsed_ms + more, RULES) >= 0


@given(
    st.integers(1, 10**15), st.integers(1, 10**15), st.integers(0, 10**15), st.integers(0, 980_000), st.integers(0, 300_000)
)
def test_the_largest_share_leaves_the_rest_at_its_buffer(value: int, below: int, paid: int, price: int, buffer: int) -> None:
    """In the units of the ledger: what is left after the reward, against (1 + buffer) times what the rest requires."""
    need, reserved = value + below, min(paid, value)
    share = largest_share(value, -below, reserved, price, buffer)
    assert 0 <= share <= SHARE_SCALE
    left = value - reward_for(value, reserved, price, share)
    wanted = (PPM + buffer) * need * (SHARE_SCALE - share)
    off = left * PPM * SHARE_SCALE - wanted
    assert -(PPM + buffer) * (need + value) <= off <= PPM * SHARE_SCALE


@given(st.integers(1, 10**15), st.integers(0, 10**15), st.integers(0, PPM), st.integers(0, SHARE_SCALE))
def test_bid_and_reward_make_up_the_share(value: int, paid: int, price: int, share: int) -> None:
    reserved = min(paid, value)
    both = bid_for(value, reserved, price, share) + reward_for(value, reserved, price, share)
    assert abs(both * SHARE_SCALE - (value - reserved) * share) <= SHARE_SCALE


def test_nothing_is_for_sale_of_the_healthy_and_of_the_bankrupt() -> None:
    assert largest_share(100, 0, 0, 980_000, 200_000) == 0
    assert largest_share(0, -1, 0, 980_000, 200_000) == 0
    assert largest_share(-5, -9, 0, 980_000, 200_000) == 0


@pytest.mark.parametrize(
    ("pot", "gains", "parts"),
    [(5_080, [8_000, 80], [5_030, 50]), (2_580, [2_000, 6_000, 80], [638, 1_917, 25]), (7, [1], [7]), (5, [0, 3, 3], [0, 3, 2])],
)  # fmt: skip
def test_a_pot_is_split_by_gain(pot: int, gains: list[int], parts: list[int]) -> None:
    """Vega: losers bring 5,000 + 80 and 2,500 + 80."""
    assert split(pot, gains) == parts


@given(st.integers(0, 10**20), st.lists(st.integers(0, 10**15), min_size=1, max_size=9).filter(any))
def test_a_split_adds_up_and_is_fair_to_a_unit_each(pot: int, gains: list[int]) -> None:
    parts, total = split(pot, gains), sum(gains)
    assert sum(parts) == pot
    for part, gain in zip(parts, gains, strict=True):
        assert part * total > pot * gain - total
        assert part * total < pot * gain + len(gains) * total


def test_rank_is_profit_times_leverage() -> None:
    """A long from 50,000 at 60,000 with notional 120,000 on 30,000: 1.2 x 4. A short from 60,000 at 50,000: 1.2 x 100,000/30,000."""
    assert rank(2, 2 * 50_000 * USD, 60_000 * USD, 30_000 * USD) == 4_800_000_000_000
    assert rank(-2, -2 * 60_000 * USD, 50_000 * USD, 30_000 * USD) == 4_000_000_000_000
    assert rank(-2, -2 * 60_000 * USD, 50_000 * USD, 0) == 0
    assert rank(0, 0, 50_000 * USD, 5) == 0
