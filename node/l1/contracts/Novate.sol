// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {BitMaps} from "@openzeppelin/contracts/utils/structs/BitMaps.sol";
import {INovate} from "./INovate.sol";
import {SparseProof} from "./SparseProof.sol";

/// @title Holds the collateral, orders deposits, binds each batch to its data, pays withdrawals by proof.
/// @dev The vault: no proxy, no owner, no upgrade. Every byte format is that of the protocol package (batch, ledger, merkle,
/// eip712), which the tests compare with this code.
///
/// Invariants:
/// - Batches are continuous: id, previous root, queue cursor, sequence and time only go forward from `tip`; everything that
///   depends on the chain of batches is read through `tip`, so that moving it back undoes any number of batches at one cost.
/// - `dataHash` was computed here, from calldata of top-level transactions: who has L1 has the data.
/// - Per asset, paid <= deposited, and no accepted batch states more liabilities than were ever deposited.
/// - A withdrawal index is paid once, whatever batch it is proved against.
/// - Nothing here stops a proved withdrawal from a final batch, except a token that refuses to move.
///
/// Until disputes exist, finality is the passing of the challenge window, and rests on the operator and those who watch.
contract Novate is INovate, EIP712, ReentrancyGuardTransient {
    using BitMaps for BitMaps.BitMap;
    using SafeERC20 for IERC20;

    bytes32 private constant COMMITMENT_TYPEHASH = keccak256(
        "Commitment(uint64 batchId,bytes32 prevStateRoot,bytes32 stateRoot,bytes32 inputsRoot,bytes32 opsRoot,"
        "bytes32 dataHash,bytes32 rulesHash,bytes32 queueHash,uint64 lastSeq,uint64 opsCount,uint64 queueCursor,"
        "uint64 l2Time)"
    );

    uint256 public constant CHUNK_BYTES_MAX = 120_000; // Under 128 KiB with the call around it.
    uint32 public constant CHUNKS_MAX = 64; // Bounds what a reader must hold of one batch.
    uint64 public constant DATA_AHEAD_MAX = 1_024; // Batches whose data may be posted before their turn.
    uint256 public constant AMOUNT_MAX = 2 ** 63 - 1; // Ledger units per deposit.
    uint256 public constant L2_TIME_LEAD_MS = 15 * 60 * 1_000; // L1 time is a claim of its proposers; ours may lead by so much.
    uint256 public constant PRODUCTION_WINDOW_MIN = 7 days;
    uint256 public constant SEND_GAS = 50_000; // For what an ETH destination does on receipt.

    // Kinds of queue items, the first word of an item's hash: H(kind, index, owner, asset, amount) for a deposit;
    // H(kind, index, sender, H(payload)) for kind 1, an action that an account's owner sends on L1.
    uint256 private constant QUEUE_DEPOSIT = 0;

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

    bytes32 public immutable genesisHash;
    bytes32 public immutable rulesHash;
    address public immutable operator;
    uint64 public immutable challengeWindow; // seconds
    uint16 public immutable nativeAsset; // NO_ASSET where ETH is no collateral

    uint64 public tip;
    uint64 public queueLength;

    /// Queue hash after each item, and when the item came: deadlines count from there.
    struct QueueItem {
        bytes32 hash;
        uint64 time; // seconds
    }

    mapping(uint64 index => QueueItem) private _queue;
    mapping(uint64 batchId => Data) private _data;
    mapping(uint64 batchId => Batch) private _batches;
    mapping(uint16 assetId => Asset) private _assets;
    uint16[] private _assetIds;
    BitMaps.BitMap private _withdrawn;
    mapping(address destination => uint256) public claimable; // wei

    /// @param genesisHash_ hash of the genesis file that every node of this deployment starts from
    /// @param genesisStateRoot state root before the first batch
    /// @param rulesHash_ protocol version and parameters, as the protocol package hashes them
    /// @param operator_ signs commitments and posts data
    /// @param challengeWindow_ seconds between post and finality
    /// @param assets_ by ascending id, beginning with 0
    constructor(
        bytes32 genesisHash_,
        bytes32 genesisStateRoot,
        bytes32 rulesHash_,
        address operator_,
        uint64 challengeWindow_,
        AssetConfig[] memory assets_
    ) EIP712("Novate", "1") {
        if (genesisHash_ == 0 || genesisStateRoot == 0 || rulesHash_ == 0) revert GenesisInvalid();
        if (operator_ == address(0)) revert OperatorZero();
        bool development = block.chainid == 31337 || block.chainid == 1337;
        if (!development && challengeWindow_ < PRODUCTION_WINDOW_MIN) {
            revert WindowTooShort(challengeWindow_, PRODUCTION_WINDOW_MIN);
        }
        genesisHash = genesisHash_;
        rulesHash = rulesHash_;
        operator = operator_;
        challengeWindow = challengeWindow_;
        _batches[0].stateRoot = genesisStateRoot;
        _batches[0].postedAt = uint64(block.timestamp);
        nativeAsset = _listAssets(assets_);
    }

    /// @dev ETH comes in by depositETH only, so that none is without an owner.
    receive() external payable {
        revert PlainTransfer();
    }

    // --------------------------------------------------------------------------------------------------------- deposits

    /// Put `amount` token units of an ERC-20 into escrow for `owner`; approve them to this contract first.
    function deposit(uint16 asset, uint256 amount, address owner) external nonReentrant returns (uint64 index) {
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
        _listed(nativeAsset);
        return _enqueueDeposit(owner, nativeAsset, _admit(nativeAsset, msg.value, owner));
    }

    // ----------------------------------------------------------------------------------------------------- batches: data

    /// Add the next chunk of a batch's body. The call must be a transaction of its own, written the one canonical way, so that
    /// whoever reads L1 finds the chunk in the transaction's input.
    function postData(uint64 batchId, uint32 index, bytes calldata chunk) external {
        _onlyOperator();
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
        Data storage data = _data[batchId];
        uint32 expected = data.chunks;
        if (index != expected) revert ChunkIndexWrong(index, expected);
        if (index == CHUNKS_MAX) revert TooManyChunks();
        bytes32 chunkHash = keccak256(chunk);
        data.hash = keccak256(abi.encode(data.hash, chunkHash));
        data.chunks = index + 1;
        emit DataPosted(batchId, index, chunkHash);
    }

    /// Forget what was posted for a batch that is not committed, so that another body can follow.
    function resetData(uint64 batchId) external {
        _onlyOperator();
        _onlyAhead(batchId);
        emit DataReset(batchId, _data[batchId].chunks);
        delete _data[batchId];
    }

    // ----------------------------------------------------------------------------------------------- batches: commitment

    /// Commit the next batch. Anyone may send it; the operator's signature makes it valid.
    /// @param signature EIP-712 signature of `c`, 65 bytes, low-s, v 27 or 28
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
        _checkContinuity(c);
        bytes32 commitmentHash = keccak256(abi.encode(COMMITMENT_TYPEHASH, c));
        (address signer, ECDSA.RecoverError problem,) =
            ECDSA.tryRecover(_hashTypedDataV4(commitmentHash), signature);
        if (problem != ECDSA.RecoverError.NoError || signer != operator) revert SignatureInvalid();
        bytes32 opened = _stateRoot(ledgerRoots, keccak256(abi.encodePacked(systemWords)), venueRoot);
        if (opened != c.stateRoot) revert StateRootOpeningWrong(opened, c.stateRoot);
        _checkSystemWords(c, systemWords);
        _checkTotals(systemWords);
        tip = c.batchId;
        _batches[c.batchId] = Batch({
            stateRoot: c.stateRoot,
            commitmentHash: commitmentHash,
            postedAt: uint64(block.timestamp),
            queueCursor: c.queueCursor,
            lastSeq: c.lastSeq,
            l2Time: c.l2Time
        });
        emit BatchCommitted(c.batchId, c.stateRoot, uint64(block.timestamp) + challengeWindow, c, signature);
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
        _pay(index, destination, asset, amount);
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
        // Posting times never decrease along the chain of batches, so the final ones are a prefix of it.
        uint64 low;
        uint64 high = tip;
        while (low < high) {
            uint64 middle = low + (high - low + 1) / 2;
            if (block.timestamp >= _finalAt(middle)) low = middle;
            else high = middle - 1;
        }
        return low;
    }

    /// Whether withdrawals can be proved against this batch.
    function isFinal(uint64 batchId) external view returns (bool) {
        return batchId <= tip && block.timestamp >= _finalAt(batchId);
    }

    /// A batch up to `tip`.
    function batch(uint64 batchId) external view returns (Batch memory) {
        if (batchId > tip) revert BatchUnknown(batchId, tip);
        return _batches[batchId];
    }

    /// Hash and number of the chunks posted for a batch.
    function dataOf(uint64 batchId) external view returns (bytes32 hash, uint32 chunks) {
        return (_data[batchId].hash, _data[batchId].chunks);
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
        bytes32 item = keccak256(abi.encode(QUEUE_DEPOSIT, index, owner, assetId, units));
        bytes32 hash = keccak256(abi.encode(_queueHash(index), item));
        _queue[index] = QueueItem(hash, uint64(block.timestamp));
        queueLength = index + 1;
        emit DepositQueued(index, owner, assetId, units, uint64(block.timestamp), hash);
    }

    function _queueHash(uint64 count) private view returns (bytes32) {
        return count == 0 ? bytes32(0) : _queue[count - 1].hash;
    }

    function _onlyOperator() private view {
        if (msg.sender != operator) revert NotOperator(msg.sender);
    }

    function _onlyAhead(uint64 batchId) private view {
        uint64 last = tip;
        if (batchId <= last || batchId - last > DATA_AHEAD_MAX) revert BatchNotAhead(batchId, last);
    }

    function _onlyFinal(uint64 batchId) private view {
        if (batchId > tip) revert BatchUnknown(batchId, tip);
        uint256 finalAt = _finalAt(batchId);
        if (block.timestamp < finalAt) revert BatchNotFinal(batchId, finalAt);
    }

    function _finalAt(uint64 batchId) private view returns (uint256) {
        return batchId == 0 ? 0 : uint256(_batches[batchId].postedAt) + challengeWindow;
    }

    function _checkContinuity(Commitment calldata c) private view {
        uint64 last = tip;
        if (c.batchId != last + 1) revert BatchIdWrong(c.batchId, last + 1);
        Batch storage previous = _batches[last];
        if (c.prevStateRoot != previous.stateRoot) revert PrevStateRootWrong(c.prevStateRoot, previous.stateRoot);
        Data storage data = _data[c.batchId];
        if (data.chunks == 0) revert DataMissing(c.batchId);
        if (c.dataHash != data.hash) revert DataHashWrong(c.dataHash, data.hash);
        if (c.rulesHash != rulesHash) revert RulesHashWrong(c.rulesHash, rulesHash);
        if (c.queueCursor < previous.queueCursor) revert QueueCursorBackwards(c.queueCursor, previous.queueCursor);
        if (c.queueCursor > queueLength) revert QueueCursorBeyondQueue(c.queueCursor, queueLength);
        if (c.queueHash != _queueHash(c.queueCursor)) revert QueueHashWrong(c.queueHash, _queueHash(c.queueCursor));
        if (c.l2Time < previous.l2Time) revert L2TimeBackwards(c.l2Time, previous.l2Time);
        uint256 latest = block.timestamp * 1_000 + L2_TIME_LEAD_MS;
        if (c.l2Time > latest) revert L2TimeAheadOfL1(c.l2Time, latest);
        if (c.lastSeq <= previous.lastSeq) revert LastSeqNotHigher(c.lastSeq, previous.lastSeq);
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

    function _pay(uint64 index, address destination, uint16 assetId, uint64 units) private {
        Asset storage a = _listed(assetId);
        uint256 paid = uint256(a.paid) + units;
        if (paid > a.deposited) revert EscrowShort(assetId, paid, a.deposited);
        a.paid = uint128(paid);
        uint256 amount = uint256(units) * a.unitDivisor;
        emit Withdrawn(index, destination, assetId, amount);
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
