"""A key that is revoked over the network: by its own vote, by the others, and not by a stranger; what was told why is told why."""

import asyncio

import pytest
from click.testing import CliRunner

from node.cli.oracle import command
from node.client.client import NovateClient
from node.client.errors import RefusedError
from proto.ids import IndexId
from proto.inputs import IndexPrice
from proto.units import MicroPrice, TimeMs
from tests.gateway.live import live
from tests.sequencer.venue import PUBLISHERS, TRADERS, USD

ONE, TWO, THREE = PUBLISHERS


async def test_the_others_revoke_a_key_and_it_counts_no_more() -> None:
    async with live() as node:
        await node.price()
        now = TimeMs(node.now_ms())
        async with NovateClient(node.url, TRADERS[0]) as client:
            with pytest.raises(RefusedError, match="PUBLISHER_UNKNOWN"):
                await client.revoke_publisher(ONE.address, now)
        for key in (TWO, THREE):
            assert not node.state.guards.revoked
            async with NovateClient(node.url, key) as client:
                await client.revoke_publisher(ONE.address, now)
        assert list(node.state.guards.revoked) == [ONE.address]
        assert node.metrics.value("novate_publishers_revoked") == 1
        async with NovateClient(node.url, ONE) as client:
            with pytest.raises(RefusedError, match="PUBLISHER_REVOKED"):
                await client.report(TimeMs(node.now_ms()), (IndexPrice(IndexId(1), MicroPrice(60_000 * USD), MicroPrice(0)),))
        async with NovateClient(node.url, TWO) as client:
            with pytest.raises(RefusedError, match="PUBLISHER_REVOKED"):
                await client.revoke_publisher(ONE.address, TimeMs(node.now_ms()))


async def test_the_command_says_where_it_cannot_vote() -> None:
    async with live() as node:
        arguments = ["--url", node.url, "--contract", "0x" + "0d" * 20, "--development-key", "20", "--revoke", "0x" + "11" * 20]
        done = await asyncio.to_thread(CliRunner().invoke, command, arguments)
        assert done.exit_code == 2
        assert "this publisher signs for chain" in done.output
