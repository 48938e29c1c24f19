"""Operations decode totally; trees prove what is in them and nothing else; bodies have one form."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.core.commit.forest import Forest, LeafRow
from proto.batch import (
    CHUNK_BYTES_MAX,
    Body,
    BodyError,
    Cycle,
    chunks_of,
    cycle_leaf,
    cycle_root,
    data_hash,
    decode_body,
    encode_body,
    inputs_root,
)
from proto.hashing import ZERO_HASH, keccak
from proto.ids import Seq
from proto.ledger import DEPTHS, Section
from proto.merkle import (
    ListTree,
    SparseProof,
    leaf_hash,
    list_proof,
    list_proof_root,
    list_root,
    node_hash,
    sparse_node,
    sparse_proof_root,
)
from proto.ops import OP_BYTES, decode_op, encode_op
from tests.vectors import samples

DEPTH = DEPTHS[Section.WITHDRAWALS]


@given(st.binary(min_size=OP_BYTES, max_size=OP_BYTES))
def test_every_128_bytes_decode_to_an_operation_or_to_none(data: bytes) -> None:
    op = decode_op(data)
    if op.kind is not None:
        assert encode_op((op.kind, *(value for _, value in op.fields))) == data


@given(st.sampled_from(sorted(samples.OPS)), st.integers(0, OP_BYTES - 1), st.integers(1, 255))
def test_every_byte_of_an_operation_counts(name: str, at: int, change: int) -> None:
    data = bytearray(encode_op(samples.OPS[name]))
    data[at] ^= change
    op = decode_op(bytes(data))
    if op.kind is not None:
        assert (op.kind, *(value for _, value in op.fields)) != samples.OPS[name]


def naive_root(items: list[bytes]) -> bytes:
    """RFC 6962 as it is written, with keccak."""
    if not items:
        return ZERO_HASH
    if len(items) == 1:
        return leaf_hash(items[0])
    split = 1
    while split * 2 < len(items):
        split *= 2
    return node_hash(naive_root(items[:split]), naive_root(items[split:]))


@given(st.lists(st.binary(max_size=8), max_size=40))
def test_list_root_has_the_shape_of_rfc_6962(items: list[bytes]) -> None:
    tree = ListTree()
    for item in items:
        tree.append(item)
    assert tree.root() == list_root(items) == naive_root(items)
    assert tree.count == len(items)


@given(st.lists(st.lists(st.binary(max_size=8), max_size=20), max_size=8))
def test_many_at_once_are_as_many_one_by_one(parts: list[list[bytes]]) -> None:
    single, many = ListTree(), ListTree()
    for part in parts:
        for item in part:
            single.append(item)
        many.extend(part)
        assert (many.root(), many.count) == (single.root(), single.count)
    many.append(b"one more")
    single.append(b"one more")
    assert many.root() == single.root()


@given(st.lists(st.binary(max_size=8), min_size=1, max_size=30, unique=True), st.data())
def test_list_proofs_prove_their_leaf_only(items: list[bytes], data: st.DataObject) -> None:
    root, index = list_root(items), data.draw(st.integers(0, len(items) - 1))
    proof = list_proof(items, index)
    assert list_proof_root(items[index], index, len(items), proof) == root
    assert list_proof_root(items[index] + b"!", index, len(items), proof) != root
    other = data.draw(st.integers(0, len(items) - 1))
    if other != index:
        assert list_proof_root(items[index], other, len(items), proof) != root
    if proof:
        at = data.draw(st.integers(0, len(proof) - 1))
        bent = (*proof[:at], keccak(proof[at]), *proof[at + 1 :])
        assert list_proof_root(items[index], index, len(items), bent) != root
        assert list_proof_root(items[index], index, len(items), proof[:-1]) is None
    assert list_proof_root(items[index], index, len(items), (*proof, ZERO_HASH)) is None
    assert list_proof_root(items[index], len(items), len(items), proof) is None
    assert list_proof_root(items[index], -1, len(items), proof) is None


def naive_sparse(leaves: dict[int, bytes], depth: int) -> bytes:
    """Level by level over the keys there are."""
    level = {key: keccak(leaf) for key, leaf in leaves.items()}
    for _ in range(depth):
        parents = dict.fromkeys(key >> 1 for key in level)
        level = {key: sparse_node(level.get(2 * key, ZERO_HASH), level.get(2 * key + 1, ZERO_HASH)) for key in parents}
    return level.get(0, ZERO_HASH)


changes = st.lists(st.tuples(st.integers(0, 40), st.binary(max_size=4)), min_size=1, max_size=12)


@given(st.lists(changes, min_size=1, max_size=6), st.integers(0, 45))
def test_sparse_tree_follows_changes_and_deletions(rounds: list[list[tuple[int, bytes]]], asked: int) -> None:
    forest, leaves = Forest(), dict[int, bytes]()
    for round_ in rounds:
        rows = dict(round_)
        forest.load(LeafRow(Section.WITHDRAWALS, key, leaf, b"") for key, leaf in rows.items())
        leaves = {key: leaf for key, leaf in {**leaves, **rows}.items() if leaf}
        root = forest.roots(b"").sections[Section.WITHDRAWALS]
        assert root == naive_sparse(leaves, DEPTH)
        proof = forest.proof(Section.WITHDRAWALS, asked)
        held = keccak(leaves[asked]) if asked in leaves else ZERO_HASH
        assert forest.leaf_hash(Section.WITHDRAWALS, asked) == held
        assert sparse_proof_root(held, asked, DEPTH, proof) == root
        if leaves:
            assert sparse_proof_root(keccak(b"other"), asked, DEPTH, proof) != root


def test_tampered_sparse_proofs_are_no_proofs() -> None:
    forest = Forest()
    forest.load(LeafRow(Section.WITHDRAWALS, key, bytes([key]), b"") for key in range(1, 9))
    root, leaf = forest.roots(b"").sections[Section.WITHDRAWALS], keccak(b"\x03")
    proof = forest.proof(Section.WITHDRAWALS, 3)
    assert sparse_proof_root(leaf, 3, DEPTH, proof) == root
    for key in (2, 7, 3 + 2**31):
        assert sparse_proof_root(leaf, key, DEPTH, proof) != root
    malformed = [
        SparseProof(proof.bitmap | 1 << DEPTH, (*proof.siblings, root)),
        SparseProof(proof.bitmap, proof.siblings[:-1]),
        SparseProof(proof.bitmap, (*proof.siblings, root)),
        SparseProof(proof.bitmap, (ZERO_HASH, *proof.siblings[1:])),
    ]
    for bad in malformed:
        assert sparse_proof_root(leaf, 3, DEPTH, bad) is None
    assert sparse_proof_root(leaf, 2**DEPTH, DEPTH, proof) is None
    assert sparse_proof_root(leaf, -1, DEPTH, proof) is None
    swapped = SparseProof(proof.bitmap, proof.siblings[::-1])
    assert sparse_proof_root(leaf, 3, DEPTH, swapped) != root


bodies = st.builds(
    lambda batch_id, first, cycles: Body(
        batch_id,
        Seq(first),
        tuple(
            Cycle(Seq(first + sum(len(c) for c in cycles[:at])), tuple(records)) for at, records in enumerate(cycles)
        ),
    ),
    st.integers(0, 2**64 - 1),
    st.integers(0, 2**63),
    st.lists(st.lists(st.binary(min_size=1, max_size=30), min_size=1, max_size=4), min_size=1, max_size=4),
)


@given(bodies, st.data())
def test_bodies_have_one_form(body: Body, data: st.DataObject) -> None:
    encoded = encode_body(body)
    assert decode_body(encoded) == body
    cut = data.draw(st.integers(0, len(encoded) - 1))
    for bad in (encoded[:cut], encoded + b"\0", b"X" + encoded[1:]):
        with pytest.raises(BodyError):
            decode_body(bad)


@given(bodies, st.data())
def test_a_changed_byte_is_another_body_or_none(body: Body, data: st.DataObject) -> None:
    encoded = bytearray(encode_body(body))
    encoded[data.draw(st.integers(0, len(encoded) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        decoded = decode_body(bytes(encoded))
    except BodyError:
        return
    assert decoded != body
    assert encode_body(decoded) == encoded


@pytest.mark.parametrize(
    "tail", [bytes(4), b"\0\0\0\1" + bytes(4), b"\0\0\0\1\0\0\0\1" + bytes(4), b"\xff" * 4, b"\0\0\0\1" + b"\xff" * 8]
)
def test_empty_and_endless_bodies_are_refused(tail: bytes) -> None:
    with pytest.raises(BodyError):
        decode_body(b"NVB1" + bytes(16) + tail)


def test_chunks_and_roots_bind_the_whole_body() -> None:
    data = bytes(range(256)) * 1_000
    chunks = chunks_of(data)
    assert b"".join(chunks) == data
    assert [len(chunk) for chunk in chunks] == [CHUNK_BYTES_MAX, CHUNK_BYTES_MAX, len(data) - 2 * CHUNK_BYTES_MAX]
    assert data_hash(chunks) != data_hash(chunks[::-1])
    assert data_hash(chunks) == keccak(
        keccak(keccak(ZERO_HASH + keccak(chunks[0])) + keccak(chunks[1])) + keccak(chunks[2])
    )
    cycles = samples.BODY.cycles
    leaves = [cycle_leaf(c.first_seq, len(c.records), cycle_root(c.records)) for c in cycles]
    assert list_proof_root(leaves[1], 1, 2, list_proof(leaves, 1)) == inputs_root(cycles)
