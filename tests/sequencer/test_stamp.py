"""Stamps: never backwards, steady under a jumping wall clock, bounded by L1."""

import random

from node.ops.clock import FakeClock
from node.sequencer.stamp import SLEW_PARTS, Stamper
from proto.units import TimeMs


def test_stamps_follow_the_clock() -> None:
    clock = FakeClock(1_000)
    stamper = Stamper(clock, TimeMs(0))
    clock.advance(250)
    assert stamper.now() == 1_250
    assert stamper.wall_error_ms() == 0


def test_the_first_stamp_is_not_before_the_last_journaled_one() -> None:
    clock = FakeClock(1_000)
    stamper = Stamper(clock, TimeMs(5_000))
    assert stamper.now() == 5_000
    clock.advance(1_600)
    assert stamper.now() == 5_000 + 1_600 - 1_600 // SLEW_PARTS


def test_a_wall_clock_that_leaps_ahead_is_followed_slowly() -> None:
    clock = FakeClock(1_000)
    stamper = Stamper(clock, TimeMs(0))
    clock.step_wall(3_600_000)
    assert stamper.now() == 1_000
    clock.advance(1_600)
    assert stamper.now() == 1_000 + 1_600 + 100
    assert stamper.wall_error_ms() == 3_600_000 - 100


def test_a_wall_clock_that_falls_back_does_not_stop_time() -> None:
    clock = FakeClock(10_000_000)
    stamper = Stamper(clock, TimeMs(0))
    clock.step_wall(-5_000_000)
    assert stamper.now() == 10_000_000
    clock.advance(1_600)
    assert stamper.now() == 10_000_000 + 1_500


def test_a_small_error_is_worked_off() -> None:
    clock = FakeClock(1_000)
    stamper = Stamper(clock, TimeMs(0))
    clock.step_wall(10)
    for _ in range(100):
        clock.advance(7)
        stamper.now()
    assert stamper.now() == 1_710


def test_l1_bounds_the_future_but_never_turns_back() -> None:
    clock = FakeClock(1_000)
    stamper = Stamper(clock, TimeMs(0))
    stamper.bound(TimeMs(1_100))
    clock.advance(500)
    assert stamper.now() == 1_100
    stamper.bound(TimeMs(900))
    assert stamper.now() == 1_100
    stamper.bound(TimeMs(2_000))
    assert stamper.now() == 1_500


def test_stamps_never_decrease_nor_outrun_monotonic_time(seed: int) -> None:
    rng = random.Random(seed)
    clock = FakeClock(10**9)
    stamper = Stamper(clock, TimeMs(0))
    last = stamper.now()
    for _ in range(10_000):
        elapsed = rng.choice([0, 1, 3, 250, 10_000])
        clock.advance(elapsed)
        if rng.random() < 0.1:
            clock.step_wall(rng.randint(-100_000, 100_000))
        stamp = stamper.now()
        assert last <= stamp <= last + elapsed + elapsed // SLEW_PARTS + 1
        last = stamp
