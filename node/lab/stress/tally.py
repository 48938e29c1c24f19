"""What happened, counted from the rule book's own events."""

from collections import Counter
from collections.abc import Iterable

from proto.events import Event, LiquidationEnded, LiquidationStarted, OrderFilled
from proto.ids import BACKSTOP_ACCOUNT, AccountId
from proto.reject import RejectCode
from proto.waterfall_events import Deleveraged, LossSocialised, PositionTakenOver, TakeoverMade


class Tally:
    """Counters of one pass."""

    def __init__(self) -> None:
        self.reached: dict[AccountId, None] = {}
        """Accounts whose positions were reduced in the book by force, or passed on beyond it."""
        self.partial = 0
        """Liquidations that ended with the account healthy and something of its position left."""
        self.takeovers = 0
        self.backstop = 0
        self.adl = 0
        self.socialised = 0
        self.volume = 0
        self.refused: Counter[RejectCode] = Counter()

    def hear(self, events: Iterable[Event]) -> None:
        """Count one input's events."""
        for event in events:
            match event:
                case OrderFilled():
                    self.volume += event.price * event.size
                case LiquidationStarted():
                    self.reached[event.account] = None
                case LiquidationEnded():
                    self.partial += event.maintenance > 0
                case TakeoverMade():
                    self.takeovers += 1
                case PositionTakenOver():
                    self.backstop += event.by == BACKSTOP_ACCOUNT
                case Deleveraged():
                    self.adl += 1
                case LossSocialised():
                    self.socialised += 1
                case _:
                    pass
