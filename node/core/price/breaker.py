"""Circuit breakers: a market's status by rule, judged whenever its mark moves and at every sample.

| from | when | to |
|---|---|---|
| any | no fresh index for `cancel_only_ms` / `halt_ms` | cancel-only / halted (INDEX) |
| any but INDEX | mark moved more than `deep_ppm` within `deep_window_ms` | cancel-only (DEEP_MOVE) |
| any but INDEX, DEEP_MOVE | mark moved more than `fast_ppm` within `fast_window_ms` | post-only for `post_only_ms` (FAST_MOVE) |
| INDEX | the index is fresh again | post-only for `post_only_ms` (REOPENING) |
| DEEP_MOVE | the index has stayed within `calm_ppm` of one price for `calm_ms` | post-only for `post_only_ms` (REOPENING) |
| FAST_MOVE, REOPENING | its time is over and the index is fresh | open |

Invariants:
- A move is measured between the present mark and the lowest and highest one of the window, kept in ranges of `sample_ms` each: the history
  is bounded by the window, whatever comes in.
- What set a breaker off does not set it off again: fast moves count from the last trip on, and the history begins anew at a deep move and
  at every reopening.
- Settled is for instruments that expire; no rule of this version enters it.
"""

from node.core.estimators import MarkRange
from node.core.price.ladder import index_of, is_fresh
from node.core.price.status import status_by_age
from node.core.state import Market, State, touch_market
from proto.events import BreakerCause, MarketStatus, MarketStatusChanged
from proto.ops import OpKind
from proto.units import PPM, TimeMs

_STATUSES = {
    BreakerCause.NONE: MarketStatus.OPEN,
    BreakerCause.FAST_MOVE: MarketStatus.POST_ONLY,
    BreakerCause.REOPENING: MarketStatus.POST_ONLY,
    BreakerCause.DEEP_MOVE: MarketStatus.CANCEL_ONLY,
}


def judge(state: State, market: Market) -> None:
    """Bring status and breaker of a market up to date. Call after its mark or the time moved."""
    breaker = market.breaker
    by_age = status_by_age(state, market)
    if by_age != MarketStatus.OPEN:
        if breaker.cause != BreakerCause.INDEX:
            breaker.cause = BreakerCause.INDEX
            touch_market(state, market)
        _set_status(state, market, by_age)
        return
    if is_fresh(state, index_of(state, market)) and market.mark:
        _judge_moves(state, market)
    elif breaker.cause == BreakerCause.DEEP_MOVE:  # Nobody knows whether the index is calm.
        breaker.calm_since = state.time
        touch_market(state, market)
    if breaker.cause != BreakerCause.INDEX:
        _set_status(state, market, _STATUSES[breaker.cause])


def _judge_moves(state: State, market: Market) -> None:
    breaker, rules = market.breaker, state.params.breakers
    if breaker.cause == BreakerCause.INDEX:
        _reopen(state, market)
    _follow_calm(state, market)
    if moved(market, state.time - rules.deep_window_ms, rules.deep_ppm):
        _trip_deep(state, market)
    elif breaker.cause == BreakerCause.DEEP_MOVE:
        if state.time - breaker.calm_since >= rules.calm_ms:
            _reopen(state, market)
    elif moved(market, max(state.time - rules.fast_window_ms, breaker.fast_from), rules.fast_ppm):
        breaker.cause, breaker.fast_from = BreakerCause.FAST_MOVE, state.time
        breaker.until = TimeMs(state.time + rules.post_only_ms)
        breaker.history.append(MarkRange(state.time, market.mark, market.mark))
    elif breaker.cause != BreakerCause.NONE and state.time >= breaker.until:
        breaker.cause = BreakerCause.NONE
    _remember(state, market)


def _reopen(state: State, market: Market) -> None:
    """Post-only first; without a time for it, open at once."""
    breaker, wait_ms = market.breaker, state.params.breakers.post_only_ms
    breaker.cause = BreakerCause.REOPENING if wait_ms else BreakerCause.NONE
    breaker.until = TimeMs(state.time + wait_ms)
    breaker.history.clear()


def _trip_deep(state: State, market: Market) -> None:
    breaker = market.breaker
    breaker.cause = BreakerCause.DEEP_MOVE
    breaker.calm_price, breaker.calm_since = market.index_price, state.time
    breaker.history.clear()


def _follow_calm(state: State, market: Market) -> None:
    """Since when the index has stayed near one price; a price further off becomes the one to stay near."""
    breaker, ppm = market.breaker, state.params.breakers.calm_ppm
    if breaker.cause == BreakerCause.DEEP_MOVE and abs(market.index_price - breaker.calm_price) * PPM > ppm * breaker.calm_price:
        breaker.calm_price, breaker.calm_since = market.index_price, state.time


def moved(market: Market, since: int, ppm: int) -> bool:
    """Whether the mark is more than `ppm` away from any mark of the history's ranges that began at `since` or later."""
    if not ppm:
        return False
    mark = market.mark
    for row in reversed(market.breaker.history):
        if row.time < since:
            return False
        if mark * PPM > row.low * (PPM + ppm) or mark * PPM < row.high * (PPM - ppm):
            return True
    return False


def _remember(state: State, market: Market) -> None:
    """Take the mark into the history; forget what no window reaches."""
    rules, history, mark = state.params.breakers, market.breaker.history, market.mark
    if not rules.fast_ppm and not rules.deep_ppm:
        return
    if history and state.time < history[-1].time + state.params.funding.sample_ms:
        row = history[-1]
        row.low, row.high = min(row.low, mark), max(row.high, mark)
    else:
        history.append(MarkRange(state.time, mark, mark))
    oldest = state.time - max(rules.fast_window_ms, rules.deep_window_ms)
    while history[0].time < oldest:
        del history[0]
    touch_market(state, market)


def _set_status(state: State, market: Market, status: MarketStatus) -> None:
    """Enter or leave a market status."""
    if market.status == status:
        return
    market.status = status
    touch_market(state, market)
    state.ops.append((OpKind.MARKET_STATUS_SET, market.params.id, status.value))
    state.events.append(MarketStatusChanged(market.params.id, status, market.breaker.cause))
