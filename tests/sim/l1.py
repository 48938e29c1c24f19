"""The world outside the node: L1 goes on by itself, and a watcher rebuilds the venue from it, believing blocks of `DEPTH` only."""

import asyncio
import random

from node.l1.answers import L1Refused, L1Unavailable
from node.l1.vault import ActionQueued, DepositQueued, WithdrawalPaid
from node.ops.clock import FakeClock
from node.watcher.feed import L1Feed
from node.watcher.report import Disagreement
from node.watcher.settings import WatcherSettings
from node.watcher.verify import Deployed, Verifier
from tests.sequencer.venue import DOMAIN, OPERATOR
from tests.sim.chain import DEPTH, SimChain, SimL1Client
from tests.sim.life import DEPLOYMENT, DIVISORS
from tests.sim.people import PARAMS

_BLOCK_S = 3.0
_WATCH_S = 8.0


class SimL1:
    """Chain, miner and watcher."""

    def __init__(self, clock: FakeClock, rng: random.Random) -> None:
        self._rng = rng
        self.chain = SimChain(DEPLOYMENT, clock, rng)
        self.restless = False
        """Whether blocks are reorganised away."""
        settings = WatcherSettings(url="http://simulated.invalid", contract=DOMAIN.contract, depth_blocks=DEPTH)
        self._client = SimL1Client(self.chain, rng)
        self._feed = L1Feed(self._client, settings)
        self.verifier = Verifier(PARAMS, Deployed(OPERATOR.address, DOMAIN, DIVISORS), settings)
        self.paid = 0
        self.reorganised = 0

    def calm(self) -> None:
        """From here on nothing is reorganised and the watcher is always answered."""
        self.restless, self._client.failing = False, 0.0

    async def mine(self) -> None:
        """Blocks for ever."""
        while True:
            await asyncio.sleep(_BLOCK_S * self._rng.choice([0.5, 1, 1, 2]))
            if self.restless and self._rng.random() < 0.1:
                self.reorganised += 1
                self.chain.reorganise()
            else:
                self.chain.mine()

    async def watch(self) -> None:
        """Verify every believed batch, for ever. A disagreement is a failure."""
        while True:
            await asyncio.sleep(_WATCH_S)
            try:
                await self.look()
            except (L1Unavailable, L1Refused):
                continue

    async def look(self) -> None:
        """What is new and believed."""
        verifier = self.verifier
        async for fact in self._feed.advance(to_head=False):
            match fact.what:
                case DepositQueued() | ActionQueued():
                    verifier.queue.append(fact.what)
                case WithdrawalPaid():
                    self.paid += 1
                    found = verifier.paid_out(fact.what)
                    assert found is None, str(found)
                case batch:
                    result = verifier.verify(batch)
                    assert not isinstance(result, Disagreement), f"the watcher disagrees: {result}"
