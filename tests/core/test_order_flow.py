"""Real order flow of a future through `apply`: every aggressive order trades with the makers, prices and sizes that it really met."""

import csv
import gzip
from dataclasses import replace
from pathlib import Path

import pytest

from node.core.audit import audit
from node.core.outcome import Applied
from node.core.params import IndexParams, LimitParams, Params
from proto.events import OrderFilled
from proto.ids import IndexId, MarketId, OrderId
from proto.intents import (
    AmendOrder,
    CancelByClientId,
    Intent,
    OrderSpec,
    OrderType,
    PlaceOrder,
    SelfTrade,
    Side,
    TimeInForce,
)
from proto.units import AMOUNT_MAX, Lots, Price, TimeMs
from tests.core.venue import PARAMS, START_MS, USD, Venue, address, market, portrait, tiers

MAKER, TAKER = address(1), address(2)
LISTED = MarketId(1)
FLOW = "es_mbo_head.csv.gz"


def params() -> Params:
    """One market as the flow needs it: whole USDC prices, no band, no caps that bind."""
    listed = market(1, "ES-PERPETUAL", 0, tiers((0, 20)), order_cap=20_000)
    limits = LimitParams(25_000, 2, 2, 2, 1_024, 1_000)
    return replace(
        PARAMS, assets=PARAMS.assets[:1], indices=(IndexParams(IndexId(1), "ES"),), markets=(listed,), limits=limits
    )


def intent_of(row: dict[str, str], nonce: int) -> Intent:
    """A row of the file as an action: T is an immediate order of the taker, everything else the maker's."""
    number, price, size = int(row["order"]), Price(int(row["price_ticks"] or 0) * USD), Lots(int(row["size"] or 0))
    if row["kind"] == "X":
        return CancelByClientId(MAKER, nonce, TimeMs(0), number)
    if row["kind"] in ("R", "M"):
        return AmendOrder(MAKER, nonce, TimeMs(0), OrderId(0), number, price, size)
    side = Side.BUY if row["side"] == "B" else Side.SELL
    taker = row["kind"] == "T"
    tif = TimeInForce.IOC if taker else TimeInForce.GTC
    spec = OrderSpec(LISTED, side, OrderType.LIMIT, tif, price, size, False, number, SelfTrade.EXPIRE_MAKER)  # noqa: FBT003
    return PlaceOrder(TAKER if taker else MAKER, nonce, TimeMs(0), spec)


@pytest.fixture(scope="module")
def rows(shared_dir: Path) -> list[dict[str, str]]:
    path = shared_dir / "data" / FLOW
    if not path.exists():
        pytest.skip(f"the recorded order flow is not on this machine (../shared/data/{FLOW})")
    with gzip.open(path, "rt") as file:
        return list(csv.DictReader(file))


def test_every_aggressive_order_trades_as_it_really_did(rows: list[dict[str, str]]) -> None:
    venue = Venue(params())
    venue.deposit(MAKER, AMOUNT_MAX // 2)
    venue.deposit(TAKER, AMOUNT_MAX // 2)
    venue.price(1, 19_196 * USD)
    checked = 0
    for number, row in enumerate(rows):
        outcome = venue.act_unaudited(intent_of(row, START_MS + number))
        assert isinstance(outcome, Applied), (number, row, outcome)
        if row["kind"] == "T":
            fills = [e for e in outcome.events if isinstance(e, OrderFilled)]
            assert ";".join(f"{e.maker_client_id}:{e.price // USD}:{e.size}" for e in fills) == row["fills"], number
            checked += 1
    assert checked == sum(row["kind"] == "T" for row in rows) > 0
    audit(venue.state)
    venue.seal()
    assert portrait(venue.restored()) == portrait(venue.state)
