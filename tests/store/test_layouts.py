"""Keys, headers and witness slots: what is written comes back, order is number order, everything else is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.store.headers import BatchHeader, decode_header, encode_header
from node.store.keys import (
    CycleRow,
    LayoutError,
    after_prefix,
    cycle_key,
    decode_cycle,
    decode_leaf,
    encode_cycle,
    encode_leaf,
    header_key,
    leaf_key,
    record_key,
    record_seq,
    split_leaf_key,
    table_prefix,
)
from node.store.witness import Mark, decode_slot, encode_slot
from proto.hashing import ZERO_HASH
from proto.ids import Seq
from proto.ledger import Roots, Section
from proto.units import TimeMs
from tests.store.rows import header

U64 = st.integers(0, 2**64 - 1)
HASH = st.binary(min_size=32, max_size=32)


@given(U64, U64)
def test_key_order_is_number_order(one: int, other: int) -> None:
    for key in (record_key, cycle_key, header_key):
        assert (key(one) < key(other)) == (one < other)
    assert record_seq(record_key(one)) == one
    assert split_leaf_key(leaf_key(7, one)) == (7, one)


def test_kinds_of_rows_do_not_mix() -> None:
    keys = [record_key(0), cycle_key(0), header_key(0), leaf_key(0, 0), table_prefix("orders"), b"i"]
    assert len({key[:1] for key in keys}) == len(keys)


@given(st.text(min_size=1, max_size=20), st.text(min_size=1, max_size=20), st.binary(max_size=5))
def test_tables_do_not_overlap(one: str, other: str, key: bytes) -> None:
    inside = table_prefix(one) <= table_prefix(other) + key < after_prefix(table_prefix(one))
    assert inside == (one == other)


@given(U64, st.integers(1, 2**32 - 1), HASH, HASH, st.binary(min_size=65, max_size=65))
def test_cycles_come_back(first: int, size: int, root: bytes, head: bytes, signature: bytes) -> None:
    row = CycleRow(Seq(first), size, root, head, signature)
    assert decode_cycle(cycle_key(first), encode_cycle(row)) == row


@given(st.binary(max_size=200), st.binary(max_size=50))
def test_leaves_come_back(words: bytes, aux: bytes) -> None:
    assert decode_leaf(encode_leaf(words, aux)) == (words, aux)


@given(st.lists(U64, min_size=7, max_size=7), st.lists(HASH, min_size=8, max_size=8), HASH, st.binary(max_size=640))
def test_headers_come_back(numbers: list[int], hashes: list[bytes], section: bytes, system: bytes) -> None:
    made = BatchHeader(
        numbers[0], Seq(numbers[1]), Seq(numbers[2]), numbers[3], TimeMs(numbers[4]), hashes[0], hashes[1], hashes[2], hashes[3],
        numbers[5], hashes[4], hashes[5], hashes[6], numbers[6], hashes[7], 9, Roots((section,) * len(Section), system),
    )  # fmt: skip
    assert decode_header(encode_header(made)) == made


def test_a_header_says_what_the_commitment_says() -> None:
    made = header(3, 10, Mark(Seq(20), ZERO_HASH), b"p" * 32)
    commitment = made.commitment()
    assert (commitment.batch_id, commitment.last_seq, commitment.prev_state_root) == (3, 20, b"p" * 32)
    assert (commitment.state_root, commitment.l2_time, commitment.ops_count) == (made.state_root, 3, 5)
    assert made.inputs == 11


@given(st.binary(max_size=300))
def test_other_bytes_are_refused(data: bytes) -> None:
    for decode in (decode_header, lambda value: decode_cycle(cycle_key(1), value)):
        with pytest.raises(LayoutError):
            decode(data)


@pytest.mark.parametrize("data", [b"", b"\0\0", b"\0\0\0\5abcd"])
def test_leaves_that_end_early_are_refused(data: bytes) -> None:
    with pytest.raises(LayoutError):
        decode_leaf(data)


@given(U64, U64, HASH)
def test_witness_slots_come_back(generation: int, seq: int, head: bytes) -> None:
    data = encode_slot(generation, Mark(Seq(seq), head))
    assert decode_slot(data) == (generation, Mark(Seq(seq), head))


def test_no_flipped_or_missing_byte_of_a_slot_passes() -> None:
    data = encode_slot(5, Mark(Seq(9), b"h" * 32))
    for at in range(len(data)):
        flipped = bytearray(data)
        flipped[at] ^= 0x40
        assert decode_slot(bytes(flipped)) is None
        assert decode_slot(data[:at]) is None
