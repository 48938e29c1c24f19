// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @title The way out after a freeze: every account is worth what the last final state says, and is paid from what is in escrow.
/// @dev Holds nothing; it tells the settlement contract what to pay. Amounts are in ledger units (micro-USDC for asset 0).
interface IEscape {
    // ---------------------------------------------------------------------------------------------------------- records

    /// Proof of one leaf of a ledger section: bit i of `bitmap` says whether the sibling at level i is given (else it is zero).
    struct Proof {
        uint256 bitmap;
        bytes32[] siblings;
    }

    /// A market's leaf.
    struct MarketOpening {
        bytes32[] words;
        Proof proof;
    }

    /// An account's leaf, with the leaves of the markets of its positions in their order.
    struct AccountOpening {
        uint32 account;
        bytes32[] words;
        Proof proof;
        MarketOpening[] markets;
    }

    /// A vault's leaf.
    struct VaultOpening {
        uint16 vault;
        bytes32[] words;
        Proof proof;
    }

    /// What the last final state says about an asset, and what was claimed of it.
    struct Pool {
        uint128 available; // deposited less withdrawn, by the ledger
        uint128 price; // micro-USDC per whole unit
        uint256 claimed; // by all accounts together, in time
        uint256 seized; // of collateral, against deficits in USDC
        uint256 paid;
    }

    // ----------------------------------------------------------------------------------------------------------- events

    event EscapeOpened(uint64 indexed batchId, bytes32 indexed stateRoot, uint64 claimsUntil);
    event VaultValued(uint16 indexed vault, uint32 indexed account, uint256 totalShares, uint256[] amounts);
    /// `amounts` by the order of the asset table.
    event EscapeClaimed(uint32 indexed account, address indexed payee, uint256[] amounts, uint256[] seized);
    event EscapePaid(uint32 indexed account, address indexed payee, uint256[] amounts);

    // --------------------------------------------------------------------------------------------------------- refusals

    error WiringWrong(address novate);
    error ClaimPeriodTooShort(uint256 given, uint256 minimum);
    error EscapeNotSettled();
    error EscapeIsOpen();
    error EscapeNotOpen();
    error EscapeOpeningWrong(bytes32 opened, bytes32 expected);
    error ClaimsAreOver(uint256 since);
    error ClaimsNotOver(uint256 until);
    error AccountReserved(uint32 account);
    error AlreadyClaimed(uint32 account);
    error NotClaimed(uint32 account);
    error AlreadyPaid(uint32 account);
    error LeafMalformed();
    error LeafNotInTree(bytes32 opened, bytes32 expected);
    error MarketsCount(uint256 given, uint256 expected);
    error VaultNotValued(uint16 vault);
    error VaultIsValued(uint16 vault);

    // -------------------------------------------------------------------------------------------------------- functions

    /// Open the newest batch of a settled contract: section roots, venue root and system words are those of its state.
    function open(bytes32[5] calldata ledgerRoots, bytes32 venueRoot, bytes32[] calldata systemWords) external;

    /// Work out what a vault is worth, so that its shares can be claimed.
    function valueVault(VaultOpening calldata vault, AccountOpening calldata account) external;

    /// First phase: register what an account is worth. Anyone may send it.
    function claim(AccountOpening calldata account) external;

    /// Second phase: pay an account its part. Anyone may send it; the money goes to the payee in its leaf.
    function pay(uint32 account) external;

    // ------------------------------------------------------------------------------------------------------------ views

    /// What an account would claim, per asset by the order of the asset table, and what of its collateral covers its deficit.
    function worth(AccountOpening calldata account) external view returns (uint256[] memory amounts, uint256[] memory seized);

    function novate() external view returns (address);
    function claimPeriod() external view returns (uint64);
    function openedBatch() external view returns (uint64);
    function claimsUntil() external view returns (uint64);
    function poolOf(uint16 asset) external view returns (Pool memory);
    function claimOf(uint32 account) external view returns (address payee, uint256[] memory amounts, bool isPaid);
    /// What an account gets by the claims made so far, paid or not.
    function dueOf(uint32 account) external view returns (uint256[] memory amounts);
    /// Ledger units per whole unit, by the order of the asset table.
    function wholes() external view returns (uint256[] memory);
}
