"""What an account has open, of whatever kind, and how each is ended."""

from node.core.book import resting
from node.core.state import Account, Order, State, Trigger, Twap
from node.core.triggers import registry
from node.core.twap import schedule
from proto.events import CloseReason
from proto.ids import ALL_MARKETS, MarketId, OrderId
from proto.reject import RejectCode

Open = Order | Trigger
"""What has an order id by which it is cancelled alone."""


def find(state: State, account: Account, order_id: OrderId, client_id: int) -> Open | RejectCode:
    """The account's open order or waiting trigger with this id, or where it is 0 with this client id."""
    if order_id == 0:
        return account.clients.get(client_id) or RejectCode.ORDER_UNKNOWN
    found = state.orders.get(order_id) or account.triggers.get(order_id)
    if found is None:
        other = state.triggers.get(order_id)
        return RejectCode.ORDER_UNKNOWN if other is None else RejectCode.ORDER_NOT_YOURS
    return found if found.account == account.id else RejectCode.ORDER_NOT_YOURS


def has_open(account: Account, market: MarketId) -> bool:
    """Whether anything of the account is open there. Costs no walk over its orders: a refusal must not."""
    if market == ALL_MARKETS:
        return bool(account.orders or account.triggers or account.twaps)
    position = account.positions.get(market)
    if position is not None and position.orders:
        return True
    return any(item.market == market for item in account.triggers.values()) or any(
        item.market == market for item in account.twaps.values()
    )


def matching(account: Account, market: MarketId, last: OrderId) -> list[Open | Twap]:
    """All that is open there with ids up to `last`, oldest first. The account's caps bound the walk."""
    found: list[Open | Twap] = [*account.orders.values(), *account.triggers.values(), *account.twaps.values()]
    found = [item for item in found if item.id <= last and market in (ALL_MARKETS, item.market)]
    found.sort(key=lambda item: item.id)
    return found


def end(state: State, account: Account, item: Open | Twap, reason: CloseReason) -> None:
    """End one of these."""
    if isinstance(item, Twap):
        schedule.stop(state, account, item, reason)
    elif isinstance(item, Order):
        resting.close(state, account, state.markets[item.market], item, reason)
    else:
        registry.close(state, account, item, reason)
