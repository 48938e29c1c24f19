// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {TestToken} from "./TestToken.sol";

/// @title A token that, once, instead of moving what it is told to, calls back: who counts balances would count twice.
contract CallingToken is TestToken {
    address private _target;
    bytes private _payload;
    bool public lastCallWorked;

    constructor(string memory name_, string memory symbol_, uint8 decimals_) TestToken(name_, symbol_, decimals_) {}

    /// Arm: the next transferFrom calls `target` with `payload`, and this token may be spent there.
    function prepare(address target, bytes calldata payload) external {
        _approve(address(this), target, type(uint256).max);
        _target = target;
        _payload = payload;
    }

    function transferFrom(address from, address to, uint256 value) public override returns (bool) {
        if (_target == address(0)) return super.transferFrom(from, to, value);
        address target = _target;
        _target = address(0);
        (lastCallWorked,) = target.call(_payload);
        return true;
    }
}
