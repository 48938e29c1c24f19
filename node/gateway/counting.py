"""How much an action asks for: the requests that limits and budgets count, and which of them only take orders out."""

from typing import Final

from node.core.state import Account
from proto.hl.actions import (
    HlAction,
    HlCancel,
    HlCancelByCloid,
    HlL1Request,
    HlModify,
    HlPlace,
    HlScheduleCancel,
    HlTwapCancel,
    HlUserRequest,
)
from proto.inputs import UserAction
from proto.intents import (
    AmendOrders,
    CancelAll,
    CancelByClientId,
    CancelOrder,
    CancelOrders,
    CancelTwap,
    Intent,
    PlaceGroup,
    PlaceOrders,
    PlaceScale,
    ScheduleCancel,
)

_CANCELS: Final = (
    CancelByClientId, CancelOrder, CancelOrders, CancelAll, CancelTwap, ScheduleCancel, HlCancel, HlCancelByCloid, HlTwapCancel,
    HlScheduleCancel,
)  # fmt: skip


def _action(item: UserAction) -> Intent | HlAction | HlUserRequest:
    intent = item.intent
    return intent.action if isinstance(intent, HlL1Request) else intent


def requests_of(item: UserAction) -> int:
    """Orders or cancels of an action; 1 for any other."""
    match _action(item):
        case PlaceOrders(orders=rows) | HlPlace(orders=rows):
            return len(rows)
        case AmendOrders(amends=rows) | HlModify(modifies=rows):
            return len(rows)
        case CancelOrders(order_ids=orders, client_ids=clients):
            return len(orders) + len(clients)
        case HlCancel(cancels=rows) | HlCancelByCloid(cancels=rows):
            return len(rows)
        case PlaceGroup(orders=placed, triggers=waiting):
            return len(placed) + len(waiting)
        case PlaceScale(count=count):
            return count
        case _:
            return 1


def only_cancels(item: UserAction) -> bool:
    """Whether an action only takes orders out."""
    return isinstance(_action(item), _CANCELS)


def _is_open(account: Account, order: int) -> bool:
    return order in account.orders or order in account.triggers


def cancels_open(account: Account, item: UserAction) -> bool:
    """Whether everything that an action cancels is open: no more such actions can come than orders were placed."""
    match _action(item):
        case CancelOrder(order_id=order):
            return _is_open(account, order)
        case CancelByClientId(client_id=client):
            return client in account.clients
        case CancelOrders(order_ids=orders, client_ids=clients):
            return all(_is_open(account, order) for order in orders) and all(client in account.clients for client in clients)
        case HlCancel(cancels=rows):
            return all(_is_open(account, order) for _, order in rows)
        case HlCancelByCloid(cancels=rows):
            return all(client in account.clients for _, client in rows)
        case CancelAll():
            return bool(account.orders or account.triggers or account.twaps)
        case CancelTwap(twap_id=twap) | HlTwapCancel(twap_id=twap):
            return twap in account.twaps
        case _:
            return False
