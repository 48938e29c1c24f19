"""What happened, in past tense: the core's report of one applied input, for read models and streams.

Events carry no authority: state and operations do. Every event of an input shares the input's stamp, which its carrier holds.
Signed amounts are from the account's view (a payment out is negative). Sizes are lots, prices are market price units.
"""

from enum import IntEnum, unique
from typing import NamedTuple

from proto.ids import AccountId, Address, AssetId, IndexId, MarketId, OrderId
from proto.intents import Grouping, OrderSpec, Side, TriggerSpec
from proto.units import AssetUnits, FundingUnits, Lots, MicroPrice, MicroUsd, Ppm, Price, TimeMs
from proto.waterfall_events import (
    Deleveraged,
    LossSocialised,
    PositionTakenOver,
    ShortfallCovered,
    TakeoverMade,
    VaultLeaving,
    VaultSharesChanged,
)


@unique
class CloseReason(IntEnum):
    """Why an order left the book, or never rested."""

    FILLED = 0
    USER_CANCELLED = 1
    IMMEDIATE_REMAINDER = 2  # IOC or market order: what did not trade at once.
    SELF_TRADE = 3
    REDUCE_ONLY = 4  # Nothing left to reduce.
    LIQUIDATION = 5
    MATCH_LIMIT = 6  # One input trades with at most so many makers.
    MARKET_CLOSED = 7
    EXPIRED = 8  # Its goodTil has come.
    SCHEDULED_CANCEL = 9  # The account's scheduled cancel.
    CAP_REACHED = 13  # It would have made its account's position larger than one may be.
    TRIGGER_REFUSED = 14  # A trigger fired, and its order was not taken.
    PARENT_ENDED = 15  # What a child waited for ended without a trade.
    SIBLING_FILLED = 16  # Another of its group traded.
    POSITION_CLOSED = 17  # The position that it was to close is gone.
    PROTECTION = 18  # Too much of the account's quotes traded at once.


@unique
class BalanceReason(IntEnum):
    """What moved a balance."""

    DEPOSIT = 0
    WITHDRAWAL = 1
    TRANSFER = 2
    TRADE = 3  # Realised profit and loss.
    FEE = 4
    FUNDING = 5
    LIQUIDATION_FEE = 6
    TAKEOVER = 7
    SHORTFALL_COVERED = 8
    INTEREST = 9  # On negative cash.
    COLLATERAL_SALE = 10
    SOCIALISED_LOSS = 15  # A part of a loss that positions of one side bear together; or such a loss, borne for the account.
    TAKEOVER_REWARD = 16  # What a bidder gains on the mark value of what it takes over.
    VAULT = 17  # Paid for shares of a vault, or paid out for them.


@unique
class MarketStatus(IntEnum):
    """What a market takes at the moment."""

    OPEN = 0
    POST_ONLY = 1
    CANCEL_ONLY = 2
    HALTED = 3
    SETTLED = 4


@unique
class BreakerCause(IntEnum):
    """Why a market is not simply open."""

    NONE = 0
    FAST_MOVE = 1  # Post-only for a while.
    DEEP_MOVE = 2  # Cancel-only until the index is calm.
    REOPENING = 3  # Post-only after cancel-only or a halt.
    INDEX = 4  # No valid index for long: cancel-only, then halted.


@unique
class IndexStatus(IntEnum):
    """How far an index may be trusted, in order of decline."""

    FRESH = 0
    UNCERTAIN = 1  # Fresh, but publishers disagree too much: no liquidation.
    STALE = 2  # No fresh quorum: no liquidation, no new risk.
    MISSING = 3  # No price was ever formed.


class AccountOpened(NamedTuple):
    account: AccountId
    address: Address
    master: AccountId  # 0 = none.


class AgentApproved(NamedTuple):
    account: AccountId
    agent: Address
    valid_until: TimeMs
    scope: int
    name: bytes
    markets: tuple[MarketId, ...]  # Empty: all.


class AgentRevoked(NamedTuple):
    account: AccountId
    agent: Address


class DepositCredited(NamedTuple):
    queue_index: int
    account: AccountId
    asset: AssetId
    amount: AssetUnits


class WithdrawalRequested(NamedTuple):
    withdrawal: int
    account: AccountId
    destination: Address
    asset: AssetId
    amount: AssetUnits


class TransferMade(NamedTuple):
    source: AccountId
    destination: AccountId
    asset: AssetId
    amount: AssetUnits


class BalanceChanged(NamedTuple):
    account: AccountId
    asset: AssetId
    delta: AssetUnits
    balance: AssetUnits
    reason: BalanceReason


class OrderAccepted(NamedTuple):
    """The order passed every check; fills and its rest or close follow in the same input."""

    order: OrderId
    account: AccountId
    spec: OrderSpec


class OrderRested(NamedTuple):
    """The order is in the book with this much left, behind all others at its price."""

    order: OrderId
    account: AccountId
    market: MarketId
    side: Side
    price: Price
    remaining: Lots
    client_id: int


class OrderAmended(NamedTuple):
    """Price or remaining size changed. `kept_priority` tells whether the place in the queue is the same.

    `rests`: the order is in the book at the new price with this event. Otherwise it left its old price, and fills and its rest or close
    follow in the same input.
    """

    order: OrderId
    account: AccountId
    market: MarketId
    side: Side
    old_price: Price
    old_remaining: Lots
    price: Price
    remaining: Lots
    kept_priority: bool
    rests: bool


class OrderClosed(NamedTuple):
    """`rested` tells whether `remaining` lots left the book at `price` with this event (FILLED closes have 0 remaining)."""

    order: OrderId
    account: AccountId
    market: MarketId
    side: Side
    price: Price
    remaining: Lots
    client_id: int
    reason: CloseReason
    rested: bool


class TriggerPlaced(NamedTuple):
    """A trigger waits for the mark, or (`parent` not 0) for its parent to trade."""

    order: OrderId
    account: AccountId
    spec: TriggerSpec
    grouping: Grouping
    group: OrderId  # Id of its group's first member; 0 = alone.
    parent: OrderId


class TriggerArmed(NamedTuple):
    """A child's parent has traded; it waits for the mark, for as many lots as the parent has."""

    order: OrderId
    account: AccountId
    lots: Lots


class TriggerFired(NamedTuple):
    """The mark reached the level. The order's acceptance follows, under the same id, or the trigger's close."""

    order: OrderId
    account: AccountId
    market: MarketId
    level: Price


class TriggerClosed(NamedTuple):
    """A trigger ended before it was an order; `code` is the refusal where its order was not taken, else 0."""

    order: OrderId
    account: AccountId
    market: MarketId
    reason: CloseReason
    code: int


class TwapPlaced(NamedTuple):
    """A time-sliced order runs from now on, for `seconds`."""

    twap: OrderId
    account: AccountId
    market: MarketId
    side: Side
    size: Lots
    reduce_only: bool
    seconds: int
    slippage: Ppm
    price: Price


class TwapSliced(NamedTuple):
    """A slice of `lots`: placed as `order`, whose acceptance and end follow, or (`order` 0) refused with `code`."""

    twap: OrderId
    account: AccountId
    market: MarketId
    order: OrderId
    lots: Lots
    code: int


class TwapClosed(NamedTuple):
    """A time-sliced order's end, with its terms and what it traded (`quote`: Σ price x lots); EXPIRED: its time was over."""

    twap: OrderId
    account: AccountId
    market: MarketId
    side: Side
    size: Lots
    reduce_only: bool
    seconds: int
    slippage: Ppm
    price: Price
    start: TimeMs
    filled: Lots
    quote: MicroUsd
    reason: CloseReason


class ProtectionSet(NamedTuple):
    """The account's quotes in a market are guarded from now on, in a new window; a window of 0: no longer."""

    account: AccountId
    market: MarketId
    window_ms: int
    freeze_ms: int
    quantity: Lots
    delta: Lots


class ProtectionTripped(NamedTuple):
    """A bound was reached: the account's orders there are cancelled, and none is taken until `until` (0: until it is reset)."""

    account: AccountId
    market: MarketId
    traded: Lots
    net: Lots
    until: TimeMs


class AccountNamed(NamedTuple):
    account: AccountId
    name: bytes


class OrderFilled(NamedTuple):
    """One trade. Fees are what each side paid (negative: a rebate)."""

    trade: int
    market: MarketId
    price: Price
    size: Lots
    taker_side: Side
    maker_order: OrderId
    taker_order: OrderId
    maker: AccountId
    taker: AccountId
    maker_client_id: int
    taker_client_id: int
    maker_remaining: Lots
    taker_remaining: Lots
    maker_fee: MicroUsd
    taker_fee: MicroUsd
    maker_pnl: MicroUsd
    taker_pnl: MicroUsd
    liquidation: bool


class PositionChanged(NamedTuple):
    """The position after a fill or takeover; size 0 means closed."""

    account: AccountId
    market: MarketId
    size: Lots
    entry: MicroUsd


class FundingPaid(NamedTuple):
    """Lazily settled funding of one position; negative: the account paid."""

    account: AccountId
    market: MarketId
    size: Lots
    amount: MicroUsd


class IndexSet(NamedTuple):
    index_id: IndexId
    price: MicroPrice
    confidence: MicroPrice
    status: IndexStatus
    publishers: int


class MarkSet(NamedTuple):
    market: MarketId
    index_price: Price
    mark: Price


class FundingRateSet(NamedTuple):
    market: MarketId
    rate: int  # 1e-12 per hour.
    funding_index: FundingUnits


class MarketStatusChanged(NamedTuple):
    market: MarketId
    status: MarketStatus
    cause: BreakerCause


class VolatilitySet(NamedTuple):
    """Fractions that forecast volatility asks for changed."""

    market: MarketId
    initial_ppm: int
    maintenance_ppm: int


class RevocationVoted(NamedTuple):
    """A publisher wants another's key revoked; `weight` of `total` of the others want it now."""

    publisher: Address
    voter: Address
    weight: int
    total: int


class PublisherRevoked(NamedTuple):
    """The key counts no more. `by_itself`: its own signature did it, else the others'."""

    publisher: Address
    by_itself: bool


class WithdrawalsGated(NamedTuple):
    """An account in deficit was seen: nothing leaves before `until`, later if one is seen again."""

    until: TimeMs


class LiquidationStarted(NamedTuple):
    """Of a cross portfolio (market 0) or an isolated position."""

    account: AccountId
    market: MarketId
    equity: MicroUsd
    maintenance: MicroUsd


class LiquidationEnded(NamedTuple):
    """Of a cross portfolio (market 0) or an isolated position: healthy again, or nothing is left."""

    account: AccountId
    market: MarketId
    equity: MicroUsd
    maintenance: MicroUsd


class AccountTakenOver(NamedTuple):
    """All that was left of the account went to backstop vault or insurance fund, which took its positions before."""

    account: AccountId
    by: AccountId
    cash: MicroUsd


class QueueItemConsumed(NamedTuple):
    """An L1 action was executed (`code` 0) or was a no-op for the reason `code`."""

    queue_index: int
    code: int


class CancelScheduled(NamedTuple):
    """The account's orders will be cancelled at `time`; 0: no longer, because it was cleared or has come."""

    account: AccountId
    time: TimeMs


class LeverageSet(NamedTuple):
    """The account's choice for a market; leverage 0: the market's highest."""

    account: AccountId
    market: MarketId
    leverage: int


class OrdersQueuedForCancel(NamedTuple):
    """More orders than one input cancels, or a scheduled cancel whose time has come: work ticks cancel them."""

    account: AccountId
    market: MarketId
    orders: int


Event = (
    AccountOpened | AgentApproved | AgentRevoked | DepositCredited | WithdrawalRequested | TransferMade
    | BalanceChanged | OrderAccepted | OrderRested | OrderAmended | OrderClosed | TriggerPlaced | TriggerArmed
    | TriggerFired | TriggerClosed | TwapPlaced | TwapSliced | TwapClosed | ProtectionSet | ProtectionTripped
    | AccountNamed | OrderFilled | PositionChanged | FundingPaid | IndexSet | MarkSet | FundingRateSet
    | MarketStatusChanged | VolatilitySet | RevocationVoted | PublisherRevoked | WithdrawalsGated
    | LiquidationStarted | LiquidationEnded | AccountTakenOver | TakeoverMade | PositionTakenOver | Deleveraged
    | ShortfallCovered | LossSocialised | VaultSharesChanged | VaultLeaving | QueueItemConsumed | CancelScheduled
    | OrdersQueuedForCancel | LeverageSet
)  # fmt: skip
