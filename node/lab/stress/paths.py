"""Price paths made by ourselves, one-minute bars, each the same for the same seed: what history rarely shows, shown on purpose.

gap     a quiet day; at noon the price opens 30 % lower, with nothing traded in between
flash   a quiet day; at noon it falls 25 % in four minutes and is back after twelve
bleed   five days of falling 40 % in small steps
freeze  a quiet day; at noon all publishers fall silent for twenty minutes, in which the price loses 12 %
thin    a day on which makers offer a tenth of their size, with three dips of 8 % and back
"""

import random
from collections.abc import Callable
from typing import Final

from node.lab.stress.bars import DEPTH_FULL, MINUTE_MS, Bar, PricePath

_OPENING: Final = 40_000_000_000  # 40,000 USDC.
_START_MS: Final = 1_700_000_000_000 - 1_700_000_000_000 % 86_400_000
_DAY: Final = 1_440
_NOON: Final = 720
_QUIET: Final = 0.0004  # Standard deviation of one minute's return.
_Shape = Callable[[int], float]
"""Minute to factor on the random walk's price."""


def _ramp(at: int, begin: int, end: int, before: float, after: float) -> float:
    """`before` until `begin`, `after` from `end` on, a straight line between."""
    if at <= begin:
        return before
    return after if at >= end else before + (after - before) * (at - begin) / (end - begin)


def _gap(at: int) -> float:
    return 0.7 if at >= _NOON else 1.0


def _flash(at: int) -> float:
    down = _ramp(at, _NOON, _NOON + 4, 1.0, 0.75)
    return down if at <= _NOON + 4 else _ramp(at, _NOON + 4, _NOON + 12, 0.75, 1.0)


def _bleed(at: int) -> float:
    return _ramp(at, 60, 5 * _DAY - 60, 1.0, 0.6)


def _freeze(at: int) -> float:
    return _ramp(at, _NOON, _NOON + 20, 1.0, 0.88)


def _thin(at: int) -> float:
    for dip in (360, 720, 1_080):
        if dip <= at <= dip + 90:
            return _ramp(at, dip, dip + 30, 1.0, 0.92) if at <= dip + 30 else _ramp(at, dip + 30, dip + 90, 0.92, 1.0)
    return 1.0


PATHS: Final[dict[str, tuple[_Shape, int]]] = {
    "gap": (_gap, _DAY), "flash": (_flash, _DAY), "bleed": (_bleed, 5 * _DAY), "freeze": (_freeze, _DAY), "thin": (_thin, _DAY),
}  # fmt: skip
"""Shape and minutes."""


def make_path(name: str, seed: int) -> PricePath:
    """The path of this name."""
    shape, minutes = PATHS[name]
    random_ = random.Random(f"{seed}:{name}")
    depth = DEPTH_FULL // 10 if name == "thin" else DEPTH_FULL
    walk, bars, last = 1.0, [], _OPENING
    for at in range(minutes):
        walk *= 1 + random_.gauss(0, _QUIET)
        close = int(_OPENING * walk * shape(at))
        first = close if name == "gap" and at == _NOON else last  # A gap has no trade between.
        wicks = [abs(random_.gauss(0, _QUIET / 2)) for _ in range(2)]
        high, low = int(max(first, close) * (1 + wicks[0])), int(min(first, close) * (1 - wicks[1]))
        fed = not (name == "freeze" and _NOON <= at < _NOON + 20)
        bars.append(Bar(first, high, low, close, fed, depth))
        last = close
    return PricePath(name, _START_MS, MINUTE_MS, bars)
