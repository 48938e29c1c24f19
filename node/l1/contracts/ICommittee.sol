// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {INovate} from "./INovate.sol";

/// @title Validators, bonds and evidence: who attests to batches, and what a broken promise costs.
/// @dev Holds bonds only, in ETH; the collateral is elsewhere. Every signature here is EIP-712 in the settlement contract's domain.
interface ICommittee {
    // ---------------------------------------------------------------------------------------------------------- records

    /// The sequencer's signed promise about one cycle; field order is the EIP-712 order.
    struct Receipt {
        bytes32 head;
        uint64 firstSeq;
        uint32 count;
        bytes32 root;
    }

    /// A cycle's leaf under `inputsRoot`: H(0x00 ‖ u64 firstSeq ‖ u32 count ‖ root). Bit i of `sides` says whether the node at level i,
    /// from the leaf up, is a right child.
    struct CycleOpening {
        uint64 firstSeq;
        uint32 count;
        bytes32 root;
        uint256 sides;
        bytes32[] siblings;
    }

    /// What an address has at stake. One bond per address, whatever roles it has.
    struct Bond {
        uint128 amount; // wei, slashable
        uint128 leaving; // wei of it that were asked back
        uint64 freeAt; // seconds; from then on they can be fetched
    }

    // ----------------------------------------------------------------------------------------------------------- events

    /// One more validator attested to a batch as it is now; `count` of them have.
    event Attested(uint64 indexed batchId, address indexed validator, bytes32 commitmentHash, uint256 count);
    event ValidatorsSet(address[] validators, uint8 required);
    event Bonded(address indexed owner, uint256 amount, uint256 total);
    event UnbondRequested(address indexed owner, uint256 amount, uint64 freeAt);
    event Unbonded(address indexed owner, uint256 amount);
    /// `reason`: 1 equivocation, 2 omission, 3 two attestations, 4 attestation of a batch that another one replaced.
    event Slashed(address indexed culprit, address indexed prover, uint8 indexed reason, uint256 amount, uint256 reward);
    event EvidenceSealed(address indexed prover, bytes32 indexed digest);
    /// The bond of an open batch: taken, given back, or lost with half of it for `to`.
    event OpenBondTaken(uint64 indexed batchId, address indexed poster, uint256 amount);
    event OpenBondFreed(uint64 indexed batchId, address indexed poster, uint256 amount);
    event OpenBondLost(uint64 indexed batchId, address indexed poster, address indexed to, uint256 reward);
    event Pulled(address indexed owner, address indexed to, uint256 amount);

    // --------------------------------------------------------------------------------------------------------- refusals

    error NotNovate(address sender);
    error NotTimelock(address sender);
    error ValidatorsInvalid();
    error PeriodInvalid(uint256 given, uint256 minimum);
    error NotValidator(address signer);
    error BondMissing(address validator, uint256 bonded, uint256 needed);
    error AttestationInvalid();
    error NothingToAttest(uint64 batchId);
    error OpenBondWrong(uint256 given, uint256 needed);
    error OpenBondUnknown(uint64 batchId);
    error BondNotFreeYet(uint256 freeAt);
    error BondTooSmall(uint256 given, uint256 bonded);
    error NothingBonded(address owner);
    error EvidenceNotSealed(bytes32 digest);
    error EvidenceTooFresh(uint256 usableAt);
    error EvidenceShowsNothing();
    error ReceiptInvalid();
    error BatchNotFinalYet(uint64 batchId);
    error CommitmentUnknown(bytes32 given, bytes32 expected);
    error OpeningWrong(bytes32 opened, bytes32 expected);
    error NothingToPull(address owner);
    error PullRefused(address to);
    error NotYourPull(address sender, address owner);

    // -------------------------------------------------------------------------------------------------------- functions

    /// Attest to a batch and with it to all before it. `signatures`: 65 bytes each, of Attestation(uint64 batchId,bytes32 commitmentHash).
    /// Anyone may send them, together or one by one; those that were counted before are passed over.
    function attest(uint64 batchId, bytes calldata signatures) external;

    /// Add to the bond of `owner`.
    function bond(address owner) external payable;

    /// Ask part of one's bond back; it stays slashable until it is free, and does not count for attesting any more.
    function requestUnbond(uint128 amount) external;

    /// Move what is free to the sender's pull balance.
    function unbond() external;

    /// Announce evidence without showing it: `digest` = keccak(abi.encode(msg.sender, evidence hash, salt)).
    function sealEvidence(bytes32 digest) external;

    /// Two receipts of `culprit` whose cycles share a number and differ. Evidence hash: keccak(abi.encode(culprit, a, b)).
    function proveEquivocation(
        address culprit,
        Receipt calldata a,
        bytes calldata signatureA,
        Receipt calldata b,
        bytes calldata signatureB,
        bytes32 salt
    ) external;

    /// A receipt of `culprit` about a number that final batch `c` covers with another cycle.
    /// Evidence hash: keccak(abi.encode(culprit, receipt, commitmentHash)).
    function proveOmission(
        address culprit,
        Receipt calldata receipt,
        bytes calldata signature,
        INovate.Commitment calldata c,
        CycleOpening calldata opening,
        bytes32 salt
    ) external;

    /// Two attestations of `culprit` for one batch id. Evidence hash: keccak(abi.encode(culprit, batchId, hashA, hashB)).
    function proveTwoAttestations(
        address culprit,
        uint64 batchId,
        bytes32 hashA,
        bytes calldata signatureA,
        bytes32 hashB,
        bytes calldata signatureB,
        bytes32 salt
    ) external;

    /// An attestation of `culprit` for a batch that was reverted, in whose place another, attested one is final.
    /// Evidence hash: keccak(abi.encode(culprit, batchId, commitmentHash)).
    function proveRevertedAttestation(
        address culprit,
        uint64 batchId,
        bytes32 commitmentHash,
        bytes calldata signature,
        bytes32 salt
    ) external;

    /// Give the bond of a final open batch back to its poster's pull balance.
    function freeOpenBond(uint64 batchId) external;

    /// Fetch ETH that is due: to its owner by anyone, elsewhere by the owner.
    function pull(address owner, address to) external;

    /// By the time lock only. `validators` ascending; `required` 0 switches attestation off.
    function setValidators(address[] calldata validators, uint8 required) external;

    /// By the settlement contract only: keep an open batch's bond; give it up.
    function takeOpenBond(uint64 batchId, address poster) external payable;
    function loseOpenBond(uint64 batchId, address to) external;

    // ------------------------------------------------------------------------------------------------------------ views

    function novate() external view returns (address);
    function attestationThreshold() external view returns (uint8);
    function attestationsOf(uint64 batchId) external view returns (uint256 count);
    function isAttested(uint64 batchId) external view returns (bool);
    function validators() external view returns (address[] memory);
    function isValidator(address who) external view returns (bool);
    function bondOf(address owner) external view returns (Bond memory);
    function pullable(address owner) external view returns (uint256);
    function validatorBond() external view returns (uint256);
    function openBond() external view returns (uint256);
    function unbondDelay() external view returns (uint64);
    function evidenceDelay() external view returns (uint64);
    function attestationDigest(uint64 batchId, bytes32 commitmentHash) external view returns (bytes32);
    function receiptDigest(Receipt calldata receipt) external view returns (bytes32);
}
