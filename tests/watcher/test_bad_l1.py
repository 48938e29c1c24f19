"""What a watcher says when L1 is away, lies, changes its mind, or is not the right one: never a verdict that it cannot give."""

import asyncio
from dataclasses import replace

import pytest

from node.l1.vault import CONTRACT, WithdrawalPaid
from node.sequencer.sequencer import batch_body
from node.settlement.build import build, commit_args
from node.store.memory import MemoryDisk
from node.store.store import open_memory
from node.watcher.report import Disagreement, Verdict
from node.watcher.watch import watch
from proto.hashing import keccak
from proto.ids import USDC
from tests.sequencer.venue import TRADERS, USD
from tests.settlement.faulty import MODES, FaultyL1
from tests.settlement.rig import ALICE, BOB, OPERATOR, Venue, running
from tests.watcher.forging import ForgersWorld
from tests.watcher.test_watch import Heard, settings


@pytest.mark.parametrize("mode", MODES)
async def test_an_l1_that_does_not_tell_gives_no_verdict(venue: Venue, mode: str) -> None:
    async with FaultyL1(venue.l1.url).serving() as faulty:
        faulty.mode = mode
        impatient = replace(settings(venue), url=faulty.url, patience_ms=300, request_timeout_ms=200)
        report = await watch(impatient, venue.params, once=True)
    assert report.verdict is Verdict.UNKNOWN
    assert report.reason


async def test_an_l1_that_comes_back_is_waited_for(venue: Venue) -> None:
    async with running(venue, MemoryDisk()) as node:
        await venue.deposit(ALICE, 5 * USD)
        await node.until(lambda: node.settlement.tracker.tip >= 1)
    async with FaultyL1(venue.l1.url).serving() as faulty, asyncio.TaskGroup() as tasks:
        faulty.mode = "reset"
        task = tasks.create_task(watch(replace(settings(venue), url=faulty.url), venue.params, once=True))
        await asyncio.sleep(0.3)
        faulty.mode = ""
        report = await task
    assert report.verdict is Verdict.AGREES
    assert report.batch_id >= 1


async def test_another_genesis_is_no_disagreement(venue: Venue) -> None:
    other = replace(venue.params, network="another")
    report = await watch(settings(venue), other, once=True)
    assert report.verdict is Verdict.UNKNOWN
    assert "6704" in report.reason


async def test_a_reorganisation_above_the_believed_depth_changes_nothing(venue: Venue) -> None:
    heard = Heard()
    careful = replace(settings(venue), depth_blocks=2)
    async with asyncio.TaskGroup() as tasks:
        watcher = tasks.create_task(watch(careful, venue.params, heard))
        async with running(venue, MemoryDisk()) as node:
            await venue.deposit(ALICE, 5 * USD)
            await node.until(lambda: node.cash(ALICE) > 0)
            await node.until(lambda: heard.batch_id >= 1)
            await venue.l1.reorg(2)
            await venue.deposit(BOB, 6 * USD)
            await node.until(lambda: node.cash(BOB) > 0)
            target = node.sequencer.sealed.batch_id
            await node.until(lambda: heard.batch_id >= target)
        watcher.cancel()


async def test_a_forged_batch_on_the_real_chain_is_the_alarm(venue: Venue) -> None:
    disk = MemoryDisk()
    async with FaultyL1(venue.l1.url).serving() as faulty, running(venue, disk, faulty.url) as node:
        await venue.deposit(ALICE, 5 * USD)
        await node.until(lambda: node.cash(ALICE) > 0)
        faulty.mode = "reset"  # Posting stops; the operator goes on by hand.
        await venue.l1.mine(3)
        tip = await venue.vault.tip()
        await node.until(lambda: node.sequencer.sealed.batch_id > tip, mine=False)
    honest = await watch(settings(venue), venue.params, once=True)
    assert (honest.verdict, honest.batch_id) == (Verdict.AGREES, tip)
    store = open_memory(disk, venue.params.digest())
    header = store.seals.header(tip + 1)
    assert header is not None
    postable = build(header, batch_body(store, header), OPERATOR, venue.domain)
    posted = await venue.vault.data_of(tip + 1)
    for index in range(posted.chunks, len(postable.chunks)):
        await venue.transact(OPERATOR, venue.contract, postable.data_call(index))
    commitment = replace(postable.commitment, ops_root=keccak(b"other operations"))
    signature = OPERATOR.sign(commitment.digest(venue.domain))
    args = commit_args(commitment, signature, postable.roots)
    await venue.transact(OPERATOR, venue.contract, CONTRACT.encode_call("commit", *args))
    heard = Heard()
    report = await watch(settings(venue), venue.params, heard, once=True)
    assert report.verdict is Verdict.DISAGREES
    assert report.disagreement is not None
    assert report.disagreement == heard.alarm
    assert (report.disagreement.batch_id, report.disagreement.field) == (tip + 1, "opsRoot")
    assert report.batch_id == tip
    assert report.to_json()["disagreement"]["field"] == "opsRoot"


async def test_l1_paying_what_is_not_owed_is_an_alarm() -> None:
    world = ForgersWorld()
    verifier = world.verifier()
    assert not isinstance(verifier.verify(world.honest().posted(world.domain)), Disagreement)
    owner = TRADERS[3].address
    good = WithdrawalPaid(0, owner, USDC, 40 * USD)
    for bad in (replace(good, amount=41 * USD), replace(good, index=1), replace(good, destination=ALICE.address)):
        other = world.verifier()
        other.verify(world.honest().posted(world.domain))
        found = other.paid_out(bad)
        assert found is not None
        assert found.field == "withdrawn"
    assert verifier.paid_out(good) is None
    again = verifier.paid_out(good)
    assert again is not None
