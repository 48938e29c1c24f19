"""Another language can trade from PROTOCOL.md: the JavaScript example against a live node, with libraries that are not ours."""

import json
import shutil
from pathlib import Path

import pytest

from proto.inputs import UserAction, decode_record
from proto.intents import AmendOrder, CancelOrder, PlaceOrder
from tests.docs.blocks import ROOT
from tests.docs.venue import TRADER, funded_node, rows_of, run_program

PROGRAM = ROOT / "docs" / "clients" / "js_trader.mjs"


@pytest.fixture
def nodejs(npm_modules: Path) -> str:
    """Node.js, or skip."""
    found = shutil.which("node")
    if found is None:
        pytest.skip("Node.js is not installed")
    assert (npm_modules / "ethers").is_dir()
    assert (npm_modules / "@msgpack").is_dir()
    return found


async def test_javascript_places_amends_and_cancels(nodejs: str, tmp_path: Path) -> None:
    async with funded_node(tmp_path) as node:
        done = await run_program(nodejs, str(PROGRAM), node.url, cwd=ROOT)
        assert done.code == 0, done.err
        result = json.loads(done.out)
        assert result["network"] == "devnet"
        assert result["equity"] == str(1_000_000 * 1_000_000)
        items = [decode_record(record)[1] for record in await rows_of(node.url, result["seqs"])]
    intents = [item.intent for item in items if isinstance(item, UserAction)]
    assert [type(intent) for intent in intents] == [PlaceOrder, AmendOrder, CancelOrder]
    named = [intent.account for intent in intents if isinstance(intent, PlaceOrder | AmendOrder | CancelOrder)]
    assert named == [TRADER.address] * len(intents)


async def test_javascript_says_what_the_node_refused(nodejs: str, tmp_path: Path) -> None:
    async with funded_node(tmp_path) as node:
        done = await run_program(nodejs, str(PROGRAM), node.url, "0x" + "11" * 32, cwd=ROOT)
    assert done.code != 0
    assert "2002 ACCOUNT_UNKNOWN" in done.err
