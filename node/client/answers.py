"""Typed answers of a node."""

from typing import Any, NamedTuple

from node.client.errors import ProtocolError, RefusedError
from node.core.outcome import OrderState
from proto.frames import FrameKind
from proto.ids import Address, OrderId
from proto.reject import SENTENCES, RejectCode
from proto.signing.eip712 import Domain
from proto.units import Lots, MicroUsd
from proto.version import FRAME_VERSION


class OrderAnswer(NamedTuple):
    """One order of an action. `quote` is Σ price x lots of its fills now, micro-USDC."""

    code: int
    order: OrderId
    state: OrderState
    filled: Lots
    remaining: Lots
    quote: MicroUsd

    def check(self, seq: int) -> "OrderAnswer":
        """Itself, or RefusedError where this order was refused."""
        if self.code:
            known = self.code in RejectCode._value2member_map_
            name = RejectCode(self.code).name if known else "UNKNOWN"
            raise RefusedError(self.code, name, SENTENCES[RejectCode(self.code)] if known else "", seq=seq)
        return self


class Ack(NamedTuple):
    """The action is durable under `seq`. `results`: six numbers per order, or one value; see `orders` and `value`."""

    seq: int
    time: int
    results: list[list[int]]

    def orders(self) -> list[OrderAnswer]:
        """Results of an action with orders, one per order."""
        return [
            OrderAnswer(row[0], OrderId(row[1]), OrderState(row[2]), Lots(row[3]), Lots(row[4]), MicroUsd(int(row[5])))
            for row in self.results
        ]

    def value(self) -> int:
        """Result of an action that gives a number: withdrawal index, account id, orders cancelled."""
        return int(self.results[0][0])


class Reply(NamedTuple):
    """Answer to a query: `value` contains everything up to `seq`."""

    seq: int
    value: Any


class StreamEvent(NamedTuple):
    """One event of a stream, or a snapshot where `snapshot` gives the reason for one: then `data` replaces all that was known."""

    number: int
    seq: int
    time: int
    data: Any
    snapshot: str = ""


class Hello(NamedTuple):
    """What the node says first."""

    domain: Domain
    network: str
    genesis: bytes
    seq: int
    time: int
    facts: dict[str, Any]


def hello_of(items: list[Any]) -> Hello:
    """The greeting in a HELLO frame. Raises ProtocolError."""
    if items[0] != FrameKind.HELLO:
        raise ProtocolError("the node did not say HELLO first")
    facts = items[2]
    if facts.get("frame_version") != FRAME_VERSION:
        raise ProtocolError(f"the node speaks frame version {facts.get('frame_version')}, this client {FRAME_VERSION}")
    domain = Domain(facts["chain_id"], Address(facts["contract"]))
    return Hello(domain, facts["network"], facts["genesis"], facts["seq"], facts["time"], facts)


def refused_of(items: list[Any]) -> RefusedError:
    """The refusal in a REFUSAL frame."""
    return RefusedError(items[3], items[4], items[5], items[6], items[2], items[7], items[8])
