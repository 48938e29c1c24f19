"""The client's actions on several orders at once. `NovateClient` has them; all amounts are in protocol units.

Each raises RefusedError where the action as a whole is refused, OutcomeUnknownError and NotConnectedError; the answers of a batch have
their own codes (`OrderAnswer.check` raises for one).
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Final

from node.client.answers import Ack, OrderAnswer
from proto.ids import Address, OrderId
from proto.intents import (
    Amend,
    AmendOrders,
    CancelOrders,
    Grouping,
    Intent,
    OrderSpec,
    PlaceGroup,
    PlaceScale,
    TriggerSpec,
)
from proto.units import PPM, Ppm, Price, TimeMs

_EQUAL: Final = Ppm(PPM)


class OrderActions(ABC):
    """What needs nothing but signing and sending."""

    @abstractmethod
    async def act(self, intent: Intent) -> Ack:
        """Sign, send, wait."""

    @abstractmethod
    def head(self, expires_after: TimeMs = ...) -> tuple[Address, int, TimeMs]:
        """Account, a fresh nonce, expiry."""

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
