// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @title What the settlement contract and its readers share: records, events and refusals.
/// @dev Every refusal is an error of its own; docs/CONTRACT.md gives each its number and a sentence.
interface INovate {
    // ---------------------------------------------------------------------------------------------------------- records

    /// The operator's signed claim about one batch; field order is the EIP-712 order.
    struct Commitment {
        uint64 batchId;
        bytes32 prevStateRoot;
        bytes32 stateRoot;
        bytes32 inputsRoot;
        bytes32 opsRoot;
        bytes32 dataHash;
        bytes32 rulesHash;
        bytes32 queueHash;
        uint64 lastSeq;
        uint64 opsCount;
        uint64 queueCursor;
        uint64 l2Time; // milliseconds
    }

    /// What is kept of a batch. `commitmentHash` is the EIP-712 struct hash: whoever disputes a batch opens any field with it.
    struct Batch {
        bytes32 stateRoot;
        bytes32 commitmentHash;
        uint64 postedAt; // seconds
        uint64 queueCursor;
        uint64 lastSeq;
        uint64 l2Time; // milliseconds
    }

    /// A collateral asset as the constructor takes it. Caps are in ledger units.
    struct AssetConfig {
        uint16 assetId;
        address token; // 0 = native ETH
        uint64 unitDivisor; // token units per ledger unit
        uint128 depositCap; // most that may be in escrow
        uint128 owingCap; // most that all accounts together may owe
    }

    /// A collateral asset with its running totals, in ledger units.
    struct Asset {
        address token; // 0 = native ETH
        uint64 unitDivisor; // token units per ledger unit; 0 = no such asset
        uint128 deposited; // ever
        uint128 paid; // ever
        uint128 depositCap;
        uint128 owingCap;
    }

    /// Data of a batch so far.
    struct Data {
        bytes32 hash; // acc' = keccak(acc ‖ keccak(chunk)), acc0 = 0
        uint32 chunks;
    }

    // ----------------------------------------------------------------------------------------------------------- events

    event DepositQueued(
        uint64 indexed index, address indexed owner, uint16 indexed asset, uint64 amount, uint64 time, bytes32 queueHash
    );
    event DataPosted(uint64 indexed batchId, uint32 indexed index, bytes32 chunkHash);
    /// Chunks of this batch posted before this event no longer count.
    event DataReset(uint64 indexed batchId, uint32 chunks);
    event BatchCommitted(
        uint64 indexed batchId, bytes32 indexed stateRoot, uint64 finalAt, Commitment commitment, bytes signature
    );
    /// `amount` is in token units (wei for ETH).
    event Withdrawn(uint64 indexed index, address indexed destination, uint16 indexed asset, uint256 amount);
    /// ETH that its destination did not take; it stays claimable.
    event Credited(address indexed destination, uint256 amount);
    event Claimed(address indexed owner, address indexed to, uint256 amount);

    // --------------------------------------------------------------------------------------------------------- refusals

    // Deposits.
    error AssetUnknown(uint16 asset);
    error AssetIsNative(uint16 asset);
    error AmountZero();
    error OwnerZero();
    error AmountDoesNotDivide(uint256 amount, uint256 unitDivisor);
    error AmountTooLarge(uint256 units);
    error DepositCapExceeded(uint16 asset, uint256 escrow, uint256 cap);
    error TransferAmountDiffers(uint256 sent, uint256 received);
    error PlainTransfer();

    // Data.
    error NotOperator(address sender);
    error NotTopLevelCall();
    error CalldataNotCanonical();
    error BatchNotAhead(uint64 batchId, uint64 tip);
    error ChunkIndexWrong(uint32 given, uint32 expected);
    error ChunkEmpty();
    error ChunkTooLarge(uint256 size);
    error TooManyChunks();

    // Commitments.
    error BatchIdWrong(uint64 given, uint64 expected);
    error PrevStateRootWrong(bytes32 given, bytes32 expected);
    error DataMissing(uint64 batchId);
    error DataHashWrong(bytes32 given, bytes32 expected);
    error RulesHashWrong(bytes32 given, bytes32 expected);
    error QueueCursorBackwards(uint64 given, uint64 previous);
    error QueueCursorBeyondQueue(uint64 given, uint64 length);
    error QueueHashWrong(bytes32 given, bytes32 expected);
    error L2TimeBackwards(uint64 given, uint64 previous);
    error L2TimeAheadOfL1(uint64 given, uint256 latest);
    error LastSeqNotHigher(uint64 given, uint64 previous);
    error SignatureInvalid();
    error StateRootOpeningWrong(bytes32 opened, bytes32 expected);
    error SystemWordsCount(uint256 given, uint256 expected);
    error SystemWordWrong(uint256 position, bytes32 given, bytes32 expected);
    error TotalOutOfRange(uint16 asset);
    error LiabilitiesExceedDeposits(uint16 asset, int256 liabilities, uint256 deposited);
    error DepositedExceedsReceived(uint16 asset, uint256 given, uint256 deposited);
    error OwingCapExceeded(uint16 asset, uint256 owing, uint256 cap);

    // Withdrawals.
    error BatchUnknown(uint64 batchId, uint64 tip);
    error BatchNotFinal(uint64 batchId, uint256 finalAt);
    error DestinationZero();
    error AlreadyWithdrawn(uint64 index);
    error WithdrawalNotInTree(bytes32 opened, bytes32 expected);
    error EscrowShort(uint16 asset, uint256 paid, uint256 deposited);
    error GasTooLow(uint256 left, uint256 needed);
    error NothingToClaim(address owner);
    error NotYourClaim(address sender, address owner);
    error SendFailed(address to);

    // Deployment.
    error WindowTooShort(uint256 given, uint256 minimum);
    error GenesisInvalid();
    error OperatorZero();
    error AssetTableInvalid(uint256 position);

    // Views.
    error QueueIndexUnknown(uint64 index, uint64 length);
}
