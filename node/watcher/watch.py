"""The watcher as a program: follow L1, verify batch after batch, raise the alarm at the first disagreement.

Invariants:
- A verdict is never a guess: where L1 did not answer or contradicted itself, it is UNKNOWN.
- After a disagreement nothing more is verified: what follows from a wrong batch means nothing.
"""

import asyncio
import time
from typing import Final

from node.core.params import Params
from node.l1.answers import L1Lied, L1Refused, L1Unavailable
from node.l1.deployment import AssetFacts, DeploymentRefused, GenesisFacts, check_deployment
from node.l1.follow import ReorgTooDeep
from node.l1.rpc import L1Client, L1ClientSettings
from node.l1.vault import DepositQueued, Vault, WithdrawalPaid
from node.watcher.feed import Fact, HistoryChanged, L1Feed
from node.watcher.report import Disagreement, Unheard, Verdict, WatchListener, WatchReport
from node.watcher.settings import WatcherSettings
from node.watcher.verify import Deployed, PostedBatch, Verifier
from proto.signing.eip712 import Domain

BACKOFF_MAX_S: Final = 30.0
RESTARTS_MAX: Final = 3
"""Passes of a single run that may be spoiled by L1 replacing what was believed."""


async def watch(
    settings: WatcherSettings, params: Params, listener: WatchListener | None = None, *, once: bool = False
) -> WatchReport:
    """Verify from L1. `once`: everything that L1 has now, then report; else go on until cancelled or until the alarm.

    Raises DeploymentRefused never: a wrong contract is reported as UNKNOWN, with its number.
    """
    client_settings = L1ClientSettings(url=settings.url, timeout_s=settings.request_timeout_ms / 1_000)
    async with L1Client(client_settings) as client:
        return await _Watch(client, settings, params, listener or Unheard(), once=once).run()


def genesis_facts(params: Params, state_root: bytes) -> GenesisFacts:
    """What the contract of these parameters must say."""
    assets = tuple(AssetFacts(asset.id, asset.decimals) for asset in params.assets)
    return GenesisFacts(params.chain_id, params.digest(), state_root, params.rules_hash(), assets)


class _Watch:
    """One run."""

    def __init__(
        self, client: L1Client, settings: WatcherSettings, params: Params, listener: WatchListener, *, once: bool
    ) -> None:
        self._client = client
        self._vault = Vault(client, settings.contract)
        self._settings = settings
        self._params = params
        self._listener = listener
        self._once = once
        self._started_s = time.monotonic()
        self._trouble_since_s: float | None = None
        self._restarts = 0
        self._inputs = 0
        self._tip = 0
        self._target = 0  # Height that a single pass must reach.
        self._deployed: Deployed | None = None
        self._verifier: Verifier | None = None

    async def run(self) -> WatchReport:
        """See `watch`."""
        pause_s = self._settings.poll_ms / 1_000
        feed: L1Feed | None = None
        while True:
            try:
                if feed is None:
                    feed = await self._begin()
                found = await self._look(feed)
            except DeploymentRefused as error:
                return self._report(Verdict.UNKNOWN, reason=str(error))
            except (HistoryChanged, ReorgTooDeep, L1Lied) as error:
                self._restarts += 1
                if self._once and self._restarts > RESTARTS_MAX:
                    return self._report(Verdict.UNKNOWN, reason=str(error))
                self._listener.trouble(str(error))
                feed = None
            except (L1Unavailable, L1Refused) as error:
                self._listener.trouble(str(error))
                if self._is_out_of_patience():
                    return self._report(Verdict.UNKNOWN, reason=str(error))
            else:
                self._trouble_since_s = None
                pause_s = self._settings.poll_ms / 1_000
                if found is not None:
                    self._listener.disagreed(found)
                    return self._report(Verdict.DISAGREES, found)
                if self._once and feed.head >= self._target:
                    return self._report(Verdict.AGREES)
                if not await self._is_behind(feed):
                    await asyncio.sleep(pause_s)
                continue
            pause_s = min(2 * pause_s, BACKOFF_MAX_S)
            await asyncio.sleep(pause_s)

    def _is_out_of_patience(self) -> bool:
        now_s = time.monotonic()
        if self._trouble_since_s is None:
            self._trouble_since_s = now_s
        return self._once and now_s - self._trouble_since_s > self._settings.patience_ms / 1_000

    async def _begin(self) -> L1Feed:
        """Check the contract and start at genesis."""
        deployed = Deployed(self._settings.contract, Domain(self._params.chain_id, self._settings.contract), ())
        verifier = Verifier(self._params, deployed, self._settings)
        checked = await check_deployment(
            self._client, self._settings.contract, genesis_facts(self._params, verifier.state_root)
        )
        self._deployed = Deployed(checked.operator, deployed.domain, checked.unit_divisors)
        self._verifier = Verifier(self._params, self._deployed, self._settings)
        self._target = await self._client.block_number()
        return L1Feed(self._client, self._settings)

    async def _look(self, feed: L1Feed) -> Disagreement | None:
        self._tip = await self._vault.tip()
        async for fact in feed.advance(to_head=self._once):
            found = await self._take(fact)
            if found is not None:
                return found
        return None

    async def _take(self, fact: Fact) -> Disagreement | None:
        verifier = self._verifier
        assert verifier is not None, "begun"
        match fact.what:
            case DepositQueued():
                verifier.queue.append(fact.what)
            case WithdrawalPaid():
                return verifier.paid_out(fact.what)
            case PostedBatch():
                result = await asyncio.to_thread(verifier.verify, fact.what)
                if isinstance(result, Disagreement):
                    return result
                self._inputs += result.inputs
                self._tip = max(self._tip, verifier.batch_id)
                self._listener.verified(verifier.batch_id, verifier.last_seq, self._tip)
        return None

    async def _is_behind(self, feed: L1Feed) -> bool:
        """Whether there are blocks to read at once."""
        verified = 0 if self._verifier is None else self._verifier.batch_id
        return self._tip > verified and feed.head < await self._client.block_number()

    def _report(self, verdict: Verdict, found: Disagreement | None = None, reason: str = "") -> WatchReport:
        verifier = self._verifier
        seconds = time.monotonic() - self._started_s
        if verifier is None:
            return WatchReport(verdict, 0, 0, bytes(32), 0, seconds, found, reason)
        return WatchReport(
            verdict, verifier.batch_id, verifier.last_seq, verifier.state_root, self._inputs, seconds, found, reason
        )
