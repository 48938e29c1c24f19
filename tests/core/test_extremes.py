"""Whatever fits the wire fits the rules: the widest values never raise, never overflow a leaf or an operation, never lose a unit."""

from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from node.core.schedule import due_inputs
from proto.ids import INSURANCE_ADDRESS, Address, AssetId, IndexId, MarketId, OrderId
from proto.inputs import (
    DepositSeen,
    Dialect,
    IndexPrice,
    Input,
    OracleReport,
    QueueItemSeen,
    SealTick,
    UserAction,
    WorkTick,
)
from proto.intents import Intent, OrderSpec, OrderType, PlaceOrder, SelfTrade, Side, TimeInForce, encode_intent
from proto.ops import decode_op, encode_op
from proto.units import AMOUNT_MAX, LOTS_MAX, MICRO_PRICE_MAX, PRICE_MAX, AssetUnits, Lots, MicroPrice, Price, TimeMs
from tests.core.venue import PUBLISHERS, Venue, address, portrait
from tests.proto.strategies import intents

OWNERS = (address(1), address(2), INSURANCE_ADDRESS)
owners = st.sampled_from(OWNERS)
widest_amounts = st.sampled_from([1, 10**6, AMOUNT_MAX // 2, AMOUNT_MAX])
widest_prices = st.sampled_from([1, 2, 10**6, 10**12, 10**15, PRICE_MAX // 2**10 * 2**10, PRICE_MAX])
widest_sizes = st.sampled_from([1, 3, 10**6, LOTS_MAX // 2, LOTS_MAX])
index_prices = st.sampled_from([1, 10**3, 10**6, 10**9, 10**12, 10**15, MICRO_PRICE_MAX // 2, MICRO_PRICE_MAX])


def crossing(market: int, side: Side, price: int, size: int, order_type: OrderType) -> OrderSpec:
    """An order that may meet another."""
    tif = TimeInForce.IOC if order_type == OrderType.MARKET else TimeInForce.GTC
    return OrderSpec(
        MarketId(market),
        side,
        order_type,
        tif,
        Price(price),
        Lots(size),
        False,  # noqa: FBT003
        0,
        SelfTrade.EXPIRE_MAKER,
    )


orders = st.builds(
    crossing, st.sampled_from([2, 3]), st.sampled_from(Side), widest_prices, widest_sizes, st.sampled_from(OrderType)
)
Step = tuple[str, object, Address, int]
steps = st.lists(
    st.one_of(
        st.tuples(st.just("order"), orders, owners, st.integers(0, 1)),
        st.tuples(st.just("order"), orders, owners, st.integers(0, 1)),
        st.tuples(st.just("deposit"), widest_amounts, owners, st.integers(0, 1)),
        st.tuples(st.just("index"), index_prices, owners, st.integers(1, 3)),
        st.tuples(st.just("intent"), intents, owners, st.integers(0, 1)),
        st.tuples(st.just("queue"), intents, owners, st.integers(0, 1)),
        st.tuples(st.just("payload"), st.binary(max_size=40), owners, st.integers(0, 1)),
        st.tuples(st.just("wait"), st.sampled_from([1, 6_000, 3_600_000]), owners, st.integers(0, 1)),
    ),
    max_size=25,
)


class Widest:
    """A venue where everybody is rich, and the inputs of one list of steps."""

    def __init__(self) -> None:
        self.venue = Venue()
        for owner in OWNERS:
            self.venue.deposit(owner, AMOUNT_MAX)
        for index in (1, 2, 3):
            self.venue.price(index, 10**6)

    def step(self, kind: str, value: object, owner: Address, number: int) -> None:
        venue = self.venue
        venue.now += 1
        if kind == "index":
            assert isinstance(value, int)
            for publisher in PUBLISHERS:
                line = IndexPrice(IndexId(number), MicroPrice(value), MicroPrice(MICRO_PRICE_MAX))
                self.apply(OracleReport(TimeMs(venue.now), (line,), bytes(65)), publisher)
        elif kind == "wait":
            assert isinstance(value, int)
            venue.now += value
            for item in (*due_inputs(venue.state, venue.now), WorkTick(16)):
                self.apply(item)
        else:
            self.apply(self.input_of(kind, value, owner, number), owner)

    def input_of(self, kind: str, value: object, owner: Address, number: int) -> Input:
        venue = self.venue
        if kind == "deposit":
            assert isinstance(value, int)
            return DepositSeen(venue.state.queue_cursor, owner, AssetId(number), AssetUnits(value))
        if kind == "payload":
            assert isinstance(value, bytes)
            return QueueItemSeen(venue.state.queue_cursor, owner, value)
        intent: Intent
        if isinstance(value, OrderSpec):
            intent = PlaceOrder(owner, venue.now, TimeMs(0), value)
        else:
            intent = replace(value, account=owner, nonce=venue.now, expires_after=TimeMs(0))  # type: ignore[type-var, assignment]
        if kind == "queue":
            return QueueItemSeen(venue.state.queue_cursor, owner, encode_intent(intent))
        return UserAction(Dialect.NATIVE, encode_intent(intent), bytes(65), intent)

    def apply(self, item: Input, signer: Address = OWNERS[0]) -> None:
        self.venue.apply(item, signer)
        for op in self.venue.state.ops:
            data = encode_op(op)
            assert (decode_op(data).kind, *(value for _, value in decode_op(data).fields)) == op
        self.venue.state.ops = []


@given(steps)
@settings(max_examples=80, suppress_health_check=list(HealthCheck))
def test_the_widest_values_fit(chosen: list[Step]) -> None:
    widest = Widest()
    for kind, value, owner, number in chosen:
        widest.step(kind, value, owner, number)
    venue = widest.venue
    venue.seal()
    assert portrait(venue.restored()) == portrait(venue.state)


def test_a_seal_of_another_batch_changes_nothing() -> None:
    venue = Venue()
    before = portrait(venue.state)["leaves"].rows
    venue.apply(SealTick(7))
    assert portrait(venue.state)["leaves"].rows == before
    assert OrderId(venue.state.next_order) == 1
