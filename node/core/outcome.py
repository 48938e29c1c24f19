"""What applying one input yields: events and results, or one typed refusal."""

from dataclasses import dataclass
from enum import IntEnum, unique
from typing import NamedTuple

from proto.events import Event
from proto.ids import OrderId
from proto.reject import RejectCode
from proto.units import Lots, MicroUsd


@unique
class OrderState(IntEnum):
    """Where one order of an action stands after it."""

    RESTING = 0
    FILLED = 1
    CANCELLED = 2
    REFUSED = 3
    WAITING = 4  # A trigger: for the mark.
    WAITING_PARENT = 5  # A child: for its parent to trade.


class OrderResult(NamedTuple):
    """Per order of an action. `code` is 0 or the RejectCode of this order; `quote` is Σ price x lots of its fills now."""

    code: int
    order: OrderId
    state: OrderState
    filled: Lots
    remaining: Lots
    quote: MicroUsd


class ValueResult(NamedTuple):
    """A number that the action gave: withdrawal index, account id, count of orders cancelled."""

    value: int


Result = OrderResult | ValueResult


def refused_order(code: RejectCode) -> OrderResult:
    """The result of an order that was not accepted."""
    return OrderResult(code.value, OrderId(0), OrderState.REFUSED, Lots(0), Lots(0), MicroUsd(0))


@dataclass(frozen=True, slots=True)
class Applied:
    """The input took effect. Operator inputs that found nothing to do are applied too, without events."""

    events: tuple[Event, ...]
    results: tuple[Result, ...]


@dataclass(frozen=True, slots=True)
class Rejected:
    """The input changed nothing, except the nonce it used where the signer is known."""

    code: RejectCode


Outcome = Applied | Rejected
