"""Root of the Merkle-Patricia trie over a list, as block headers carry for transactions and receipts.

Built once per block from scratch: the lists are short and nothing is ever updated.
"""

from typing import Final

import rlp

from proto.hashing import keccak

EMPTY_ROOT: Final = keccak(rlp.encode(b""))
_Node = bytes | list[object]


def list_root(values: list[bytes]) -> bytes:
    """Root of the trie that maps rlp(index) to each value."""
    return trie_root({rlp.encode(index): value for index, value in enumerate(values)})


def trie_root(items: dict[bytes, bytes]) -> bytes:
    """Root of the trie that maps each key to its (non-empty) value."""
    if not items:
        return EMPTY_ROOT
    pairs = sorted((_nibbles(key), value) for key, value in items.items())
    return keccak(rlp.encode(_node(pairs, 0)))


def _nibbles(key: bytes) -> bytes:
    return bytes(nibble for byte in key for nibble in (byte >> 4, byte & 15))


def _path(nibbles: bytes, *, is_leaf: bool) -> bytes:
    """Hex-prefix encoding."""
    flag = 2 if is_leaf else 0
    padded = bytes((flag + 1,)) + nibbles if len(nibbles) % 2 else bytes((flag, 0)) + nibbles
    return bytes(high << 4 | low for high, low in zip(padded[::2], padded[1::2], strict=True))


def _reference(node: list[object]) -> _Node:
    """A node shorter than a hash stands for itself."""
    encoded = rlp.encode(node)
    return node if len(encoded) < 32 else keccak(encoded)


def _node(pairs: list[tuple[bytes, bytes]], depth: int) -> list[object]:
    """Node over sorted pairs that agree on the first `depth` nibbles."""
    first, last = pairs[0][0], pairs[-1][0]
    if len(pairs) == 1:
        return [_path(first[depth:], is_leaf=True), pairs[0][1]]
    shared = depth
    while shared < len(first) and first[shared] == last[shared]:
        shared += 1
    if shared > depth:
        return [_path(first[depth:shared], is_leaf=False), _reference(_node(pairs, shared))]
    branch: list[object] = [b""] * 17
    if len(first) == depth:  # The shortest key sorts first and ends here.
        branch[16] = pairs[0][1]
        pairs = pairs[1:]
    groups: dict[int, list[tuple[bytes, bytes]]] = {}
    for pair in pairs:
        groups.setdefault(pair[0][depth], []).append(pair)
    for nibble, group in groups.items():
        branch[nibble] = _reference(_node(group, depth + 1))
    return branch
