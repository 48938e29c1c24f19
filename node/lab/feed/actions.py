"""What a recorded row is as a signed action.

A = limit order that rests, R and M = amend by client id (the size is what shall remain), X = cancel by client id, T = immediate-or-cancel
limit order. The client id is the file's order number; sizes are lots; one tick is one USDC.
"""

from typing import Final

from node.lab.feed.rows import ADD, CANCEL, TAKE, Row
from proto.ids import Address, MarketId, OrderId
from proto.intents import (
    AmendOrder,
    CancelByClientId,
    Intent,
    OrderSpec,
    OrderType,
    PlaceOrder,
    SelfTrade,
    TimeInForce,
)
from proto.units import Lots, Price, TimeMs

_NO_EXPIRY: Final = TimeMs(0)


def action_of(row: Row, account: Address, nonce: int, market: MarketId, unit: int) -> Intent:
    """The intent of a row; `unit`: price units of one tick."""
    if row.kind == CANCEL:
        return CancelByClientId(account, nonce, _NO_EXPIRY, row.order)
    price, size = Price(row.price_ticks * unit), Lots(row.size)
    if row.kind in (ADD, TAKE):
        in_force = TimeInForce.GTC if row.kind == ADD else TimeInForce.IOC
        order = OrderSpec(
            market, row.side, OrderType.LIMIT, in_force, price, size,
            reduce_only=False, client_id=row.order, self_trade=SelfTrade.EXPIRE_MAKER,
        )  # fmt: skip
        return PlaceOrder(account, nonce, _NO_EXPIRY, order)
    return AmendOrder(account, nonce, _NO_EXPIRY, OrderId(0), row.order, price, size)
