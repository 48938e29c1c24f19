"""What a trade does to its maker's protection: it is counted, and where it reaches a bound the account's quotes there are cancelled."""

from node.core.book import resting
from node.core.book.protection import counted, is_frozen, reaches, touch
from node.core.liquidation.work import enqueue_cancels
from node.core.state import Account, Protection, State
from proto.events import CloseReason, OrderFilled, OrdersQueuedForCancel, ProtectionTripped
from proto.ids import MarketId, OrderId
from proto.intents import Side
from proto.units import Lots, TimeMs


def follow(state: State, event: OrderFilled) -> None:
    """Count a trade of a protected maker; freeze where it reaches a bound."""
    account = state.accounts[event.maker]
    protection = account.protections.get(event.market)
    if protection is None or is_frozen(protection, state.time):
        return
    traded, net = counted(protection, state.time)
    if (traded, net) == (0, 0):
        protection.since, protection.frozen_at = state.time, TimeMs(0)
    protection.traded = Lots(traded + event.size)
    protection.net = Lots(net + (event.size if event.taker_side == Side.SELL else -event.size))
    touch(state, account.id)
    if reaches(protection, protection.traded, protection.net):
        _trip(state, account, protection, event.market)


def _trip(state: State, account: Account, protection: Protection, market: MarketId) -> None:
    protection.frozen_at = state.time
    until = TimeMs(state.time + protection.freeze_ms if protection.freeze_ms else 0)
    state.events.append(ProtectionTripped(account.id, market, protection.traded, protection.net, until))
    quotes = sorted(order.id for order in account.orders.values() if order.market == market and not order.reduce_only)
    most = state.params.limits.cancels_per_input
    for number in quotes[:most]:
        resting.close(state, account, state.markets[market], account.orders[OrderId(number)], CloseReason.PROTECTION)
    if len(quotes) > most:
        enqueue_cancels(state, account.id, market, OrderId(quotes[-1]), CloseReason.PROTECTION)
        state.events.append(OrdersQueuedForCancel(account.id, market, len(quotes) - most))
