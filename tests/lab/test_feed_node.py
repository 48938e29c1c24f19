"""What a replay needs of a node that is already there: money, rates, the market."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from node.lab.bench.flow import generate
from node.lab.deposits import DepositError, deposit
from node.lab.feed.program import FeedError, FeedReport, FeedRequest, feed
from node.lab.feed.replay import ReplayError
from node.lab.local_node import LocalNode, LocalNodeError, local_node
from proto.ids import Address
from proto.units import AMOUNT_MAX, MicroUsd
from tests.lab.flow_files import write_flow

ROWS = 400


async def replay(node: LocalNode, path: Path, market: str = "ES-PERPETUAL") -> FeedReport:
    said: list[str] = []
    return await feed(FeedRequest(path, market, ROWS, node.url), said.append, lambda stage, done, total: None)


async def test_one_node_takes_several_replays_and_markets(tmp_path: Path) -> None:
    path = write_flow(tmp_path / "flow.csv", generate(ROWS))
    async with local_node(tmp_path) as node:
        assert node.rss_bytes() > 0
        first = await replay(node, path)
        assert first.good
        assert first.commands == ROWS
        with pytest.raises(FeedError, match="market NOWHERE"):
            await replay(node, path, "NOWHERE")
        many = {Address(bytes([7]) * 20): MicroUsd(2 * AMOUNT_MAX + 5)}
        await deposit(node.deposit_socket, many)
        with pytest.raises(DepositError, match="more than"):
            await deposit(node.deposit_socket, {Address(bytes([8]) * 20): MicroUsd(AMOUNT_MAX * 1_000_000)})


async def test_a_node_that_goes_away_ends_the_replay(tmp_path: Path) -> None:
    path = write_flow(tmp_path / "flow.csv", generate(20_000))

    async def experiment() -> None:
        async with local_node(tmp_path) as node:
            request = FeedRequest(path, "ES-PERPETUAL", None, node.url)
            sent = asyncio.Event()

            def progress(_stage: str, done: int, _total: int) -> None:
                if done > 1_000 and not sent.is_set():
                    sent.set()
                    os.kill(node.pid, signal.SIGKILL)

            await feed(request, lambda text: None, progress)

    with pytest.raises((ReplayError, LocalNodeError)):  # Whoever notices first.
        await experiment()


async def test_a_node_with_rate_limits_says_what_to_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_flow(tmp_path / "flow.csv", generate(ROWS))
    monkeypatch.setattr("node.lab.local_node.SETTINGS", "[gateway.limits]\nweight_per_minute = 100\n")
    async with local_node(tmp_path) as node:
        with pytest.raises(FeedError, match="weight_per_minute"):
            await replay(node, path)


async def test_a_node_that_cannot_start_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("node.lab.local_node.SETTINGS", "[gateway]\nnonsense = 1\n")
    with pytest.raises(LocalNodeError, match="nonsense"):
        async with local_node(tmp_path):
            pytest.fail("it started")


async def test_a_node_that_dies_meanwhile_is_reported(tmp_path: Path) -> None:
    async def experiment() -> None:
        async with local_node(tmp_path) as node:
            os.kill(node.pid, signal.SIGKILL)
            await asyncio.sleep(60)

    with pytest.raises(LocalNodeError, match="killed by signal 9"):
        await experiment()


async def test_an_error_of_the_experiment_comes_out_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(DepositError, match="mine"):
        async with local_node(tmp_path) as node:
            raise DepositError("mine")
    with pytest.raises(ProcessLookupError):
        os.kill(node.pid, 0)


async def test_a_deposit_socket_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DepositError, match="nowhere"):
        await deposit(tmp_path / "nowhere", {Address(bytes(20)): MicroUsd(1)})
