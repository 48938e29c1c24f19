"""Key layouts. Every key is one letter of kind and big-endian numbers, so that key order is number order.

Key: `i`                          Value: identity (format version, genesis hash), canonical msgpack
Key: `j` ‖ u64 seq                Value: record (proto.inputs.encode_record)
Key: `c` ‖ u64 first seq          Value: u32 count ‖ root (32) ‖ head (32) ‖ receipt signature (65)
Key: `h` ‖ u64 batch id           Value: header (node.store.headers), canonical msgpack
Key: `l` ‖ u8 section ‖ u64 key   Value: u32 length of leaf ‖ leaf words ‖ aux
Key: `v` ‖ u8 length ‖ table name ‖ key   Value: the table's own
"""

from typing import Final, NamedTuple

from proto.ids import Seq

IDENTITY: Final = b"i"
_RECORD: Final = b"j"
_CYCLE: Final = b"c"
_HEADER: Final = b"h"
_LEAF: Final = b"l"
_TABLE: Final = b"v"
_CYCLE_BYTES: Final = 4 + 32 + 32 + 65


class LayoutError(ValueError):
    """A row is not in its layout."""


class CycleRow(NamedTuple):
    """One journal write: what the sequencer's receipt signs, and the signature."""

    first_seq: Seq
    size: int
    root: bytes
    head: bytes
    signature: bytes

    @property
    def last_seq(self) -> Seq:
        """Number of the cycle's last record."""
        return Seq(self.first_seq + self.size - 1)


def record_key(seq: int) -> bytes:
    """Key of a journal record."""
    return _RECORD + seq.to_bytes(8, "big")


def record_seq(key: bytes) -> Seq:
    """Number in a journal record's key."""
    return Seq(int.from_bytes(key[1:], "big"))


def cycle_key(first_seq: int) -> bytes:
    """Key of a cycle row."""
    return _CYCLE + first_seq.to_bytes(8, "big")


def encode_cycle(row: CycleRow) -> bytes:
    """Value of a cycle row."""
    assert len(row.root) == len(row.head) == 32
    assert len(row.signature) == 65
    return row.size.to_bytes(4, "big") + row.root + row.head + row.signature


def decode_cycle(key: bytes, value: bytes) -> CycleRow:
    """A cycle from its row. Raises LayoutError."""
    if len(key) != 9 or len(value) != _CYCLE_BYTES:
        raise LayoutError("a cycle row has another length")
    return CycleRow(
        Seq(int.from_bytes(key[1:], "big")), int.from_bytes(value[:4], "big"), value[4:36], value[36:68], value[68:]
    )


def header_key(batch_id: int) -> bytes:
    """Key of a batch header."""
    return _HEADER + batch_id.to_bytes(8, "big")


def leaf_key(section: int, key: int) -> bytes:
    """Key of a state leaf."""
    return _LEAF + section.to_bytes(1, "big") + key.to_bytes(8, "big")


def split_leaf_key(key: bytes) -> tuple[int, int]:
    """Section and key of a state leaf's key. Raises LayoutError."""
    if len(key) != 10:
        raise LayoutError("a leaf key has another length")
    return key[1], int.from_bytes(key[2:], "big")


def encode_leaf(leaf: bytes, aux: bytes) -> bytes:
    """Value of a state leaf: the words that are hashed, and what restoring needs beside them."""
    return len(leaf).to_bytes(4, "big") + leaf + aux


def decode_leaf(value: bytes) -> tuple[bytes, bytes]:
    """Words and aux of a state leaf. Raises LayoutError."""
    end = 4 + int.from_bytes(value[:4], "big")
    if len(value) < 4 or end > len(value):
        raise LayoutError("a leaf row ends early")
    return value[4:end], value[end:]


def table_prefix(name: str) -> bytes:
    """Prefix of all keys of a read-model table."""
    raw = name.encode()
    assert 0 < len(raw) < 256, "a table has a short name"
    return _TABLE + len(raw).to_bytes(1, "big") + raw


def after_prefix(prefix: bytes) -> bytes:
    """The smallest key above every key that starts with `prefix`."""
    number = int.from_bytes(prefix, "big") + 1
    return number.to_bytes(len(prefix), "big")
