"""A watcher that begins at a snapshot: as good as one that began at genesis, and hard to fool."""

import random
import re
from dataclasses import replace
from pathlib import Path

import pytest

from node.core.commit.forest import LeafRow
from node.store.errors import StoreCorrupt, StoreError, StoreMismatch
from node.store.headers import BatchHeader
from node.store.memory import MemoryDisk
from node.store.snapshot import Snapshot, _parts, _write, read_snapshot, write_snapshot
from node.store.store import open_memory
from node.watcher.report import Verdict
from node.watcher.watch import watch
from proto.ids import USDC
from proto.intents import Withdraw
from proto.ledger import Section
from proto.units import AssetUnits, TimeMs
from tests.sequencer.venue import USD
from tests.settlement.rig import ALICE, BOB, WINDOW_S, Node, Venue, running
from tests.watcher.test_watch import Heard, live_a_little, settings


def snapshot_of(disk: MemoryDisk, venue: Venue, path: Path) -> BatchHeader:
    """The newest sealed state of a stopped node."""
    return write_snapshot(path, venue.params.digest(), open_memory(disk, venue.params.digest()).seals)


async def live_on(node: Node) -> None:
    """A deposit, and a withdrawal that is left unpaid."""
    await node.venue.deposit(ALICE, 50 * USD)
    await node.until(lambda: node.cash(ALICE) == 650 * USD)
    node.act(BOB, Withdraw(BOB.address, node.next_nonce(), TimeMs(0), BOB.address, USDC, AssetUnits(9 * USD)))
    await node.until(lambda: node.cash(BOB) == 1_991 * USD)
    tip = node.sequencer.sealed.batch_id
    await node.until(lambda: node.settlement.tracker.tip >= tip)


async def pass_window(node: Node) -> None:
    """Everything posted becomes final."""
    tip = node.sequencer.sealed.batch_id
    await node.until(lambda: node.settlement.tracker.tip >= tip)
    await node.venue.l1.rpc("evm_increaseTime", 10 * WINDOW_S)
    await node.venue.l1.mine(3)


async def test_a_watcher_begins_at_a_snapshot_and_agrees(venue: Venue, tmp_path: Path) -> None:
    disk, path, heard = MemoryDisk(), tmp_path / "state.snapshot", Heard()
    async with running(venue, disk) as node:
        await live_a_little(node)
        await pass_window(node)
    header = snapshot_of(disk, venue, path)
    begun = replace(settings(venue), snapshot=path, data_dir=tmp_path / "watcher")
    # Its batch may have been sealed and never posted, as the node died: then it goes on here.
    async with running(venue, disk) as node:
        await live_on(node)
        await pass_window(node)
        heard.batch_id = header.batch_id
        short = await watch(begun, venue.params, heard, once=True)
        whole = await watch(settings(venue), venue.params, once=True)
        assert short.verdict is whole.verdict is Verdict.AGREES, short
        assert (short.batch_id, short.state_root) == (whole.batch_id, whole.state_root)
        assert short.inputs == whole.last_seq - header.last_seq < whole.inputs
        assert "beginning at the snapshot" in heard.notes[0]
        # What is kept now goes on from there, without the snapshot.
        await node.until(lambda: node.settlement.withdrawal(1).claim is not None)
        claim = node.settlement.withdrawal(1).claim
        assert claim is not None
        await venue.transact(BOB, venue.contract, claim.calldata())
        again = await watch(replace(begun, snapshot=None), venue.params, once=True)
        assert again.verdict is Verdict.AGREES, again


async def test_a_snapshot_that_l1_does_not_confirm_is_refused(venue: Venue, tmp_path: Path) -> None:
    disk, path = MemoryDisk(), tmp_path / "state.snapshot"
    async with running(venue, disk) as node:
        await live_a_little(node)
        await venue.deposit(ALICE, 5 * USD)
        await node.until(lambda: node.cash(ALICE) == 605 * USD)
        newest = node.sequencer.sealed.batch_id + 1
        await node.until(lambda: node.settlement.tracker.tip >= newest)
    header = snapshot_of(disk, venue, path)
    genesis = venue.params.digest()
    report = await watch(replace(settings(venue), snapshot=path), venue.params, once=True)
    assert report.verdict is Verdict.UNKNOWN
    assert "is not final yet" in report.reason or "L1 has" in report.reason
    async with running(venue, disk) as node:
        await pass_window(node)
    found = read_snapshot(path, genesis)
    assert found.header == header
    account = next(row for row in found.rows if row.section is Section.ACCOUNTS and row.aux)
    richer = account._replace(leaf=account.leaf[:96] + (1 << 40).to_bytes(32, "big") + account.leaf[128:])
    other_signers = account._replace(aux=next(row.aux for row in found.rows if row.aux != account.aux and row.aux))
    for name, rows, reason in (
        ("richer", swapped(found.rows, account, richer), "do not hash to its state root"),
        ("missing", [row for row in found.rows if row is not account], "do not hash to its state root"),
        ("aux", swapped(found.rows, account, other_signers), "its hash does not cover|not those of a state"),
    ):
        bent = tmp_path / name
        save(bent, genesis, found._replace(rows=rows))
        report = await watch(replace(settings(venue), snapshot=bent), venue.params, once=True)
        assert report.verdict is Verdict.UNKNOWN
        assert re.search(reason, report.reason), (name, report.reason)
    lying = tmp_path / "header"
    save(lying, genesis, found._replace(header=replace(header, batch_id=header.batch_id - 1)))
    report = await watch(replace(settings(venue), snapshot=lying), venue.params, once=True)
    assert "another state root" in report.reason
    lying = tmp_path / "future"
    save(lying, genesis, found._replace(header=replace(header, batch_id=header.batch_id + 1_000)))
    report = await watch(replace(settings(venue), snapshot=lying), venue.params, once=True)
    assert "L1 has" in report.reason


def swapped(rows: list[LeafRow], old: LeafRow, new: LeafRow) -> list[LeafRow]:
    return [new if row is old else row for row in rows]


def save(path: Path, genesis: bytes, snapshot: Snapshot) -> None:
    with path.open("wb") as file:
        _write(file, genesis, snapshot.header, list(snapshot.rows))


async def test_a_damaged_file_is_refused(venue: Venue, tmp_path: Path, seed: int) -> None:
    disk, path = MemoryDisk(), tmp_path / "state.snapshot"
    genesis = venue.params.digest()
    async with running(venue, disk):
        pass
    with pytest.raises(StoreError, match="no sealed batch"):
        snapshot_of(disk, venue, path)
    async with running(venue, disk) as node:
        await venue.deposit(ALICE, 10 * USD)
        await node.until(lambda: node.sequencer.sealed.batch_id > 0 and node.cash(ALICE) == 10 * USD)
    snapshot_of(disk, venue, path)
    with pytest.raises(StoreError, match="exists"):
        snapshot_of(disk, venue, path)
    with pytest.raises(StoreMismatch, match="another genesis"):
        read_snapshot(path, b"\x01" * 32)
    whole = path.read_bytes()
    assert b"".join(_parts(genesis, *read_snapshot(path, genesis))) == whole[:-32]
    rng = random.Random(seed)
    for _ in range(300):
        bent = bytearray(whole)
        if rng.random() < 0.3:
            bent = bent[: rng.randrange(len(bent))]
        elif rng.random() < 0.1:
            bent += b"\0"
        else:
            bent[rng.randrange(len(bent))] ^= 1 << rng.randrange(8)
        path.write_bytes(bent)
        with pytest.raises((StoreCorrupt, StoreMismatch)):
            read_snapshot(path, genesis)
    with pytest.raises(StoreError, match="cannot be read"):
        read_snapshot(tmp_path / "nowhere", genesis)
