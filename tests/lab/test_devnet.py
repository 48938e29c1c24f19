"""The whole command as a user runs it: trade, kill everything, go on with the same chain, stop with Ctrl-C, and say so when a part dies."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from node.client.client import NovateClient
from node.config.genesis import find_genesis, load_genesis
from node.lab.devnet.people import People
from node.lab.devnet.processes import ROOT
from proto.intents import Side
from proto.units import MICRO_USD_PER_USD
from tests.docs.venue import run_program
from tests.lab.test_devnet_processes import gone, is_alive

PEOPLE = People.of(load_genesis(find_genesis("devnet")))
START_S, STOP_S = 90, 120


class Run:
    """One `novate devnet` in a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process, directory: Path) -> None:
        self.process = process
        self._file = directory / "devnet.json"

    async def open(self) -> dict[str, Any]:
        """What devnet.json says, once it is there."""
        async with asyncio.timeout(START_S):
            while not self._file.exists():
                assert self.process.returncode is None, await self.errors()
                await asyncio.sleep(0.05)
        facts: dict[str, Any] = json.loads(self._file.read_text())
        return facts

    async def end(self) -> tuple[int | None, dict[str, Any]]:
        """Exit code and the one JSON object."""
        async with asyncio.timeout(STOP_S):
            out, errors = await self.process.communicate()
        assert out.count(b"\n") == 1, errors.decode()
        summary: dict[str, Any] = json.loads(out)
        return self.process.returncode, summary

    async def errors(self) -> str:
        """What it said on stderr, at its end."""
        async with asyncio.timeout(STOP_S):
            return (await self.process.communicate())[1].decode()


@contextlib.asynccontextmanager
async def devnet(directory: Path, *arguments: str) -> AsyncIterator[Run]:
    """A devnet on free ports; killed at the end if it still runs."""
    (directory / "devnet.json").unlink(missing_ok=True)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "node", "devnet", "--port", "0", "--l1-port", "0", "--json",
        "--data-dir", str(directory), *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, cwd=ROOT,
    )  # fmt: skip
    try:
        yield Run(process, directory)
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def trade_once(facts: dict[str, Any]) -> int:
    """Buy a little as the first trader; its position afterwards."""
    async with NovateClient(facts["url"], PEOPLE.traders[0]) as client:
        market = await client.market("BTC-PERPETUAL")
        async with asyncio.timeout(30):
            while not (await client.place_order(market, Side.BUY, size="0.001")).filled:
                await asyncio.sleep(0.1)
        account = await client.account()
        assert account["equity"] > 999_000 * MICRO_USD_PER_USD
        return int(account["positions"][0]["position_size"])


@pytest.mark.timeout(500)
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux kills the children of a process that was killed")
async def test_a_devnet_trades_survives_kill_9_and_goes_on(tmp_path: Path) -> None:
    async with devnet(tmp_path) as run:
        first = await run.open()
        position = await trade_once(first)
        for pid in first["pids"].values():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for pid in first["pids"].values():
            await gone(pid)
    async with devnet(tmp_path, "--seconds", "6") as run:
        second = await run.open()
        assert [second[key] for key in ("contract", "token", "genesis")] == [
            first[key] for key in ("contract", "token", "genesis")
        ]
        assert await trade_once(second) > position
        rebuilt = await run_program(
            sys.executable, "-m", "node", "verify", "--l1", second["rpc"], "--genesis", "devnet", "--json", cwd=ROOT
        )
        assert rebuilt.code == 0, rebuilt.err
        assert (json.loads(rebuilt.out)["verdict"], "agree up to batch" in rebuilt.err) == ("agrees", True)
        code, summary = await run.end()
    assert (code, summary["verified_all"], summary["audit"]) == (0, True, True)
    assert (summary["validators"], summary["attested"]) == (2, summary["batches_verified"])
    assert {"watcher", "watcher-2"} <= set(second["pids"])
    assert summary["orders"] > 50
    assert summary["fills"] > 5
    assert summary["batches_sealed"] == summary["batches_posted"] == summary["batches_verified"] > 0
    assert summary["l1"] == {"rpc": second["rpc"], "contract": second["contract"], "chain_id": 31337}
    assert summary["ports"] == second["ports"]
    assert not any(is_alive(pid) for pid in second["pids"].values())


@pytest.mark.timeout(500)
async def test_an_empty_venue_plays_recorded_prices_and_stops_on_ctrl_c(tmp_path: Path) -> None:
    bars = tmp_path / "bars.csv"
    bars.write_text("timestamp,open,high,low,close,volume\n" + "t,42000,42000,42000,42000,1\n" * 3)
    async with devnet(tmp_path / "data", "--no-bots", "--prices", f"BTC-PERPETUAL={bars}") as run:
        facts = await run.open()
        assert "bots" not in facts["pids"]
        async with NovateClient(facts["url"], PEOPLE.traders[9]) as client:
            market = await client.market("BTC-PERPETUAL")
            assert market.price_of(market.facts["mark"]) == pytest.approx(42_000, rel=1e-3)
            account = await client.account()
            held = {row["asset"]: row["balance"] for row in account["balances"]}
            assert held == {0: 1_000_000 * MICRO_USD_PER_USD, 1: 10 * 10**9, 2: 10**8}
            assert account["equity"] > 1_000_000 * MICRO_USD_PER_USD  # ETH and BTC count, less their haircuts.
            assert (await client.query("book", market.id)).value["bids"] == []
        run.process.send_signal(signal.SIGINT)
        code, summary = await run.end()
    assert (code, summary["verified_all"], summary["audit"], summary["orders"], summary["fills"]) == (
        0,
        True,
        True,
        0,
        0,
    )


@pytest.mark.timeout(500)
async def test_a_part_that_dies_ends_the_devnet_with_its_last_lines(tmp_path: Path) -> None:
    async with devnet(tmp_path, "--no-bots") as run:
        facts = await run.open()
        os.kill(facts["pids"]["node"], signal.SIGKILL)
        errors = await run.errors()
        assert run.process.returncode == 2
        assert "node was killed by signal 9; it said last:" in errors
        assert "ready on port" in errors
        assert not any(is_alive(pid) for pid in facts["pids"].values())


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--seconds", "0"), "seconds must be above 0"),
        (("--price-speed", "-1"), "price speed must be above 0"),
        (("--prices", "XYZ=bars.csv"), "XYZ: no such market"),
        (("--prices", "nowhere.csv"), "nowhere.csv: there is no such file"),
    ],
)
async def test_wrong_options_are_named_before_anything_starts(
    tmp_path: Path, arguments: tuple[str, ...], complaint: str
) -> None:
    async with devnet(tmp_path / "data", *arguments) as run:
        assert complaint in await run.errors()
        assert run.process.returncode == 2
    assert not (tmp_path / "data").exists()
