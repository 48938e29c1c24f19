"""Hypothesis strategies for every message of the protocol, bounds included."""

from hypothesis import strategies as st

from proto.ids import Address, AssetId, IndexId, MarketId, OrderId
from proto.inputs import (
    DepositSeen,
    FundingTick,
    IndexPrice,
    Input,
    OracleReport,
    QueueItemSeen,
    RevokePublisher,
    SampleTick,
    SealTick,
    WorkTick,
    user_action,
)
from proto.intents import (
    Amend,
    AmendOrder,
    AmendOrders,
    ApproveAgent,
    BuyCollateral,
    CancelAll,
    CancelByClientId,
    CancelOrder,
    CancelOrders,
    CancelTwap,
    CreateSubAccount,
    Grouping,
    Intent,
    NameAccount,
    OrderSpec,
    OrderType,
    PlaceGroup,
    PlaceOrder,
    PlaceOrders,
    PlaceScale,
    PlaceTwap,
    ResetProtection,
    RevokeAgent,
    ScheduleCancel,
    SelfTrade,
    SetLeverage,
    SetProtection,
    Side,
    TakeOver,
    TimeInForce,
    Transfer,
    TriggerKind,
    TriggerSpec,
    VaultDeposit,
    VaultWithdraw,
    Withdraw,
)
from proto.units import (
    AMOUNT_MAX,
    CLIENT_ID_MAX,
    LOTS_MAX,
    MICRO_PRICE_MAX,
    NONCE_MAX,
    PPM,
    PRICE_MAX,
    RATE_SCALE,
    TIME_MS_MAX,
    U16_MAX,
    U32_MAX,
    U64_MAX,
    AssetUnits,
    Lots,
    MicroPrice,
    Ppm,
    Price,
    TimeMs,
)

addresses = st.binary(min_size=20, max_size=20).map(Address)
times = st.integers(0, TIME_MS_MAX).map(TimeMs)
order_ids = st.integers(0, U64_MAX).map(OrderId)
client_ids = st.integers(0, CLIENT_ID_MAX)
markets = st.integers(0, U16_MAX).map(MarketId)
prices = st.integers(0, PRICE_MAX).map(Price)
sizes = st.integers(0, LOTS_MAX).map(Lots)
assets = st.integers(0, U16_MAX).map(AssetId)
amounts = st.integers(0, AMOUNT_MAX).map(AssetUnits)
head = (addresses, st.integers(0, NONCE_MAX), times)

orders = st.builds(
    OrderSpec, markets, st.sampled_from(Side), st.sampled_from(OrderType), st.sampled_from(TimeInForce), prices, sizes,
    st.booleans(), client_ids, st.sampled_from(SelfTrade), times,
)  # fmt: skip
amends = st.builds(Amend, order_ids, client_ids, prices, sizes)
triggers = st.builds(TriggerSpec, st.sampled_from(TriggerKind), prices, orders)
members = st.tuples(st.lists(orders, max_size=25), st.lists(triggers, max_size=25)).filter(lambda pair: any(pair))
named = st.tuples(st.lists(order_ids, max_size=25), st.lists(client_ids, max_size=25)).filter(lambda pair: any(pair))
intents: st.SearchStrategy[Intent] = st.one_of(
    st.builds(PlaceOrder, *head, orders),
    st.builds(PlaceOrders, *head, st.lists(orders, min_size=1, max_size=50).map(tuple)),
    st.builds(CancelOrder, *head, order_ids),
    st.builds(CancelByClientId, *head, client_ids),
    st.builds(CancelAll, *head, markets),
    st.builds(AmendOrder, *head, order_ids, client_ids, prices, sizes),
    st.builds(Withdraw, *head, addresses, assets, amounts),
    st.builds(Transfer, *head, addresses, assets, amounts),
    st.builds(
        ApproveAgent, *head, addresses, times, st.integers(0, U64_MAX), st.binary(min_size=32, max_size=32),
        st.lists(st.integers(1, U16_MAX), max_size=16, unique=True).map(lambda ids: tuple(map(MarketId, sorted(ids)))),
    ),
    st.builds(RevokeAgent, *head, addresses),
    st.builds(CreateSubAccount, *head, st.integers(0, U32_MAX)),
    st.builds(ScheduleCancel, *head, times),
    st.builds(SetLeverage, *head, st.integers(0, U16_MAX), st.integers(0, U16_MAX), st.booleans()),
    st.builds(BuyCollateral, *head, addresses, st.integers(0, U16_MAX), st.integers(0, AMOUNT_MAX)),
    st.builds(TakeOver, *head, addresses, st.integers(0, U16_MAX), st.integers(0, RATE_SCALE), st.integers(0, PPM)),
    st.builds(VaultDeposit, *head, st.integers(0, U16_MAX), st.integers(0, AMOUNT_MAX)),
    st.builds(VaultWithdraw, *head, st.integers(0, U16_MAX), st.integers(0, AMOUNT_MAX)),
    st.builds(
        lambda account, nonce, expires, pair: CancelOrders(account, nonce, expires, tuple(pair[0]), tuple(pair[1])), *head, named
    ),
    st.builds(
        lambda account, nonce, expires, grouping, pair: PlaceGroup(
            account, nonce, expires, grouping, tuple(pair[0]), tuple(pair[1])
        ),
        *head, st.sampled_from(Grouping), members,
    ),
    st.builds(
        PlaceTwap, *head, markets, st.sampled_from(Side), sizes, st.booleans(), st.integers(0, U32_MAX),
        st.integers(0, 10**6).map(Ppm), prices,
    ),
    st.builds(CancelTwap, *head, order_ids),
    st.builds(SetProtection, *head, markets, st.integers(0, U32_MAX), st.integers(0, U32_MAX), sizes, sizes),
    st.builds(ResetProtection, *head, markets),
    st.builds(NameAccount, *head, st.binary(min_size=32, max_size=32)),
    st.builds(AmendOrders, *head, st.lists(amends, min_size=1, max_size=50).map(tuple)),
    st.builds(PlaceScale, *head, orders, prices, st.integers(2, 50), st.integers(0, 10**8).map(Ppm)),
)  # fmt: skip
signatures = st.binary(min_size=65, max_size=65)
lines = st.builds(
    IndexPrice, st.integers(0, U16_MAX).map(IndexId), st.integers(0, MICRO_PRICE_MAX).map(MicroPrice),
    st.integers(0, MICRO_PRICE_MAX).map(MicroPrice),
)  # fmt: skip
revocations = st.builds(RevokePublisher, addresses, times, signatures)
reports = st.builds(
    OracleReport,
    times,
    st.lists(lines, min_size=1, max_size=8, unique_by=lambda line: line.index).map(
        lambda rows: tuple(sorted(rows, key=lambda line: line.index))
    ),
    signatures,
)
inputs: st.SearchStrategy[Input] = st.one_of(
    st.builds(user_action, intents, signatures),
    reports,
    revocations,
    st.builds(DepositSeen, st.integers(0, U64_MAX), addresses, assets, amounts),
    st.builds(QueueItemSeen, st.integers(0, U64_MAX), addresses, st.binary(max_size=200)),
    st.builds(WorkTick, st.integers(0, 256)),
    st.just(SampleTick()),
    st.just(FundingTick()),
    st.builds(SealTick, st.integers(0, U64_MAX)),
)
