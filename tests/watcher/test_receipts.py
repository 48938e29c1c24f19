"""Receipts against L1: kept promises are seen to be kept, broken ones are proved, and forged receipts prove nothing."""

import json
import random
from dataclasses import replace
from pathlib import Path

import pytest

from node.sequencer.receipts import receipt_proof
from node.store.memory import MemoryDisk
from node.store.store import open_memory
from node.watcher.receipts import (
    Receipt,
    ReceiptCheck,
    ReceiptInvalid,
    check_receipt,
    equivocation,
    omission,
    read_receipt,
    write_receipt,
)
from node.watcher.report import Verdict
from node.watcher.watch import watch
from proto.batch import Body, Cycle, cycle_leaf, cycle_root, inputs_root
from proto.hashing import keccak
from proto.ids import Seq
from proto.merkle import leaf_hash, list_proof, list_sides, node_hash
from proto.signing.eip712 import Domain, receipt_digest
from tests.settlement.rig import ALICE, BOB, OPERATOR, Venue, running
from tests.watcher.test_watch import live_a_little, settings

DOMAIN = Domain(31337, ALICE.address)


def promised(cycle: Cycle, position: int, domain: Domain = DOMAIN, head: bytes = b"\x07" * 32) -> Receipt:
    """What the operator gives for one input of a cycle."""
    root, size = cycle_root(cycle.records), len(cycle.records)
    signature = OPERATOR.sign(receipt_digest(domain, head, cycle.first_seq, size, root))
    siblings = list_proof(cycle.records, position)
    seq, record = cycle.first_seq + position, cycle.records[position]
    return Receipt(seq, record, position, siblings, cycle.first_seq, size, root, head, signature)


def made_body(rng: random.Random, cycles: int) -> Body:
    """A batch of random records."""
    seq, made = 1, []
    for _ in range(cycles):
        records = tuple(rng.randbytes(rng.randint(1, 40)) for _ in range(rng.randint(1, 9)))
        made.append(Cycle(Seq(seq), records))
        seq += len(records)
    return Body(1, Seq(1), tuple(made))


def opened_root(opening: dict[str, object]) -> bytes:
    """What the contract computes from an opening: sides and siblings, and nothing about how many cycles there are."""
    first_seq, count, root, sides = opening["firstSeq"], opening["count"], opening["root"], opening["sides"]
    assert isinstance(first_seq, int)
    assert isinstance(count, int)
    assert isinstance(root, str)
    assert isinstance(sides, int)
    siblings = opening["siblings"]
    assert isinstance(siblings, list)
    node = leaf_hash(cycle_leaf(first_seq, count, bytes.fromhex(root[2:])))
    for level, text in enumerate(siblings):
        sibling = bytes.fromhex(text[2:])
        node = node_hash(sibling, node) if sides >> level & 1 else node_hash(node, sibling)
    return node


def test_an_omission_is_one_opening(seed: int) -> None:
    rng = random.Random(seed)
    for cycles in range(1, 20):
        body = made_body(rng, cycles)
        for at, cycle in enumerate(body.cycles):
            assert omission(promised(cycle, rng.randrange(len(cycle.records))), body) is None
            other = Cycle(cycle.first_seq, (*cycle.records[:-1], b"what was acknowledged"))
            proof = omission(promised(other, len(other.records) - 1), body)
            assert proof is not None
            assert opened_root(proof["opening"]) == inputs_root(body.cycles)
            assert proof["opening"]["firstSeq"] == cycle.first_seq
            assert proof["opening"]["sides"] == list_sides(at, cycles)
        beyond = Cycle(Seq(10_000), (b"later",))
        assert omission(promised(beyond, 0), body) is None  # Another batch's.


def test_two_promises_for_one_number(seed: int) -> None:
    rng = random.Random(seed)
    first, second = made_body(rng, 2).cycles
    same = promised(first, 0)
    assert equivocation(same, same) is None
    assert equivocation(promised(first, 0), promised(first, len(first.records) - 1)) is None
    assert equivocation(same, promised(second, 0)) is None
    longer = Cycle(first.first_seq, (*first.records, b"one more"))
    for other in (promised(longer, 0), promised(first, 0, head=b"\x08" * 32)):
        proof = equivocation(same, other)
        assert proof is not None
        assert (proof["kind"], proof["a"]["seq"], proof["b"]["seq"]) == ("equivocation", 1, 1)
    assert len(ReceiptCheck([same, promised(longer, 0), promised(second, 0)]).proofs) >= 1


def test_a_receipt_that_proves_nothing_is_refused(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    cycle = Cycle(Seq(5), tuple(rng.randbytes(9) for _ in range(6)))
    good = promised(cycle, 3)
    check_receipt(good, DOMAIN, OPERATOR.address)
    path = tmp_path / "receipt.json"
    write_receipt(path, good)
    assert read_receipt(path) == good
    bent = [
        good._replace(seq=9), good._replace(record=b"another"), good._replace(position=2), good._replace(first_seq=6),
        good._replace(size=7), good._replace(root=keccak(b"")), good._replace(head=keccak(b"")), good._replace(siblings=()),
        good._replace(signature=bytes(65)), good._replace(signature=b""), good._replace(position=8, seq=13),
    ]  # fmt: skip
    for receipt in bent:
        with pytest.raises(ReceiptInvalid):
            check_receipt(receipt, DOMAIN, OPERATOR.address)
    with pytest.raises(ReceiptInvalid, match="the operator is"):
        check_receipt(good, DOMAIN, BOB.address)
    with pytest.raises(ReceiptInvalid):
        check_receipt(good, replace(DOMAIN, chain_id=1), OPERATOR.address)
    row = json.loads(path.read_text())
    for name, value in (("seq", True), ("seq", -1), ("count", "7"), ("root", "0x00"), ("root", 5), ("siblings", "x"), ("record", "zz")):
        path.write_text(json.dumps(row | {name: value}))
        with pytest.raises(ReceiptInvalid, match="is no receipt"):
            read_receipt(path)
    path.write_text("[]")
    with pytest.raises(ReceiptInvalid):
        read_receipt(path)


async def test_receipts_of_a_live_node_are_found_on_l1_and_a_broken_one_is_proved(venue: Venue, tmp_path: Path) -> None:
    disk = MemoryDisk()
    async with running(venue, disk) as node:
        await live_a_little(node)
        tip = node.sequencer.sealed.batch_id
        await node.until(lambda: node.settlement.tracker.tip >= tip)
    store = open_memory(disk, venue.params.digest())
    header = store.seals.header(tip)
    assert header is not None
    receipts = []
    for seq in range(1, header.last_seq + 1):
        found = receipt_proof(store.journal, seq)
        assert found is not None
        row = found.cycle
        receipts.append(
            Receipt(seq, found.record, found.position, found.siblings, row.first_seq, row.size, row.root, row.head, row.signature)
        )
        check_receipt(receipts[-1], venue.domain, OPERATOR.address)
    check = ReceiptCheck(receipts)
    report = await watch(settings(venue), venue.params, once=True, inspect=check.batch)
    assert report.verdict is Verdict.AGREES
    assert (check.kept, check.waiting, check.proofs) == (list(range(1, header.last_seq + 1)), [], [])

    # The operator acknowledged something else at the end of one cycle, and posted the history without it.
    last = store.journal.cycle_of(header.last_seq)
    assert last is not None
    records = list(store.journal.records(last.first_seq, last.last_seq))
    lost = promised(Cycle(last.first_seq, (*records, b"acknowledged and left out")), len(records), venue.domain)
    check_receipt(lost, venue.domain, OPERATOR.address)
    check = ReceiptCheck([receipts[0], lost])
    wanted = replace(settings(venue), evidence_dir=tmp_path)
    report = await watch(wanted, venue.params, once=True, inspect=check.batch)
    assert report.verdict is Verdict.DISAGREES
    assert report.disagreement is not None
    assert (report.disagreement.field, report.disagreement.seq) == ("receipt", lost.seq)
    (proof,) = check.proofs
    committed = store.seals.batch_of(last.first_seq)
    assert committed is not None
    assert opened_root(proof["opening"]) == committed.inputs_root
    assert (tmp_path / f"evidence-batch-{committed.batch_id}.json").exists()
