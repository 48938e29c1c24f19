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

    /// What the constructor is given. Periods are in seconds and never change; on production chains they have minima.
    struct Setup {
        bytes32 genesisHash; // of the genesis file that every node of this deployment starts from
        bytes32 genesisStateRoot; // state root before the first batch
        bytes32 rulesHash; // protocol version and parameters, as the protocol package hashes them
        address operator; // posts data, signs receipts
        address[] signers; // sign commitments; ascending
        uint8 signersRequired; // how many of them a commitment needs
        address timelock; // the only one that changes parameters
        address guardian; // may pause deposits and the operator's posting for a while
        address committee; // validators, bonds, evidence
        address escape; // pays out after a freeze
        uint64 challengeWindow; // between post and finality
        uint64 attestationWindow; // after this a batch without attestation may be reverted by anyone
        uint64 queueDeadline; // a batch may not skip a queue item older than this
        uint64 openAfter; // an item this old lets anyone post
        uint64 freezeAfter; // an item this old lets anyone freeze
        uint64 l2TimeLag; // most that a batch's time may be behind L1's
        AssetConfig[] assets; // by ascending id, beginning with 0
    }

    /// Where the liveness ladder stands.
    enum Stage {
        Operator, // no queue item is too old
        Open, // anyone may post batches of queue items
        Freezable, // anyone may freeze
        Frozen, // no new batches; the posted ones become final in their time
        Settled // frozen, and the newest batch is final: escape is open
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
        bool isBlobs; // chunks are blobs: what is hashed is keccak(versioned hash, length) instead of keccak(chunk)
    }

    // ----------------------------------------------------------------------------------------------------------- events

    event DepositQueued(
        uint64 indexed index, address indexed owner, uint16 indexed asset, uint64 amount, uint64 time, bytes32 queueHash
    );
    /// An action that `sender` put into the queue: the canonical bytes of a native intent.
    event ActionQueued(uint64 indexed index, address indexed sender, uint64 time, bytes32 queueHash, bytes payload);
    event DataPosted(uint64 indexed batchId, uint32 indexed index, address indexed poster, bytes32 chunkHash);
    /// A blob was named as the next chunk: the first `length` bytes of it (31 to an element) are the chunk.
    event BlobPosted(uint64 indexed batchId, uint32 indexed index, bytes32 versionedHash, uint32 length);
    /// Chunks of this batch that this poster posted before this event no longer count.
    event DataReset(uint64 indexed batchId, address indexed poster, uint32 chunks);
    /// `poster` is whose data the batch is about; `signature` is empty for an open batch, which has a bond in their place.
    event BatchCommitted(
        uint64 indexed batchId,
        bytes32 indexed stateRoot,
        address indexed poster,
        uint64 finalAt,
        Commitment commitment,
        bytes signature
    );
    /// All batches up to this one are attested.
    event BatchAttested(uint64 indexed batchId, bytes32 indexed commitmentHash);
    /// Batches `batchId`..`lastBatch` are undone; the tip is the one before.
    event BatchesReverted(uint64 indexed batchId, uint64 lastBatch, bytes32 indexed commitmentHash, address indexed by);
    /// The ladder came to its end because of queue item `index`. `tip` can still be reverted until it is final.
    event Frozen(uint64 indexed index, uint64 tip);
    event Paused(uint64 until);
    event OperatorSet(address indexed operator);
    event SignersSet(address[] signers, uint8 required);
    event GuardianSet(address indexed guardian);
    event DisputerSet(address indexed disputer);
    event RulesScheduled(bytes32 indexed rulesHash, uint64 indexed firstBatch);
    event CapsSet(uint16 indexed asset, uint128 depositCap, uint128 owingCap);
    /// A deposit that no final batch took in went back to its owner; `amount` is in token units.
    event DepositRefunded(uint64 indexed index, address indexed owner, uint16 indexed asset, uint256 amount);
    /// The escape contract paid; `amount` is in token units.
    event Released(address indexed to, uint16 indexed asset, uint256 amount);
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

    // Queue.
    error PayloadTooLarge(uint256 size);
    error DepositsPaused(uint64 until);

    // Data.
    error NotOperator(address sender);
    error NotTopLevelCall();
    error CalldataNotCanonical();
    error BatchNotAhead(uint64 batchId, uint64 tip);
    error ChunkIndexWrong(uint32 given, uint32 expected);
    error ChunkEmpty();
    error ChunkTooLarge(uint256 size);
    error TooManyChunks();
    error BlobMissing(uint256 index);
    error DataMixed();

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
    error L2TimeBehindL1(uint64 given, uint256 earliest);
    error LastSeqNotHigher(uint64 given, uint64 previous);
    error QueueItemSkipped(uint64 index, uint256 deadline);
    error PostingPaused(uint64 until);
    error VenueFrozen();
    error SignatureInvalid();
    error StateRootOpeningWrong(bytes32 opened, bytes32 expected);
    error SystemWordsCount(uint256 given, uint256 expected);
    error SystemWordWrong(uint256 position, bytes32 given, bytes32 expected);
    error TotalOutOfRange(uint16 asset);
    error LiabilitiesExceedDeposits(uint16 asset, int256 liabilities, uint256 deposited);
    error DepositedExceedsReceived(uint16 asset, uint256 given, uint256 deposited);
    error OwingCapExceeded(uint16 asset, uint256 owing, uint256 cap);

    // The liveness ladder.
    error NotOpenYet(uint256 openAt);
    error OpenPostingNeedsValidators();
    error AttestationsNotRequired();
    error NothingConsumed();
    error TipNotAttested(uint64 batchId);
    error NotFreezableYet(uint256 freezeAt);
    error NotSettled();
    error BatchFinal(uint64 batchId);
    error BatchIsAttested(uint64 batchId);
    error AttestationPending(uint64 batchId, uint256 until);
    error DepositConsumed(uint64 index, uint64 cursor);
    error AlreadyRefunded(uint64 index);
    error NotThisDeposit(bytes32 given, bytes32 expected);

    // Parameters.
    error NotAuthorised(address sender);
    error SignersInvalid();
    error RulesScheduleInvalid(uint64 firstBatch);
    error PauseTooLong(uint64 until, uint256 latest);

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
    error PeriodTooShort(uint256 given, uint256 minimum);
    error PeriodsOutOfOrder();
    error ModuleInvalid(address module);
    error OperatorZero();
    error AssetTableInvalid(uint256 position);

    // Views.
    error QueueIndexUnknown(uint64 index, uint64 length);
}
