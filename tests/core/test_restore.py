"""What a restart must not forget, where random inputs rarely lead."""

from node.core.ledger.money import credit
from node.core.liquidation.work import queue
from node.core.state import LiquidateWork
from proto.events import BalanceReason
from proto.ids import ALL_MARKETS, INSURANCE_ACCOUNT, USDC
from tests.core.venue import USD, Venue, address, portrait
from tests.scenarios.language import Script


def test_a_debt_without_positions_is_found_after_a_restart() -> None:
    venue = Venue()
    venue.deposit(address(1), 5 * USD)
    venue.price(1, 100 * USD)
    account = venue.state.accounts[venue.state.by_address[address(1)]]
    credit(venue.state, account, USDC, -9 * USD, BalanceReason.TRADE)
    credit(venue.state, venue.state.accounts[INSURANCE_ACCOUNT], USDC, 9 * USD, BalanceReason.TRADE)
    venue.seal()
    venue.state = venue.restored()
    venue.price(1, 100 * USD)
    assert [(type(item), item.not_before) for item in queue(venue.state)] == [(LiquidateWork, venue.state.time)]
    assert list(venue.state.liquidating) == [(account.id, ALL_MARKETS)]


def test_work_slots_and_queues_go_on_after_a_restart() -> None:
    """A cancel-all in the middle, freed slots, and orders of one price whose ids are not in queue order."""
    script = Script()
    for line in (
        "alice repeat 20 buy 1 @ 95 on 2", "bob buy 2 @ 99", "carol buy 2 @ 99", "bob amend #21 3 @ 99", "alice cancelall 2",
        "bob sell 900 @ 101", "carol buy 900 @ 101", "price 1 90",
    ):  # fmt: skip
        script.line(line)
    script.venue.seal()
    before = portrait(script.venue.state)
    script.venue.state = script.venue.restored()
    assert portrait(script.venue.state) == before
    for line in (
        "work = CancelWork LiquidateWork", "book 1 = 99x5[22,21] | -", "work 2",
        "orders alice = 10 11 12 13 14 15 16 17 18 19 20", "alice sell 3 @ 99", "fills = 2@99 from #22, 1@99 from #21",
    ):  # fmt: skip
        script.line(line)
    assert min(script.venue.state.free_slots) == script.venue.state.free_slots[0] == 0
