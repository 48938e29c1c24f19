"""The whole replay: survey the file, find or start a node, fund fresh accounts, make a price, send, compare, report."""

import asyncio
import tempfile
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from node.client.amounts import Market
from node.client.client import NovateClient
from node.client.errors import NotConnectedError, OutcomeUnknownError, ProtocolError, RefusedError
from node.client.settings import ClientSettings
from node.lab.deposits import deposit
from node.lab.feed.flow import Survey, needs, survey
from node.lab.feed.replay import Cast, Replay, report
from node.lab.feed.rows import read_rows
from node.lab.local_node import local_node
from node.lab.percentiles import percentile
from node.ops.keystore import development_keys, new_key
from proto.units import Ppm

WINDOW: Final = 96
"""Unanswered commands: enough to keep the node busy, few enough that an acknowledgement's delay means something."""
PUBLISHER_KEYS: Final = (20, 21, 22)
"""Of the development mnemonic: the publishers of the development genesis."""
CONNECT_S: Final = 10.0
_MARK_S_MAX: Final = 10.0


class FeedError(Exception):
    """The replay cannot be carried out here; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class FeedRequest:
    """What to replay, and where. Without `url` a node is started in a temporary directory."""

    file: Path
    market: str
    limit: int | None
    url: str | None
    window: int = WINDOW


@dataclass(frozen=True, slots=True)
class FeedReport:
    """What came of it."""

    commands: int
    checked: int
    matched: int
    mismatched: int
    refused: int
    seconds: float
    ack_p50_ms: float
    ack_p99_ms: float
    ack_max_ms: float

    @property
    def good(self) -> bool:
        """Whether the node did exactly what really happened."""
        return self.mismatched == 0 and self.refused == 0

    def as_json(self) -> dict[str, Any]:
        """The command's one object."""
        return {
            "commands": self.commands, "checked": self.checked, "matched": self.matched, "mismatched": self.mismatched,
            "refused": self.refused, "seconds": round(self.seconds, 3),
            "commands_per_second": round(self.commands / self.seconds, 1) if self.seconds else 0.0,
            "ack_ms": {
                "p50": round(self.ack_p50_ms, 3), "p99": round(self.ack_p99_ms, 3), "max": round(self.ack_max_ms, 3),
            },
        }  # fmt: skip


Say = Callable[[str], None]
Progress = Callable[[str, int, int], None]


async def feed(request: FeedRequest, say: Say, progress: Progress) -> FeedReport:
    """Replay. Raises FeedFileError, FeedError, DepositError, LocalNodeError, ReplayError, KeystoreError."""
    for _ in read_rows(request.file, request.limit):
        pass  # Before a node is started for it, the file must be readable to its end.
    if request.url is not None:
        return await _feed_to(request, request.url, say, progress)
    with tempfile.TemporaryDirectory(prefix="novate-feed-") as directory:
        say("starting a node in a temporary directory")
        async with local_node(Path(directory)) as node:
            return await _feed_to(request, node.url, say, progress)


async def _feed_to(request: FeedRequest, url: str, say: Say, progress: Progress) -> FeedReport:
    try:
        return await _feed_over(request, url, say, progress)
    except (TimeoutError, NotConnectedError, OutcomeUnknownError) as error:
        raise FeedError(f"the node at {url} stopped answering") from error


async def _feed_over(request: FeedRequest, url: str, say: Say, progress: Progress) -> FeedReport:
    async with AsyncExitStack() as stack:
        try:
            client = await stack.enter_async_context(NovateClient(url, settings=ClientSettings(connect_s=CONNECT_S)))
            market = await client.market(request.market)
        except (TimeoutError, ProtocolError) as error:
            raise FeedError(f"no Novate node answers at {url}: {str(error) or 'no connection'}") from error
        except RefusedError as error:
            raise FeedError(f"market {request.market}: {error}") from error
        found = survey(read_rows(request.file, request.limit), int(market.facts["order_cap"]))
        say(
            f"{found.rows:,} commands, {found.takes:,} of them aggressive, from {len(found.maker_lots)} maker account(s)"
        )
        _check_limits(client, found)
        cast = Cast(tuple(new_key() for _ in found.maker_lots), new_key())
        await _fund(client, market, found, cast)
        keys = development_keys(client.domain.chain_id, max(PUBLISHER_KEYS) + 1)
        publishers = [await stack.enter_async_context(NovateClient(url, keys[number])) for number in PUBLISHER_KEYS]
        if found.opening:
            await _open_market(client, publishers, market, found)
        replay = Replay(client, publishers, market, cast, request.window, say)
        rows = read_rows(request.file, request.limit)
        await replay.run(rows, found.opening, lambda done: progress("feed", done, found.rows))
        return _report(replay, found)


def _check_limits(client: NovateClient, found: Survey) -> None:
    limit = int(client.hello.facts["weight_per_minute"])
    if 0 < limit < 2 * found.rows:  # Prices and questions weigh too.
        raise FeedError(
            f"the node takes {limit:,} commands a minute from one address, too few for {found.rows:,} at once; set "
            "weight_per_minute, budget_actions and refusals_per_second in [gateway.limits] of its settings to 0"
        )


async def _fund(client: NovateClient, market: Market, found: Survey, cast: Cast) -> None:
    """Give every account more than the file can use up."""
    socket = (await client.query("status")).value.get("deposit_socket")
    if not socket:
        raise FeedError(
            "the node has no deposit socket, and a replay needs money: start a development node without L1 and with "
            "`novate run --operator-socket PATH`, or leave --url away"
        )
    fees = Ppm(int(market.facts["taker_ppm"]) + max(int(market.facts["maker_ppm"]), 0))
    amounts = needs(found, 10**market.price_decimals, fees)
    owners = {key.address: amount for key, amount in zip(cast.makers, amounts.makers, strict=True)}
    owners[cast.taker.address] = amounts.taker
    await deposit(Path(socket), owners)


async def _open_market(client: NovateClient, publishers: list[NovateClient], market: Market, found: Survey) -> None:
    """Report prices until the market has a mark and takes orders."""
    try:
        async with asyncio.timeout(_MARK_S_MAX):
            while True:
                await report(publishers, market, found.opening)
                facts = (await client.query("market", market.id)).value
                if facts["mark"] and facts["index_status"] == 0 and facts["status"] == 0:
                    return
                await asyncio.sleep(0.05)
    except RefusedError as error:
        raise FeedError(f"the node takes no prices from the development publishers: {error}") from error
    except TimeoutError:
        raise FeedError(
            f"{market.name} does not open within {_MARK_S_MAX:.0f} s although the development publishers report its index"
        ) from None


def _report(replay: Replay, found: Survey) -> FeedReport:
    tally, verdicts = replay.tally, replay.verdicts
    return FeedReport(
        commands=tally.commands,
        checked=found.takes,
        matched=verdicts.matched,
        mismatched=verdicts.mismatched,
        refused=tally.refused,
        seconds=tally.seconds,
        ack_p50_ms=percentile(tally.ack_ms, 0.5),
        ack_p99_ms=percentile(tally.ack_ms, 0.99),
        ack_max_ms=max(tally.ack_ms, default=0.0),
    )
