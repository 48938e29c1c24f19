"""Whose profit closes a bankrupt position, and how what it can pay is split: pure functions of numbers.

* Rank (Hyperliquid, auto-deleveraging): (mark / entry) x (notional / account value) of a long; of a short entry / mark in the first
  place, so that on both sides those rank first who gained most on the most leverage.
* Split (Vega, loss socialisation): floor(pot x gain / total gain) each, the remainder to the largest gain, the first of equals.
"""

from typing import Final

from node.core.num import div_floor

RANK_SCALE: Final = 10**12


def rank(size: int, entry: int, mark: int, value: int) -> int:
    """Rank in 1e-12, rounded down; larger is first. 0 where the account value is not positive: it has nothing to give."""
    if value <= 0 or size == 0:
        return 0
    notional, paid = abs(size) * mark, max(abs(entry), 1)
    if size > 0:
        return div_floor(notional * notional * RANK_SCALE, paid * value)
    return div_floor(paid * RANK_SCALE, value)


def split(pot: int, gains: list[int]) -> list[int]:
    """Parts of `pot` (>= 0) in proportion to `gains` (>= 0, not all 0), adding up to it."""
    total = sum(gains)
    parts = [div_floor(pot * gain, total) for gain in gains]
    parts[gains.index(max(gains))] += pot - sum(parts)
    return parts
