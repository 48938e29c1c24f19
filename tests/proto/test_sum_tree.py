"""Merkle-sum trees: every holder is under the root, the root states the totals, and no liability can be hidden behind another's."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proto.hashing import keccak, word
from proto.merkle import list_proof
from proto.sum_tree import EMPTY, NOTHING, SumNode, Sums, SumTree, sum_leaf, sum_node, sum_proof_root

SUMS = st.builds(Sums, st.integers(0, 2**100), st.integers(0, 2**100), st.integers(-(2**100), 2**100))


def leaves_of(sums: list[Sums]) -> list[SumNode]:
    """A leaf per row."""
    return [sum_leaf(word(number), row) for number, row in enumerate(sums)]


@given(st.lists(SUMS, min_size=1, max_size=40))
@settings(max_examples=150, deadline=None)
def test_every_leaf_has_a_path_and_the_root_has_the_totals(sums: list[Sums]) -> None:
    leaves = leaves_of(sums)
    tree = SumTree(leaves)
    total = NOTHING
    for row in sums:
        total = total.plus(row)
    assert tree.root.sums == total
    for index, leaf in enumerate(leaves):
        assert sum_proof_root(leaf, index, len(leaves), tree.proof(index)) == tree.root


def test_the_shape_is_that_of_the_list_tree() -> None:
    """As many siblings for each leaf: the ragged edge goes up as it does there."""
    for count in range(1, 30):
        tree = SumTree(leaves_of([NOTHING] * count))
        for index in range(count):
            assert len(tree.proof(index)) == len(list_proof([word(n) for n in range(count)], index))
    assert SumTree([]).root == EMPTY


def test_anything_bent_leads_elsewhere(seed: int) -> None:
    rng = random.Random(seed)
    sums = [Sums(rng.randrange(10**12), rng.randrange(10**9), rng.randrange(-(10**9), 10**9)) for _ in range(23)]
    leaves = leaves_of(sums)
    tree = SumTree(leaves)
    for index, leaf in enumerate(leaves):
        siblings = list(tree.proof(index))
        for place, sibling in enumerate(siblings):
            for bent in (
                sibling._replace(hash=keccak(sibling.hash)),
                sibling._replace(sums=sibling.sums._replace(owed=sibling.sums.owed + 1)),
                sibling._replace(sums=sibling.sums._replace(owing=sibling.sums.owing + 1)),
                sibling._replace(sums=sibling.sums._replace(entries=sibling.sums.entries - 1)),
            ):
                path = [*siblings[:place], bent, *siblings[place + 1 :]]
                assert sum_proof_root(leaf, index, len(leaves), path) != tree.root
        assert sum_proof_root(leaf, (index + 1) % len(leaves), len(leaves), siblings) != tree.root
        assert sum_proof_root(leaf, index, len(leaves), siblings[:-1]) is None
        assert sum_proof_root(leaf, index, len(leaves), [*siblings, leaf]) is None


def test_a_liability_cannot_be_hidden_by_a_negative_sibling() -> None:
    """The attack on trees that bind only the total of both children, or allow negative sums."""
    honest, hidden = sum_leaf(word(0), Sums(1_000, 0, 0)), SumNode(keccak(b"liar"), Sums(-999, 0, 0))
    assert sum_proof_root(honest, 0, 2, [hidden]) is None
    first = sum_node(honest, SumNode(keccak(b"a"), Sums(5, 0, 0)))
    second = sum_node(honest, SumNode(keccak(b"a"), Sums(4, 0, 0)))
    assert first.hash != second.hash


@pytest.mark.parametrize("index", [-1, 2])
def test_an_index_outside_is_none(index: int) -> None:
    assert sum_proof_root(sum_leaf(b"", NOTHING), index, 2, [EMPTY]) is None
