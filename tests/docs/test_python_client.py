"""The Python example runs as it stands, and the guide shows exactly it."""

import sys
from pathlib import Path

from tests.docs.blocks import ROOT
from tests.docs.venue import funded_node, run_program

PROGRAM = ROOT / "docs" / "clients" / "python_trader.py"


async def test_python_places_amends_and_cancels(tmp_path: Path) -> None:
    async with funded_node(tmp_path) as node:
        done = await run_program(sys.executable, str(PROGRAM), node.url, cwd=ROOT)
    assert done.code == 0, done.err
    assert "rests at 57000" in done.out
    assert "equity 1000000.0 USDC" in done.out
