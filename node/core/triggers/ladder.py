"""Which triggers the mark has reached, without looking at all of them.

A ladder holds the triggers of one market that wait for the mark to go one way, nearest first. A mark that reaches any queues one work item:
`level`, the farthest that it went, and `seq`, the input up to which triggers were armed when it went there. The item fires what it
covers, nearest first, one a work unit, whatever the mark does meanwhile; a trigger armed later waits for the mark to come again.

Invariants:
- What a ladder holds is a function of the armed triggers and of its items in the work queue. `late` are those armed after the first item
  was queued; entries of triggers that are gone count for nothing.
- Moving the mark costs the same however many triggers it reaches. Arming, firing and unparking cost O(log n) for each trigger; each is
  unparked at most once for each item.
"""

from heapq import heapify, heappop, heappush

from node.core.liquidation import work
from node.core.state import Ladder, Market, State, Trigger, TriggerStatus, TriggerWork
from proto.ids import OrderId
from proto.units import Price

_SLACK = 64


def ladder_of(market: Market, *, above: bool) -> Ladder:
    """The ladder of those that wait for a rise, or for a fall."""
    return market.rises if above else market.falls


def key_of(level: int, *, above: bool) -> int:
    """Grows away from the mark."""
    return level if above else -level


def _is_live(state: State, key: int, number: OrderId) -> bool:
    trigger = state.triggers.get(number)
    return (
        trigger is not None
        and trigger.status == TriggerStatus.ARMED
        and key_of(trigger.level, above=trigger.above) == key
    )


def _top(state: State, ladder: Ladder) -> tuple[int, OrderId] | None:
    """The nearest live entry; dead ones before it are dropped."""
    heap = ladder.armed
    while heap and not _is_live(state, *heap[0]):
        heappop(heap)
    return heap[0] if heap else None


def _armed_since(state: State, ladder: Ladder, seq: int) -> bool:
    """Whether a live trigger was armed after input `seq` and while work was queued."""
    late = ladder.late
    while late and not _is_live(state, late[-1][1], late[-1][2]):
        late.pop()
    return bool(late) and late[-1][0] > seq


def add(state: State, market: Market, trigger: Trigger) -> None:
    """Enter a trigger that is armed now."""
    ladder = ladder_of(market, above=trigger.above)
    key = key_of(trigger.level, above=trigger.above)
    if ladder.items:
        ladder.late.append((trigger.since, key, trigger.id))
    else:
        heappush(ladder.armed, (key, trigger.id))
    if len(ladder.armed) > _SLACK + 2 * len(state.triggers):
        ladder.armed[:] = [entry for entry in ladder.armed if _is_live(state, *entry)]
        heapify(ladder.armed)
    if len(ladder.late) > _SLACK + 2 * len(state.triggers):
        ladder.late[:] = [entry for entry in ladder.late if _is_live(state, entry[1], entry[2])]


def mark_moved(state: State, market: Market) -> None:
    """Queue what the mark has reached. To be called whenever the mark, or what waits for it, has changed."""
    for above in (True, False):
        ladder = ladder_of(market, above=above)
        if ladder.items:
            _extend(state, market, ladder, above=above)
        elif ladder.armed:
            nearest = _top(state, ladder)
            if nearest is not None and nearest[0] <= key_of(market.mark, above=above):
                _queue(state, market, ladder, above=above)


def _extend(state: State, market: Market, ladder: Ladder, *, above: bool) -> None:
    last, mark = ladder.items[-1], market.mark
    if _armed_since(state, ladder, last.seq):
        _queue(state, market, ladder, above=above)
    elif key_of(mark, above=above) > key_of(last.level, above=above):
        last.level = mark
        work.touch_item(state, last)


def _queue(state: State, market: Market, ladder: Ladder, *, above: bool) -> None:
    item = TriggerWork(market.params.id, above, Price(market.mark), state.seq, state.time)
    ladder.items.append(item)
    work.add(state, item)


def take_reached(state: State, market: Market, item: TriggerWork) -> Trigger | None:
    """The nearest trigger that the ladder's first item covers, taken off the ladder; None: there is none left."""
    ladder = ladder_of(market, above=item.above)
    assert ladder.items[0] is item, "items of a ladder are worked in order"
    nearest = _top(state, ladder)
    if nearest is None or nearest[0] > key_of(item.level, above=item.above):
        return None
    heappop(ladder.armed)
    return state.triggers[nearest[1]]


def finish(state: State, market: Market, item: TriggerWork) -> None:
    """Remove an item that is done; what the next one covers, or everything where there is none, leaves `late`."""
    work.finish(state, item)
    ladder = ladder_of(market, above=item.above)
    ladder.items.pop(0)
    unpark(ladder)


def unpark(ladder: Ladder) -> None:
    """Bring `late` to what its invariant says."""
    upto = ladder.items[0].seq if ladder.items else None
    kept: list[tuple[int, int, OrderId]] = []
    for since, key, number in ladder.late:
        if upto is None or since <= upto:
            heappush(ladder.armed, (key, number))
        else:
            kept.append((since, key, number))
    ladder.late = kept


def restore(market: Market, trigger: Trigger) -> None:
    """Enter an armed trigger of a restored state; they come in the order in which they were armed."""
    ladder = ladder_of(market, above=trigger.above)
    key = key_of(trigger.level, above=trigger.above)
    if ladder.items and trigger.since > ladder.items[0].seq:
        ladder.late.append((trigger.since, key, trigger.id))
    else:
        heappush(ladder.armed, (key, trigger.id))
