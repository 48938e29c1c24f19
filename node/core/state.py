"""All state that the rollup commits to, and the caches that are functions of it.

Invariants:
- Every mutable field that `apply` reads is in a leaf or a system word (`node.core.commit`), or is marked *derived*: a function of those,
  rebuilt by `restore`; dropping it at any moment changes nothing.
- Only transitions write. A write to an account, order, market, index or the work queue marks its key in `touched`, so that a seal encodes
  exactly what changed.
- `events` and `ops` are outboxes of the current input, not state.
"""

from dataclasses import dataclass, field
from enum import IntEnum, unique

from node.core.estimators import Breaker, Depth, Volatility
from node.core.params import MarketParams, Params
from proto.events import CloseReason, Event, IndexStatus, MarketStatus
from proto.hashing import ZERO_HASH
from proto.ids import AccountId, Address, AssetId, IndexId, MarketId, OrderId, Slot, VaultId
from proto.intents import Grouping, OrderType, SelfTrade, Side, TimeInForce, TriggerKind
from proto.ledger import Section
from proto.ops import OpTuple
from proto.units import AssetUnits, FundingUnits, Lots, MicroPrice, MicroUsd, Ppm, Price, TimeMs


@dataclass(slots=True)
class Signer:
    """A key that may sign for one account: its owner or an agent of it. Leaf: part of the account's authority hash."""

    address: Address
    account: AccountId
    is_agent: bool
    valid_until: TimeMs  # 0 = until revoked.
    scope: int
    name: bytes
    markets: tuple[MarketId, ...] = ()  # Ascending; empty = all.
    nonces: list[int] = field(default_factory=list)  # Ascending, at most 100.


@dataclass(slots=True)
class Position:
    """One account in one market: the position, and (derived) the totals of its open orders there.

    `entry` is the signed entry notional: long positive. Unrealised profit = size x mark - entry. An isolated position answers with its own
    cash alone, a cross one with the account's. `isolated` follows the account's setting while there is neither size nor order.
    """

    market: MarketId
    size: Lots = Lots(0)
    entry: MicroUsd = MicroUsd(0)
    funding_index: FundingUnits = FundingUnits(0)
    isolated: bool = False
    isolated_cash: MicroUsd = MicroUsd(0)  # 0 where cross.
    loss_index: int = 0  # Of its side when losses were last settled, 1e-12 micro-USDC per lot.
    buy_lots: int = 0  # Derived. Open orders that are not reduce-only.
    buy_value: int = 0  # Derived. Σ price x lots of those, micro-USDC.
    sell_lots: int = 0  # Derived.
    sell_value: int = 0  # Derived.
    reduce_buys: int = 0  # Derived. Lots of open reduce-only orders, which fill only up to the position.
    reduce_sells: int = 0  # Derived.
    orders: int = 0  # Derived. Open orders, reduce-only ones too.


@dataclass(slots=True)
class Order:
    """An open order, or one being executed. `slot` is its leaf's place while it rests."""

    id: OrderId
    account: AccountId
    market: MarketId
    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    reduce_only: bool
    self_trade: SelfTrade
    price: Price
    size: Lots  # As accepted.
    remaining: Lots
    client_id: int
    time: TimeMs
    good_til: TimeMs = TimeMs(0)  # 0 = none.
    priority: int = 0  # Grows; smaller trades first at one price. 0 = not resting.
    slot: Slot = Slot(0)
    before: "Order | None" = None  # Derived: neighbours in the queue of its price.
    after: "Order | None" = None


@unique
class TriggerStatus(IntEnum):
    """Where a trigger stands."""

    WAITING = 0  # For its parent to trade.
    ARMED = 1  # For the mark.
    FIRED = 2  # Its order, with the same id, is open; the record is kept for its group.


@dataclass(slots=True)
class Trigger:
    """An order that waits for the mark to reach `level`. A plain order that is half of a pair has a record too, always FIRED, level 0."""

    id: OrderId
    account: AccountId
    market: MarketId
    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    reduce_only: bool
    self_trade: SelfTrade
    kind: TriggerKind
    level: Price
    price: Price
    size: Lots  # As signed; 0 = the whole position.
    client_id: int
    time: TimeMs
    good_til: TimeMs = TimeMs(0)
    status: TriggerStatus = TriggerStatus.ARMED
    grouping: Grouping = Grouping.NONE
    group: OrderId = OrderId(0)  # Id of the group's first member; 0 = it has no siblings.
    parent: OrderId = OrderId(0)  # What it waits for or grows with; 0 = nothing, or that has ended.
    lots: Lots = Lots(0)  # What it will place; of a child, what its parent has traded so far.
    since: int = 0  # Seq of the input that armed it.
    slot: Slot = Slot(0)

    @property
    def above(self) -> bool:
        """Whether it waits for the mark to rise."""
        return (self.kind == TriggerKind.STOP) == (self.side == Side.BUY)


@dataclass(slots=True)
class Twap:
    """An order that trades in equal slices over time."""

    id: OrderId
    account: AccountId
    market: MarketId
    side: Side
    size: Lots
    reduce_only: bool
    seconds: int
    slippage: Ppm  # Of each slice from the mark.
    price: Price  # Worst price of any slice; 0 = none.
    start: TimeMs
    next_slice: int = 0  # Number of the next one; its time is that many intervals after the start.
    filled: Lots = Lots(0)
    quote: MicroUsd = MicroUsd(0)  # Σ price x lots of what it traded.
    slot: Slot = Slot(0)


@dataclass(slots=True)
class MarketSetting:
    """What an account chose for a market. Leaf: venue account."""

    leverage: int = 0  # Highest it wants; 0 = the market's.
    isolated: bool = False


@dataclass(slots=True)
class Protection:
    """A market maker's bounds in one market (node.core.book.protection), and what was traded in the window that began at `since`."""

    window_ms: int
    freeze_ms: int  # 0 = until it is reset.
    quantity: Lots  # 0 = no bound.
    delta: Lots  # Likewise.
    since: TimeMs = TimeMs(0)
    traded: Lots = Lots(0)
    net: Lots = Lots(0)  # Bought less sold.
    frozen_at: TimeMs = TimeMs(0)  # When a bound was reached; 0 = none was.


@dataclass(slots=True)
class Account:
    """Balances, positions and open orders of one 20-byte address."""

    id: AccountId
    address: Address
    master: AccountId  # 0 = none.
    payee: Address
    cash: MicroUsd = MicroUsd(0)
    borrow_index: int = 0  # The global one when interest on negative cash was last paid.
    balances: dict[AssetId, AssetUnits] = field(default_factory=dict)  # Other assets than USDC, and shares; zero ones are absent.
    positions: dict[MarketId, Position] = field(default_factory=dict)  # Present with size or open orders.
    settings: dict[MarketId, MarketSetting] = field(default_factory=dict)  # Absent: cross, at the market's highest leverage.
    cancel_at: TimeMs = TimeMs(0)  # When all its orders are cancelled; 0 = never. Leaf: venue account.
    fired_day: int = 0  # UTC day on which that last came ...
    fired: int = 0  # ... and how often on that day. Leaf: venue account, with what follows.
    volumes: dict[int, MicroUsd] = field(default_factory=dict)  # Of a master: traded by UTC day.
    protections: dict[MarketId, Protection] = field(default_factory=dict)
    name: bytes = b""  # 32 bytes, or empty.
    fee_day: int = -1  # Derived: day that `fee_rates` are of.
    fee_rates: tuple[Ppm, Ppm] = (Ppm(0), Ppm(0))  # Derived: taker, maker.
    signers: list[Signer] = field(default_factory=list)  # Owner first, agents in order of approval; sorted in the leaf.
    orders: dict[OrderId, Order] = field(default_factory=dict)  # Derived.
    triggers: dict[OrderId, Trigger] = field(default_factory=dict)  # Derived: those that have not fired.
    twaps: dict[OrderId, Twap] = field(default_factory=dict)  # Derived.
    clients: dict[int, Order | Trigger] = field(default_factory=dict)  # Derived: open orders and triggers by client id.
    sub_accounts: int = 0  # Derived.


@dataclass(slots=True)
class Level:
    """All resting orders at one price, first to trade first. Derived."""

    price: Price
    lots: int = 0
    orders: int = 0
    head: Order | None = None
    tail: Order | None = None


@dataclass(slots=True)
class BookSide:
    """One side of a book. Derived. `keys` ascend so that the best price is last: the price for bids, its negative for asks."""

    side: Side
    levels: dict[int, Level] = field(default_factory=dict)
    keys: list[int] = field(default_factory=list)


@dataclass(slots=True)
class TriggerWork:
    """Fire the triggers of a market that were armed up to input `seq` and wait for the mark to go one way, to `level` at most."""

    market: MarketId
    above: bool
    level: Price
    seq: int
    not_before: TimeMs
    number: int = 0
    slot: Slot = Slot(0)


@dataclass(slots=True)
class Ladder:
    """Derived. Triggers of one market that wait for the mark to go one way; keys grow away from the mark (node.core.triggers.ladder)."""

    armed: list[tuple[int, OrderId]] = field(default_factory=list)  # Heap.
    late: list[tuple[int, int, OrderId]] = field(default_factory=list)  # (since, key, id): armed while work was queued.
    items: list[TriggerWork] = field(default_factory=list)  # Of the work queue, first to last.


@dataclass(slots=True)
class Premium:
    """Estimators of one market: basis average, premium samples, last trade. Leaf: venue market."""

    basis: int = 0  # Averaged mid - index, 1e-6 price units.
    basis_time: TimeMs = TimeMs(0)
    sample_sum: int = 0  # Σ of premiums since the last funding, 1e-12.
    samples: int = 0
    last_trade: Price = Price(0)


@dataclass(slots=True)
class Market:
    """A listed perpetual and its book."""

    params: MarketParams
    index_price: Price = Price(0)
    mark: Price = Price(0)  # 0 = none yet.
    funding_index: FundingUnits = FundingUnits(0)
    funding_pool: MicroUsd = MicroUsd(0)  # Counterparty of lazily settled funding; ends as dust.
    funding_rate: int = 0  # Last hourly rate, 1e-12.
    open_interest: Lots = Lots(0)  # Σ of long sizes.
    status: MarketStatus = MarketStatus.OPEN
    long_loss_index: int = 0  # Losses that longs bear together, cumulative, 1e-12 micro-USDC per lot; only grows.
    short_loss_index: int = 0
    loss_pool: MicroUsd = MicroUsd(0)  # Paid the losses in advance: negative until positions settle them.
    initial_vol_ppm: Ppm = Ppm(0)  # Fraction that forecast volatility asks for, of new risk.
    maintenance_vol_ppm: Ppm = Ppm(0)  # Of existing positions.
    premium: Premium = field(default_factory=Premium)
    volatility: Volatility = field(default_factory=Volatility)
    depth: Depth = field(default_factory=Depth)
    breaker: Breaker = field(default_factory=Breaker)
    bids: BookSide = field(default_factory=lambda: BookSide(Side.BUY))
    asks: BookSide = field(default_factory=lambda: BookSide(Side.SELL))
    rises: Ladder = field(default_factory=Ladder)
    falls: Ladder = field(default_factory=Ladder)
    initial_ppm: tuple[tuple[MicroUsd, Ppm, MicroUsd], ...] = ()  # Derived from tiers: (lower, rate, deduction).
    maintenance: tuple[tuple[MicroUsd, Ppm, MicroUsd], ...] = ()  # Derived likewise.


@dataclass(slots=True)
class Report:
    """A publisher's newest price for one index."""

    price: MicroPrice
    confidence: MicroPrice
    time: TimeMs


@dataclass(slots=True)
class Index:
    """An underlying's price, formed from reports."""

    id: IndexId
    price: MicroPrice = MicroPrice(0)
    confidence: MicroPrice = MicroPrice(0)  # Spread of the reports used.
    status: IndexStatus = IndexStatus.MISSING
    fresh_until: TimeMs = TimeMs(0)  # After this the quorum is stale unless new reports come.
    publishers: int = 0  # That formed the price.
    reports: dict[Address, Report] = field(default_factory=dict)


@dataclass(slots=True)
class Vault:
    """Money of many, invested as one account. The holders' shares are balances of theirs."""

    id: VaultId
    account: AccountId
    total_shares: int = 0


@dataclass(slots=True)
class AssetTotals:
    """Running totals of one asset, in its ledger units; the identity is in proto.ledger. `price` is the last valid one."""

    owed: int = 0
    owing: int = 0
    entries: int = 0
    withdrawn: int = 0
    deposited: int = 0
    price: MicroPrice = MicroPrice(0)  # 0 = none yet.


@dataclass(slots=True)
class Outflow:
    """What left of one asset lately, in its units, each decaying to nothing over its period at the period's limit."""

    hour: int = 0
    day: int = 0
    time: TimeMs = TimeMs(0)  # Of the last withdrawal.


@dataclass(slots=True)
class RevocationVote:
    """A publisher wants another's key revoked."""

    publisher: Address
    voter: Address
    time: TimeMs


@dataclass(slots=True)
class Guards:
    """What guards the venue as a whole. Leaf: venue work, key 1."""

    deficit_seen: TimeMs = TimeMs(0)  # When an account in deficit was last seen; 0 = never.
    outflows: list[Outflow] = field(default_factory=list)  # By asset id.
    revoked: dict[Address, TimeMs] = field(default_factory=dict)  # Publishers' keys, and since when.
    votes: list[RevocationVote] = field(default_factory=list)  # In the order they came.


@dataclass(slots=True)
class LiquidateWork:
    """Bring an account's cross portfolio (market 0), or its isolated position in `market`, back above maintenance."""

    account: AccountId
    market: MarketId
    not_before: TimeMs
    since: TimeMs  # When it began: the clock of the takeover price.
    reserved: MicroUsd = MicroUsd(0)  # What bidders have paid in since.
    target: MarketId = MarketId(0)  # The position that is auto-deleveraged now; 0 = none.
    cursor: AccountId = AccountId(0)  # Accounts below this id have been looked at for it.
    ranked: tuple[AccountId, ...] = ()  # The best of them, in no order.
    number: int = 0
    slot: Slot = Slot(0)


@dataclass(slots=True)
class CancelWork:
    """Cancel what is left of a cancel-all: orders with ids up to `last`, in `market` or all (0), for `reason`."""

    account: AccountId
    market: MarketId
    last: OrderId
    reason: CloseReason
    not_before: TimeMs
    number: int = 0
    slot: Slot = Slot(0)


@dataclass(slots=True)
class UnwindWork:
    """Reduce what a venue account holds, in the book, near the mark: one position after the other."""

    account: AccountId
    market: MarketId  # Of the position reduced last.
    not_before: TimeMs
    number: int = 0
    slot: Slot = Slot(0)


@dataclass(slots=True)
class LeaveWork:
    """Pay out shares of a vault that an account gave back; they stay at risk until then."""

    account: AccountId
    vault: VaultId
    shares: int
    not_before: TimeMs
    number: int = 0
    slot: Slot = Slot(0)


WorkItem = LiquidateWork | CancelWork | TriggerWork | UnwindWork | LeaveWork


@unique
class RiskFactor(IntEnum):
    """What can bring an account below maintenance without a change of its own."""

    LONG_VALUE = 0  # By market: what a lot of a long is worth falls. Levels that may not fall are stored negated.
    SHORT_VALUE = 1  # By market: what a lot of a short costs rises.
    MARK = 2  # By market: the requirement rises with the notional.
    VOLATILITY = 3  # By market: the requirement rises with the forecast.
    COLLATERAL = 4  # By asset: its price falls; negated.
    INTEREST = 5  # Key 0: what is owed grows.


@dataclass(slots=True)
class RiskIndex:
    """Derived: where each account may lie below maintenance. Offers too many, never too few (node.core.liquidation.risk).

    `stale` accounts must be looked at anew. A fresh one is safe while every factor it depends on keeps inside its bounds; an entry (bound,
    account, version) counts only while its version is the account's.
    """

    stale: dict[AccountId, None] = field(default_factory=dict)
    versions: dict[AccountId, int] = field(default_factory=dict)
    bounds: dict[tuple[RiskFactor, int], list[tuple[int, int, int]]] = field(default_factory=dict)  # Heaps, lowest bound first.


@dataclass(slots=True)
class State:
    """The whole venue."""

    params: Params
    seq: int = 0
    time: TimeMs = TimeMs(0)
    queue_cursor: int = 0
    queue_hash: bytes = ZERO_HASH
    batch_id: int = 0  # Last sealed.
    next_account: AccountId = AccountId(1)
    next_order: OrderId = OrderId(1)
    next_priority: int = 1
    next_trade: int = 1
    order_slots: int = 0  # High-water mark of slots.
    withdrawal_count: int = 0
    borrow_index: int = 0  # Interest on one micro-USDC borrowed since genesis, 1e-12; only grows.
    next_sample: TimeMs = TimeMs(0)
    next_funding: TimeMs = TimeMs(0)
    next_work: int = 1  # Number of the next item of the work queue.
    work_slots: int = 0  # High-water mark of its slots.
    totals: list[AssetTotals] = field(default_factory=list)  # By asset id.
    accounts: dict[AccountId, Account] = field(default_factory=dict)
    orders: dict[OrderId, Order] = field(default_factory=dict)  # Resting ones.
    markets: dict[MarketId, Market] = field(default_factory=dict)  # In id order.
    indices: dict[IndexId, Index] = field(default_factory=dict)  # In id order.
    triggers: dict[OrderId, Trigger] = field(default_factory=dict)
    twaps: dict[OrderId, Twap] = field(default_factory=dict)
    vaults: dict[VaultId, Vault] = field(default_factory=dict)  # In id order.
    work: dict[Slot, WorkItem] = field(default_factory=dict)  # By leaf slot (node.core.liquidation.work).
    work_heap: list[tuple[int, int, int]] = field(default_factory=list)  # Derived: (not before, number, slot).
    free_work: list[int] = field(default_factory=list)  # Derived: heap of free slots below the high-water mark.
    guards: Guards = field(default_factory=Guards)
    protected: dict[AccountId, None] = field(default_factory=dict)  # Derived: accounts with a protection.
    by_address: dict[Address, AccountId] = field(default_factory=dict)  # Derived.
    agents: dict[Address, Signer] = field(default_factory=dict)  # Derived: agents by key, revoked ones too.
    slots: dict[Slot, Order] = field(default_factory=dict)  # Derived: resting orders by leaf slot.
    free_slots: list[int] = field(default_factory=list)  # Derived: heap of freed slots below the high-water mark.
    expiries: list[tuple[int, OrderId]] = field(default_factory=list)  # Derived: heap of the goodTil of orders and triggers (book.expiry).
    twap_times: list[tuple[int, OrderId]] = field(default_factory=list)  # Derived: heap of the times of next slices.
    waiting_slots: dict[Slot, Trigger | Twap] = field(default_factory=dict)  # Derived: triggers and time-sliced orders by leaf slot.
    free_waiting_slots: list[int] = field(default_factory=list)  # Derived: heap of free slots below the highest one taken or freed.
    children: dict[OrderId, dict[OrderId, Trigger]] = field(default_factory=dict)  # Derived: by parent that has not ended.
    groups: dict[OrderId, dict[OrderId, Trigger]] = field(default_factory=dict)  # Derived: siblings by group.
    bound: dict[tuple[AccountId, MarketId], dict[OrderId, Trigger]] = field(default_factory=dict)  # Derived: those on a position.
    cancel_times: list[tuple[int, AccountId]] = field(default_factory=list)  # Derived: heap of `cancel_at` (node.core.ledger.switch).
    unwinding: dict[AccountId, UnwindWork] = field(default_factory=dict)  # Derived from work.
    leaving: dict[tuple[AccountId, VaultId], LeaveWork] = field(default_factory=dict)  # Derived from work.
    liquidating: dict[tuple[AccountId, MarketId], LiquidateWork] = field(default_factory=dict)  # Derived from work.
    risk: RiskIndex = field(default_factory=RiskIndex)
    withdrawals: list[tuple[int, bytes]] = field(default_factory=list)  # Leaves appended since the last seal.
    touched: tuple[dict[int, None], ...] = field(default_factory=lambda: tuple({} for _ in Section))
    events: list[Event] = field(default_factory=list, compare=False)
    settled: int = field(default=0, compare=False)  # How many of the events have had their effect on groups (node.core.triggers.groups).
    ops: list[OpTuple] = field(default_factory=list, compare=False)


def touch_account(state: State, account: Account) -> None:
    """Mark for the next seal, and for the risk index."""
    state.touched[Section.ACCOUNTS][account.id] = None
    state.risk.stale[account.id] = None


def touch_market(state: State, market: Market) -> None:
    """Mark ledger leaf and venue leaf of a market for the next seal."""
    state.touched[Section.MARKETS][market.params.id] = None
    state.touched[Section.VENUE_MARKETS][market.params.id] = None
