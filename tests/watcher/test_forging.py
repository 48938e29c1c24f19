"""Whatever a poster forges is caught: the contract refuses it, or the watcher names it."""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from node.watcher.report import Disagreement
from proto.batch import BodyError, decode_body, encode_body
from proto.canonical import unpack
from proto.hashing import word
from proto.ids import ZERO_ADDRESS, Seq
from proto.inputs import (
    DepositSeen,
    Input,
    InputKind,
    QueueItemSeen,
    RecordError,
    SampleTick,
    decode_record,
    encode_record,
)
from proto.ledger import LEDGER_SECTIONS, SYSTEM_ASSET_WORDS, SYSTEM_FIXED_WORDS
from proto.signing.secp256k1 import SignatureError, SigningKey
from proto.units import AssetUnits, TimeMs
from tests.watcher.forging import (
    BEGIN_MS,
    Forged,
    ForgersWorld,
    bend_words,
    commitment_fields,
    fixed,
    record_mutations,
    rehash,
    snake,
    variants,
)

SELF_CONTAINED = (
    InputKind.USER_ACTION, InputKind.ORACLE_REPORT, InputKind.DEPOSIT_SEEN, InputKind.REVOKE_PUBLISHER,
)  # fmt: skip
"""Inputs whose content somebody else vouches for, by signature or on L1."""


@pytest.fixture(scope="module")
def world() -> ForgersWorld:
    """One history; every attempt on it is undone."""
    return ForgersWorld()


def caught(world: ForgersWorld, forged: Forged) -> Disagreement | str:
    """Post it: the contract's refusal by name, or the watcher's finding; where `seq` is given, it names that input."""
    posted = world.attempt(forged)
    if isinstance(posted, str):
        return posted
    found = world.watch(posted)
    assert found is not None, f"{forged.name}: not caught"
    if forged.seq:
        assert found.seq == forged.seq, f"{forged.name}: {found}"
    return found


def test_an_honest_batch_is_right(world: ForgersWorld) -> None:
    posted = world.attempt(world.honest())
    assert not isinstance(posted, str), posted
    assert world.watch(posted) is None
    kinds = {unpack(record)[1] for record in world.records}
    assert kinds == set(InputKind) - {InputKind.QUEUE_ITEM_SEEN}, "the history has every kind that L1 can have queued"
    actions = {unpack(unpack(record)[3])[0] for record in world.records if unpack(record)[1] == InputKind.USER_ACTION}
    assert actions == set(range(1, 12)), "and every action"


def test_every_field_of_the_commitment(world: ForgersWorld) -> None:
    names = commitment_fields()
    assert len(names) == 12
    for name, kind in names:
        attribute = snake(name)
        value = getattr(world.header.commitment(), attribute)
        for other in variants(value):
            if kind == "bytes32" and len(other) != 32:
                continue
            forged = world.honest()
            forged.name = name
            forged.commitment = replace(forged.commitment, **{attribute: other})
            caught(world, forged)
            # And if the contract let everything pass, the watcher would still name the field.
            found = world.watch(forged.posted(world.domain))
            assert found is not None, name
            assert found.field in (name, "body.batchId", "time") or (name, found.field) == ("lastSeq", "lastSeq"), (name, found)


def test_every_part_of_the_opening(world: ForgersWorld) -> None:
    """State roots that the contract accepts, because everything that it opens fits them."""
    outcomes: Counter[str] = Counter()
    for forged in openings(world):
        forged.commitment = replace(forged.commitment, state_root=forged.roots.state_root())
        found = caught(world, forged)
        outcomes[found if isinstance(found, str) else found.field] += 1
        direct = world.watch(forged.posted(world.domain))
        assert direct is not None
    assert outcomes["stateRoot"] > 10, outcomes


def openings(world: ForgersWorld) -> Iterator[Forged]:
    """Each section root and each system word bent."""
    for section in range(len(world.header.roots.sections)):
        forged = world.honest()
        forged.name = f"section {section}"
        sections = list(forged.roots.sections)
        sections[section] = bytes(31) + b"\x01"
        forged.roots = forged.roots._replace(sections=tuple(sections))
        yield forged
    count = len(world.header.roots.system) // 32
    assert count == len(SYSTEM_FIXED_WORDS) + 2 * len(SYSTEM_ASSET_WORDS)
    assert len(LEDGER_SECTIONS) == 5
    for at in range(count):
        current = int.from_bytes(world.header.roots.system[32 * at : 32 * at + 32], "big")
        for other in (current + 1, current - 1):
            if other >= 0:
                forged = world.honest()
                forged.name = f"system word {at}"
                forged.roots = bend_words(forged.roots, at, word(other))
                yield forged


def test_signatures(world: ForgersWorld) -> None:
    honest = world.honest()
    good = honest.posted(world.domain).signature
    forged = [
        replace(honest, key=SigningKey(b"\x05" * 32)),
        replace(honest, signature=b""),
        replace(honest, signature=bytes(65)),
        replace(honest, signature=good[:-1]),
        replace(honest, signature=good[:64] + bytes([55 - good[64]])),
        replace(honest, signature=good[:40] + bytes([good[40] ^ 1]) + good[41:]),
    ]
    for each in forged:
        assert caught(world, each) == "SignatureInvalid"
        found = world.watch(each.posted(world.domain))
        assert found is not None
        assert found.field == "signature"


def test_every_field_of_every_input(world: ForgersWorld) -> None:
    """A careless forger fixes the data hash only; a careful one the inputs root too. The watcher names the input."""
    exact = total = true_batches = 0
    for number, record in enumerate(world.records):
        seq = world.header.first_seq + number
        for where, other in record_mutations(record):
            if other == record:
                continue
            records = [*world.records[:number], other, *world.records[number + 1 :]]
            body = fixed(world.with_records(records))
            name = f"input {seq} {where}"
            # Stamps and ticks are bare facts: a bent one may first show in the input behind it.
            named = seq if unpack(record)[1] in SELF_CONTAINED and where not in ((0,), (1,)) else 0
            forged = Forged(name, named, world.header.commitment(), world.header.roots, encode_body(body))
            found = caught(world, rehash(forged, None))
            total += 1
            exact += isinstance(found, Disagreement) and found.seq == seq
            if not careful_is_caught(world, rehash(forged, body), records):
                assert unpack(record)[1] == InputKind.WORK_TICK, "only an idle work tick's size changes nothing"
                true_batches += 1
    assert total > 800
    assert true_batches <= 8
    assert exact > total * 0.8, f"{exact} of {total} named exactly"


def careful_is_caught(world: ForgersWorld, forged: Forged, records: list[bytes]) -> bool:
    """False where there is nothing to catch, because every claim is true of the bent inputs too."""
    posted = world.attempt(forged)
    if isinstance(posted, str) or world.watch(posted) is not None:
        return True
    assert is_true(world, records), f"{forged.name}: not caught"
    return False


def is_true(world: ForgersWorld, records: list[bytes]) -> bool:
    """Whether the honest roots really follow from these records, which would make them no forgery at all."""
    try:
        time, item = decode_record(records[-1])
        header, _, refused = world.remake(records[:-1])
    except (RecordError, SignatureError, AssertionError):
        return False
    seal = encode_record(time, item)
    honest = world.header
    same = (header.state_root, header.ops_root, header.ops_count) == (honest.state_root, honest.ops_root, honest.ops_count)
    return same and seal == world.records[-1] and not any(refused)


def test_every_field_around_the_inputs(world: ForgersWorld, seed: int) -> None:
    data = world.honest().data
    places = [("magic", 0, 4), ("batchId", 4, 8), ("firstSeq", 12, 8), ("cycles", 20, 4)]
    at = 24
    for cycle in world.body.cycles:
        places.append(("records of a cycle", at, 4))
        at += 4
        for record in cycle.records:
            places.append(("length of a record", at, 4))
            at += 4 + len(record)
    for name, start, width in places:
        value = int.from_bytes(data[start : start + width], "big")
        for other in variants(value):
            if other < 256**width:
                bent = data[:start] + other.to_bytes(width, "big") + data[start + width :]
                check_bytes(world, name, bent)
    rng = random.Random(seed)
    for _ in range(150):
        place = rng.randrange(len(data))
        check_bytes(world, f"byte {place}", data[:place] + bytes([data[place] ^ 1 << rng.randrange(8)]) + data[place + 1 :])
    for bent in (b"", data[:-1], data + b"\0", data + data, data[4:]):
        check_bytes(world, "length of the body", bent)


def check_bytes(world: ForgersWorld, name: str, data: bytes) -> None:
    """Other data with a fitting data hash, and with a fitting inputs root where it can be read."""
    forged = Forged(name, 0, world.header.commitment(), world.header.roots, data)
    caught(world, rehash(forged, None))
    try:
        body = decode_body(data)
    except BodyError:
        return
    records = [record for cycle in body.cycles for record in cycle.records]
    if body.first_seq + len(records) < 2**64:
        careful_is_caught(world, rehash(forged, body), records)


def test_drops_repeats_and_reorders(world: ForgersWorld) -> None:
    records = world.records
    edits: list[tuple[str, int, list[bytes]]] = []
    for number in range(len(records)):
        edits.append(("drop", number, [*records[:number], *records[number + 1 :]]))
        edits.append(("repeat", number, [*records[: number + 1], *records[number:]]))
        if number and records[number] != records[number - 1]:
            swapped = [*records[: number - 1], records[number], records[number - 1], *records[number + 1 :]]
            edits.append(("swap", number - 1, swapped))
    for name, number, edited in edits:
        body = fixed(world.with_records(edited))
        last_seq = world.header.first_seq + len(edited) - 1
        forged = Forged(f"{name} {number}", 0, world.header.commitment(), world.header.roots, encode_body(body))
        caught(world, rehash(forged, None))
        caught(world, rehash(forged, body))
        shifted = rehash(forged, body)
        shifted.commitment = replace(shifted.commitment, last_seq=last_seq)
        shifted.roots = bend_words(shifted.roots, 0, word(last_seq))
        shifted.commitment = replace(shifted.commitment, state_root=shifted.roots.state_root())
        caught(world, shifted)


def made(world: ForgersWorld, inputs: Sequence[tuple[int, Input]]) -> Forged:
    """A batch whose every root follows from its inputs: what is left to catch are facts and the order's own rules."""
    records = [encode_record(TimeMs(time), item) for time, item in inputs]
    header, body, _ = world.remake(records)
    return world.forged("made", header, body)


def as_l1_queue(world: ForgersWorld, forged: Forged) -> Forged:
    """Claim the queue that L1 has, whatever the inputs say, so that the contract agrees."""
    cursor = world.header.queue_cursor
    roots = bend_words(forged.roots, 2, word(cursor))
    roots = bend_words(roots, 3, world.header.queue_hash)
    commitment = replace(
        forged.commitment, queue_cursor=cursor, queue_hash=world.header.queue_hash, state_root=roots.state_root()
    )
    return replace(forged, commitment=commitment, roots=roots)


def test_facts_of_l1_cannot_be_invented(world: ForgersWorld) -> None:
    honest = world.second_inputs
    time, first = honest[0]
    assert isinstance(first, DepositSeen)
    seq = world.header.first_seq
    other = honest[1][1]
    assert isinstance(other, DepositSeen)
    cases: dict[str, DepositSeen] = {
        "deposit.amount": replace(first, amount=AssetUnits(first.amount - 1)),
        "deposit.owner": replace(first, owner=other.owner),
        "deposit.asset": replace(first, asset=other.asset),
    }
    for field, bent in cases.items():
        forged = made(world, [(time, bent), *honest[1:]])
        assert caught(world, forged) in ("QueueHashWrong", "LiabilitiesExceedDeposits", "DepositedExceedsReceived"), field
        found = caught(world, as_l1_queue(world, forged))
        if not isinstance(found, str):
            assert (found.seq, found.field) == (seq, field)
        direct = world.watch(forged.posted(world.domain))
        assert direct is not None
        assert (direct.seq, direct.last_seq, direct.field) == (seq, seq, field)
    for field, item in (("deposit.index", replace(other, index=6)), ("queueItem", QueueItemSeen(6, other.owner, b"\x90"))):
        wrong = world.watch(made(world, [*honest[:2], (time, item), *honest[2:]]).posted(world.domain))
        assert wrong is not None
        assert (wrong.seq, wrong.field) == (seq + 2, field)


def test_operator_inputs_must_take_effect_and_come_in_time(world: ForgersWorld) -> None:
    honest = world.second_inputs
    time = honest[0][0]
    seq = world.header.first_seq
    repeated = made(world, [honest[0], honest[0], *honest[1:]])
    found = caught(world, repeated)
    assert isinstance(found, Disagreement)
    assert (found.seq, found.field) == (seq + 1, "deposit.index" if found.field == "deposit.index" else "DepositSeen")
    early = made(world, [(time, SampleTick()), *honest])
    found = caught(world, early)
    assert isinstance(found, Disagreement)
    assert (found.seq, found.field) == (seq, "SampleTick")
    late = BEGIN_MS + 30_000
    withheld = made(world, [honest[0], (late, honest[2][1])])
    found = caught(world, withheld)
    assert isinstance(found, Disagreement)
    assert (found.seq, found.field) == (seq + 1, "tick")
    assert bytes(20) == ZERO_ADDRESS
    assert Seq(seq) > 1


def test_a_batch_without_its_seal_or_beyond_it(world: ForgersWorld) -> None:
    records = world.records
    for edited in (records[:-1], [*records, records[0]], [records[-1], *records[:-1]]):
        body = fixed(world.with_records(edited))
        commitment = replace(world.header.commitment(), last_seq=world.header.first_seq + len(edited) - 1)
        forged = rehash(Forged("seal", 0, commitment, world.header.roots, encode_body(body)), body)
        caught(world, forged)
        found = world.watch(forged.posted(world.domain))
        assert found is not None
        assert found.field in ("sealTick", "time", "SealTick", "tick"), found
