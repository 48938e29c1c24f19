"""The client's actions on open orders, and on several at once. `NovateClient` has them; all amounts are in protocol units.

Each raises RefusedError where the action as a whole is refused, OutcomeUnknownError and NotConnectedError; the answers of a batch have
their own codes (`OrderAnswer.check` raises for one).
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Final

from node.client.answers import Ack, OrderAnswer
from proto.ids import ALL_MARKETS, Address, MarketId, OrderId
from proto.intents import (
    Amend,
    AmendOrder,
    AmendOrders,
    CancelAll,
    CancelByClientId,
    CancelOrder,
    CancelOrders,
    CancelTwap,
    Grouping,
    Intent,
    NameAccount,
    OrderSpec,
    PlaceGroup,
    PlaceScale,
    PlaceTwap,
    ResetProtection,
    ScheduleCancel,
    SetProtection,
    Side,
    TriggerSpec,
)
from proto.units import PPM, Lots, Ppm, Price, TimeMs

_EQUAL: Final = Ppm(PPM)
_SLIPPAGE: Final = Ppm(30_000)
_NO_BOUND: Final = Price(0)
_NO_LOTS: Final = Lots(0)


class OrderActions(ABC):
    """What needs nothing but signing and sending."""

    @abstractmethod
    async def act(self, intent: Intent) -> Ack:
        """Sign, send, wait."""

    @abstractmethod
    def head(self, expires_after: TimeMs = ...) -> tuple[Address, int, TimeMs]:
        """Account, a fresh nonce, expiry."""

    async def cancel(self, order: OrderId) -> OrderAnswer:
        """Cancel an open order by id."""
        ack = await self.act(CancelOrder(*self.head(), order))
        return ack.orders()[0].check(ack.seq)

    async def cancel_client_id(self, client_id: int) -> OrderAnswer:
        """Cancel an open order by its client id."""
        ack = await self.act(CancelByClientId(*self.head(), client_id))
        return ack.orders()[0].check(ack.seq)

    async def cancel_all(self, market: MarketId = ALL_MARKETS) -> int:
        """Cancel every open order of a market, or of all. Returns how many."""
        return (await self.act(CancelAll(*self.head(), market))).value()

    async def schedule_cancel(self, time: TimeMs) -> None:
        """Have all orders of the account cancelled at `time` (ms since the epoch, at least 5 s ahead); 0 clears it."""
        await self.act(ScheduleCancel(*self.head(), time))

    async def amend(self, order: OrderId, price: Price, remaining: Lots, *, client_id: int = 0) -> OrderAnswer:
        """Give an open order a new price and remaining size; by client id where `order` is 0."""
        ack = await self.act(AmendOrder(*self.head(), order, client_id, price, remaining))
        return ack.orders()[0].check(ack.seq)

    async def cancel_many(self, orders: Sequence[OrderId] = (), client_ids: Sequence[int] = ()) -> list[OrderAnswer]:
        """Cancel up to 50 open orders by id or by client id; answers stand in that order, ids first."""
        return (await self.act(CancelOrders(*self.head(), tuple(orders), tuple(client_ids)))).orders()

    async def amend_many(self, amends: Sequence[Amend]) -> list[OrderAnswer]:
        """Give up to 50 open orders a new price and remaining size."""
        return (await self.act(AmendOrders(*self.head(), tuple(amends)))).orders()

    async def place_scale(
        self, order: OrderSpec, last_price: Price, count: int, skew: Ppm = _EQUAL
    ) -> list[OrderAnswer]:
        """Place `count` (2…50) orders at even steps from the price of `order` to `last_price`, with `order.size` lots together.

        `skew`: the last order's size as a part of the first's, in ppm. With a client id in `order`, the others have the next numbers.
        """
        return (await self.act(PlaceScale(*self.head(), order, last_price, count, skew))).orders()

    async def place_group(
        self, grouping: Grouping, orders: Sequence[OrderSpec] = (), triggers: Sequence[TriggerSpec] = ()
    ) -> list[OrderAnswer]:
        """Place orders and triggers that may depend on each other; answers stand in that order, orders first.

        `Grouping.NONE`: up to 50, each for itself. `CHILDREN`: one order (or the first trigger) is the parent, the others wait for its
        fills and cancel one another. `POSITION`: triggers that close the position of their market; size 0 is all of it. `PAIR`: two,
        at most one of them an order; whichever trades first cancels the other. Of a real group all are placed or none is.
        """
        return (await self.act(PlaceGroup(*self.head(), grouping, tuple(orders), tuple(triggers)))).orders()

    async def place_trigger(self, trigger: TriggerSpec) -> OrderAnswer:
        """Place one order that waits for the mark to reach a level."""
        ack = await self.act(PlaceGroup(*self.head(), Grouping.NONE, (), (trigger,)))
        return ack.orders()[0].check(ack.seq)

    async def place_twap(
        self,
        market: MarketId,
        side: Side,
        size: Lots,
        seconds: int,
        *,
        slippage: Ppm = _SLIPPAGE,
        price: Price = _NO_BOUND,
        reduce_only: bool = False,
    ) -> OrderId:
        """Trade `size` lots in a slice each 30 s over `seconds` (300…86,400, whole slices), each at most `slippage` ppm from the mark.

        What a slice leaves is caught up with, at most three slices at a time. Returns its id; `account` and `twaps` tell how it goes.
        """
        ack = await self.act(PlaceTwap(*self.head(), market, side, size, reduce_only, seconds, slippage, price))
        return OrderId(ack.value())

    async def cancel_twap(self, twap: OrderId) -> Lots:
        """End a time-sliced order. Returns the lots that it traded."""
        return Lots((await self.act(CancelTwap(*self.head(), twap))).value())

    async def set_protection(
        self, market: MarketId, window_ms: int, *, quantity: Lots = _NO_LOTS, delta: Lots = _NO_LOTS, freeze_ms: int = 0
    ) -> None:
        """Guard the account's quotes in a market: what trades in a window, in lots and in lots net of direction (0: no bound).

        The trade that reaches a bound cancels them, reduce-only ones excepted, and none is taken for `freeze_ms`, or (0) until
        `reset_protection`. A window of 0 takes the protection away.
        """
        await self.act(SetProtection(*self.head(), market, window_ms, freeze_ms, quantity, delta))

    async def reset_protection(self, market: MarketId) -> None:
        """Take quotes there again, in a new window."""
        await self.act(ResetProtection(*self.head(), market))

    async def name_account(self, name: str) -> None:
        """Give the account a name of at most 32 bytes; an empty one takes it away."""
        await self.act(NameAccount(*self.head(), name.encode().ljust(32, b"\0")))
