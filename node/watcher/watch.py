"""The watcher as a program: follow L1, verify batch after batch, raise the alarm at the first disagreement.

Invariants:
- A verdict is never a guess: where L1 did not answer or contradicted itself, it is UNKNOWN.
- After a disagreement nothing more is verified: what follows from a wrong batch means nothing.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Final, NamedTuple

from node.core.params import Params
from node.l1.answers import L1Error, L1Lied, L1Refused, L1Unavailable
from node.l1.compared import open_l1
from node.l1.deployment import DeploymentRefused, check_deployment, genesis_facts
from node.l1.follow import ReorgTooDeep
from node.l1.rpc import L1Client
from node.l1.vault import ActionQueued, DepositQueued, Vault, WithdrawalPaid
from node.store.errors import StoreError
from node.store.signed import WouldContradict
from node.store.snapshot import read_snapshot
from node.watcher.evidence import evidence, write_evidence
from node.watcher.feed import Fact, HistoryChanged, L1Feed, Place
from node.watcher.kept import Kept, KeptState
from node.watcher.prepare import BatchInputs, Recovery
from node.watcher.report import Disagreement, Unheard, Verdict, WatchListener, WatchReport
from node.watcher.settings import WatcherSettings
from node.watcher.start import Passing, SnapshotRefused, check_on_l1, load_into
from node.watcher.validator import MakeValidator, Validator
from node.watcher.verify import Deployed, PostedBatch, Verifier
from proto.batch import BodyError, decode_body
from proto.hashing import keccak
from proto.signing.eip712 import Domain

BACKOFF_MAX_S: Final = 30.0
Inspect = Callable[[PostedBatch], Disagreement | None]
KEEP_EVERY_S: Final = 5.0
FACTS_AHEAD: Final = 4
"""Read and not yet verified: bounds memory, a batch may hold 7 MB."""
RESTARTS_MAX: Final = 3
"""Passes of a single run that may be spoiled by L1 replacing what was believed."""


async def watch(
    settings: WatcherSettings,
    params: Params,
    listener: WatchListener | None = None,
    *,
    once: bool = False,
    make_validator: MakeValidator | None = None,
    inspect: Inspect | None = None,
) -> WatchReport:
    """Verify from L1. `once`: everything that L1 has now, then report; else go on until cancelled or until the alarm.

    With a validator, every batch that is right is signed. Raises StoreError kinds where its record cannot be used.

    Raises DeploymentRefused never: a wrong contract is reported as UNKNOWN, with its number.
    """
    async with open_client(settings) as client:
        return await Watch(
            client, settings, params, listener or Unheard(), once=once, inspect=inspect, make_validator=make_validator
        ).run()


def open_client(settings: WatcherSettings) -> L1Client:
    """The client of a watcher's L1."""
    urls = (settings.url, settings.compare_url) if settings.compare_url else (settings.url,)
    return open_l1(urls, settings.request_timeout_ms / 1_000)


class _Ahead(NamedTuple):
    """What L1 says next; a batch's inputs are begun already, where its data can be read."""

    fact: Fact
    inputs: BatchInputs | None


def _begin_inputs(recovery: Recovery, batch: PostedBatch) -> BatchInputs | None:
    try:
        return recovery.begin(decode_body(b"".join(batch.chunks)))
    except BodyError:
        return None  # The verifier says so when it is this batch's turn.


class Watch:
    """One run."""

    def __init__(
        self,
        client: L1Client,
        settings: WatcherSettings,
        params: Params,
        listener: WatchListener,
        *,
        once: bool,
        inspect: Inspect | None = None,
        make_validator: MakeValidator | None = None,
    ) -> None:
        """`inspect` looks at every batch that is right, and may find something that it alone can see; a validator signs them."""
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
        self.verifier: Verifier | None = None
        self._inspect = inspect
        self._kept: KeptState | None = None
        self._recovery: Recovery | None = None
        self._make_validator = make_validator
        self._validator: Validator | None = None
        self._passing: Passing | None = None
        self._written_s = time.monotonic()

    async def run(self) -> WatchReport:
        """See `watch`. Raises StoreError kinds where the data directory fails."""
        try:
            return await self._run()
        finally:
            if self._recovery is not None:
                self._recovery.close()
            if self._kept is not None:
                self._kept.close()
            if self._validator is not None:
                self._validator.close()

    async def _run(self) -> WatchReport:
        pause_s = self._settings.poll_ms / 1_000
        feed: L1Feed | None = None
        while True:
            try:
                if feed is None:
                    feed = await self._begin()
                found = await self._look(feed)
            except DeploymentRefused as error:
                return self._report(Verdict.UNKNOWN, reason=error.numbered())
            except SnapshotRefused as error:
                return self._report(Verdict.UNKNOWN, reason=str(error))
            except (HistoryChanged, ReorgTooDeep, L1Lied) as error:
                self._restarts += 1
                if self._once and self._restarts > RESTARTS_MAX:
                    return self._report(Verdict.UNKNOWN, reason=error.numbered())
                self._listener.trouble(error.numbered())
                feed = None
            except (L1Unavailable, L1Refused) as error:
                self._listener.trouble(error.numbered())
                if self._is_out_of_patience():
                    return self._report(Verdict.UNKNOWN, reason=error.numbered())
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
        """Check the contract, and start at genesis or where an earlier run had come to."""
        settings, params = self._settings, self._params
        checked = await check_deployment(self._client, settings.contract, genesis_facts(params))
        deployed = Deployed(checked.operator, Domain(params.chain_id, settings.contract), checked.unit_divisors)
        verifier = self.verifier = Verifier(params, deployed, settings)
        if self._validator is None and self._make_validator is not None:
            self._validator = await asyncio.to_thread(self._make_validator, deployed.domain)
        if self._recovery is None:
            self._recovery = Recovery(deployed.domain, settings.recovery_processes)
        self._target = await self._client.block_number()
        kept = await self._load_kept()
        self._passing = None
        if kept is None:
            return await self._begin_anew(verifier)
        feed = L1Feed(self._client, settings, kept.place)
        await feed.adopt(kept.open_data)
        verifier.resume(kept.state, kept.forest, kept.roots)
        verifier.queue.restore(*kept.queue)
        verifier.paid, verifier.withdrawals = kept.paid, kept.withdrawals
        return feed

    async def _begin_anew(self, verifier: Verifier) -> L1Feed:
        """At the snapshot, or at genesis. Raises SnapshotRefused, StoreError kinds."""
        settings, rows = self._settings, verifier.genesis_rows
        passed = 0
        if settings.snapshot is not None:
            snapshot = await asyncio.to_thread(read_snapshot, settings.snapshot, self._params.digest())
            await check_on_l1(self._vault, snapshot.header)
            await asyncio.to_thread(load_into, verifier, self._params, snapshot)
            self._passing = Passing(snapshot.header)
            rows, passed = tuple(snapshot.rows), snapshot.header.batch_id
            self._listener.noted(f"beginning at the snapshot of batch {passed}, which is final on L1")
        if self._kept is not None:
            await asyncio.to_thread(self._kept.clear, rows)
        return L1Feed(self._client, settings, without_data_to=passed)

    async def _load_kept(self) -> Kept | None:
        """Verified state of an earlier run, where L1 still has it. Not after a restart within this run: then L1 has changed."""
        settings = self._settings
        if settings.data_dir is None or self._inspect is not None:
            return None
        if self._kept is None:
            identity = keccak(self._params.digest() + settings.contract)
            self._kept = await asyncio.to_thread(KeptState, settings.data_dir, identity)
        if self._restarts:
            return None
        kept = await asyncio.to_thread(self._kept.load, self._params)
        if kept is None:
            return None
        block = await self._client.block(kept.place.block.number)
        return kept if block is not None and block.hash == kept.place.block.hash else None

    async def _look(self, feed: L1Feed) -> Disagreement | None:
        """Take in what is new; L1 is read, and signers are recovered, ahead of what is verified."""
        self._tip = await self._vault.tip()
        ahead: asyncio.Queue[_Ahead | L1Error | None] = asyncio.Queue(FACTS_AHEAD)
        found: Disagreement | L1Error | StoreError | SnapshotRefused | None = None
        async with asyncio.TaskGroup() as tasks:
            reading = tasks.create_task(self._read(feed, ahead))
            while found is None and (item := await ahead.get()) is not None:
                try:
                    # An error of L1: what was read before it has been taken in.
                    found = item if isinstance(item, L1Error) else await self._take(item)
                except (L1Error, StoreError, SnapshotRefused) as error:  # Raised below, without a group around it.
                    found = error
            reading.cancel()
        if isinstance(found, Exception):
            raise found
        return found

    async def _read(self, feed: L1Feed, ahead: "asyncio.Queue[_Ahead | L1Error | None]") -> None:
        assert self._recovery is not None, "begun"
        try:
            async for fact in feed.advance(to_head=self._once):
                inputs = None
                if isinstance(fact.what, PostedBatch) and fact.what.chunks:
                    inputs = await asyncio.to_thread(_begin_inputs, self._recovery, fact.what)
                await ahead.put(_Ahead(fact, inputs))
        except L1Error as error:
            await ahead.put(error)
        else:
            await ahead.put(None)

    async def _take(self, ahead: "_Ahead") -> Disagreement | None:
        fact = ahead.fact
        verifier = self.verifier
        assert verifier is not None, "begun"
        match fact.what:
            case DepositQueued() | ActionQueued():
                verifier.queue.append(fact.what)
            case WithdrawalPaid():
                if self._kept is not None:
                    self._kept.paid(fact.what.index)
                found = verifier.paid_out(fact.what)
                if found is not None:
                    await self._note(found, None, fact.place)
                return found
            case PostedBatch() if self._passing is not None and not self._passing.is_over:
                self._passing.take(verifier, fact.what)
            case PostedBatch():
                return await self._batch(verifier, fact.what, ahead)
        return None

    async def _batch(self, verifier: Verifier, batch: PostedBatch, ahead: "_Ahead") -> Disagreement | None:
        result = await asyncio.to_thread(verifier.verify, batch, ahead.inputs)
        if isinstance(result, Disagreement):
            await self._note(result, batch, ahead.fact.place)
            return result
        found = self._inspect(batch) if self._inspect is not None else None
        if found is not None:
            await self._note(found, batch, ahead.fact.place)
            return found
        await self._attest(batch)
        self._inputs += result.inputs
        self._tip = max(self._tip, verifier.batch_id)
        self._listener.verified(verifier.batch_id, verifier.last_seq, self._tip)
        if self._kept is not None:
            self._kept.take(result.rows)
            now_s = time.monotonic()
            if now_s - self._written_s > KEEP_EVERY_S or verifier.batch_id == self._tip:
                self._written_s = now_s
                await asyncio.to_thread(self._kept.write, verifier, batch.commitment, ahead.fact.place, ahead.fact.open_data)
        return None

    async def _attest(self, batch: PostedBatch) -> None:
        """Vouch for a batch that is right, where there is a key. Raises StoreFailed."""
        if self._validator is None:
            return
        try:
            attestation = await asyncio.to_thread(self._validator.agree, batch.commitment)
        except WouldContradict as error:
            self._listener.withheld(str(error))
            return
        if attestation is not None:
            self._listener.attested(attestation)

    async def _note(self, found: Disagreement, batch: PostedBatch | None, place: Place) -> None:
        """Write down what was found. Evidence that cannot be written must not silence the alarm."""
        directory = self._settings.evidence_dir
        if directory is None:
            return
        domain = Domain(self._params.chain_id, self._settings.contract)
        try:
            path = await asyncio.to_thread(write_evidence, directory, evidence(domain, found, batch, place))
        except OSError as error:
            self._listener.trouble(f"the evidence cannot be written: {error}")
        else:
            self._listener.noted(f"the evidence is in {path}")

    async def _is_behind(self, feed: L1Feed) -> bool:
        """Whether there are blocks to read at once."""
        verified = 0 if self.verifier is None else self.verifier.batch_id
        return self._tip > verified and feed.head < await self._client.block_number()

    def _report(self, verdict: Verdict, found: Disagreement | None = None, reason: str = "") -> WatchReport:
        verifier = self.verifier
        seconds = time.monotonic() - self._started_s
        attested = None if self._validator is None else self._validator.newest
        if verifier is None:
            return WatchReport(verdict, 0, 0, bytes(32), 0, seconds, found, reason, attested)
        return WatchReport(
            verdict, verifier.batch_id, verifier.last_seq, verifier.state_root, self._inputs, seconds, found, reason, attested
        )
