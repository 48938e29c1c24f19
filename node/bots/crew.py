"""Many bots in one process, each with its own key and connection."""

import asyncio
from collections.abc import Sequence

from node.bots.bot import Bot, Strategy
from node.bots.maker import Maker
from node.bots.settings import CrewSettings
from node.bots.taker import Taker
from node.ops.logs import room_log
from proto.signing.secp256k1 import SigningKey

_log = room_log("bots")


def crew_size(settings: CrewSettings, markets: int) -> int:
    """Keys that a crew needs."""
    return markets * (settings.makers_per_market + settings.takers_per_market)


def hire(settings: CrewSettings, markets: Sequence[str], keys: Sequence[SigningKey]) -> list[Bot]:
    """The bots of a crew: for each market its makers, then its takers, with the keys in that order."""
    if len(keys) < crew_size(settings, len(markets)):
        raise ValueError(f"{crew_size(settings, len(markets))} bots need as many keys, not {len(keys)}")
    bots: list[Bot] = []
    for market in markets:
        for number in range(settings.makers_per_market + settings.takers_per_market):
            key, name = keys[len(bots)], f"{settings.seed}:{market}:{number}"
            is_maker = number < settings.makers_per_market
            strategy: Strategy = Maker(settings.maker, name) if is_maker else Taker(settings.taker, name)
            bots.append(Bot(settings, key, market, strategy))
    return bots


async def run_crew(bots: Sequence[Bot], stop: asyncio.Event) -> None:
    """Run all until `stop` is set and all have left."""
    async with asyncio.TaskGroup() as tasks:
        for bot in bots:
            tasks.create_task(bot.run(stop))
    refusals = sum(bot.refusals.total() for bot in bots)
    _log.info("bots left", bots=len(bots), actions=sum(bot.acks for bot in bots), refusals=refusals)
