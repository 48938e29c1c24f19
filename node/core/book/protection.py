"""Market-maker protection: a market maker's quotes are not all taken before it can look.

In a window that begins with a trade and lasts `window_ms`, trades of the account's resting orders in a market are added up: lots, and lots
net of direction. The trade that reaches a bound is the last: inside a match the account's next orders are cancelled instead of met, after
it all of its orders there are, reduce-only ones excepted, and new ones are refused until the protection is reset or `freeze_ms` are over.
Invariant: `state.protected` are the accounts that have any; for all others nothing is looked up.
"""

from node.core.state import Account, Order, Protection, State
from proto.ids import AccountId, MarketId
from proto.intents import Side
from proto.ledger import Section


def touch(state: State, account: AccountId) -> None:
    """Mark the account's venue leaf for the next seal."""
    state.touched[Section.VENUE_ACCOUNTS][account] = None


def is_frozen(protection: Protection, time: int) -> bool:
    """Whether orders are refused now."""
    if protection.frozen_at == 0:
        return False
    return protection.freeze_ms == 0 or time < protection.frozen_at + protection.freeze_ms


def frozen(state: State, account: Account, market: MarketId) -> bool:
    """Whether the account may place no orders there now that are not reduce-only."""
    protection = account.protections.get(market)
    return protection is not None and is_frozen(protection, state.time)


def reaches(protection: Protection, traded: int, net: int) -> bool:
    """Whether a bound is reached with so much traded."""
    return 0 < protection.quantity <= traded or 0 < protection.delta <= abs(net)


def counted(protection: Protection, time: int) -> tuple[int, int]:
    """Lots traded, and net, in the window that `time` is in; a new one begins with the next trade."""
    over = time >= protection.since + protection.window_ms or protection.frozen_at != 0
    return (0, 0) if over else (protection.traded, protection.net)


class Watch:
    """What one match has traded with protected accounts so far, on top of what the state counts."""

    __slots__ = ("_seen", "_state")

    def __init__(self, state: State) -> None:
        self._state = state
        self._seen: dict[AccountId, tuple[int, int]] = {}

    def stops(self, maker: Order) -> bool:
        """Whether the maker's account has reached a bound, so that this order is cancelled instead of met."""
        protection = self._state.accounts[maker.account].protections.get(maker.market)
        if protection is None or maker.reduce_only:
            return False
        if is_frozen(protection, self._state.time):
            return True
        return reaches(protection, *self._with(maker, protection))

    def _with(self, maker: Order, protection: Protection) -> tuple[int, int]:
        found = self._seen.get(maker.account)
        return counted(protection, self._state.time) if found is None else found

    def traded(self, maker: Order, lots: int) -> None:
        """The match has traded so many lots with it."""
        protection = self._state.accounts[maker.account].protections.get(maker.market)
        if protection is not None:
            before, net = self._with(maker, protection)
            self._seen[maker.account] = (before + lots, net + (lots if maker.side == Side.BUY else -lots))
