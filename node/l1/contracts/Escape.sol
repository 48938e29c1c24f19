// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {IEscape} from "./IEscape.sol";
import {INovate} from "./INovate.sol";
import {SparseProof} from "./SparseProof.sol";
import {Worth} from "./Worth.sol";

/// @dev What the escape contract reads and asks of the settlement contract.
interface INovateEscrow {
    function stage() external view returns (INovate.Stage);
    function tip() external view returns (uint64);
    function batch(uint64 batchId) external view returns (INovate.Batch memory);
    function assetIds() external view returns (uint16[] memory);
    function release(address to, uint16 asset, uint128 amount) external;
}

/// @title Pays every account what the last final state says it is worth, after a freeze, in two phases.
/// @dev Invariants:
/// - One state counts: that of the newest batch when the settlement contract has settled, which can then change no more.
/// - An account claims once, in time, and each of its assets is paid once.
/// - Per asset, what is paid is at most what the ledger had (deposited less withdrawn): withdrawals that the state holds and deposits
///   that it does not hold are no part of it, and stay for `withdraw` and `refundDeposit`.
/// - Claims are paid pro rata; nobody gains by being first.
contract Escape is IEscape {
    uint256 private constant ACCOUNTS = 0;
    uint256 private constant MARKETS = 2;
    uint256 private constant VAULTS = 4;
    uint256 private constant ACCOUNT_DEPTH = 32;
    uint256 private constant MARKET_DEPTH = 16;
    uint256 private constant VAULT_DEPTH = 16;

    uint256 private constant WORD_BORROW_INDEX = 11;
    uint256 private constant FIXED_WORDS = 13;
    uint256 private constant ASSET_WORDS = 6;
    uint256 private constant WITHDRAWN = 3;
    uint256 private constant DEPOSITED = 4;
    uint256 private constant PRICE = 5;

    uint256 private constant ACCOUNT_WORDS = 5; // Before the assets.
    uint256 private constant POSITION_WORDS = 4;
    uint256 private constant MARKET_WORDS = 11;
    uint256 private constant VAULT_WORDS = 3;
    uint32 private constant RESERVED_ACCOUNTS = 3; // Insurance fund, treasury, backstop: nobody has their keys.
    uint16 private constant SHARES = 0x8000; // Asset id of a vault's shares: this | vault.
    uint256 public constant PRODUCTION_CLAIM_MIN = 30 days;

    address public immutable novate;
    uint64 public immutable claimPeriod; // seconds

    struct Claim {
        address payee;
        bool isMade;
    }

    uint64 public openedBatch;
    uint64 public claimsUntil; // 0 until opened
    uint256 private _borrowIndex;
    bytes32 private _accountsRoot;
    bytes32 private _marketsRoot;
    bytes32 private _vaultsRoot;
    uint16[] private _assets;
    uint256[] private _wholes; // Ledger units per whole unit, by the order of the asset table.
    Pool[] private _pools;
    mapping(uint32 account => Claim) private _claims;
    mapping(uint32 account => uint256[]) private _amounts;
    mapping(uint32 account => uint256) private _paidBits; // by place of the asset
    mapping(uint16 vault => uint256) private _shares; // of valued vaults
    mapping(uint16 vault => uint256[]) private _vaultAmounts;

    /// @param novate_ the settlement contract, which may not exist yet
    /// @param claimPeriod_ seconds in which claims can be made
    /// @param decimals of the assets' ledger units, by the order of the asset table
    constructor(address novate_, uint64 claimPeriod_, uint8[] memory decimals) {
        bool development = block.chainid == 31337 || block.chainid == 1337;
        uint256 least = development ? 1 : PRODUCTION_CLAIM_MIN;
        if (claimPeriod_ < least) revert ClaimPeriodTooShort(claimPeriod_, least);
        novate = novate_;
        claimPeriod = claimPeriod_;
        for (uint256 i; i < decimals.length; ++i) {
            if (decimals[i] > 18) revert WiringWrong(novate_);
            _wholes.push(10 ** decimals[i]);
        }
    }

    // ------------------------------------------------------------------------------------------------------------- phases

    /// @inheritdoc IEscape
    function open(bytes32[5] calldata ledgerRoots, bytes32 venueRoot, bytes32[] calldata systemWords) external {
        INovateEscrow escrow = INovateEscrow(novate);
        if (claimsUntil != 0) revert EscapeIsOpen();
        if (escrow.stage() != INovate.Stage.Settled) revert EscapeNotSettled();
        uint64 last = escrow.tip();
        bytes32 expected = escrow.batch(last).stateRoot;
        bytes32 ledgerRoot = keccak256(abi.encodePacked(ledgerRoots, keccak256(abi.encodePacked(systemWords))));
        bytes32 opened = keccak256(abi.encode(ledgerRoot, venueRoot));
        if (opened != expected) revert EscapeOpeningWrong(opened, expected);
        uint16[] memory assets = escrow.assetIds();
        if (assets.length != _wholes.length || systemWords.length != FIXED_WORDS + ASSET_WORDS * assets.length) {
            revert WiringWrong(novate);
        }
        _assets = assets;
        for (uint256 i; i < assets.length; ++i) {
            uint256 at = FIXED_WORDS + ASSET_WORDS * i;
            uint256 available = uint256(systemWords[at + DEPOSITED]) - uint256(systemWords[at + WITHDRAWN]);
            _pools.push(Pool(uint128(available), uint128(uint256(systemWords[at + PRICE])), 0, 0, 0));
        }
        _borrowIndex = uint256(systemWords[WORD_BORROW_INDEX]);
        _accountsRoot = ledgerRoots[ACCOUNTS];
        _marketsRoot = ledgerRoots[MARKETS];
        _vaultsRoot = ledgerRoots[VAULTS];
        openedBatch = last;
        claimsUntil = uint64(block.timestamp) + claimPeriod;
        emit EscapeOpened(last, expected, claimsUntil);
    }

    /// @inheritdoc IEscape
    function valueVault(VaultOpening calldata vault, AccountOpening calldata account) external {
        _onlyClaiming();
        if (_shares[vault.vault] != 0) revert VaultIsValued(vault.vault);
        if (vault.words.length != VAULT_WORDS || uint256(vault.words[0]) != vault.vault) revert LeafMalformed();
        _checkLeaf(vault.words, vault.vault, VAULT_DEPTH, vault.proof, _vaultsRoot);
        uint256 shares = uint256(vault.words[2]);
        if (uint256(vault.words[1]) != account.account || shares == 0) revert LeafMalformed();
        (uint256[] memory amounts,) = _worth(account);
        _shares[vault.vault] = shares;
        _vaultAmounts[vault.vault] = amounts;
        emit VaultValued(vault.vault, account.account, shares, amounts);
    }

    /// @inheritdoc IEscape
    function claim(AccountOpening calldata account) external {
        _onlyClaiming();
        if (account.account <= RESERVED_ACCOUNTS) revert AccountReserved(account.account);
        Claim storage c = _claims[account.account];
        if (c.isMade) revert AlreadyClaimed(account.account);
        (uint256[] memory amounts, uint256[] memory seized) = _worth(account);
        c.isMade = true;
        c.payee = address(uint160(uint256(account.words[1]))); // A sub-account's is its master.
        _amounts[account.account] = amounts;
        for (uint256 i; i < amounts.length; ++i) {
            if (amounts[i] != 0) _pools[i].claimed += amounts[i];
            if (seized[i] != 0) _pools[i].seized += seized[i];
        }
        emit EscapeClaimed(account.account, c.payee, amounts, seized);
    }

    /// @inheritdoc IEscape
    /// @dev An asset whose token refuses the payee stays due and does not hold up the others.
    function pay(uint32 account) external {
        if (claimsUntil == 0) revert EscapeNotOpen();
        if (block.timestamp < claimsUntil) revert ClaimsNotOver(claimsUntil);
        Claim memory c = _claims[account];
        if (!c.isMade) revert NotClaimed(account);
        uint256[] memory amounts = _due(account);
        uint256 bits = _paidBits[account];
        bool open_;
        for (uint256 i; i < amounts.length; ++i) {
            if ((bits >> i) & 1 == 1) {
                amounts[i] = 0;
                continue;
            }
            open_ = true;
            // Before the call: whoever is called back finds it paid.
            _paidBits[account] |= 1 << i;
            if (amounts[i] == 0) continue;
            _pools[i].paid += amounts[i];
            try INovateEscrow(novate).release(c.payee, _assets[i], uint128(amounts[i])) {}
            catch {
                _paidBits[account] &= ~(1 << i);
                _pools[i].paid -= amounts[i];
                amounts[i] = 0;
            }
        }
        if (!open_) revert AlreadyPaid(account);
        emit EscapePaid(account, c.payee, amounts);
    }

    // -------------------------------------------------------------------------------------------------------------- views

    /// @inheritdoc IEscape
    function worth(AccountOpening calldata account)
        external
        view
        returns (uint256[] memory amounts, uint256[] memory seized)
    {
        if (claimsUntil == 0) revert EscapeNotOpen();
        return _worth(account);
    }

    /// @inheritdoc IEscape
    function poolOf(uint16 asset) external view returns (Pool memory) {
        for (uint256 i; i < _assets.length; ++i) {
            if (_assets[i] == asset) return _pools[i];
        }
        revert LeafMalformed();
    }

    /// @inheritdoc IEscape
    function claimOf(uint32 account) external view returns (address payee, uint256[] memory amounts, bool isPaid) {
        isPaid = _claims[account].isMade && _paidBits[account] == (1 << _assets.length) - 1;
        return (_claims[account].payee, _amounts[account], isPaid);
    }

    /// @inheritdoc IEscape
    function dueOf(uint32 account) external view returns (uint256[] memory amounts) {
        if (!_claims[account].isMade) revert NotClaimed(account);
        return _due(account);
    }

    /// @inheritdoc IEscape
    function wholes() external view returns (uint256[] memory) {
        return _wholes;
    }

    // --------------------------------------------------------------------------------------------------- parts of the above

    function _onlyClaiming() private view {
        if (claimsUntil == 0) revert EscapeNotOpen();
        if (block.timestamp >= claimsUntil) revert ClaimsAreOver(claimsUntil);
    }

    function _checkLeaf(bytes32[] calldata words, uint256 key, uint256 depth, Proof calldata proof, bytes32 root)
        private
        pure
    {
        bytes32 opened =
            SparseProof.root(keccak256(abi.encodePacked(words)), key, depth, proof.bitmap, proof.siblings);
        if (opened != root) revert LeafNotInTree(opened, root);
    }

    /// @dev Cross and isolated positions make one sum in USDC, but no isolated one takes from the rest. What is below zero is covered from
    /// the account's collateral, in the order of the asset table.
    function _worth(AccountOpening calldata a)
        private
        view
        returns (uint256[] memory amounts, uint256[] memory seized)
    {
        _checkLeaf(a.words, a.account, ACCOUNT_DEPTH, a.proof, _accountsRoot);
        uint256 assets = uint256(uint16(uint256(a.words[1]) >> 160));
        uint256 positions = uint256(uint16(uint256(a.words[1]) >> 176));
        if (a.words.length != ACCOUNT_WORDS + assets + POSITION_WORDS * positions) revert LeafMalformed();
        if (a.markets.length != positions) revert MarketsCount(a.markets.length, positions);
        amounts = new uint256[](_assets.length);
        seized = new uint256[](_assets.length);
        int256 usdc = Worth.settledCash(int256(uint256(a.words[3])), uint256(a.words[4]), _borrowIndex);
        for (uint256 i; i < positions; ++i) {
            usdc += _positionWorth(a.words, ACCOUNT_WORDS + assets + POSITION_WORDS * i, a.markets[i]);
        }
        for (uint256 i; i < assets; ++i) {
            usdc += _hold(amounts, a.words[ACCOUNT_WORDS + i]);
        }
        if (usdc >= 0) {
            amounts[0] = uint256(usdc);
            return (amounts, seized);
        }
        uint256 deficit = uint256(-usdc);
        for (uint256 i = 1; i < amounts.length; ++i) {
            (seized[i], deficit) = Worth.cover(deficit, amounts[i], _pools[i].price, _wholes[i]);
            amounts[i] -= seized[i];
        }
    }

    function _positionWorth(bytes32[] calldata words, uint256 at, MarketOpening calldata m) private view returns (int256) {
        uint256 head = uint256(words[at]);
        if (m.words.length != MARKET_WORDS) revert LeafMalformed();
        _checkLeaf(m.words, head >> 240, MARKET_DEPTH, m.proof, _marketsRoot);
        int256 size = int64(uint64(head));
        uint256 last = uint256(words[at + 3]);
        int256 value = Worth.positionValue(
            size,
            int256(uint256(words[at + 1])),
            int256(uint256(words[at + 2])),
            uint128(last),
            uint256(m.words[1]),
            int256(uint256(m.words[2])),
            uint256(m.words[size > 0 ? 7 : 8])
        );
        if (uint8(head >> 232) == 0) return value;
        value += int128(uint128(last >> 128));
        return value > 0 ? value : int256(0);
    }

    /// @dev Add a holding to `amounts`: an asset's own, or for shares the part of the vault's. Returns what comes in USDC.
    function _hold(uint256[] memory amounts, bytes32 holding) private view returns (int256 usdc) {
        uint16 asset = uint16(uint256(holding) >> 240);
        uint256 amount = uint128(uint256(holding));
        if (asset & SHARES != 0) {
            uint16 vault = asset & ~SHARES;
            uint256 shares = _shares[vault];
            if (shares == 0) revert VaultNotValued(vault);
            uint256[] memory whole = _vaultAmounts[vault];
            for (uint256 i = 1; i < whole.length; ++i) amounts[i] += Math.mulDiv(whole[i], amount, shares);
            return int256(Math.mulDiv(whole[0], amount, shares));
        }
        for (uint256 i = 1; i < amounts.length; ++i) {
            if (_assets[i] == asset) {
                amounts[i] += amount;
                return 0;
            }
        }
        revert LeafMalformed();
    }

    /// @dev What an account gets, per asset: its part of the asset; and where USDC is short, its part of the collateral that others'
    /// deficits left, up to the worth of the shortage.
    function _due(uint32 account) private view returns (uint256[] memory amounts) {
        uint256[] memory claimed = _amounts[account];
        amounts = new uint256[](claimed.length);
        Pool[] memory pools = _pools;
        uint256 shortage = pools[0].claimed > pools[0].available ? pools[0].claimed - pools[0].available : 0;
        uint256[] memory rest = new uint256[](pools.length);
        uint256 worthOfRest;
        for (uint256 i = 1; i < pools.length; ++i) {
            if (pools[i].claimed < pools[i].available) {
                rest[i] = Math.min(pools[i].seized, pools[i].available - pools[i].claimed);
                worthOfRest += Math.mulDiv(rest[i], pools[i].price, _wholes[i]);
            }
        }
        for (uint256 i; i < pools.length; ++i) {
            amounts[i] = claimed[i];
            if (pools[i].claimed > pools[i].available) {
                amounts[i] = Math.mulDiv(claimed[i], pools[i].available, pools[i].claimed);
            }
            if (shortage != 0 && rest[i] != 0) {
                uint256 shared = worthOfRest <= shortage ? rest[i] : Math.mulDiv(rest[i], shortage, worthOfRest);
                amounts[i] += Math.mulDiv(shared, claimed[0], pools[0].claimed);
            }
        }
    }
}
