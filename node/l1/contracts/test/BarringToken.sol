// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {TestToken} from "./TestToken.sol";

/// @title A token that can refuse a recipient, as issuers of real money do; here anyone bars anyone.
contract BarringToken is TestToken {
    error Barred(address account);

    mapping(address account => bool) public barred;

    constructor(string memory name_, string memory symbol_, uint8 decimals_) TestToken(name_, symbol_, decimals_) {}

    function bar(address account, bool barred_) external {
        barred[account] = barred_;
    }

    function _update(address from, address to, uint256 value) internal override {
        if (barred[to]) revert Barred(to);
        super._update(from, to, value);
    }
}
