"""What guards prices and money, as properties: lying and silent publishers, bad reports, dust of funding, forecasts, limits."""

from dataclasses import replace

import mpmath
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.core.book.side import add
from node.core.ledger.guards import HOUR_MS, decayed
from node.core.ledger.positions import settle_funding
from node.core.outcome import Applied, Rejected
from node.core.params import Params, PublisherParams
from node.core.price import depth, volatility
from node.core.price.ladder import WORST, Action, Validity, allows
from node.core.state import Order, Position, State
from proto.canonical import pack
from proto.events import BreakerCause, IndexStatus
from proto.frames import FrameError, decode_client_frame
from proto.ids import AccountId, Address, IndexId, MarketId, OrderId
from proto.inputs import IndexPrice, OracleReport, RecordError, SampleTick, decode_record
from proto.intents import OrderType, SelfTrade, Side, TimeInForce
from proto.reject import RejectCode
from proto.units import FUNDING_MAX, PPM, FundingUnits, Lots, MicroPrice, MicroUsd, Ppm, Price, TimeMs
from tests.core.venue import ALPHA, GUARDED, PARAMS, PUBLISHERS, USD, Venue, address, full_leaves

ONE = IndexId(1)


def with_weights(weights: list[int]) -> Params:
    """A network whose publishers have these weights; half of them, rounded up, are a quorum; no band, so that all count."""
    publishers = tuple(PublisherParams(address(100 + at), weight) for at, weight in enumerate(weights))
    oracle = replace(PARAMS.oracle, quorum=(len(weights) + 1) // 2, deviation_ppm=Ppm(PPM - 1))
    return replace(PARAMS, publishers=publishers, oracle=oracle)


lies = st.one_of(st.integers(1, 2**56 - 1), st.integers(1, 10**9))


@settings(max_examples=60, deadline=None)
@given(weights=st.lists(st.integers(1, 9), min_size=3, max_size=7), data=st.data())
def test_a_minority_by_weight_never_moves_the_index_out_of_the_honest_reports(
    weights: list[int], data: st.DataObject
) -> None:
    venue = Venue(with_weights(weights))
    publishers = venue.params.publishers
    order = data.draw(st.permutations(range(len(weights))))
    liars: list[int] = []
    for at in order:
        if 2 * (sum(weights[i] for i in liars) + weights[at]) < sum(weights):
            liars.append(at)
    honest = [at for at in range(len(weights)) if at not in liars]
    told: dict[int, int] = {}
    for _ in range(data.draw(st.integers(1, 4))):
        for at in data.draw(st.permutations(range(len(weights)))):
            venue.now += 1
            price = data.draw(st.integers(99 * USD, 101 * USD) if at in honest else lies)
            venue.report(publishers[at].address, 1, price)
            if at in honest:
                told[at] = price
            index = venue.state.indices[ONE]
            if len(told) == len(honest) and index.status <= IndexStatus.UNCERTAIN:
                assert min(told.values()) <= index.price <= max(told.values())


@settings(max_examples=60, deadline=None)
@given(weights=st.lists(st.integers(1, 9), min_size=2, max_size=6), data=st.data())
def test_a_key_is_revoked_by_most_of_the_others_and_by_no_fewer(weights: list[int], data: st.DataObject) -> None:
    venue = Venue(with_weights(weights))
    keys = [publisher.address for publisher in venue.params.publishers]
    others, voted = sum(weights[1:]), 0
    for at in data.draw(st.permutations(range(1, len(weights)))):
        outcome = venue.revoke(keys[0], keys[at])
        if 2 * voted > others:
            assert outcome == Rejected(RejectCode.PUBLISHER_REVOKED)
            continue
        assert isinstance(outcome, Applied)
        voted += weights[at]
        assert (keys[0] in venue.state.guards.revoked) == (2 * voted > others)
    assert keys[0] in venue.state.guards.revoked
    assert venue.state.guards.votes == []


def bad_reports(venue: Venue) -> list[tuple[str, int, int, Address]]:
    """Refusal, price, time relative to now, signer."""
    return [
        ("REPORT_PRICE_INVALID", 0, 0, PUBLISHERS[0]),
        ("REPORT_PRICE_JUMP", 1_000 * USD, 0, PUBLISHERS[0]),
        ("REPORT_PRICE_JUMP", 10 * USD, 0, PUBLISHERS[0]),
        ("REPORT_STALE", 100 * USD, -30_000, PUBLISHERS[0]),
        ("REPORT_FROM_THE_FUTURE", 100 * USD, 30_000, PUBLISHERS[0]),
        (
            "REPORT_TIME_NOT_NEWER",
            100 * USD,
            venue.state.indices[ONE].reports[PUBLISHERS[0]].time - venue.now,
            PUBLISHERS[0],
        ),
        ("REPORT_TIME_NOT_NEWER", 99 * USD, -4_000, PUBLISHERS[0]),
        ("PUBLISHER_UNKNOWN", 100 * USD, 0, address(9)),
        ("PUBLISHER_REVOKED", 100 * USD, 0, PUBLISHERS[2]),
    ]


def test_bad_reports_move_nothing_and_are_told_why() -> None:
    venue = Venue(GUARDED)
    venue.price(1, 100 * USD)
    venue.revoke(PUBLISHERS[2], PUBLISHERS[2])
    venue.now += 1
    for name, price, shift, signer in bad_reports(venue):
        before = full_leaves(venue.state)
        outcome = venue.report(signer, 1, price, venue.now + shift)
        after = full_leaves(venue.state)
        assert outcome == Rejected(RejectCode[name])
        assert (before.rows, before.system[64:]) == (after.rows, after.system[64:]), "nothing but seq and time"
    line = IndexPrice(IndexId(9), MicroPrice(USD), MicroPrice(0))
    outcome = venue.apply(OracleReport(TimeMs(venue.now), (line,), bytes(65)), PUBLISHERS[0])
    assert outcome == Rejected(RejectCode.INDEX_UNKNOWN)


def test_negative_prices_have_no_wire() -> None:
    with pytest.raises(RecordError):
        decode_record(pack([1, 4, 1, [[1, -1, 0]], bytes(65)]))
    with pytest.raises(FrameError) as refused:
        decode_client_frame(pack([6, 7, 1, [[1, -1, 0]], bytes(65)]))
    assert (refused.value.code, refused.value.id) == (RejectCode.FRAME_MALFORMED, 7)


def test_the_ladder_stops_liquidations_first_and_cancels_never() -> None:
    assert list(WORST) == list(Action)
    assert WORST[Action.LIQUIDATE] == WORST[Action.TAKE_OVER] == min(WORST.values())
    assert WORST[Action.CANCEL] == max(Validity)
    assert WORST[Action.LIQUIDATE] < WORST[Action.OPEN_RISK] < WORST[Action.REDUCE] <= WORST[Action.WITHDRAW]


def test_a_majority_that_stalls_stops_what_would_harm() -> None:
    venue = Venue(GUARDED)
    venue.price(1, 100 * USD)
    market = venue.state.markets[ALPHA]
    steps = ((0, 8), (5_001, 4), (60_000, 1), (540_000, 1))
    for wait, allowed in steps:
        venue.now += wait
        venue.report(PUBLISHERS[0], 1, 100 * USD)  # One goes on reporting; it is no quorum.
        venue.apply(SampleTick())
        assert sum(allows(venue.state, market, action) for action in Action) == allowed
    assert allows(venue.state, market, Action.CANCEL)


@settings(max_examples=100, deadline=None)
@given(
    sizes=st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=5),
    moves=st.lists(st.integers(-(10**18), 10**18), min_size=1, max_size=4), data=st.data(),
)  # fmt: skip
def test_payers_and_receivers_of_funding_differ_by_dust_alone(
    sizes: list[int], moves: list[int], data: st.DataObject
) -> None:
    venue = Venue()
    state = venue.state
    sizes = [*sizes, -sum(sizes)]
    held = []
    for at in range(len(sizes)):
        venue.deposit(address(at + 1), USD)
    for at, size in enumerate(sizes):
        account = state.accounts[state.by_address[address(at + 1)]]
        account.positions[ALPHA] = Position(ALPHA, Lots(size))
        held.append((account, account.positions[ALPHA]))
    market, settled = state.markets[ALPHA], 0
    for move in moves:
        market.funding_index = FundingUnits(market.funding_index + move)
        for account, position in data.draw(st.permutations(held))[: data.draw(st.integers(0, len(held)))]:
            settle_funding(state, account, position, market)
            settled += 1
    for account, position in held:
        settle_funding(state, account, position, market)
        settled += 1
    paid = sum(USD - account.cash for account, _ in held)
    assert paid == market.funding_pool, "what is not received is in the pool"
    assert 0 <= market.funding_pool < settled, "less than one micro-USDC a settlement"
    assert abs(market.funding_index) <= FUNDING_MAX


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-90_000, 90_000), min_size=5, max_size=60))
def test_maintenance_rises_slowly_and_the_forecast_is_the_averaged_square(steps: list[int]) -> None:
    venue = Venue(replace(GUARDED, breakers=PARAMS.breakers))
    state, market = venue.state, venue.state.markets[ALPHA]
    floor, least = market.initial_ppm[0][1], market.maintenance[0][1]
    price, seen = 100 * USD, [least]
    venue.price(1, price)
    variance, opened = mpmath.mpf(0), mpmath.mpf(0)
    for step in steps:
        price = price * (PPM + step) // PPM
        venue.now += 59_999
        venue.price(1, price)
        venue.apply(SampleTick())
        mark = mpmath.mpf(market.mark)
        if opened:
            variance = variance * mpmath.mpf("0.97") + mpmath.mpf("0.03") * mpmath.log(mark / opened) ** 2
        opened = mark
        exact = 3 * mpmath.sqrt(variance * 15) * PPM
        wanted = min(max(exact, floor), 3 * floor)
        assert abs(market.initial_vol_ppm - wanted) <= 1 + wanted / 10**6
        assert least <= market.maintenance_vol_ppm <= seen[-1] + GUARDED.volatility.rise_ppm
        assert market.maintenance_vol_ppm <= max(-(-market.initial_vol_ppm // 2), least)
        seen.append(market.maintenance_vol_ppm)
    assert state.markets[MarketId(2)].initial_vol_ppm == 0, "nobody reports its price"


def test_a_jump_raises_the_fraction_before_the_minute_is_over() -> None:
    assert volatility.forecast(10**12, 0, 970_000) == 970_000_000_000
    assert volatility.fraction(0, 3_000_000, 900_000, 60_000) == 0
    calm = volatility.forecast(10**12, 10**12, 970_000)
    jumped = volatility.forecast(10**12, 25 * 10**14, 970_000)
    assert calm == 10**12 < jumped


@given(st.lists(st.tuples(st.integers(0, HOUR_MS), st.integers(0, 10**9)), max_size=30), st.integers(1, 10**9))
def test_no_hour_lets_more_than_twice_its_limit_go(wanted: list[tuple[int, int]], limit: int) -> None:
    spent, now, last, left = 0, 0, 0, []
    for wait, amount in wanted:
        now += wait
        count = decayed(spent, limit, now - last, HOUR_MS)
        if amount <= limit - count:
            spent, last = count + amount, now
            left.append((now, amount))
        assert sum(gone for time, gone in left if time > now - HOUR_MS) <= 2 * limit


def test_depth_is_bounded_in_levels_and_in_distance() -> None:
    state: State = Venue(GUARDED).state
    side = state.markets[ALPHA].bids
    assert side.side == Side.BUY
    for at, price in enumerate(range(100_000, 100_000 - 400, -1)):
        order = Order(
            OrderId(at + 1), AccountId(4), ALPHA, Side.BUY, OrderType.LIMIT, TimeInForce.GTC, False, SelfTrade.EXPIRE_MAKER,  # noqa: FBT003
            Price(price), Lots(1), Lots(1), 0, TimeMs(0), priority=at + 1,
        )  # fmt: skip
        add(side, order)
    assert depth.resting(side, 100_000, 10_000) == sum(range(100_000, 100_000 - depth.LEVELS_MAX, -1))
    assert depth.resting(side, 100_000, 1_000) == sum(range(100_000, 99_899, -1))


def test_statuses_say_what_breakers_did() -> None:
    venue = Venue(GUARDED)
    venue.price(1, 100 * USD)
    venue.price(1, 111 * USD)
    market = venue.state.markets[ALPHA]
    assert market.breaker.cause == BreakerCause.FAST_MOVE
    assert len(market.breaker.history) == 2
    for _ in range(400):
        venue.now += 4_999
        venue.price(1, 111 * USD)
    assert len(market.breaker.history) <= 61
    assert market.mark == Price(111 * USD)
    assert MicroUsd(0) == market.funding_pool
