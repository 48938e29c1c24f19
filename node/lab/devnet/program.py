"""The devnet itself: starts every part in order, lets them run, stops them in order, and says whether everything held.

Start: L1 → contract, token, deposits (found again on a later start) → node → readiness → publishers, watcher, bots → devnet.json.
Stop: bots → publishers → the node seals, posts and ends → the watcher verifies to L1's tip → L1.
"""

import asyncio
import contextlib
import os
import re
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp

from node.client.client import NovateClient
from node.core.params import Params
from node.l1.rpc import L1Client, L1ClientSettings
from node.l1.vault import Vault
from node.lab.devnet import record
from node.lab.devnet.deploy import Deployed, deploy, deposits_count, mine
from node.lab.devnet.escrow import escrow_shortfall
from node.lab.devnet.people import BOTS_FIRST, PUBLISHERS_FIRST, People
from node.lab.devnet.processes import Child, ChildEnded, ChildSilent, Fleet, supervised
from node.lab.devnet.settings import DevnetSettings
from node.lab.devnet.summary import Summary
from node.lab.devnet.tally import NodeEye, Watched
from node.lab.devnet.validators import Validators
from node.lab.devnet.waiting import until
from proto.events import IndexStatus
from proto.units import TIME_MS_MAX

DEPOSIT_DEPTH_BLOCKS: Final = 2
WATCHER_DEPTH_BLOCKS: Final = 1
"""The embedded chain replaces blocks only when it is asked to."""
NODE_TOML: Final = """\
# Written by `novate devnet`. Everybody on this machine shares one address, so there are no rates by address, nor budgets by account.
[gateway.limits]
weight_per_minute = 0
frames_per_minute = 0
budget_actions = 0

[settlement]
solvency_period_ms = 30000
start_block = {start_block}
deposit_depth_blocks = {depth}
poll_ms = 250
"""
_L1_URL: Final = re.compile(r"L1 chain \d+ at (http://\S+?),")
_NODE_READY: Final = re.compile(r"ready on port \d+")
_NODE_STOPPED: Final = re.compile(r'"event": "stopped".*"batch": (\d+)')
_START_S: Final = 60.0
_RECOVERY_S: Final = 1_800.0  # A long chain takes its time to come back.
_STOP_S: Final = 30.0
_CATCH_UP_S: Final = 60.0
_LOOK_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class Place:
    """Where a running devnet is found."""

    port: int
    l1_port: int
    rpc: str
    deployed: Deployed

    @property
    def url(self) -> str:
        """The native protocol."""
        return f"ws://127.0.0.1:{self.port}/v1/ws"


@dataclass(slots=True)
class View:
    """What the outside may look at while a devnet runs."""

    stage: str = "starting"
    place: Place | None = None
    eye: NodeEye | None = None
    watched: Watched = field(default_factory=Watched)
    behind_max: int = 0
    """Most batches that L1 had and the watcher had not verified."""
    since_s: float = 0.0


class Devnet:
    """One run."""

    def __init__(self, settings: DevnetSettings, params: Params, say: Callable[[str], None]) -> None:
        self._settings = settings
        self._params = params
        self._say = say
        self._people = People.of(params)
        self._dir = settings.data_dir.absolute()
        self._validators = Validators(self._dir, settings.validators)
        self.view = View()

    async def run(self, stop: asyncio.Event) -> Summary:
        """Start, trade until `stop` or the time is over, stop. Raises ChildEnded, ChildSilent, DirectoryBusy, L1Error kinds."""
        began_s, began_ms = time.monotonic(), time.time_ns() // 1_000_000
        async with contextlib.AsyncExitStack() as stack:
            lock = await stack.enter_async_context(record.held(self._dir))
            record.forget(self._dir)
            fleet = await stack.enter_async_context(Fleet(self._dir / "logs", (lock,)))
            await stack.enter_async_context(supervised(fleet))
            session = await stack.enter_async_context(aiohttp.ClientSession())
            rpc = await self._start_l1(fleet)
            l1 = await stack.enter_async_context(L1Client(L1ClientSettings(url=rpc)))
            deployed = await self._deploy(l1)
            place = self.view.place = self._place(rpc, deployed)
            node = await self._start_node(fleet, place)
            await self._start_crowd(fleet, place)
            eye = await self._wait_ready(fleet, session, place, node)
            await self._start_watchers(fleet, place)
            await self._wait_open(place, eye)
            record.publish(self._dir, self._facts(fleet, place))
            self._step("running")
            self.view.since_s = time.monotonic()
            await self._live(stop)
            await self._end_trading(fleet)
            fills = await self._fills(place, began_ms)
            return await self._end(fleet, l1, place, fills, began_s)

    def _step(self, stage: str) -> None:
        self.view.stage = stage
        self._say(stage)

    # --- start ------------------------------------------------------------------------------------------------------------

    async def _start_l1(self, fleet: Fleet) -> str:
        """Its JSON-RPC address."""
        self._step("starting L1")
        port = str(self._settings.l1_port)
        child = await fleet.start("l1", "l1", "--data-dir", str(self._dir / "l1"), "--port", port)
        return (await fleet.heard(child, _L1_URL, _START_S))[1]

    async def _deploy(self, l1: L1Client) -> Deployed:
        self._step("deploying the contract and depositing, or finding both")
        deployed = await deploy(l1, self._params, self._people)
        if deployed.fresh:
            for _ in range(DEPOSIT_DEPTH_BLOCKS):
                await mine(l1)
        return deployed

    def _place(self, rpc: str, deployed: Deployed) -> Place:
        """Addresses of everything. A free port is chosen here, because publishers and bots are started before the node listens."""
        l1_port = urlsplit(rpc).port
        assert l1_port is not None
        return Place(self._settings.port or free_port(), l1_port, rpc, deployed)

    async def _start_node(self, fleet: Fleet, place: Place) -> Child:
        self._step("starting the node")
        toml = self._dir / "node.toml"
        start_block = place.deployed.block
        toml.write_text(NODE_TOML.format(start_block=start_block, depth=DEPOSIT_DEPTH_BLOCKS), encoding="utf-8")
        return await fleet.start(
            "node", "run", "--genesis", self._settings.genesis, "--config", str(toml), "--data-dir", str(self._dir / "node"),
            "--port", str(place.port), "--l1", place.rpc, "--contract", _hex(place.deployed.contract),
        )  # fmt: skip

    async def _start_crowd(self, fleet: Fleet, place: Place) -> None:
        """Bots and publishers; they try until the node is there."""
        contract, genesis = _hex(place.deployed.contract), self._settings.genesis
        if self._settings.bots:
            await fleet.start("bots", "bots", "--url", place.url, "--genesis", genesis, "--first-key", str(BOTS_FIRST))
        if self._settings.liquidator:
            key = str(BOTS_FIRST + len(self._people.bots) - 1)
            await fleet.start("liquidator", "liquidator", "--url", place.url, "--dev-account", key)
        start_ms = time.time_ns() // 1_000_000
        paths = [part for item in self._settings.prices for part in ("--prices", item)]
        for number in range(len(self._params.publishers)):
            await fleet.start(
                f"oracle-{number + 1}", "oracle", "--url", place.url, "--genesis", genesis, "--contract", contract,
                "--development-key", str(PUBLISHERS_FIRST + number), "--price-speed", str(self._settings.price_speed),
                "--price-start-ms", str(start_ms), *paths,
            )  # fmt: skip

    async def _wait_ready(self, fleet: Fleet, session: aiohttp.ClientSession, place: Place, node: Child) -> NodeEye:
        """Until /readyz answers 200."""
        await fleet.heard(node, _NODE_READY, _RECOVERY_S)
        eye = self.view.eye = NodeEye(session, place.port)
        if not await until(eye.is_ready, _START_S):
            raise ChildSilent(f"the node did not become ready within {_START_S:.0f} s; see {node.log}")
        return eye

    async def _start_watchers(self, fleet: Fleet, place: Place) -> None:
        self._step("starting the watchers")
        arguments = [
            "--poll-ms", "250", "--l1", place.rpc, "--contract", _hex(place.deployed.contract),
            "--genesis", self._settings.genesis, "--start-block", str(place.deployed.block),
            "--depth-blocks", str(WATCHER_DEPTH_BLOCKS),
        ]  # fmt: skip
        await self._validators.start(fleet, arguments)

    async def _wait_open(self, place: Place, eye: NodeEye) -> None:
        """Until every first deposit is credited and every market has a fresh price: whoever reads devnet.json can trade.

        The state may still call an earlier run's prices fresh; once this run's reports have come, it has been judged anew.
        """
        async with NovateClient(place.url) as client:

            async def open_for_all() -> bool:
                if (await eye.look()).reports < len(self._params.publishers):
                    return False
                credited: int = (await client.query("status")).value["queue_cursor"]
                facts = [market.facts for market in await client.markets()]
                priced = all(row["mark"] and row["index_status"] <= IndexStatus.UNCERTAIN for row in facts)
                return priced and credited >= deposits_count(self._people)

            if not await until(open_for_all, _START_S):
                raise ChildSilent(f"no deposits or no prices within {_START_S:.0f} s; see {self._dir / 'logs'}")

    def _facts(self, fleet: Fleet, place: Place) -> dict[str, Any]:
        """What devnet.json says."""
        return {
            "ports": {"http": place.port, "l1": place.l1_port},
            "pids": {"devnet": os.getpid(), **fleet.pids()},
            "contract": _hex(place.deployed.contract),
            "token": _hex(place.deployed.token),
            "chain_id": self._params.chain_id,
            "rpc": place.rpc,
            "url": place.url,
            "genesis": {"name": self._settings.genesis, "hash": _hex(self._params.digest())},
            "data_dir": str(self._dir),
        }

    # --- middle -----------------------------------------------------------------------------------------------------------

    async def _live(self, stop: asyncio.Event) -> None:
        """Look at everything until it is time to end, or a watcher has ended with an alarm."""
        seconds = self._settings.seconds
        until_s = self.view.since_s + seconds if seconds is not None else float("inf")
        while not stop.is_set() and time.monotonic() < until_s:
            await self._look()
            if self._validators.ended() is not None:
                return
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(_LOOK_S, max(0.0, until_s - time.monotonic()))):
                    await stop.wait()

    async def _look(self) -> None:
        view = self.view
        assert view.eye is not None, "the node was started"
        tally = await view.eye.look()
        view.watched = self._validators.read()
        if view.watched.verified:
            view.behind_max = max(view.behind_max, tally.posted - view.watched.verified)

    async def _fills(self, place: Place, since_ms: int) -> int:
        """Trades since a moment: the venue numbers its trades without gaps."""
        async with asyncio.timeout(_START_S), NovateClient(place.url) as client:
            return await self._newest_trade(client, TIME_MS_MAX) - await self._newest_trade(client, since_ms)

    async def _newest_trade(self, client: NovateClient, until_ms: int) -> int:
        """Number of the newest trade until a moment; 0: none."""
        newest = 0
        for market in self._params.markets:
            for row in (await client.query("trades", market.id, 1, True, [], 0, until_ms)).value["rows"]:  # noqa: FBT003
                newest = max(newest, row["trade"])
        return newest

    # --- end --------------------------------------------------------------------------------------------------------------

    async def _end_trading(self, fleet: Fleet) -> None:
        """Bots take their orders back, publishers fall silent, L1 gets what is sealed."""
        self._step("stopping bots and publishers")
        for name, runs in (("bots", self._settings.bots), ("liquidator", self._settings.liquidator)):
            if runs:
                await fleet.stop(name, _STOP_S)
        for number in range(len(self._params.publishers)):
            await fleet.stop(f"oracle-{number + 1}", _STOP_S)

        async def all_posted() -> bool:
            await self._look()
            assert self.view.eye is not None, "the node was started"
            return self.view.eye.last.posted >= self.view.eye.last.sealed

        await until(all_posted, _CATCH_UP_S)  # What L1 does not get now shows in the summary.

    async def _end(self, fleet: Fleet, l1: L1Client, place: Place, fills: int, began_s: float) -> Summary:
        """Stop the node, let the watcher come to the end, and judge."""
        eye = self.view.eye
        assert eye is not None, "the node was started"
        self._step("stopping the node")
        code = await fleet.stop("node", _STOP_S)
        if code != 0:
            raise ChildEnded("node", -9 if code is None else code, fleet.child("node").tail())
        stopped = _NODE_STOPPED.search(fleet.child("node").said())
        sealed = max(eye.last.sealed, int(stopped[1]) if stopped else 0)
        vault = Vault(l1, place.deployed.contract)
        posted = await vault.tip()
        self._step("waiting for the watchers")
        watched = await self._watch_to(posted)
        shortfall = await escrow_shortfall(l1, place.deployed.contract)
        final = await vault.final_tip()
        await self._validators.stop(fleet, _STOP_S)
        await fleet.stop("l1", _STOP_S)
        trouble = watched.disagreement or shortfall
        if not trouble and not sealed == posted == watched.verified:
            trouble = f"of {sealed} batches L1 has {posted} and every watcher has verified {watched.verified}"
        self._step("stopped")
        return Summary(
            orders=eye.last.orders, fills=fills, batches_sealed=sealed, batches_posted=posted,
            batches_verified=watched.verified, batches_final=final,
            verified_all=watched.agrees and sealed == posted == watched.verified, audit=watched.agrees and not shortfall,
            seconds=time.monotonic() - began_s, ack_p50_ms=eye.last.ack_p50_ms, ack_p99_ms=eye.last.ack_p99_ms,
            rpc=place.rpc, contract=_hex(place.deployed.contract), chain_id=self._params.chain_id,
            ports={"http": place.port, "l1": place.l1_port}, behind_max=self.view.behind_max, trouble=trouble,
            validators=self._settings.validators, attested=watched.attested,
        )  # fmt: skip

    async def _watch_to(self, batch: int) -> Watched:
        """Wait until every watcher has verified a batch, or one has ended, or it takes too long."""

        async def done() -> bool:
            return self._validators.read().verified >= batch or self._validators.ended() is not None

        await until(done, _CATCH_UP_S)
        ended = self._validators.ended()
        watched = self.view.watched = self._validators.read()
        if ended is not None and watched.agrees:
            code = ended.process.returncode
            raise ChildEnded(ended.name, -9 if code is None else code, ended.tail())
        return watched


def free_port() -> int:
    """A port that nobody uses now. Somebody may take it before we do; then the node says so and ends."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _hex(value: bytes) -> str:
    return "0x" + value.hex()
