"""Leaf layouts of what waits: triggers and time-sliced orders to 32-byte words and back.

* trigger: grouping4|status4|kind4 above id64|account32|market16|side4|type4|tif8|stp4|reduceOnly4 in the low bytes, as an order's;
  level64|price64|size64|lots64; goodTil64|clientId128|time64; since64|parent64|group64.
* time-sliced order: kind 15 above id64|account32|market16|side4|0|reduceOnly4 likewise; price64|size64|filled64|start64;
  quote128|0|nextSlice32|seconds32|slippage32.
"""

from node.core.state import Trigger, TriggerStatus, Twap
from proto.ids import AccountId, MarketId, OrderId, Slot
from proto.intents import Grouping, OrderType, SelfTrade, Side, TimeInForce, TriggerKind
from proto.units import Lots, MicroUsd, Ppm, Price, TimeMs

_WORD = 32
_U64 = (1 << 64) - 1
_U32 = (1 << 32) - 1
_TWAP = 15  # In place of a trigger's kind.


def encode_trigger(trigger: Trigger) -> bytes:
    """Leaf words of a trigger."""
    flags = (
        trigger.grouping << 144
        | trigger.status << 140
        | trigger.kind << 136
        | trigger.id << 72
        | trigger.account << 40
        | trigger.market << 24
        | trigger.side << 20
        | trigger.order_type << 16
        | trigger.time_in_force << 8
        | trigger.self_trade << 4
        | trigger.reduce_only
    )
    words = (
        flags,
        trigger.level << 192 | trigger.price << 128 | trigger.size << 64 | trigger.lots,
        trigger.good_til << 192 | trigger.client_id << 64 | trigger.time,
        trigger.since << 128 | trigger.parent << 64 | trigger.group,
    )
    return b"".join(word.to_bytes(_WORD, "big") for word in words)


def encode_waiting(item: Trigger | Twap) -> bytes:
    """Leaf words of what holds a slot."""
    return encode_twap(item) if isinstance(item, Twap) else encode_trigger(item)


def encode_twap(twap: Twap) -> bytes:
    """Leaf words of a time-sliced order."""
    flags = _TWAP << 136 | twap.id << 72 | twap.account << 40 | twap.market << 24 | twap.side << 20 | twap.reduce_only
    words = (
        flags,
        twap.price << 192 | twap.size << 128 | twap.filled << 64 | twap.start,
        twap.quote << 128 | twap.next_slice << 64 | twap.seconds << 32 | twap.slippage,
    )
    return b"".join(word.to_bytes(_WORD, "big") for word in words)


def decode_waiting(slot: int, leaf: bytes) -> Trigger | Twap:
    """The inverse of `encode_waiting`."""
    words = [int.from_bytes(leaf[at : at + _WORD], "big") for at in range(0, len(leaf), _WORD)]
    return _twap(slot, words) if words[0] >> 136 & 0xF == _TWAP else _trigger(slot, words)


def _twap(slot: int, words: list[int]) -> Twap:
    flags, numbers, clock = words
    return Twap(
        OrderId(flags >> 72 & _U64), AccountId(flags >> 40 & _U32), MarketId(flags >> 24 & 0xFFFF), Side(flags >> 20 & 0xF),
        Lots(numbers >> 128 & _U64), bool(flags & 0xF), clock >> 32 & _U32, Ppm(clock & _U32), Price(numbers >> 192),
        TimeMs(numbers & _U64), clock >> 64 & _U32, Lots(numbers >> 64 & _U64), MicroUsd(clock >> 128), Slot(slot),
    )  # fmt: skip


def _trigger(slot: int, words: list[int]) -> Trigger:
    flags, numbers, client, links = words
    return Trigger(
        OrderId(flags >> 72 & _U64), AccountId(flags >> 40 & _U32), MarketId(flags >> 24 & 0xFFFF), Side(flags >> 20 & 0xF),
        OrderType(flags >> 16 & 0xF), TimeInForce(flags >> 8 & 0xFF), bool(flags & 0xF), SelfTrade(flags >> 4 & 0xF),
        TriggerKind(flags >> 136 & 0xF), Price(numbers >> 192), Price(numbers >> 128 & _U64), Lots(numbers >> 64 & _U64),
        client >> 64 & (1 << 128) - 1, TimeMs(client & _U64), TimeMs(client >> 192), TriggerStatus(flags >> 140 & 0xF),
        Grouping(flags >> 144 & 0xF), OrderId(links & _U64), OrderId(links >> 64 & _U64), Lots(numbers & _U64), links >> 128,
        Slot(slot),
    )  # fmt: skip
