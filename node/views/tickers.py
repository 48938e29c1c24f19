"""Mark, index, funding, open interest and status of each market."""

from dataclasses import dataclass

from node.core.state import State
from proto.events import FundingRateSet, IndexSet, IndexStatus, MarketStatus, MarketStatusChanged, MarkSet
from proto.ids import MarketId


@dataclass(slots=True)
class Ticker:
    """What a market shows at a glance. Prices in its price unit, open interest in lots, the rate in 1e-12 per hour."""

    market: MarketId
    index_price: int = 0
    mark: int = 0
    funding_rate: int = 0
    funding_index: int = 0
    open_interest: int = 0
    status: MarketStatus = MarketStatus.OPEN
    index_status: IndexStatus = IndexStatus.MISSING
    last_price: int = 0


class TickerView:
    """One ticker per market. `changed` collects the markets touched since the last release."""

    __slots__ = ("_by_index", "changed", "rows")

    def __init__(self) -> None:
        self.rows: dict[int, Ticker] = {}
        self._by_index: dict[int, list[Ticker]] = {}
        self.changed: dict[int, None] = {}

    def seed(self, state: State) -> None:
        """Take everything from the state."""
        self.rows.clear()
        self._by_index.clear()
        self.changed.clear()
        for market in state.markets.values():
            index = state.indices[market.params.index]
            row = Ticker(
                market.params.id, market.index_price, market.mark, market.funding_rate, market.funding_index,
                market.open_interest, market.status, index.status, market.premium.last_trade,
            )  # fmt: skip
            self.rows[market.params.id] = row
            self._by_index.setdefault(market.params.index, []).append(row)

    def index_set(self, event: IndexSet) -> None:
        """An index was judged anew; its price reaches a market with the mark."""
        for row in self._by_index.get(event.index_id, ()):
            if row.index_status != event.status:
                row.index_status = event.status
                self.changed[row.market] = None

    def mark_set(self, event: MarkSet) -> None:
        """A new mark."""
        row = self.rows[event.market]
        row.mark, row.index_price = event.mark, event.index_price
        self.changed[event.market] = None

    def funding_set(self, event: FundingRateSet) -> None:
        """A new hourly rate."""
        row = self.rows[event.market]
        row.funding_rate, row.funding_index = event.rate, event.funding_index
        self.changed[event.market] = None

    def status_changed(self, event: MarketStatusChanged) -> None:
        """A market opened, halted or closed."""
        self.rows[event.market].status = event.status
        self.changed[event.market] = None

    def traded(self, market: int, price: int) -> None:
        """Remember the last price."""
        row = self.rows[market]
        if row.last_price != price:
            row.last_price = price
            self.changed[market] = None

    def longs_changed(self, market: int, lots: int) -> None:
        """Open interest is the sum of the long sizes."""
        self.rows[market].open_interest += lots
        self.changed[market] = None
