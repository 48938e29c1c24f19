"""Proofs of withdrawals against any batch, from nothing but the leaves."""

import random

from node.settlement.claims import WithdrawalTree
from proto.hashing import keccak
from proto.merkle import sparse_proof_root
from tests.l1.contracts.rig import SparseTree


def test_every_prefix_has_the_naive_trees_root_and_proofs(seed: int) -> None:
    rng = random.Random(seed)
    leaves = [keccak(rng.randbytes(160)) for _ in range(37)]
    tree = WithdrawalTree()
    for leaf in leaves:
        tree.append(leaf)
    for count in range(1, len(leaves) + 1):
        naive = SparseTree(dict(enumerate(leaves[:count])))
        assert tree.root(count) == naive.root
        for index in {0, count // 2, count - 1}:
            proof = tree.proof(index, count)
            assert proof == naive.proof(index)
            assert sparse_proof_root(leaves[index], index, tree.depth, proof) == naive.root
    assert tree.root(0) == bytes(32)
