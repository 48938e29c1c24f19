"""A person trades from the command line on a node in another process: tables and JSON, refusals with their number, exit codes."""

import json
import sys
from pathlib import Path
from typing import Any

from node.lab.local_node import LocalNode
from tests.docs.blocks import ROOT
from tests.docs.venue import Done, funded_node, run_program


class Shell:
    """Runs `novate` against one node."""

    def __init__(self, node: LocalNode) -> None:
        self._where = ("--url", node.url)

    async def run(self, *arguments: str) -> Done:
        return await run_program(sys.executable, "-m", "node", *arguments, *self._where, cwd=ROOT)

    async def json(self, *arguments: str, code: int = 0) -> dict[str, Any]:
        """The one object that it prints."""
        done = await self.run(*arguments, "--json")
        assert done.code == code, done.err
        found: dict[str, Any] = json.loads(done.out)
        return found


async def test_a_person_trades_from_the_command_line(tmp_path: Path) -> None:
    async with funded_node(tmp_path) as node:
        shell = Shell(node)
        placed = await shell.json("order", "BTC-PERPETUAL", "buy", "0.01", "--price", "59000", "--client-id", "7")
        assert (placed["state"], placed["remaining"]) == ("resting", "0.01000")
        account = await shell.json("account")
        assert [order["order"] for order in account["orders"]] == [placed["order"]]
        book = await shell.run("book", "BTC-PERPETUAL")
        assert (book.code, "59000.0" in book.out) == (0, True)
        life = await shell.run("inspect", str(placed["order"]))
        assert (life.code, "ORDER_OPENED buy 0.01000 at 59000.0 gtc" in life.out, "receipt" in life.out) == (0, True, True)
        margin = await shell.json("margin", "--order", "BTC-PERPETUAL:buy:1@60000", "--move", "BTC-PERPETUAL:-10")
        assert (margin["now"]["equity"], margin["after"]["fees"]) == (account["equity"], "27.000000")
        assert margin["after"]["positions"][0]["size"] == "1.00000"
        assert (await shell.run("margin", "--order", "BTC-PERPETUAL:hold:1")).code == 2
        assert await shell.json("cancel", "--client-id", "7") == {"cancelled": 1}
        stop = await shell.json("order", "BTC-PERPETUAL", "buy", "0.01", "--stop", "61000", "--client-id", "8")
        assert (stop["state"], stop["remaining"]) == ("waiting", "0.01000")
        assert [order["order"] for order in (await shell.json("account"))["orders"]] == [stop["order"]]
        assert (await shell.run("order", "BTC-PERPETUAL", "buy", "1", "--stop", "1", "--take-profit", "1")).code == 2
        assert await shell.json("cancel", str(stop["order"])) == {"cancelled": 1}
        await _refusals(shell)


async def _refusals(shell: Shell) -> None:
    """Each with its number, for programs and for people, and exit code 1."""
    for arguments, code, name in (
        (("order", "BTC-PERPETUAL", "buy", "0.01", "--price", "50"), 3007, "ORDER_PRICE_OUTSIDE_BAND"),
        (("order", "BTC-PERPETUAL", "buy", "0.01", "--stop", "59000"), 3024, "TRIGGER_LEVEL_REACHED"),
        (("order", "NOPE", "buy", "1", "--price", "1"), 5001, "MARKET_UNKNOWN"),
        (("order", "BTC-PERPETUAL", "buy", "1", "--price", "59000", "--dev-account", "5"), 2001, "SIGNER_UNKNOWN"),
        (("cancel", "999"), 3013, "ORDER_UNKNOWN"),
        (("cancel", "--all"), 3018, "NOTHING_TO_CANCEL"),
        (("account", "0x" + "11" * 20), 2002, "ACCOUNT_UNKNOWN"),
        (("inspect", "999"), 3013, "ORDER_UNKNOWN"),
        (("withdraw", "99999999"), 4006, "BALANCE_INSUFFICIENT"),
    ):
        found = await shell.json(*arguments, code=1)
        assert (found["code"], found["name"]) == (code, name)
        assert f"{code} {name}: " in found["error"]
