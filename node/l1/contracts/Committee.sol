// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {ICommittee} from "./ICommittee.sol";
import {INovate} from "./INovate.sol";

/// @dev What the committee reads and writes of the settlement contract.
interface INovateBatches {
    function markAttested(uint64 batchId) external;
    function batch(uint64 batchId) external view returns (INovate.Batch memory);
    function isFinal(uint64 batchId) external view returns (bool);
    function attestedTip() external view returns (uint64);
}

/// @title Validators attest to batches; bonds answer for what validators, the operator and open posters sign.
/// @dev Invariants:
/// - Its balance is the sum of all bonds, open bonds and pull balances (and what was forced upon it): a call moves money between them, and
///   out of it only by `pull` and, for what is burned, to BURN.
/// - A bond that was asked back stays slashable until it is free, which is later than any batch it can have attested to is final.
/// - Evidence is usable only by who sealed it beforehand, so a copy from the mempool comes too late.
/// - Attesting can hasten nothing: a batch is final when its window is over, attested or not. It protects from being reverted.
contract Committee is ICommittee, ReentrancyGuardTransient {
    bytes32 private constant DOMAIN_TYPEHASH =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    bytes32 private constant ATTESTATION_TYPEHASH = keccak256("Attestation(uint64 batchId,bytes32 commitmentHash)");
    bytes32 private constant RECEIPT_TYPEHASH =
        keccak256("Receipt(bytes32 head,uint64 firstSeq,uint32 count,bytes32 root)");
    bytes32 private constant COMMITMENT_TYPEHASH = keccak256(
        "Commitment(uint64 batchId,bytes32 prevStateRoot,bytes32 stateRoot,bytes32 inputsRoot,bytes32 opsRoot,"
        "bytes32 dataHash,bytes32 rulesHash,bytes32 queueHash,uint64 lastSeq,uint64 opsCount,uint64 queueCursor,"
        "uint64 l2Time)"
    );
    uint256 private constant SIGNATURE_BYTES = 65;
    uint256 public constant VALIDATORS_MAX = 64;
    uint256 public constant OPENING_DEPTH_MAX = 40; // Cycles of a batch are counted in 32 bits.
    uint256 public constant PRODUCTION_EVIDENCE_MIN = 60 seconds;
    address public constant BURN = 0x000000000000000000000000000000000000dEaD;

    uint8 private constant EQUIVOCATION = 1;
    uint8 private constant OMISSION = 2;
    uint8 private constant TWO_ATTESTATIONS = 3;
    uint8 private constant REVERTED_ATTESTATION = 4;

    address public immutable novate;
    address public immutable timelock;
    uint256 public immutable validatorBond; // wei that a validator needs at stake for its attestations to count
    uint256 public immutable openBond; // wei that an open batch costs until it is final
    uint64 public immutable unbondDelay; // seconds
    uint64 public immutable evidenceDelay; // seconds

    struct OpenBond {
        address poster;
        uint96 amount; // wei
        bytes32 commitmentHash;
    }

    uint8 public attestationThreshold; // 0: there is no attestation
    uint64 private _generation; // of validators
    address[] private _validators;
    mapping(address who => uint256) private _places; // from 1: bit of an attestation
    mapping(uint64 generation => mapping(bytes32 commitmentHash => uint256 bits)) private _attested;
    mapping(address owner => Bond) private _bonds;
    mapping(uint64 batchId => OpenBond) private _openBonds;
    mapping(address owner => uint256) public pullable; // wei
    mapping(bytes32 digest => uint64) private _sealedAt; // seconds

    /// @param novate_ the settlement contract, which may not exist yet
    /// @param timelock_ may exchange the validators
    /// @param challengeWindow that of the settlement contract; bonds stay twice as long
    constructor(
        address novate_,
        address timelock_,
        address[] memory validators_,
        uint8 required_,
        uint256 validatorBond_,
        uint256 openBond_,
        uint64 challengeWindow,
        uint64 evidenceDelay_
    ) {
        if (validatorBond_ == 0 || validatorBond_ > type(uint96).max || openBond_ == 0 || openBond_ > type(uint96).max) {
            revert BondTooSmall(validatorBond_, openBond_);
        }
        if (challengeWindow == 0 || evidenceDelay_ == 0) revert PeriodInvalid(evidenceDelay_, 1);
        if (block.chainid != 31337 && block.chainid != 1337) {
            if (challengeWindow < 7 days) revert PeriodInvalid(challengeWindow, 7 days);
            if (evidenceDelay_ < PRODUCTION_EVIDENCE_MIN) revert PeriodInvalid(evidenceDelay_, PRODUCTION_EVIDENCE_MIN);
        }
        novate = novate_;
        timelock = timelock_;
        validatorBond = validatorBond_;
        openBond = openBond_;
        unbondDelay = 2 * challengeWindow;
        evidenceDelay = evidenceDelay_;
        _setValidators(validators_, required_);
    }

    // ------------------------------------------------------------------------------------------------------- attestations

    /// @inheritdoc ICommittee
    function attest(uint64 batchId, bytes calldata signatures) external {
        uint256 needed = attestationThreshold;
        if (needed == 0) revert NothingToAttest(batchId);
        if (signatures.length == 0 || signatures.length % SIGNATURE_BYTES != 0) revert AttestationInvalid();
        bytes32 commitmentHash = INovateBatches(novate).batch(batchId).commitmentHash;
        bytes32 digest = attestationDigest(batchId, commitmentHash);
        uint256 bits = _attested[_generation][commitmentHash];
        uint256 count = _count(bits);
        for (uint256 at; at < signatures.length; at += SIGNATURE_BYTES) {
            address signer = _signer(digest, signatures[at:at + SIGNATURE_BYTES]);
            if (signer == address(0)) revert AttestationInvalid();
            uint256 place = _places[signer];
            if (place == 0) revert NotValidator(signer);
            if ((bits >> place) & 1 == 1) continue;
            Bond storage b = _bonds[signer];
            uint256 staying = b.amount - b.leaving;
            if (staying < validatorBond) revert BondMissing(signer, staying, validatorBond);
            bits |= 1 << place;
            ++count;
            emit Attested(batchId, signer, commitmentHash, count);
        }
        _attested[_generation][commitmentHash] = bits;
        if (count >= needed && INovateBatches(novate).attestedTip() < batchId) {
            INovateBatches(novate).markAttested(batchId);
        }
    }

    /// @inheritdoc ICommittee
    function setValidators(address[] calldata validators_, uint8 required_) external {
        if (msg.sender != timelock) revert NotTimelock(msg.sender);
        for (uint256 i; i < _validators.length; ++i) _places[_validators[i]] = 0;
        ++_generation; // Attestations of the old ones count no more, except where they were enough.
        _setValidators(validators_, required_);
    }

    // -------------------------------------------------------------------------------------------------------------- bonds

    /// @inheritdoc ICommittee
    function bond(address owner) external payable {
        if (msg.value == 0) revert NothingBonded(owner);
        Bond storage b = _bonds[owner];
        b.amount += uint128(msg.value); // All ether there is fits 128 bits.
        emit Bonded(owner, msg.value, b.amount);
    }

    /// @inheritdoc ICommittee
    /// @dev Asking again starts the delay anew for all that leaves.
    function requestUnbond(uint128 amount) external {
        Bond storage b = _bonds[msg.sender];
        if (amount == 0 || amount > b.amount - b.leaving) revert BondTooSmall(amount, b.amount - b.leaving);
        b.leaving += amount;
        b.freeAt = uint64(block.timestamp) + unbondDelay;
        emit UnbondRequested(msg.sender, amount, b.freeAt);
    }

    /// @inheritdoc ICommittee
    function unbond() external {
        Bond storage b = _bonds[msg.sender];
        uint128 amount = b.leaving;
        if (amount == 0) revert NothingBonded(msg.sender);
        if (block.timestamp < b.freeAt) revert BondNotFreeYet(b.freeAt);
        b.amount -= amount;
        b.leaving = 0;
        pullable[msg.sender] += amount;
        emit Unbonded(msg.sender, amount);
    }

    /// @inheritdoc ICommittee
    function pull(address owner, address to) external nonReentrant {
        if (to == address(0)) revert PullRefused(to);
        if (to != owner && msg.sender != owner) revert NotYourPull(msg.sender, owner);
        uint256 amount = pullable[owner];
        if (amount == 0) revert NothingToPull(owner);
        pullable[owner] = 0;
        emit Pulled(owner, to, amount);
        if (!_send(to, amount)) revert PullRefused(to);
    }

    // ------------------------------------------------------------------------------------------------- bonds of open batches

    /// @inheritdoc ICommittee
    function takeOpenBond(uint64 batchId, address poster) external payable {
        _onlyNovate();
        if (msg.value != openBond) revert OpenBondWrong(msg.value, openBond);
        _burnOpenBond(batchId); // Of a batch that was undone together with earlier ones.
        bytes32 commitmentHash = INovateBatches(novate).batch(batchId).commitmentHash;
        _openBonds[batchId] = OpenBond(poster, uint96(msg.value), commitmentHash);
        emit OpenBondTaken(batchId, poster, msg.value);
    }

    /// @inheritdoc ICommittee
    function loseOpenBond(uint64 batchId, address to) external {
        _onlyNovate();
        OpenBond memory b = _openBonds[batchId];
        delete _openBonds[batchId];
        uint256 reward = b.amount / 2;
        pullable[to] += reward;
        emit OpenBondLost(batchId, b.poster, to, reward);
        _burn(b.amount - reward);
    }

    /// @inheritdoc ICommittee
    function freeOpenBond(uint64 batchId) external {
        OpenBond memory b = _openBonds[batchId];
        if (b.amount == 0) revert OpenBondUnknown(batchId);
        if (!INovateBatches(novate).isFinal(batchId)) revert BatchNotFinalYet(batchId);
        bytes32 kept = INovateBatches(novate).batch(batchId).commitmentHash;
        if (kept != b.commitmentHash) revert CommitmentUnknown(b.commitmentHash, kept);
        delete _openBonds[batchId];
        pullable[b.poster] += b.amount;
        emit OpenBondFreed(batchId, b.poster, b.amount);
    }

    // ----------------------------------------------------------------------------------------------------------- evidence

    /// @inheritdoc ICommittee
    function sealEvidence(bytes32 digest) external {
        if (_sealedAt[digest] == 0) _sealedAt[digest] = uint64(block.timestamp);
        emit EvidenceSealed(msg.sender, digest);
    }

    /// @inheritdoc ICommittee
    function proveEquivocation(
        address culprit,
        Receipt calldata a,
        bytes calldata signatureA,
        Receipt calldata b,
        bytes calldata signatureB,
        bytes32 salt
    ) external {
        _open(keccak256(abi.encode(culprit, a, b)), salt);
        _checkReceipt(culprit, a, signatureA);
        _checkReceipt(culprit, b, signatureB);
        // Cycles are consecutive records: two that share a number are one and the same, or one of them is a lie.
        bool overlap = uint256(a.firstSeq) < uint256(b.firstSeq) + b.count && uint256(b.firstSeq) < uint256(a.firstSeq) + a.count;
        if (!overlap || keccak256(abi.encode(a)) == keccak256(abi.encode(b))) revert EvidenceShowsNothing();
        _slash(culprit, EQUIVOCATION);
    }

    /// @inheritdoc ICommittee
    function proveOmission(
        address culprit,
        Receipt calldata receipt,
        bytes calldata signature,
        INovate.Commitment calldata c,
        CycleOpening calldata opening,
        bytes32 salt
    ) external {
        bytes32 commitmentHash = keccak256(abi.encode(COMMITMENT_TYPEHASH, c));
        _open(keccak256(abi.encode(culprit, receipt, commitmentHash)), salt);
        _checkReceipt(culprit, receipt, signature);
        _onlyFinalBatch(c.batchId);
        bytes32 kept = INovateBatches(novate).batch(c.batchId).commitmentHash;
        if (commitmentHash != kept) revert CommitmentUnknown(commitmentHash, kept);
        bytes32 opened = _cycleRoot(opening);
        if (opened != c.inputsRoot) revert OpeningWrong(opened, c.inputsRoot);
        // Both cycles hold one number; the batch has the other one for it.
        bool overlap = uint256(receipt.firstSeq) < uint256(opening.firstSeq) + opening.count
            && uint256(opening.firstSeq) < uint256(receipt.firstSeq) + receipt.count;
        bool same =
            receipt.firstSeq == opening.firstSeq && receipt.count == opening.count && receipt.root == opening.root;
        if (!overlap || same) revert EvidenceShowsNothing();
        _slash(culprit, OMISSION);
    }

    /// @inheritdoc ICommittee
    function proveTwoAttestations(
        address culprit,
        uint64 batchId,
        bytes32 hashA,
        bytes calldata signatureA,
        bytes32 hashB,
        bytes calldata signatureB,
        bytes32 salt
    ) external {
        _open(keccak256(abi.encode(culprit, batchId, hashA, hashB)), salt);
        if (hashA == hashB) revert EvidenceShowsNothing();
        _checkAttestation(culprit, batchId, hashA, signatureA);
        _checkAttestation(culprit, batchId, hashB, signatureB);
        _slash(culprit, TWO_ATTESTATIONS);
    }

    /// @inheritdoc ICommittee
    function proveRevertedAttestation(
        address culprit,
        uint64 batchId,
        bytes32 commitmentHash,
        bytes calldata signature,
        bytes32 salt
    ) external {
        _open(keccak256(abi.encode(culprit, batchId, commitmentHash)), salt);
        _checkAttestation(culprit, batchId, commitmentHash, signature);
        _onlyFinalBatch(batchId);
        // A batch that was reverted for want of attestations only, and posted again as it was, harms nobody who signed it; and what
        // nobody attested says nothing about those who signed something else.
        bool replaced = INovateBatches(novate).batch(batchId).commitmentHash != commitmentHash;
        if (!replaced || INovateBatches(novate).attestedTip() < batchId) revert EvidenceShowsNothing();
        _slash(culprit, REVERTED_ATTESTATION);
    }

    // -------------------------------------------------------------------------------------------------------------- views

    /// @inheritdoc ICommittee
    function validators() external view returns (address[] memory) {
        return _validators;
    }

    /// @inheritdoc ICommittee
    function isValidator(address who) external view returns (bool) {
        return _places[who] != 0;
    }

    /// @inheritdoc ICommittee
    function attestationsOf(uint64 batchId) external view returns (uint256) {
        return _count(_attested[_generation][INovateBatches(novate).batch(batchId).commitmentHash]);
    }

    /// @inheritdoc ICommittee
    function isAttested(uint64 batchId) external view returns (bool) {
        return batchId <= INovateBatches(novate).attestedTip();
    }

    /// @inheritdoc ICommittee
    function bondOf(address owner) external view returns (Bond memory) {
        return _bonds[owner];
    }

    /// @inheritdoc ICommittee
    function attestationDigest(uint64 batchId, bytes32 commitmentHash) public view returns (bytes32) {
        return _digest(keccak256(abi.encode(ATTESTATION_TYPEHASH, batchId, commitmentHash)));
    }

    /// @inheritdoc ICommittee
    function receiptDigest(Receipt calldata receipt) public view returns (bytes32) {
        return _digest(keccak256(abi.encode(RECEIPT_TYPEHASH, receipt)));
    }

    // --------------------------------------------------------------------------------------------------- parts of the above

    function _setValidators(address[] memory validators_, uint8 required_) private {
        if (required_ > validators_.length || validators_.length > VALIDATORS_MAX) revert ValidatorsInvalid();
        address last;
        for (uint256 i; i < validators_.length; ++i) {
            if (validators_[i] <= last) revert ValidatorsInvalid();
            last = validators_[i];
            _places[last] = i + 1;
        }
        _validators = validators_;
        attestationThreshold = required_;
        emit ValidatorsSet(validators_, required_);
    }

    function _count(uint256 bits) private pure returns (uint256 count) {
        for (; bits != 0; bits &= bits - 1) ++count;
    }

    function _onlyNovate() private view {
        if (msg.sender != novate) revert NotNovate(msg.sender);
    }

    function _onlyFinalBatch(uint64 batchId) private view {
        if (batchId == 0 || !INovateBatches(novate).isFinal(batchId)) revert BatchNotFinalYet(batchId);
    }

    /// @dev Signatures are made for the settlement contract, so that one domain covers a deployment.
    function _digest(bytes32 structHash) private view returns (bytes32) {
        bytes32 domain =
            keccak256(abi.encode(DOMAIN_TYPEHASH, keccak256("Novate"), keccak256("1"), block.chainid, novate));
        return keccak256(abi.encodePacked(hex"1901", domain, structHash));
    }

    /// @dev Zero where there is none: low s, 65 bytes, v 27 or 28.
    function _signer(bytes32 digest, bytes calldata signature) private pure returns (address signer) {
        ECDSA.RecoverError problem;
        (signer, problem,) = ECDSA.tryRecoverCalldata(digest, signature);
        if (problem != ECDSA.RecoverError.NoError) signer = address(0);
    }

    function _checkReceipt(address culprit, Receipt calldata receipt, bytes calldata signature) private view {
        address signer = _signer(receiptDigest(receipt), signature);
        if (signer == address(0) || signer != culprit) revert ReceiptInvalid();
    }

    function _checkAttestation(address culprit, uint64 batchId, bytes32 commitmentHash, bytes calldata signature)
        private
        view
    {
        address signer = _signer(attestationDigest(batchId, commitmentHash), signature);
        if (signer == address(0) || signer != culprit) revert AttestationInvalid();
    }

    /// @dev List tree: leaf H(0x00 ‖ data), node H(0x01 ‖ left ‖ right), so no node passes for a leaf and every path is that of a leaf.
    function _cycleRoot(CycleOpening calldata o) private pure returns (bytes32 node) {
        if (o.siblings.length > OPENING_DEPTH_MAX || o.sides >> o.siblings.length != 0) revert OpeningWrong(0, 0);
        node = keccak256(abi.encodePacked(uint8(0), o.firstSeq, o.count, o.root));
        for (uint256 i; i < o.siblings.length; ++i) {
            node = (o.sides >> i) & 1 == 1
                ? keccak256(abi.encodePacked(uint8(1), o.siblings[i], node))
                : keccak256(abi.encodePacked(uint8(1), node, o.siblings[i]));
        }
    }

    /// @dev The sender announced this evidence long enough ago.
    function _open(bytes32 evidence, bytes32 salt) private view {
        bytes32 digest = keccak256(abi.encode(msg.sender, evidence, salt));
        uint256 at = _sealedAt[digest];
        if (at == 0) revert EvidenceNotSealed(digest);
        if (block.timestamp < at + evidenceDelay) revert EvidenceTooFresh(at + evidenceDelay);
    }

    /// @dev All that the culprit has at stake: half to who proved it, half to nobody.
    function _slash(address culprit, uint8 reason) private {
        uint256 amount = _bonds[culprit].amount;
        if (amount == 0) revert NothingBonded(culprit);
        delete _bonds[culprit];
        uint256 reward = amount / 2;
        pullable[msg.sender] += reward;
        emit Slashed(culprit, msg.sender, reason, amount, reward);
        _burn(amount - reward);
    }

    function _burnOpenBond(uint64 batchId) private {
        uint256 amount = _openBonds[batchId].amount;
        if (amount == 0) return;
        emit OpenBondLost(batchId, _openBonds[batchId].poster, BURN, 0);
        delete _openBonds[batchId];
        _burn(amount);
    }

    /// @dev Nothing has code there, so this cannot call back nor fail.
    function _burn(uint256 amount) private {
        bool sent = _send(BURN, amount);
        assert(sent);
    }

    /// @dev Copies nothing of what is returned.
    function _send(address to, uint256 amount) private returns (bool sent) {
        assembly ("memory-safe") {
            sent := call(gas(), to, amount, 0, 0, 0, 0)
        }
    }
}
