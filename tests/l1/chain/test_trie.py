"""Roots against published values and the definition of the empty trie."""

from node.l1.chain.trie import EMPTY_ROOT, list_root, trie_root


def test_known_roots() -> None:
    assert EMPTY_ROOT.hex() == "56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"
    assert list_root([]) == EMPTY_ROOT
    # ethereum/tests, TrieTests/trieanyorder.json
    puppy = {b"do": b"verb", b"horse": b"stallion", b"doge": b"coin", b"dog": b"puppy"}
    assert trie_root(puppy).hex() == "5991bb8c6514148a29db676a14ac506cd2cd5775ace63c30a4fe457715e9ac84"
    foo = {b"foo": b"bar", b"food": b"bass"}
    assert trie_root(foo).hex() == "17beaa1648bafa633cda809c90c04af50fc8aed3cb40d16efbddee6fdf63c4c3"
    small = {b"be": b"e", b"dog": b"puppy", b"bed": b"d"}
    assert trie_root(small).hex() == "3f67c7a47520f79faa29255d2d3c084a7a6df0453116ed7232ff10277a8be68b"
