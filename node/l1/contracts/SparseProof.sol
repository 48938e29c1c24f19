// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";

/// @title Proofs against a ledger section: fixed-depth sparse Merkle tree, H(0, 0) = 0, empty leaf = 0.
/// @dev Accepts exactly what proto.merkle.sparse_proof_root accepts, so one leaf has one proof. A leaf is never zero here,
/// therefore no node on its path is, and the rule H(0, 0) = 0 is never needed on the way up.
library SparseProof {
    /// The key is outside the tree, a bit lies at or above the depth, a sibling is zero, or their number is not that of the bits.
    error ProofMalformed();

    /// @param leaf keccak of the leaf's words, not zero
    /// @param bitmap bit i says whether the sibling at level i is given; else it is zero
    /// @param siblings the given siblings, from the leaf up
    /// @return node the root that the proof leads to
    function root(bytes32 leaf, uint256 key, uint256 depth, uint256 bitmap, bytes32[] calldata siblings)
        internal
        pure
        returns (bytes32 node)
    {
        if (key >> depth != 0 || bitmap >> depth != 0) revert ProofMalformed();
        node = leaf;
        uint256 used;
        for (uint256 level; level < depth; ++level) {
            bytes32 sibling;
            if ((bitmap >> level) & 1 == 1) {
                if (used == siblings.length) revert ProofMalformed();
                sibling = siblings[used++];
                if (sibling == 0) revert ProofMalformed();
            }
            node = (key >> level) & 1 == 0
                ? Hashes.efficientKeccak256(node, sibling)
                : Hashes.efficientKeccak256(sibling, node);
        }
        if (used != siblings.length) revert ProofMalformed();
    }
}
