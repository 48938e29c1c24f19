"""Leaf layouts of the work queue: key 0 is the schedule, key 2 + s the item in slot s (key 1: guards).

* schedule: next sample; next funding; number of the next item; slots ever used at once.
* item: kind8 at the top, number64|notBefore64 at the bottom; then by kind
  1 liquidation: account32|market16|target16|cursor64|since64; reserved; accounts ranked so far, eight u32 a word from the high end;
  2 cancel: account32|market16|reason16|0|last64; zero;   3 unwind: account32|market16|0; zero;
  4 leaving a vault: account32|vault16|0; shares;   10 triggers: 0|market16|above16|0|seq64; level.
"""

from typing import Final

from node.core.liquidation import work
from node.core.state import CancelWork, LeaveWork, LiquidateWork, State, TriggerWork, UnwindWork, WorkItem
from proto.events import CloseReason
from proto.hashing import word
from proto.ids import AccountId, MarketId, OrderId, Slot, VaultId
from proto.units import MicroUsd, Price, TimeMs

_WORD: Final = 32
_SCHEDULE: Final = 0
_LIQUIDATE, _CANCEL, _UNWIND, _LEAVE, _TRIGGER = 1, 2, 3, 4, 10
_U64: Final = (1 << 64) - 1
_U16: Final = (1 << 16) - 1


def encode_work(state: State, key: int) -> bytes:
    """Leaf words of the schedule, or of the item at `key`; empty where the slot is free."""
    if key == _SCHEDULE:
        return b"".join(map(word, (state.next_sample, state.next_funding, state.next_work, state.work_slots)))
    item = state.work.get(work.slot_of(key))
    return b"" if item is None else _encode_item(item)


def _encode_item(item: WorkItem) -> bytes:
    ranked: tuple[int, ...] = ()
    kind = second = third = 0
    match item:
        case LiquidateWork():
            kind, second, third = _LIQUIDATE, item.target << 128 | item.cursor << 64 | item.since, int(item.reserved)
            second |= item.account << 160 | item.market << 144
            ranked = item.ranked
        case CancelWork():
            kind, third = _CANCEL, 0
            second = item.account << 160 | item.market << 144 | item.reason << 128 | item.last
        case TriggerWork():
            kind, second, third = _TRIGGER, item.market << 144 | item.above << 128 | item.seq, int(item.level)
        case UnwindWork():
            kind, second, third = _UNWIND, item.account << 160 | item.market << 144, 0
        case LeaveWork():
            kind, second, third = _LEAVE, item.account << 160 | item.vault << 144, item.shares
    packed = b"".join(number.to_bytes(4, "big") for number in ranked)
    packed += bytes(-len(packed) % _WORD)
    return word(kind << 248 | item.number << 64 | item.not_before) + word(second) + word(third) + packed


def decode_work_into(state: State, key: int, leaf: bytes) -> None:
    """Fill the schedule, or enter the item of a leaf."""
    words = [int.from_bytes(leaf[at : at + _WORD], "big") for at in range(0, len(leaf), _WORD)]
    if key == _SCHEDULE:
        state.next_sample, state.next_funding, state.next_work, state.work_slots = (
            TimeMs(words[0]), TimeMs(words[1]), words[2], words[3],
        )  # fmt: skip
        return
    item = _decode_item(words, leaf[3 * _WORD :])
    item.number, item.slot = words[0] >> 64 & _U64, work.slot_of(key)
    state.work[item.slot] = item


def _decode_item(words: list[int], packed: bytes) -> WorkItem:
    not_before, second, third = TimeMs(words[0] & _U64), words[1], words[2]
    account, market, low = AccountId(second >> 160), MarketId(second >> 144 & _U16), second & _U64
    match words[0] >> 248:
        case 1:
            return LiquidateWork(
                account, market, not_before, TimeMs(low), MicroUsd(third), MarketId(second >> 128 & _U16),
                AccountId(second >> 64 & _U64), _decode_ranked(packed),
            )  # fmt: skip
        case 2:
            return CancelWork(account, market, OrderId(low), CloseReason(second >> 128 & _U16), not_before)
        case 3:
            return UnwindWork(account, market, not_before)
        case 4:
            return LeaveWork(account, VaultId(market), third, not_before)
        case kind:
            assert kind == _TRIGGER, "every kind has an arm"
            return TriggerWork(market, bool(second >> 128 & _U16), Price(third), low, not_before)


def _decode_ranked(packed: bytes) -> tuple[AccountId, ...]:
    numbers = (int.from_bytes(packed[at : at + 4], "big") for at in range(0, len(packed), 4))
    return tuple(AccountId(number) for number in numbers if number)


def rebuild_queue(state: State) -> None:
    """What is derived of the queue, once all items are there."""
    for item in work.queue(state):
        work.remember(state, item)
        state.work_heap.append((item.not_before, item.number, item.slot))
    state.free_work = [slot for slot in range(state.work_slots) if Slot(slot) not in state.work]
