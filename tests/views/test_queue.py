"""The per-order feed: a snapshot and every event after it give the book's queues exactly, on random traces and on real order flow."""

import random
from pathlib import Path
from typing import Any

import msgpack
import pytest

from node.client.answers import StreamEvent
from node.client.streams import QueueMirror
from node.core.genesis import genesis_state
from node.core.outcome import Applied
from node.core.state import Market
from node.lab.bench.flow import find_recorded, load_flow
from node.lab.bench.venue import Signed, Venue
from node.views.streams import EventBytes, StreamKey, StreamName
from node.views.venue import Views
from proto.ids import Seq
from proto.inputs import user_action
from tests.sequencer.venue import PARAMS
from tests.views.trace import memory_table, new_views, steps

ROOT = Path(__file__).parents[2]


def wire(value: Any) -> Any:
    """As a client reads it."""
    return msgpack.unpackb(msgpack.packb(value))


def queues_of(market: Market) -> list[list[tuple[int, list[tuple[int, int]]]]]:
    """Both sides of the state's book, best first, order by order."""
    sides: list[list[tuple[int, list[tuple[int, int]]]]] = []
    for own in (market.bids, market.asks):
        found: list[tuple[int, list[tuple[int, int]]]] = []
        for key in reversed(own.keys):
            level = own.levels[key]
            queue: list[tuple[int, int]] = []
            order = level.head
            while order is not None:
                queue.append((int(order.id), int(order.remaining)))
                order = order.after
            found.append((int(level.price), queue))
        sides.append(found)
    return sides


class Follower:
    """A client of one market."""

    def __init__(self, views: Views, market: int) -> None:
        self.mirror = QueueMirror()
        key = StreamKey(StreamName.BOOK_ORDERS, market)
        opened = views.hub.subscribe(key, self, 1, 0, views.seq)
        self._number = opened.number
        self.mirror.apply(StreamEvent(opened.number, 0, 0, wire(views.snapshot(key)), "requested"))

    def offer(self, subscription: int, event: EventBytes) -> None:
        """Take one event; none is missing."""
        _, _, number, seq, time, data = msgpack.unpackb(event.frame(subscription))
        assert number == self._number + 1
        self._number = number
        self.mirror.apply(StreamEvent(number, seq, time, data))

    def agrees(self, market: Market) -> None:
        """Compare with the book."""
        assert [self.mirror.best_first(side) for side in (0, 1)] == queues_of(market)


def test_a_book_is_rebuilt_order_by_order(seed: int) -> None:
    rng, views = random.Random(seed), new_views(memory_table())
    views.seed(genesis_state(PARAMS))
    followers = [Follower(views, 1)]
    for state, step in steps(seed, 600):
        views.apply(*step)
        if rng.random() < 0.5:
            continue  # Several inputs are shown at once.
        views.release()
        for follower in followers:
            follower.agrees(state.markets[followers_market()])
        if rng.random() < 0.02:
            followers.append(Follower(views, 1))  # Who comes late holds the same.
    assert followers[0].mirror.sides[0] or followers[0].mirror.sides[1]


def followers_market() -> Any:
    """The market that is followed."""
    return next(iter(PARAMS.markets)).id


@pytest.mark.timeout(120)
@pytest.mark.parametrize("recorded", [True, False], ids=["recorded", "generated"])
def test_a_book_is_rebuilt_on_real_order_flow(*, recorded: bool) -> None:
    path = find_recorded(ROOT) if recorded else None
    if recorded and path is None:
        pytest.skip("no recorded order flow lies beside the checkout")
    flow, venue = load_flow(path), Venue()
    views = new_views(memory_table())
    for given in venue.opening():
        venue.must(given)
    views.seq = Seq(venue.state.seq)
    views.seed(venue.state)
    follower = Follower(views, venue.market.id)
    applied = 0
    for key, intent in venue.intents(flow, 1_700_000_000_000):
        outcome = venue.apply(Signed(unsigned(intent), key.address))
        views.apply(Seq(venue.state.seq), venue.state.time, outcome.events if isinstance(outcome, Applied) else ())
        views.release()
        applied += isinstance(outcome, Applied)
        if venue.state.seq % 500 == 0:
            follower.agrees(venue.state.markets[venue.market.id])
    assert applied > 10_000
    follower.agrees(venue.state.markets[venue.market.id])


def unsigned(intent: Any) -> Any:
    """A user input whose signature nobody checks here."""
    return user_action(intent, bytes(65))

