"""What accounts were worth: sampled at stamped times, the same again in a replay, and read back over a window."""

import itertools

from node.core.genesis import genesis_state
from node.views.portfolio import PERIOD_MS, SAMPLED_PER_INPUT, WINDOW_MS, PortfolioView, Sample, Span, sample_key
from node.views.rows import SAMPLES_PREFIX
from node.views.worth import AssetPrices
from proto.events import IndexSet, IndexStatus
from proto.units import MicroPrice
from tests.sequencer.venue import PARAMS
from tests.views.trace import memory_table, new_views, steps, write

HOUR, DAY = 3_600_000, 86_400_000
BEGIN = 20_000 * DAY


class Worth:
    """A measure that tests set."""

    def __init__(self) -> None:
        self.value = 100

    def __call__(self, account: int) -> tuple[int, int, int]:
        return self.value + account, 50, 7


def sampled(days: int, step_ms: int, *, moving: bool) -> tuple[PortfolioView, int]:
    """One account over some days."""
    worth, table, now = Worth(), memory_table(), BEGIN
    view = PortfolioView(table, worth)
    for _ in range(days * DAY // step_ms):
        worth.value += moving
        view.tick(now, lambda: [3])
        table.put_batch(view.take_rows())
        now += step_ms
    return view, now


def test_each_span_has_its_period_and_window() -> None:
    view, now = sampled(9, 300_000, moving=True)
    for span, count in ((Span.DAY, 144), (Span.WEEK, 168), (Span.MONTH, 54), (Span.ALL, 9)):
        begin, found = view.history(3, span, now)
        assert begin.time == found[0].time
        assert count <= len(found) <= count + 2, span
        assert [row.time for row in found] == sorted(row.time for row in found)
        assert found[0].time >= now - WINDOW_MS[span]
        gaps = [later.time - earlier.time for earlier, later in itertools.pairwise(found[1:])]
        assert all(gap == PERIOD_MS[span] for gap in gaps)
        assert found[-1].profit == found[-1].value - 50


def test_what_does_not_change_is_not_written_again_and_carried_forward() -> None:
    view, now = sampled(3, 300_000, moving=False)
    begin = Sample(now - DAY, 103, 50, 7)
    assert view.history(3, Span.DAY, now) == (begin, [begin])
    assert view.history(3, Span.ALL, now) == (Sample(BEGIN, 0, 0, 0), [Sample(BEGIN, 103, 50, 7)])
    assert view.history(4, Span.DAY, now) == (Sample(now, 0, 0, 0), [])


def test_an_input_samples_a_few_accounts_only() -> None:
    table = memory_table()
    view = PortfolioView(table, Worth())
    view.tick(BEGIN, lambda: list(range(100, 200)))
    assert len(view.take_rows()) == SAMPLED_PER_INPUT * len(Span)
    for _ in range(20):
        view.tick(BEGIN + 1, list)
    assert len({row[0][1:5] for row in view.take_rows()}) == 100 - SAMPLED_PER_INPUT


def test_a_replay_takes_the_same_samples(seed: int) -> None:
    found = []
    for _ in range(2):
        table = memory_table()
        views = new_views(table)
        views.seed(genesis_state(PARAMS))
        for _state, step in steps(seed, 400):
            views.apply(*step)
        write(views, table)
        found.append([row for row in table.scan() if row[0][:1] == SAMPLES_PREFIX])
        histories = [views.portfolio.history(number, Span.DAY, views.time)[1] for number in range(4, 9)]
        last = max((row for history in histories for row in history), key=lambda row: row.inflow)
        assert last.inflow > 0, "it was deposited"
    assert found[0] == found[1]
    assert found[0]


def test_keys_sort_by_account_span_and_time() -> None:
    keys = [sample_key(account, span, time) for account in (1, 2) for span in Span for time in (5, 2**40)]
    assert keys == sorted(keys)


def test_what_was_deposited_before_there_was_a_price_counts_at_the_first_one() -> None:
    state = genesis_state(PARAMS)
    asset = next(asset for asset in PARAMS.assets if asset.index)
    prices = AssetPrices(memory_table())
    prices.seed(state)
    assert prices.flow(4, asset.id, 3 * 10**asset.decimals) == 0
    for price in (0, 2_000_000, 5_000_000):
        prices.index_set(IndexSet(asset.index, MicroPrice(price), MicroPrice(0), IndexStatus.FRESH, 3))
    assert prices.late == [(4, 6_000_000)]
    assert prices.flow(4, asset.id, 10**asset.decimals) == 5_000_000
