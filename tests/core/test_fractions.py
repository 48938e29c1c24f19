"""Collateral weights (Drift), open-interest scaling (dYdX v4) and the other parts of requirements against public numbers."""

from fractions import Fraction
from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.core.genesis import new_market
from node.core.ledger.interest import YEAR_MS, accrue
from node.core.ledger.money import interest_due
from node.core.margin.collateral import asset_weight_ppm, liability_weight_ppm, sale_price, units_for
from node.core.margin.fractions import (
    Terms,
    depeg_ppm,
    initial_requirement,
    leverage_ppm,
    liquidity_addon,
    maintenance_requirement,
    open_interest_ppm,
)
from node.core.margin.tiers import table
from node.core.num import div_ceil
from proto.ids import ETH
from proto.units import PPM, MicroPrice, MicroUsd, Ppm
from tests.core.venue import USD, Venue, address, market, tiers


def test_asset_weight_of_drift() -> None:
    assert asset_weight_ppm(900_000, 10_000, 1_000 * 10**9, 9) == 835_721  # 0.8357
    assert asset_weight_ppm(900_000, 10_000, 10**9, 9) == 900_000
    assert asset_weight_ppm(900_000, 0, 10**18, 9) == 900_000


def test_liability_weight_of_drift() -> None:
    assert liability_weight_ppm(1_100_000, 10_000, 1_000 * 10**9, 9) == 1_196_228  # 1.1962
    assert liability_weight_ppm(1_000_000, 0, 10**15, 6) == 1_000_000


@given(st.integers(1, PPM), st.integers(0, 100_000), st.integers(0, 2**63), st.sampled_from([6, 8, 9, 18]))
def test_asset_weight_rounds_down_by_less_than_a_part(weight: int, imf: int, units: int, decimals: int) -> None:
    found = asset_weight_ppm(weight, imf, units, decimals)
    exact = min(weight, 1_100_000 / (1 + imf / PPM * sqrt(units / 10**decimals)))
    assert exact - 1.001 <= found <= exact * (1 + 1e-9)
    assert asset_weight_ppm(weight, imf, units + 10**decimals, decimals) <= found


@pytest.mark.parametrize(
    ("lower", "upper", "interest", "notional", "needed"),
    [
        (10**12, 2 * 10**12, 15 * 10**11, 10**6, 600_000),
        (25 * 10**12, 60 * 10**12, 28_123_456_789_123, 500_000, 135_697),
        (10**6, 2 * 10**6, 1_234_567, 10**6, 387_653),
        (10**6, 2 * 10**6, 999_999, 10**6, 200_000),
        (10**6, 2 * 10**6, 3 * 10**6, 10**6, 1_000_000),
        (0, 0, 10**15, 10**6, 200_000),
    ],
)
def test_open_interest_scaling_of_dydx(lower: int, upper: int, interest: int, notional: int, needed: int) -> None:
    fraction = open_interest_ppm(200_000, lower, upper, interest)
    assert div_ceil(notional * fraction, PPM) == needed


def test_a_chosen_leverage_is_a_fraction() -> None:
    assert [leverage_ppm(leverage) for leverage in (0, 1, 3, 40)] == [0, 1_000_000, 333_334, 25_000]


def test_a_dollar_below_its_peg() -> None:
    """Threshold 0.98, factor 1.2."""
    assert depeg_ppm(1_000_000, 980_000, 1_200_000) == 0
    assert depeg_ppm(980_000, 980_000, 1_200_000) == 0
    assert depeg_ppm(930_000, 980_000, 1_200_000) == 60_000
    assert depeg_ppm(979_999, 980_000, 1_200_000) == 2


def test_the_largest_fraction_counts_and_the_peg_comes_on_top() -> None:
    rows = table(market(1, "X", 0, tiers((0, 10))), PPM)
    assert initial_requirement(Terms(100, rows, 0, 0), 1_000) == 10_000
    assert initial_requirement(Terms(100, rows, 99_999, 0), 1_000) == 10_000
    assert initial_requirement(Terms(100, rows, 250_000, 0), 1_000) == 25_000
    assert initial_requirement(Terms(100, rows, 250_000, 60_000), 1_000) == 31_000


def test_a_position_larger_than_the_book_needs_more() -> None:
    assert liquidity_addon(1_000, 100, 10, 25_000) == 0
    assert liquidity_addon(1_001, 100, 10, 25_000) == 1
    assert liquidity_addon(41_000, 100, 10, 25_000) == 1_000
    assert liquidity_addon(41_000, 0, 10, 25_000) == 1_025
    rows = table(market(1, "X", 0, tiers((0, 10))), PPM)
    terms = Terms(100, rows, 0, 0, bids_depth=1_000, asks_depth=0, liquidity_multiple=10, liquidity_ppm=25_000)
    assert [initial_requirement(terms, lots) for lots in (100, 500, -500)] == [1_000, 6_000, 6_250]


@given(st.integers(0, 10**12), st.integers(0, 10**12), st.integers(0, 10**12), st.integers(0, 10**12))
def test_the_addition_rises_with_size_and_with_falling_depth(notional: int, more: int, depth: int, less: int) -> None:
    found = liquidity_addon(notional, depth, 10, 25_000)
    assert found <= liquidity_addon(notional + more, depth, 10, 25_000)
    assert found <= liquidity_addon(notional, max(depth - less, 0), 10, 25_000)


@given(st.integers(0, 10**14), st.integers(0, 10**12), st.integers(0, PPM))
def test_maintenance_is_the_larger_of_tier_and_forecast(notional: int, more: int, forecast: int) -> None:
    listed = new_market(market(1, "X", 0, tiers((0, 40), (150_000_000, 20))))
    quiet = maintenance_requirement(listed, notional)
    listed.maintenance_vol_ppm = Ppm(forecast)
    found = maintenance_requirement(listed, notional)
    assert found == max(quiet, div_ceil(notional * forecast, PPM))
    assert maintenance_requirement(listed, notional + more) >= found


def test_interest_of_a_year_and_of_a_moment() -> None:
    venue = Venue()
    venue.deposit(address(1), 5 * USD)
    state = venue.state
    account = state.accounts[state.by_address[address(1)]]
    accrue(state, YEAR_MS)
    assert state.borrow_index == 80_000 * 10**6
    assert interest_due(state, account) == 0
    account.cash = MicroUsd(-100 * USD)
    assert interest_due(state, account) == 8 * USD
    account.borrow_index = state.borrow_index - 1
    assert interest_due(state, account) == 1, "rounded up"


@given(st.integers(1, 10**12), st.integers(1, 10**12))
def test_what_is_sold_brings_what_is_needed_and_no_unit_more(price: int, amount: int) -> None:
    venue = Venue()
    venue.state.totals[ETH].price = MicroPrice(price)
    units = units_for(venue.state, ETH, amount)
    exact = Fraction(price * (PPM - 25_000), 10**9 * PPM)
    assert (units - 1) * exact < amount <= units * exact <= sale_price(venue.state, ETH, units) < units * exact + 1
