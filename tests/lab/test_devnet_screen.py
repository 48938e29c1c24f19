"""What a person sees of a devnet, drawn from made-up figures."""

import io
from typing import Any

import pytest
from rich.console import Console

from node.client.amounts import Market
from node.lab.devnet.deploy import Deployed
from node.lab.devnet.glance import Glance, MarketRow, TradeRow
from node.lab.devnet.lines import progress_line, tell_summary
from node.lab.devnet.program import Place, View
from node.lab.devnet.screen import draw
from node.lab.devnet.summary import Summary
from node.lab.devnet.tally import NodeEye, Tally, Watched
from proto.ids import Address, MarketId

FACTS: dict[str, Any] = {"mark": 600_000, "index_price": 599_990, "open_interest": 12_345, "funding_rate": 12_500_000}
BTC = Market(MarketId(1), "BTC-PERPETUAL", 5, FACTS)
DEPLOYED = Deployed(Address(b"\x0c" * 20), Address(b"\x0d" * 20), 1, fresh=True)


class Fixed(NodeEye):
    """Saw something once."""

    def __init__(self, tally: Tally) -> None:
        self.last = tally


def running(**watched: Any) -> View:
    """A devnet in the middle of its work."""
    tally = Tally(1.0, 1_234, 99.6, 0, 12, 13, 40, 39, 27, 5.55, 44.44)
    place = Place(8080, 8545, "http://127.0.0.1:8545", DEPLOYED)
    return View("running", place, Fixed(tally), Watched(38, **watched))


def drawn(view: View, glance: Glance, width: int = 140) -> str:
    """A frame as text."""
    console = Console(file=io.StringIO(), width=width, color_system=None)
    with console.capture() as capture:
        console.print(draw(view, glance))
    return capture.get()


def test_before_there_is_a_node_the_screen_says_what_is_going_on() -> None:
    assert "starting L1" in drawn(View("starting L1"), Glance())


def test_markets_trades_numbers_and_addresses_are_shown() -> None:
    glance = Glance([MarketRow(BTC, 599_900, 17_000, 600_100, 16_000)])
    glance.trades.append(TradeRow(BTC, 1_700_000_000_000, 600_100, 2_500, is_buy=True))
    text = drawn(running(), glance)
    for expected in (
        "BTC-PERPETUAL", "60,000.0", "59,999.0", "59,990.0", "0.17000", "60,010.0", "0.12345", "0.001250",
        "buy", "0.02500", "1,234 (100/s) from 12 signers on 13 connections", "p50 5.5 ms, p99 44.4 ms",
        "40 sealed → 39 posted on L1 → 38 verified by the watcher → 27 final",
        "ws://127.0.0.1:8080/v1/ws", "0x" + "0c" * 20,
    ):  # fmt: skip
        assert expected in text
    assert "ALARM" not in text
    assert drawn(running(), Glance(), 60)


def test_a_disagreement_cannot_be_overlooked() -> None:
    text = drawn(running(agrees=False, disagreement="batch 39: another state root"), Glance())
    assert "ALARM" in text
    assert "batch 39: another state root" in text


def test_a_progress_line_has_everything() -> None:
    line = progress_line(running())
    for expected in ("1234 orders (100/s)", "12 signers", "40 sealed 39 posted 38 verified 27 final"):
        assert expected in line


@pytest.mark.parametrize("good", [True, False])
def test_the_end_is_told(*, good: bool) -> None:
    text = tell_summary(
        Summary(
            orders=10, fills=5, batches_sealed=4, batches_posted=4, batches_verified=4, batches_final=2,
            verified_all=good, audit=True, seconds=9.87, ack_p50_ms=1.0, ack_p99_ms=2.0, rpc="", contract="", chain_id=1,
            ports={}, behind_max=2, trouble="" if good else "batch 3 is wrong",
        )
    )  # fmt: skip
    assert "10 orders, 5 fills in 9.9 s" in text
    assert "at most 2 behind" in text
    assert ("everything verified, all money there" in text) == good
    assert ("NOT ALL GOOD: batch 3 is wrong" in text) != good
