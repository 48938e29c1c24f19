"""A watcher against a real contract: it agrees with an honest node, and says what it cannot tell."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

from node.store.keys import record_key
from node.store.memory import MemoryDatabase, MemoryDisk, MemorySlots
from node.store.signed import SignedHeights
from node.store.store import Store, open_memory
from node.store.witness import HeadWitness
from node.watcher.compare import verify_store
from node.watcher.prepare import BatchInputs
from node.watcher.report import Disagreement, Verdict
from node.watcher.settings import WatcherSettings
from node.watcher.validator import Attestation, MakeValidator, Validator
from node.watcher.verify import PostedBatch, Verified, Verifier
from node.watcher.watch import Watch, open_client, watch
from proto.ids import USDC, Address
from proto.inputs import DepositSeen
from proto.intents import Withdraw
from proto.ledger import Section
from proto.signing.eip712 import attestation_digest
from proto.signing.secp256k1 import recover
from proto.units import AssetUnits, TimeMs
from tests.sequencer.venue import USD
from tests.settlement.rig import ALICE, BOB, WINDOW_S, Node, Venue, running


def settings(venue: Venue) -> WatcherSettings:
    """A watcher of the venue."""
    return WatcherSettings(url=venue.l1.url, contract=venue.contract, start_block=venue.start_block, depth_blocks=1, poll_ms=20)


async def live_a_little(node: Node) -> None:
    """Deposits, a withdrawal, and its payment on L1."""
    venue = node.venue
    await venue.deposit(ALICE, 1_000 * USD)
    await venue.deposit(BOB, 2_000 * USD)
    await node.until(lambda: node.cash(BOB) == 2_000 * USD)
    node.act(ALICE, Withdraw(ALICE.address, node.next_nonce(), TimeMs(0), ALICE.address, USDC, AssetUnits(400 * USD)))
    await node.until(lambda: node.cash(ALICE) == 600 * USD)
    await venue.l1.rpc("evm_increaseTime", WINDOW_S)
    await node.until(lambda: node.settlement.withdrawal(0).claim is not None)
    claim = node.settlement.withdrawal(0).claim
    assert claim is not None
    await venue.transact(ALICE, venue.contract, claim.calldata())


async def test_an_honest_node_is_right(venue: Venue) -> None:
    async with running(venue, MemoryDisk()) as node:
        await live_a_little(node)
        tip = await venue.vault.tip()
        report = await watch(settings(venue), venue.params, once=True)
    assert report.verdict is Verdict.AGREES, report
    assert report.batch_id >= tip > 0
    assert report.inputs == report.last_seq > 0
    header = node.sequencer.header(report.batch_id)
    assert header is not None
    assert header.state_root == report.state_root


class Heard:
    """Remembers what a watcher tells."""

    def __init__(self) -> None:
        self.batch_id = 0
        self.troubles: list[str] = []
        self.alarm: Disagreement | None = None
        self.attestations: list[Attestation] = []
        self.reasons: list[str] = []
        self.notes: list[str] = []

    def verified(self, batch_id: int, last_seq: int, tip: int) -> None:
        """Keep it."""
        assert batch_id == self.batch_id + 1
        assert tip >= batch_id
        assert last_seq > 0
        self.batch_id = batch_id

    def trouble(self, reason: str) -> None:
        """Keep it."""
        self.troubles.append(reason)

    def disagreed(self, found: Disagreement) -> None:
        """Keep it."""
        self.alarm = found

    def attested(self, attestation: Attestation) -> None:
        """Keep it."""
        self.attestations.append(attestation)

    def withheld(self, reason: str) -> None:
        """Keep it."""
        self.reasons.append(reason)

    def noted(self, text: str) -> None:
        """Keep it."""
        self.notes.append(text)


async def test_following_keeps_up(venue: Venue) -> None:
    heard = Heard()
    async with asyncio.TaskGroup() as tasks:
        watcher = tasks.create_task(watch(settings(venue), venue.params, heard))
        async with running(venue, MemoryDisk()) as node:
            await live_a_little(node)
            target = await venue.vault.tip()
            await node.until(lambda: heard.batch_id >= target)
        watcher.cancel()
    assert heard.troubles == []
    assert heard.alarm is None


async def test_a_restart_goes_on_where_it_was(venue: Venue, tmp_path: Path) -> None:
    kept = replace(settings(venue), data_dir=tmp_path / "watcher")
    disk = MemoryDisk()
    async with running(venue, disk) as node:
        await live_a_little(node)
        before = await watch(kept, venue.params, once=True)
        await venue.deposit(ALICE, 7 * USD)
        await node.until(lambda: node.cash(ALICE) == 607 * USD)
        await node.until(lambda: node.sequencer.sealed.batch_id > before.batch_id)
        tip = node.sequencer.sealed.batch_id
        await node.until(lambda: node.settlement.tracker.tip >= tip)
        after = await watch(kept, venue.params, once=True)
        whole = await watch(settings(venue), venue.params, once=True)
    assert before.verdict is after.verdict is whole.verdict is Verdict.AGREES
    assert before.inputs + after.inputs <= whole.inputs
    assert (after.batch_id, after.last_seq) <= (whole.batch_id, whole.last_seq)
    assert after.batch_id > before.batch_id
    other = await watch(replace(kept, contract=Address(b"\x01" * 20)), venue.params, once=True)
    assert other.verdict is Verdict.UNKNOWN
    assert "6702" in other.reason


async def test_a_data_directory_is_compared_with_l1(venue: Venue) -> None:
    disk = MemoryDisk()
    async with running(venue, disk) as node:
        await live_a_little(node)
    store = open_memory(disk, venue.params.digest())
    newest = store.seals.last()
    assert newest is not None
    report = await verify_store(settings(venue), venue.params, store)
    assert report.verdict is Verdict.AGREES, report
    assert (report.batch_id, report.state_root) == (newest.batch_id, newest.state_root)
    section, key, leaf, aux = next(store.seals.leaves())
    store.seals.write(newest, [(section, key, leaf[:-1] + bytes([leaf[-1] ^ 1]), aux)])
    report = await verify_store(settings(venue), venue.params, store)
    assert report.verdict is Verdict.DISAGREES
    assert report.disagreement is not None
    assert report.disagreement.field == f"leaf {Section(section).name.lower()}/{key}"


async def test_a_journal_that_differs_from_l1_is_named_by_input(venue: Venue) -> None:
    disk = MemoryDisk()
    async with running(venue, disk) as node:
        await live_a_little(node)
        seq = next(released.seq for released in node.tell.inputs if isinstance(released.item, DepositSeen))
        await node.until(lambda: node.sequencer.sealed.last_seq >= seq)
    store = open_memory(disk, venue.params.digest())
    record = store.journal.record(seq)
    assert record is not None
    MemoryDatabase(disk).write([(record_key(seq), record[:-1] + bytes([record[-1] ^ 1]))], sync=True)
    store = Store(MemoryDatabase(disk), HeadWitness(MemorySlots(disk)), venue.params.digest(), None)
    report = await verify_store(settings(venue), venue.params, store)
    assert report.disagreement is not None
    assert (report.disagreement.seq, report.disagreement.field) == (seq, "record")


def validator_of(directory: Path) -> MakeValidator:
    """Opens BOB's record."""
    return lambda domain: Validator(BOB, domain, SignedHeights(directory, BOB.address, domain))


async def test_a_validator_signs_what_is_right_once_it_is_recorded(venue: Venue, tmp_path: Path) -> None:
    heard, disk = Heard(), MemoryDisk()
    async with running(venue, disk) as node:
        await live_a_little(node)
        report = await watch(settings(venue), venue.params, heard, once=True, make_validator=validator_of(tmp_path))
    assert report.verdict is Verdict.AGREES
    assert [item.batch_id for item in heard.attestations] == list(range(1, report.batch_id + 1))
    assert report.attested == report.batch_id == report.to_json()["attested"]
    store = open_memory(disk, venue.params.digest())
    for item in heard.attestations:
        header = store.seals.header(item.batch_id)
        assert header is not None
        assert item.commitment_hash == header.commitment().struct_hash()
        digest = attestation_digest(venue.domain, item.batch_id, item.commitment_hash)
        assert recover(digest, item.signature) == item.validator == BOB.address
    again = Heard()
    await watch(settings(venue), venue.params, again, once=True, make_validator=validator_of(tmp_path))
    assert again.attestations == heard.attestations  # The same signatures, which is no second word.
    assert again.reasons == []


async def test_a_validator_withholds_where_its_key_said_something_else(venue: Venue, tmp_path: Path) -> None:
    record = SignedHeights(tmp_path, BOB.address, venue.domain)
    record.record(2, b"\x02" * 32)
    record.close()
    heard = Heard()
    async with running(venue, MemoryDisk()) as node:
        await live_a_little(node)
        report = await watch(settings(venue), venue.params, heard, once=True, make_validator=validator_of(tmp_path))
    assert report.verdict is Verdict.AGREES
    assert [item.batch_id for item in heard.attestations] == list(range(3, report.batch_id + 1))
    assert len(heard.reasons) == 1
    assert "0x" + "02" * 32 in heard.reasons[0]


async def test_a_wrong_batch_is_not_signed_and_leaves_evidence(venue: Venue, tmp_path: Path) -> None:
    """L1 as it is, and a verifier that finds one batch wrong: the alarm, the file, and no word for it."""
    heard = Heard()
    wrong = replace(settings(venue), evidence_dir=tmp_path / "evidence")
    async with running(venue, MemoryDisk()) as node:
        await live_a_little(node)
        tip = await venue.vault.tip()
        async with open_client(wrong) as client:
            run = Watch(client, wrong, venue.params, heard, once=True, make_validator=validator_of(tmp_path))
            original = Verifier.verify

            def bent(verifier: Verifier, batch: PostedBatch, inputs: BatchInputs | None = None) -> Verified | Disagreement:
                if batch.commitment.batch_id == tip:
                    batch = batch._replace(commitment=replace(batch.commitment, ops_root=b"\x0e" * 32))
                return original(verifier, batch, inputs)

            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(Verifier, "verify", bent)
                report = await run.run()
    assert report.verdict is Verdict.DISAGREES
    assert [item.batch_id for item in heard.attestations] == list(range(1, tip))
    assert heard.alarm is not None
    (file,) = (tmp_path / "evidence").iterdir()
    assert str(file) in heard.notes[0]
    content = json.loads(file.read_text())
    assert content["disagreement"] == report.to_json()["disagreement"]
    assert content["commitment"]["batchId"] == tip
    assert len(content["dataTransactions"]) >= 1
    found = await venue.l1.client.transaction(bytes.fromhex(content["dataTransactions"][0][2:]))
    assert found is not None
