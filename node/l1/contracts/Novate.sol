// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {BitMaps} from "@openzeppelin/contracts/utils/structs/BitMaps.sol";
import {ICommittee} from "./ICommittee.sol";
import {IEscape} from "./IEscape.sol";
import {INovate} from "./INovate.sol";
import {SparseProof} from "./SparseProof.sol";
import {Timelock} from "./Timelock.sol";

/// @title Holds the collateral, orders deposits and forced actions, binds each batch to its data, pays withdrawals by proof.
/// @dev The vault: no proxy, no owner, no upgrade. Every byte format is that of the protocol package (batch, ledger, merkle,
/// eip712), which the tests compare with this code. Bonds and validators are the committee's, what accounts are worth after a
/// freeze is the escape contract's; neither can be exchanged.
///
/// Invariants:
/// - Batches are continuous: id, previous root, queue cursor, sequence and time only go forward from `tip`; everything that
///   depends on the chain of batches is read through `tip`, so that moving it back undoes any number of batches at one cost.
/// - `dataHash` was computed here, from calldata of top-level transactions: who has L1 has the data.
/// - Per asset, paid <= deposited, and no accepted batch states more liabilities than were ever deposited.
/// - A withdrawal index is paid once, whatever batch it is proved against; a deposit is taken in once or refunded once.
/// - Nothing here stops a proved withdrawal from a final batch, except a token that refuses to move: no pause, no freeze, no role.
/// - A batch by somebody else than the operator is never final without the validators, and nothing follows it before them.
/// - Freezing is one way, and drops no batch.
///
/// Until disputes exist, finality is the passing of the challenge window, and rests on the operator, the validators and those
/// who watch. Times are those of L1 blocks; periods are long beside what a block's proposer can shift.
contract Novate is INovate, EIP712, ReentrancyGuardTransient {
    using BitMaps for BitMaps.BitMap;
    using SafeERC20 for IERC20;

    bytes32 private constant COMMITMENT_TYPEHASH = keccak256(
        "Commitment(uint64 batchId,bytes32 prevStateRoot,bytes32 stateRoot,bytes32 inputsRoot,bytes32 opsRoot,"
        "bytes32 dataHash,bytes32 rulesHash,bytes32 queueHash,uint64 lastSeq,uint64 opsCount,uint64 queueCursor,"
        "uint64 l2Time)"
    );

    uint256 public constant CHUNK_BYTES_MAX = 120_000; // Under 128 KiB with the call around it.
    uint256 public constant BLOB_BYTES_MAX = 4_096 * 31; // A blob's elements carry 31 bytes each.
    uint32 public constant CHUNKS_MAX = 64; // Bounds what a reader must hold of one batch.
    uint64 public constant DATA_AHEAD_MAX = 1_024; // Batches whose data may be posted before their turn.
    uint256 public constant AMOUNT_MAX = 2 ** 63 - 1; // Ledger units per deposit.
    uint256 public constant L2_TIME_LEAD_MS = 15 * 60 * 1_000; // L1 time is a claim of its proposers; ours may lead by so much.
    uint256 public constant PRODUCTION_WINDOW_MIN = 7 days;
    uint256 public constant PRODUCTION_DEADLINE_MIN = 24 hours;
    uint256 public constant PRODUCTION_FREEZE_MIN = 7 days;
    uint256 public constant PRODUCTION_ATTESTATION_MIN = 24 hours;
    uint256 public constant PRODUCTION_EXIT_MIN = 7 days; // Time to leave before a change, beside the challenge window.
    uint256 public constant PAUSE_MAX = 3 days;
    uint256 public constant PAYLOAD_BYTES_MAX = 4_096; // Of an action in the queue; the protocol's bound.
    uint256 public constant SIGNERS_MAX = 16;
    uint256 public constant SEND_GAS = 50_000; // For what an ETH destination does on receipt.

    // Kinds of queue items, the first word of an item's hash: H(kind, index, owner, asset, amount) for a deposit;
    // H(kind, index, sender, H(payload)) for kind 1, an action that an account's owner sends on L1.
    uint256 private constant QUEUE_DEPOSIT = 0;
    uint256 private constant QUEUE_ACTION = 1;

    // Call data of postData up to the chunk's first byte: selector, batchId, index, offset, length.
    uint256 private constant CHUNK_AT = 4 + 4 * 32;

    // Positions of the system words that are opened here; the words of each asset follow in the order of the asset table.
    uint256 private constant WORD_SEQ = 0;
    uint256 private constant WORD_L2_TIME = 1;
    uint256 private constant WORD_QUEUE_CURSOR = 2;
    uint256 private constant WORD_QUEUE_HASH = 3;
    uint256 private constant WORD_BATCH_ID = 4;
    uint256 private constant WORD_ASSET_COUNT = 12;
    uint256 private constant FIXED_WORDS = 13;
    uint256 private constant ASSET_WORDS = 6; // owed, owing, entries (signed), withdrawn, deposited, price

    uint256 private constant WITHDRAWALS_SECTION = 3;
    uint256 private constant WITHDRAWALS_DEPTH = 32;
    uint16 private constant NO_ASSET = type(uint16).max;
    uint256 private constant TOTAL_MAX = 2 ** 127 - 1; // Totals are int128; sums of four of them cannot overflow.

    uint256 private constant SIGNATURE_BYTES = 65;

    bytes32 public immutable genesisHash;
    bytes32 private immutable _genesisRulesHash;
    address public immutable timelock;
    ICommittee public immutable committee;
    address public immutable escape;
    uint64 public immutable challengeWindow; // seconds, as the periods below
    uint64 public immutable attestationWindow;
    uint64 public immutable queueDeadline;
    uint64 public immutable openAfter;
    uint64 public immutable freezeAfter;
    uint64 public immutable l2TimeLag;
    uint16 public immutable nativeAsset; // NO_ASSET where ETH is no collateral

    uint64 public tip;
    uint64 public queueLength;
    uint64 public attestedTip; // Batches up to this one are attested.
    uint64 private _openTip; // The newest batch if somebody else than the operator posted it, else an older one or 0.

    address public operator;
    uint8 public signersRequired;
    bool public frozen;
    uint64 public pausedUntil; // seconds

    address public guardian;
    uint64 private _revertedAt; // seconds; the last time that the tip went back

    address public disputer; // A later contract that proves batches wrong; may revert, nothing else.

    /// Queue hash after each item, and when the item came: deadlines count from there.
    struct QueueItem {
        bytes32 hash;
        uint64 time; // seconds
    }

    /// Rules that hold from a batch on.
    struct Rules {
        bytes32 hash;
        uint64 firstBatch;
    }

    mapping(uint64 index => QueueItem) private _queue;
    mapping(address poster => mapping(uint64 batchId => Data)) private _data;
    mapping(uint64 batchId => Batch) private _batches;
    mapping(uint16 assetId => Asset) private _assets;
    uint16[] private _assetIds;
    BitMaps.BitMap private _withdrawn;
    BitMaps.BitMap private _refunded;
    mapping(address destination => uint256) public claimable; // wei
    mapping(address signer => bool) public isSigner;
    address[] private _signers;
    Rules[] private _rules;

    constructor(Setup memory s) EIP712("Novate", "1") {
        if (s.genesisHash == 0 || s.genesisStateRoot == 0 || s.rulesHash == 0) revert GenesisInvalid();
        bool development = block.chainid == 31337 || block.chainid == 1337;
        if (!development) {
            if (s.challengeWindow < PRODUCTION_WINDOW_MIN) revert WindowTooShort(s.challengeWindow, PRODUCTION_WINDOW_MIN);
            _atLeast(s.queueDeadline, PRODUCTION_DEADLINE_MIN);
            _atLeast(s.openAfter, PRODUCTION_DEADLINE_MIN);
            _atLeast(s.freezeAfter, PRODUCTION_FREEZE_MIN);
            _atLeast(s.attestationWindow, PRODUCTION_ATTESTATION_MIN);
        }
        // A reverted batch is posted again as it is, up to a window later: the lag must not shut it out.
        if (
            s.queueDeadline == 0 || s.queueDeadline > s.openAfter || s.openAfter > s.freezeAfter
                || s.attestationWindow == 0 || s.attestationWindow >= s.challengeWindow || s.l2TimeLag < s.challengeWindow
        ) revert PeriodsOutOfOrder();
        genesisHash = s.genesisHash;
        _genesisRulesHash = s.rulesHash;
        challengeWindow = s.challengeWindow;
        attestationWindow = s.attestationWindow;
        queueDeadline = s.queueDeadline;
        openAfter = s.openAfter;
        freezeAfter = s.freezeAfter;
        l2TimeLag = s.l2TimeLag;
        timelock = s.timelock;
        committee = ICommittee(s.committee);
        escape = s.escape;
        // Both were deployed for this address: else evidence and escape would be another venue's, for ever.
        if (s.committee.code.length == 0 || ICommittee(s.committee).novate() != address(this)) {
            revert ModuleInvalid(s.committee);
        }
        if (s.escape.code.length == 0 || IEscape(s.escape).novate() != address(this)) revert ModuleInvalid(s.escape);
        if (s.timelock.code.length == 0) revert ModuleInvalid(s.timelock);
        if (!development) {
            _atLeast(Timelock(payable(s.timelock)).getMinDelay(), PRODUCTION_EXIT_MIN + s.challengeWindow);
        }
        _setOperator(s.operator);
        _setSigners(s.signers, s.signersRequired);
        guardian = s.guardian;
        _batches[0].stateRoot = s.genesisStateRoot;
        _batches[0].postedAt = uint64(block.timestamp);
        nativeAsset = _listAssets(s.assets);
    }

    /// @dev ETH comes in by depositETH only, so that none is without an owner.
    receive() external payable {
        revert PlainTransfer();
    }

    // --------------------------------------------------------------------------------------------------------- deposits

    /// Put `amount` token units of an ERC-20 into escrow for `owner`; approve them to this contract first.
    function deposit(uint16 asset, uint256 amount, address owner) external nonReentrant returns (uint64 index) {
        _onlyTakingDeposits();
        address token = _listed(asset).token;
        if (token == address(0)) revert AssetIsNative(asset);
        uint64 units = _admit(asset, amount, owner);
        uint256 before = IERC20(token).balanceOf(address(this));
        IERC20(token).safeTransferFrom(msg.sender, address(this), amount);
        uint256 received = IERC20(token).balanceOf(address(this)) - before;
        if (received != amount) revert TransferAmountDiffers(amount, received);
        return _enqueueDeposit(owner, asset, units);
    }

    /// Put the sent ETH into escrow for `owner`.
    function depositETH(address owner) external payable nonReentrant returns (uint64 index) {
        _onlyTakingDeposits();
        _listed(nativeAsset);
        return _enqueueDeposit(owner, nativeAsset, _admit(nativeAsset, msg.value, owner));
    }

    /// Put an action into the queue: `payload` is the canonical encoding of a native intent, the sender the owner of its account or
    /// of that account's master. What cannot be done when its turn comes is consumed without effect. No pause stops this.
    function forceAction(bytes calldata payload) external returns (uint64 index) {
        if (frozen) revert VenueFrozen();
        if (payload.length > PAYLOAD_BYTES_MAX) revert PayloadTooLarge(payload.length);
        index = queueLength;
        bytes32 hash = _enqueue(index, keccak256(abi.encode(QUEUE_ACTION, index, msg.sender, keccak256(payload))));
        emit ActionQueued(index, msg.sender, uint64(block.timestamp), hash, payload);
    }

    // ----------------------------------------------------------------------------------------------------- batches: data

    /// Add the next chunk of a batch's body. The call must be a transaction of its own, written the one canonical way, so that
    /// whoever reads L1 finds the chunk in the transaction's input.
    /// The operator's data is its own, and so is that of whoever posts while the venue is open.
    function postData(uint64 batchId, uint32 index, bytes calldata chunk) external {
        if (msg.sender != operator && !_isOpen()) revert NotOperator(msg.sender);
        if (msg.sender != tx.origin || msg.sender.code.length != 0) revert NotTopLevelCall();
        uint256 at;
        assembly ("memory-safe") {
            at := chunk.offset
        }
        if (at != CHUNK_AT || msg.data.length != CHUNK_AT + ((chunk.length + 31) / 32) * 32) {
            revert CalldataNotCanonical();
        }
        _onlyAhead(batchId);
        if (chunk.length == 0) revert ChunkEmpty();
        if (chunk.length > CHUNK_BYTES_MAX) revert ChunkTooLarge(chunk.length);
        Data storage data = _data[msg.sender][batchId];
        uint32 expected = data.chunks;
        if (index != expected) revert ChunkIndexWrong(index, expected);
        if (data.isBlobs) revert DataMixed();
        if (index == CHUNKS_MAX) revert TooManyChunks();
        bytes32 chunkHash = keccak256(chunk);
        data.hash = keccak256(abi.encode(data.hash, chunkHash));
        data.chunks = index + 1;
        emit DataPosted(batchId, index, msg.sender, chunkHash);
    }

    /// Add the next chunks of a batch's body as the blobs of this transaction, one each, with their lengths in bytes. The operator's alone,
    /// and not mixed with call data: a body is read from one place.
    function postBlobs(uint64 batchId, uint32 index, uint32[] calldata lengths) external {
        if (msg.sender != operator) revert NotOperator(msg.sender);
        if (msg.sender != tx.origin || msg.sender.code.length != 0) revert NotTopLevelCall();
        _onlyAhead(batchId);
        Data storage data = _data[msg.sender][batchId];
        uint32 expected = data.chunks;
        if (index != expected) revert ChunkIndexWrong(index, expected);
        if (lengths.length == 0) revert ChunkEmpty();
        if (lengths.length > CHUNKS_MAX - index) revert TooManyChunks();
        if (index != 0 && !data.isBlobs) revert DataMixed();
        bytes32 hash = data.hash;
        for (uint32 i; i < lengths.length; ++i) {
            bytes32 versionedHash = blobhash(i);
            if (versionedHash == 0) revert BlobMissing(i);
            if (lengths[i] == 0) revert ChunkEmpty();
            if (lengths[i] > BLOB_BYTES_MAX) revert ChunkTooLarge(lengths[i]);
            hash = keccak256(abi.encode(hash, keccak256(abi.encode(versionedHash, lengths[i]))));
            emit BlobPosted(batchId, index + i, versionedHash, lengths[i]);
        }
        data.hash = hash;
        data.chunks = index + uint32(lengths.length);
        data.isBlobs = true;
    }

    /// Forget what the sender posted for a batch that is not committed, so that another body can follow.
    function resetData(uint64 batchId) external {
        _onlyAhead(batchId);
        emit DataReset(batchId, msg.sender, _data[msg.sender][batchId].chunks);
        delete _data[msg.sender][batchId];
    }

    // ----------------------------------------------------------------------------------------------- batches: commitment

    /// Commit the next batch. Anyone may send it; the signatures make it valid. Its data is what the operator posted.
    /// @param signature EIP-712 signatures of `c`, 65 bytes each, low-s, v 27 or 28, by ascending signer, as many as are required
    /// @param ledgerRoots the five section roots of the ledger
    /// @param venueRoot root of all that the rules read beside the ledger
    /// @param systemWords the ledger's system words
    function commit(
        Commitment calldata c,
        bytes calldata signature,
        bytes32[5] calldata ledgerRoots,
        bytes32 venueRoot,
        bytes32[] calldata systemWords
    ) external {
        if (block.timestamp < pausedUntil) revert PostingPaused(pausedUntil);
        bytes32 commitmentHash = _checkBatch(c, operator, ledgerRoots, venueRoot, systemWords);
        _checkSignatures(_hashTypedDataV4(commitmentHash), signature);
        if (_openTip == c.batchId) _openTip = 0; // A reverted batch had this place.
        _append(c, commitmentHash, operator, signature);
    }

    /// Commit a batch of queue items without the operator, when it has let one grow too old. It costs a bond, which is lost if the
    /// batch is reverted; it is final only once the validators attest to it, and nothing follows before. Its data is the sender's.
    function commitOpen(
        Commitment calldata c,
        bytes32[5] calldata ledgerRoots,
        bytes32 venueRoot,
        bytes32[] calldata systemWords
    ) external payable nonReentrant {
        _onlyOpen();
        if (committee.attestationThreshold() == 0) revert OpenPostingNeedsValidators();
        bytes32 commitmentHash = _checkBatch(c, msg.sender, ledgerRoots, venueRoot, systemWords);
        if (c.queueCursor == _batches[c.batchId - 1].queueCursor) revert NothingConsumed();
        _openTip = c.batchId;
        _append(c, commitmentHash, msg.sender, "");
        committee.takeOpenBond{value: msg.value}(c.batchId, msg.sender);
    }

    /// Undo a batch that is not final and all after it, at one cost however many: anyone, once its attestation window is over
    /// without an attestation of it or of one after it; the disputer any time.
    function revertBatch(uint64 batchId) external nonReentrant {
        uint64 last = tip;
        if (batchId == 0 || batchId > last) revert BatchUnknown(batchId, last);
        if (_isFinal(batchId)) revert BatchFinal(batchId);
        bool open = _openTip >= batchId;
        if (msg.sender != disputer) {
            if (batchId <= attestedTip) revert BatchIsAttested(batchId);
            if (!open && committee.attestationThreshold() == 0) revert AttestationsNotRequired();
            uint256 until = uint256(_batches[batchId].postedAt) + attestationWindow;
            if (block.timestamp < until) revert AttestationPending(batchId, until);
        }
        tip = batchId - 1;
        if (attestedTip >= batchId) attestedTip = batchId - 1;
        _revertedAt = uint64(block.timestamp);
        emit BatchesReverted(batchId, last, _batches[batchId].commitmentHash, msg.sender);
        if (open) {
            uint64 lost = _openTip;
            _openTip = 0;
            committee.loseOpenBond(lost, msg.sender);
        }
    }

    /// The committee has checked enough attestations of this batch: it and all before it are attested.
    function markAttested(uint64 batchId) external {
        if (msg.sender != address(committee)) revert NotAuthorised(msg.sender);
        if (batchId > tip) revert BatchUnknown(batchId, tip);
        if (batchId <= attestedTip) revert BatchIsAttested(batchId);
        attestedTip = batchId;
        emit BatchAttested(batchId, _batches[batchId].commitmentHash);
    }

    // ------------------------------------------------------------------------------------------------------------ freeze

    /// End the venue, when the oldest queue item has waited too long: no new batches, deposits or actions from now on.
    function freeze() external {
        (Stage at, uint64 index,, uint256 freezeAt) = _ladder();
        if (at >= Stage.Frozen) revert VenueFrozen();
        if (at != Stage.Freezable) revert NotFreezableYet(freezeAt);
        frozen = true;
        emit Frozen(index, tip);
    }

    /// After a freeze: give a deposit back that no batch took in. Anyone may send it; the money goes to `owner`.
    function refundDeposit(uint64 index, address owner, uint16 asset, uint64 amount) external nonReentrant {
        _onlySettled();
        uint64 cursor = _batches[tip].queueCursor;
        if (index < cursor) revert DepositConsumed(index, cursor);
        if (index >= queueLength) revert QueueIndexUnknown(index, queueLength);
        if (_refunded.get(index)) revert AlreadyRefunded(index);
        bytes32 hash = _nextQueueHash(index, _depositHash(index, owner, asset, amount));
        if (hash != _queue[index].hash) revert NotThisDeposit(hash, _queue[index].hash);
        _refunded.set(index);
        emit DepositRefunded(index, owner, asset, _inTokens(asset, amount));
        _payOut(owner, asset, amount);
    }

    /// After a freeze: pay what the escape contract says, `amount` in ledger units.
    function release(address to, uint16 asset, uint128 amount) external nonReentrant {
        if (msg.sender != escape) revert NotAuthorised(msg.sender);
        _onlySettled();
        emit Released(to, asset, _inTokens(asset, amount));
        _payOut(to, asset, amount);
    }

    // -------------------------------------------------------------------------------------------------------- parameters

    /// Refuse deposits and the operator's batches until then, at most PAUSE_MAX ahead; a time that has passed ends it. Withdrawals,
    /// forced actions, the ladder and escape go on: a pause that lasts ends in a freeze.
    function pause(uint64 until) external {
        if (msg.sender != guardian) revert NotAuthorised(msg.sender);
        uint256 latest = block.timestamp + PAUSE_MAX;
        if (until > latest) revert PauseTooLong(until, latest);
        pausedUntil = until;
        emit Paused(until);
    }

    /// Exchange the key that posts data and signs receipts.
    function setOperator(address operator_) external onlyTimelock {
        _setOperator(operator_);
    }

    /// Exchange the keys that sign commitments.
    function setSigners(address[] calldata signers_, uint8 required) external onlyTimelock {
        for (uint256 i; i < _signers.length; ++i) isSigner[_signers[i]] = false;
        _setSigners(signers_, required);
    }

    /// Exchange who may pause; zero for nobody.
    function setGuardian(address guardian_) external onlyTimelock {
        guardian = guardian_;
        emit GuardianSet(guardian_);
    }

    /// Name the contract that may revert batches that it has proved wrong; zero for none.
    function setDisputer(address disputer_) external onlyTimelock {
        disputer = disputer_;
        emit DisputerSet(disputer_);
    }

    /// Let other rules hold from a batch on that is not posted yet. Replaces what was scheduled for this batch or later ones.
    function scheduleRules(bytes32 hash, uint64 firstBatch) external onlyTimelock {
        if (hash == 0 || firstBatch <= tip) revert RulesScheduleInvalid(firstBatch);
        while (_rules.length > 0 && _rules[_rules.length - 1].firstBatch >= firstBatch) _rules.pop();
        _rules.push(Rules(hash, firstBatch));
        emit RulesScheduled(hash, firstBatch);
    }

    /// Exchange the caps of an asset, in ledger units.
    function setCaps(uint16 assetId, uint128 depositCap, uint128 owingCap) external onlyTimelock {
        Asset storage a = _listed(assetId);
        if (depositCap > TOTAL_MAX || owingCap > TOTAL_MAX) revert TotalOutOfRange(assetId);
        a.depositCap = depositCap;
        a.owingCap = owingCap;
        emit CapsSet(assetId, depositCap, owingCap);
    }

    modifier onlyTimelock() {
        if (msg.sender != timelock) revert NotAuthorised(msg.sender);
        _;
    }

    // ------------------------------------------------------------------------------------------------------ withdrawals

    /// Pay a withdrawal that is in the state of a final batch. Anyone may send it; the money goes to `destination`.
    /// @param batchId any final batch at or after the one that holds the withdrawal
    /// @param amount ledger units
    /// @param bitmap and `siblings`: proof of the leaf at `index` under `ledgerRoots[3]`
    /// @param systemHash keccak of the system words
    function withdraw(
        uint64 batchId,
        uint64 index,
        uint32 account,
        address destination,
        uint16 asset,
        uint64 amount,
        uint256 bitmap,
        bytes32[] calldata siblings,
        bytes32[5] calldata ledgerRoots,
        bytes32 systemHash,
        bytes32 venueRoot
    ) external nonReentrant {
        _onlyFinal(batchId);
        if (destination == address(0)) revert DestinationZero();
        if (_withdrawn.get(index)) revert AlreadyWithdrawn(index);
        bytes32 opened = _stateRoot(ledgerRoots, systemHash, venueRoot);
        if (opened != _batches[batchId].stateRoot) revert StateRootOpeningWrong(opened, _batches[batchId].stateRoot);
        bytes32 leaf = keccak256(abi.encode(index, account, destination, asset, amount));
        opened = SparseProof.root(leaf, index, WITHDRAWALS_DEPTH, bitmap, siblings);
        if (opened != ledgerRoots[WITHDRAWALS_SECTION]) {
            revert WithdrawalNotInTree(opened, ledgerRoots[WITHDRAWALS_SECTION]);
        }
        _withdrawn.set(index);
        emit Withdrawn(index, destination, asset, _inTokens(asset, amount));
        _payOut(destination, asset, amount);
    }

    /// Fetch ETH that a destination did not take when it was paid: to itself by anyone, elsewhere by itself.
    function claim(address owner, address to) external nonReentrant {
        if (to == address(0)) revert DestinationZero();
        if (to != owner && msg.sender != owner) revert NotYourClaim(msg.sender, owner);
        uint256 amount = claimable[owner];
        if (amount == 0) revert NothingToClaim(owner);
        claimable[owner] = 0;
        emit Claimed(owner, to, amount);
        if (!_send(to, amount, gasleft())) revert SendFailed(to);
    }

    // ------------------------------------------------------------------------------------------------------------ views

    /// The newest batch that is final; 0 is genesis.
    function finalTip() external view returns (uint64) {
        // Posting times never decrease along the chain of batches, and only the newest can lack what else it needs: the final ones
        // are a prefix.
        uint64 low;
        uint64 high = tip;
        while (low < high) {
            uint64 middle = low + (high - low + 1) / 2;
            if (_isFinal(middle)) low = middle;
            else high = middle - 1;
        }
        return low;
    }

    /// Whether withdrawals can be proved against this batch.
    function isFinal(uint64 batchId) external view returns (bool) {
        return batchId <= tip && _isFinal(batchId);
    }

    /// Where the liveness ladder stands.
    function stage() external view returns (Stage at) {
        (at,,,) = _ladder();
    }

    /// The ladder: its stage, the oldest item that no batch took in (the queue's length where there is none), and when the venue
    /// opens and can be frozen because of it, in seconds (0 where there is none).
    function ladder() external view returns (Stage at, uint64 index, uint256 openAt, uint256 freezeAt) {
        return _ladder();
    }

    /// Rules that a batch must be made under.
    function rulesHashAt(uint64 batchId) external view returns (bytes32) {
        return _rulesHashAt(batchId);
    }

    /// Rules of the next batch.
    function rulesHash() external view returns (bytes32) {
        return _rulesHashAt(tip + 1);
    }

    /// Who signs commitments, ascending.
    function signers() external view returns (address[] memory) {
        return _signers;
    }

    /// Whether the deposit at `index` was given back.
    function isRefunded(uint64 index) external view returns (bool) {
        return _refunded.get(index);
    }

    /// A batch up to `tip`.
    function batch(uint64 batchId) external view returns (Batch memory) {
        if (batchId > tip) revert BatchUnknown(batchId, tip);
        return _batches[batchId];
    }

    /// Hash and number of the chunks that the operator posted for a batch.
    function dataOf(uint64 batchId) external view returns (bytes32 hash, uint32 chunks) {
        return dataBy(operator, batchId);
    }

    /// Hash and number of the chunks that `poster` posted for a batch.
    function dataBy(address poster, uint64 batchId) public view returns (bytes32 hash, uint32 chunks) {
        Data storage data = _data[poster][batchId];
        return (data.hash, data.chunks);
    }

    /// Queue hash after the first `count` items.
    function queueHashAt(uint64 count) external view returns (bytes32) {
        if (count > queueLength) revert QueueIndexUnknown(count, queueLength);
        return _queueHash(count);
    }

    /// When item `index` was queued, in seconds.
    function queueTime(uint64 index) external view returns (uint64) {
        if (index >= queueLength) revert QueueIndexUnknown(index, queueLength);
        return _queue[index].time;
    }

    /// Ids of the collateral assets, in the order of their system words.
    function assetIds() external view returns (uint16[] memory) {
        return _assetIds;
    }

    /// A collateral asset and its totals.
    function assetOf(uint16 assetId) external view returns (Asset memory) {
        return _listed(assetId);
    }

    /// Whether the withdrawal at `index` was paid.
    function isWithdrawn(uint64 index) external view returns (bool) {
        return _withdrawn.get(index);
    }

    /// Whether element `y` stands at point `z` of a blob: the point evaluation precompile's answer (EIP-4844), for those who prove what a
    /// batch's data says.
    function blobElement(bytes32 versionedHash, uint256 z, uint256 y, bytes calldata commitment, bytes calldata proof)
        external
        view
        returns (bool holds)
    {
        if (commitment.length != 48 || proof.length != 48) return false;
        bytes memory output;
        (holds, output) = address(0x0a).staticcall(abi.encodePacked(versionedHash, z, y, commitment, proof));
        return holds && output.length == 64; // A chain without the precompile answers with nothing.
    }

    /// What the operator signs for `c`.
    function commitmentDigest(Commitment calldata c) external view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(COMMITMENT_TYPEHASH, c)));
    }

    // ------------------------------------------------------------------------------------------------- parts of the above

    function _listAssets(AssetConfig[] memory assets_) private returns (uint16 native) {
        native = NO_ASSET;
        if (assets_.length == 0 || assets_[0].assetId != 0) revert AssetTableInvalid(0);
        for (uint256 i; i < assets_.length; ++i) {
            AssetConfig memory a = assets_[i];
            if (i > 0 && a.assetId <= assets_[i - 1].assetId) revert AssetTableInvalid(i);
            if (a.assetId == NO_ASSET) revert AssetTableInvalid(i);
            if (a.unitDivisor == 0 || a.depositCap > TOTAL_MAX || a.owingCap > TOTAL_MAX) revert AssetTableInvalid(i);
            if (a.token != address(0) && a.token.code.length == 0) revert AssetTableInvalid(i);
            for (uint256 j; j < i; ++j) {
                if (assets_[j].token == a.token) revert AssetTableInvalid(i);
            }
            if (a.token == address(0)) native = a.assetId;
            _assetIds.push(a.assetId);
            _assets[a.assetId] = Asset(a.token, a.unitDivisor, 0, 0, a.depositCap, a.owingCap);
        }
    }

    function _listed(uint16 assetId) private view returns (Asset storage a) {
        a = _assets[assetId];
        if (a.unitDivisor == 0) revert AssetUnknown(assetId);
    }

    /// @dev Check a deposit of `amount` token units and count it; returns it in ledger units.
    function _admit(uint16 assetId, uint256 amount, address owner) private returns (uint64) {
        Asset storage a = _assets[assetId];
        if (owner == address(0)) revert OwnerZero();
        if (amount == 0) revert AmountZero();
        if (amount % a.unitDivisor != 0) revert AmountDoesNotDivide(amount, a.unitDivisor);
        uint256 units = amount / a.unitDivisor;
        if (units > AMOUNT_MAX) revert AmountTooLarge(units);
        uint256 escrow = a.deposited - a.paid + units;
        if (escrow > a.depositCap) revert DepositCapExceeded(assetId, escrow, a.depositCap);
        a.deposited += uint128(units); // 2^63 units a time: 2^65 deposits would not overflow it.
        return uint64(units);
    }

    function _enqueueDeposit(address owner, uint16 assetId, uint64 units) private returns (uint64 index) {
        index = queueLength;
        bytes32 hash = _enqueue(index, _depositHash(index, owner, assetId, units));
        emit DepositQueued(index, owner, assetId, units, uint64(block.timestamp), hash);
    }

    function _enqueue(uint64 index, bytes32 item) private returns (bytes32 hash) {
        hash = _nextQueueHash(index, item);
        _queue[index] = QueueItem(hash, uint64(block.timestamp));
        queueLength = index + 1;
    }

    function _depositHash(uint64 index, address owner, uint16 assetId, uint64 units) private pure returns (bytes32) {
        return keccak256(abi.encode(QUEUE_DEPOSIT, index, owner, assetId, units));
    }

    function _nextQueueHash(uint64 index, bytes32 item) private view returns (bytes32) {
        return keccak256(abi.encode(_queueHash(index), item));
    }

    function _queueHash(uint64 count) private view returns (bytes32) {
        return count == 0 ? bytes32(0) : _queue[count - 1].hash;
    }

    function _setOperator(address operator_) private {
        if (operator_ == address(0)) revert OperatorZero();
        operator = operator_;
        emit OperatorSet(operator_);
    }

    function _setSigners(address[] memory signers_, uint8 required) private {
        if (required == 0 || required > signers_.length || signers_.length > SIGNERS_MAX) revert SignersInvalid();
        address last;
        for (uint256 i; i < signers_.length; ++i) {
            if (signers_[i] <= last) revert SignersInvalid();
            last = signers_[i];
            isSigner[last] = true;
        }
        _signers = signers_;
        signersRequired = required;
        emit SignersSet(signers_, required);
    }

    function _atLeast(uint256 given, uint256 minimum) private pure {
        if (given < minimum) revert PeriodTooShort(given, minimum);
    }

    function _onlyTakingDeposits() private view {
        if (frozen) revert VenueFrozen();
        if (block.timestamp < pausedUntil) revert DepositsPaused(pausedUntil);
    }

    function _isOpen() private view returns (bool) {
        (Stage at,,,) = _ladder();
        return at != Stage.Operator;
    }

    function _onlyOpen() private view {
        (Stage at,, uint256 openAt,) = _ladder();
        if (at == Stage.Operator) revert NotOpenYet(openAt);
    }

    function _onlySettled() private view {
        if (!frozen || !_isFinal(tip)) revert NotSettled();
    }

    /// @dev Whether the newest batch is somebody else's and the validators have not spoken.
    function _isTipDoubtful() private view returns (bool) {
        return _openTip == tip && attestedTip < tip;
    }

    /// @dev A batch that waits for validators does not stop the clock. What a revert brings back counts from the revert, so that there is
    /// time to post it again, but no longer than two periods after its own time: reverts cannot put off the end for ever.
    function _ladder() private view returns (Stage at, uint64 index, uint256 openAt, uint256 freezeAt) {
        index = _batches[_isTipDoubtful() ? tip - 1 : tip].queueCursor;
        if (index < queueLength) {
            uint256 since = _queue[index].time;
            uint256 latest = since + 2 * uint256(freezeAfter);
            if (_revertedAt > since) since = _revertedAt < latest ? _revertedAt : latest;
            openAt = since + openAfter;
            freezeAt = since + freezeAfter;
            if (block.timestamp >= freezeAt) at = Stage.Freezable;
            else if (block.timestamp >= openAt) at = Stage.Open;
        }
        if (frozen) at = _isFinal(tip) ? Stage.Settled : Stage.Frozen;
    }

    function _onlyAhead(uint64 batchId) private view {
        uint64 last = tip;
        if (batchId <= last || batchId - last > DATA_AHEAD_MAX) revert BatchNotAhead(batchId, last);
    }

    function _onlyFinal(uint64 batchId) private view {
        if (batchId > tip) revert BatchUnknown(batchId, tip);
        if (!_isFinal(batchId)) revert BatchNotFinal(batchId, _finalAt(batchId));
    }

    function _finalAt(uint64 batchId) private view returns (uint256) {
        return batchId == 0 ? 0 : uint256(_batches[batchId].postedAt) + challengeWindow;
    }

    /// @dev For batches up to the tip.
    function _isFinal(uint64 batchId) private view returns (bool) {
        return block.timestamp >= _finalAt(batchId) && (batchId == 0 || batchId != _openTip || attestedTip >= batchId);
    }

    function _rulesHashAt(uint64 batchId) private view returns (bytes32) {
        for (uint256 i = _rules.length; i > 0; --i) {
            if (_rules[i - 1].firstBatch <= batchId) return _rules[i - 1].hash;
        }
        return _genesisRulesHash;
    }

    /// @dev All that can be judged of a batch here, but for who vouches for it. Returns the struct hash.
    function _checkBatch(
        Commitment calldata c,
        address poster,
        bytes32[5] calldata ledgerRoots,
        bytes32 venueRoot,
        bytes32[] calldata systemWords
    ) private view returns (bytes32) {
        if (frozen) revert VenueFrozen();
        if (_isTipDoubtful()) revert TipNotAttested(tip);
        _checkContinuity(c, poster);
        _checkQueue(c);
        _checkTime(c);
        bytes32 opened = _stateRoot(ledgerRoots, keccak256(abi.encodePacked(systemWords)), venueRoot);
        if (opened != c.stateRoot) revert StateRootOpeningWrong(opened, c.stateRoot);
        _checkSystemWords(c, systemWords);
        _checkTotals(systemWords);
        return keccak256(abi.encode(COMMITMENT_TYPEHASH, c));
    }

    function _append(Commitment calldata c, bytes32 commitmentHash, address poster, bytes memory signature) private {
        tip = c.batchId;
        _batches[c.batchId] = Batch({
            stateRoot: c.stateRoot,
            commitmentHash: commitmentHash,
            postedAt: uint64(block.timestamp),
            queueCursor: c.queueCursor,
            lastSeq: c.lastSeq,
            l2Time: c.l2Time
        });
        emit BatchCommitted(c.batchId, c.stateRoot, poster, uint64(block.timestamp) + challengeWindow, c, signature);
    }

    function _checkSignatures(bytes32 digest, bytes calldata signature) private view {
        uint256 count = signersRequired;
        if (signature.length != count * SIGNATURE_BYTES) revert SignatureInvalid();
        address last;
        for (uint256 i; i < count; ++i) {
            bytes calldata one = signature[i * SIGNATURE_BYTES:(i + 1) * SIGNATURE_BYTES];
            (address signer, ECDSA.RecoverError problem,) = ECDSA.tryRecoverCalldata(digest, one);
            if (problem != ECDSA.RecoverError.NoError || signer <= last || !isSigner[signer]) revert SignatureInvalid();
            last = signer;
        }
    }

    function _checkContinuity(Commitment calldata c, address poster) private view {
        uint64 last = tip;
        if (c.batchId != last + 1) revert BatchIdWrong(c.batchId, last + 1);
        Batch storage previous = _batches[last];
        if (c.prevStateRoot != previous.stateRoot) revert PrevStateRootWrong(c.prevStateRoot, previous.stateRoot);
        Data storage data = _data[poster][c.batchId];
        if (data.chunks == 0) revert DataMissing(c.batchId);
        if (c.dataHash != data.hash) revert DataHashWrong(c.dataHash, data.hash);
        bytes32 rules = _rulesHashAt(c.batchId);
        if (c.rulesHash != rules) revert RulesHashWrong(c.rulesHash, rules);
        if (c.lastSeq <= previous.lastSeq) revert LastSeqNotHigher(c.lastSeq, previous.lastSeq);
    }

    /// @dev A batch is judged by its own time, which is bounded by L1's: what was sealed before an item came can be posted after it.
    function _checkQueue(Commitment calldata c) private view {
        uint64 before = _batches[c.batchId - 1].queueCursor;
        if (c.queueCursor < before) revert QueueCursorBackwards(c.queueCursor, before);
        if (c.queueCursor > queueLength) revert QueueCursorBeyondQueue(c.queueCursor, queueLength);
        if (c.queueHash != _queueHash(c.queueCursor)) revert QueueHashWrong(c.queueHash, _queueHash(c.queueCursor));
        if (c.queueCursor < queueLength) {
            uint256 deadline = uint256(_queue[c.queueCursor].time) + queueDeadline;
            if (c.l2Time > deadline * 1_000) revert QueueItemSkipped(c.queueCursor, deadline);
        }
    }

    function _checkTime(Commitment calldata c) private view {
        uint64 before = _batches[c.batchId - 1].l2Time;
        if (c.l2Time < before) revert L2TimeBackwards(c.l2Time, before);
        uint256 latest = block.timestamp * 1_000 + L2_TIME_LEAD_MS;
        if (c.l2Time > latest) revert L2TimeAheadOfL1(c.l2Time, latest);
        uint256 lag = uint256(l2TimeLag) * 1_000;
        uint256 earliest = block.timestamp * 1_000 > lag ? block.timestamp * 1_000 - lag : 0;
        if (c.l2Time < earliest) revert L2TimeBehindL1(c.l2Time, earliest);
    }

    function _checkSystemWords(Commitment calldata c, bytes32[] calldata words) private view {
        uint256 expected = FIXED_WORDS + ASSET_WORDS * _assetIds.length;
        if (words.length != expected) revert SystemWordsCount(words.length, expected);
        _checkWord(words, WORD_SEQ, bytes32(uint256(c.lastSeq)));
        _checkWord(words, WORD_L2_TIME, bytes32(uint256(c.l2Time)));
        _checkWord(words, WORD_QUEUE_CURSOR, bytes32(uint256(c.queueCursor)));
        _checkWord(words, WORD_QUEUE_HASH, c.queueHash);
        _checkWord(words, WORD_BATCH_ID, bytes32(uint256(c.batchId)));
        _checkWord(words, WORD_ASSET_COUNT, bytes32(_assetIds.length));
    }

    function _checkWord(bytes32[] calldata words, uint256 position, bytes32 expected) private pure {
        if (words[position] != expected) revert SystemWordWrong(position, words[position], expected);
    }

    /// @dev Unrealised profit sums to minus the entries, so liabilities need no price.
    function _checkTotals(bytes32[] calldata words) private view {
        for (uint256 i; i < _assetIds.length; ++i) {
            uint16 assetId = _assetIds[i];
            Asset storage a = _assets[assetId];
            uint256 at = FIXED_WORDS + ASSET_WORDS * i;
            uint256 owing = _total(words[at + 1], assetId);
            uint256 deposited = _total(words[at + 4], assetId);
            int256 entries = int256(uint256(words[at + 2]));
            if (entries > int256(TOTAL_MAX) || entries < -int256(TOTAL_MAX)) revert TotalOutOfRange(assetId);
            int256 liabilities = int256(_total(words[at], assetId)) + int256(_total(words[at + 3], assetId))
                - int256(owing) - entries;
            uint256 received = a.deposited;
            if (liabilities > int256(received)) revert LiabilitiesExceedDeposits(assetId, liabilities, received);
            if (deposited > received) revert DepositedExceedsReceived(assetId, deposited, received);
            if (owing > a.owingCap) revert OwingCapExceeded(assetId, owing, a.owingCap);
        }
    }

    function _total(bytes32 word, uint16 assetId) private pure returns (uint256 total) {
        total = uint256(word);
        if (total > TOTAL_MAX) revert TotalOutOfRange(assetId);
    }

    /// @dev H(H(section roots ‖ H(system words)) ‖ venue root)
    function _stateRoot(bytes32[5] calldata ledgerRoots, bytes32 systemHash, bytes32 venueRoot)
        private
        pure
        returns (bytes32)
    {
        bytes32 ledgerRoot = keccak256(abi.encodePacked(ledgerRoots, systemHash));
        return keccak256(abi.encode(ledgerRoot, venueRoot));
    }

    function _inTokens(uint16 assetId, uint128 units) private view returns (uint256) {
        return uint256(units) * _listed(assetId).unitDivisor;
    }

    /// @dev Pay ledger units. ETH that is not taken is credited.
    function _payOut(address destination, uint16 assetId, uint128 units) private {
        Asset storage a = _listed(assetId);
        uint256 paid = uint256(a.paid) + units;
        if (paid > a.deposited) revert EscrowShort(assetId, paid, a.deposited);
        a.paid = uint128(paid);
        uint256 amount = uint256(units) * a.unitDivisor;
        if (a.token != address(0)) {
            IERC20(a.token).safeTransfer(destination, amount);
        } else {
            // Whoever sends the claim chooses the gas: too little must not look like a destination that refuses.
            uint256 needed = SEND_GAS + SEND_GAS / 63 + 40_000;
            if (gasleft() < needed) revert GasTooLow(gasleft(), needed);
            if (!_send(destination, amount, SEND_GAS)) {
                claimable[destination] += amount;
                emit Credited(destination, amount);
            }
        }
    }

    /// @dev Copies nothing of what the destination returns, so it cannot make the caller pay for it.
    function _send(address to, uint256 amount, uint256 gasLimit) private returns (bool sent) {
        assembly ("memory-safe") {
            sent := call(gasLimit, to, amount, 0, 0, 0, 0)
        }
    }
}
