"""A thousand traders of random leverage, each with an account of its own, who come, hold, take profit or are liquidated.

Every account opens a first position: half of them in the first hour, the others one by one over the first four fifths of the path.
Its leverage is drawn evenly from 1 to the most that was asked for; what the venue does not grant is made smaller until it is taken.
One whose profit is large enough, or whose time is over, closes, and returns with another position within a day. One that was
liquidated has lost and stays away.
"""

import random
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Final

from node.core.outcome import Applied, OrderResult
from node.lab.stress.makers import lots_worth
from node.lab.stress.venue import StressVenue, owner_of
from proto.ids import Address
from proto.intents import OrderSpec, OrderType, PlaceOrder, SelfTrade, Side, TimeInForce
from proto.units import MICRO_USD_PER_USD, PPM, Lots, MicroUsd, Price

_HOUR_MS: Final = 3_600_000
_DAY_MS: Final = 24 * _HOUR_MS
_TRIES_MAX: Final = 16
_SMALLER: Final = 0.82
_FEES_PPM: Final = 3_000  # Left aside for fees and spread, of the notional.
_CAPITAL_USD: Final = (500, 50_000)
_MARGIN_SPREAD: Final = 1.1
_SLIP_PPM: Final = (
    3_000  # A market order names its worst price: at the edge of the band it would need margin for the way there.
)


@dataclass(slots=True)
class Trader:
    """One account and what it will do next."""

    owner: Address
    capital: MicroUsd
    leverage: float
    side: Side = Side.BUY
    generation: int = 0
    """Grows with each position, so that plans made for an earlier one are recognised."""
    funded: bool = False


@dataclass(slots=True)
class _Plans:
    """What traders wait for, soonest first: (key, tie, trader, generation)."""

    entries: list[tuple[int, int]] = field(default_factory=list)
    closings: list[tuple[int, int, int]] = field(default_factory=list)
    rises: list[tuple[int, int, int]] = field(default_factory=list)
    falls: list[tuple[int, int, int]] = field(default_factory=list)


class Crowd:
    """All of them."""

    def __init__(
        self, venue: StressVenue, count: int, leverage_max: float, span_ms: int, random_: random.Random
    ) -> None:
        self._venue = venue
        self._random = random_
        self._leverage_max = leverage_max
        self._plans = _Plans()
        self.traders: list[Trader] = []
        for number in range(count):
            low, high = _CAPITAL_USD
            usd = min(max(random_.lognormvariate(8.0, _MARGIN_SPREAD), low), high)
            leverage = random_.uniform(1.0, leverage_max)
            self.traders.append(Trader(owner_of("trader", number), MicroUsd(int(usd) * MICRO_USD_PER_USD), leverage))
            within = min(_HOUR_MS, span_ms // 20) if number % 2 == 0 else span_ms * 4 // 5
            heappush(self._plans.entries, (venue.time + random_.randrange(max(within, 1)), number))

    def move(self, price: int) -> None:
        """Enter, take profit, close: whatever is due at this index price."""
        plans, now = self._plans, self._venue.time
        while plans.entries and plans.entries[0][0] <= now:
            self._enter(heappop(plans.entries)[1], price)
        while plans.closings and plans.closings[0][0] <= now:
            _, number, generation = heappop(plans.closings)
            self._close(number, generation)
        while plans.rises and plans.rises[0][0] <= price:
            _, number, generation = heappop(plans.rises)
            self._close(number, generation)
        while plans.falls and -plans.falls[0][0] >= price:
            _, number, generation = heappop(plans.falls)
            self._close(number, generation)

    def _enter(self, number: int, price: int) -> None:
        """Open a position as large as the leverage asks and the venue grants."""
        trader, venue, random_ = self.traders[number], self._venue, self._random
        account = venue.account(trader.owner)
        if account is not None and account.id in venue.tally.reached:
            return
        if not trader.funded:
            venue.deposit(trader.owner, trader.capital)
            trader.funded = True
        trader.side = Side(random_.randrange(2))
        worth = venue.equity_of(trader.owner)
        notional = worth * trader.leverage * (PPM - trader.leverage * _FEES_PPM / 10) / PPM
        filled = 0
        for _ in range(_TRIES_MAX):
            filled = self._order(
                trader, trader.side, lots_worth(price, venue.market.params.size_decimals, int(notional))
            )
            if filled or notional < 2 * venue.market.params.minimum_notional:
                break
            notional *= _SMALLER
        if not filled:
            heappush(self._plans.entries, (venue.time + random_.randrange(_HOUR_MS), number))
            return
        trader.generation += 1
        self._plan_exit(number, price)

    def _plan_exit(self, number: int, price: int) -> None:
        trader, random_ = self.traders[number], self._random
        gain = random_.uniform(0.3, 2.0) / trader.leverage  # Of the price: 30 to 200 % of the margin.
        if trader.side == Side.BUY:
            heappush(self._plans.rises, (int(price * (1 + gain)), number, trader.generation))
        else:
            heappush(self._plans.falls, (-int(price * max(1 - gain, 0.05)), number, trader.generation))
        heappush(
            self._plans.closings,
            (self._venue.time + random_.randrange(_DAY_MS, 10 * _DAY_MS), number, trader.generation),
        )

    def _close(self, number: int, generation: int) -> None:
        trader, venue = self.traders[number], self._venue
        size = venue.position(trader.owner)
        if trader.generation != generation or size == 0:
            return
        self._order(trader, Side.SELL if size > 0 else Side.BUY, abs(size), reduce_only=True)
        if venue.position(trader.owner):
            heappush(self._plans.closings, (venue.time + _HOUR_MS, number, generation))
            return
        trader.leverage = self._random.uniform(1.0, self._leverage_max)
        heappush(self._plans.entries, (venue.time + self._random.randrange(_DAY_MS), number))

    def _order(self, trader: Trader, side: Side, lots: int, *, reduce_only: bool = False) -> int:
        """A market order; what it filled."""
        mark = self._venue.market.mark
        bound = mark * (PPM + _SLIP_PPM if side == Side.BUY else PPM - _SLIP_PPM) // PPM
        spec = OrderSpec(
            self._venue.market.params.id, side, OrderType.MARKET, TimeInForce.IOC, Price(0 if reduce_only else bound), Lots(lots),
            reduce_only=reduce_only,
            client_id=0, self_trade=SelfTrade.EXPIRE_MAKER,
        )  # fmt: skip
        outcome = self._venue.act(trader.owner, lambda head: PlaceOrder(*head, spec))
        if not isinstance(outcome, Applied):
            return 0
        result = outcome.results[0]
        return result.filled if isinstance(result, OrderResult) else 0
