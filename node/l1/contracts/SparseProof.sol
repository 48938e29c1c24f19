// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

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
        bool sound = true;
        // Written for gas: it is most of a claim's own work. Uses the scratch space below 0x40 only.
        assembly ("memory-safe") {
            node := leaf
            let at := siblings.offset
            let end := add(at, shl(5, siblings.length))
            for { let level := 0 } lt(level, depth) { level := add(level, 1) } {
                let sibling := 0
                if and(bitmap, 1) {
                    // Beyond the end this reads other call data or zero; `at` then differs from `end` below.
                    sibling := calldataload(at)
                    sound := and(sound, iszero(iszero(sibling)))
                    at := add(at, 32)
                }
                // The node stands at 0 for an even key, at 32 for an odd one.
                let side := shl(5, and(key, 1))
                mstore(side, node)
                mstore(xor(side, 32), sibling)
                node := keccak256(0, 64)
                key := shr(1, key)
                bitmap := shr(1, bitmap)
            }
            sound := and(sound, eq(at, end))
        }
        if (!sound) revert ProofMalformed();
    }
}
