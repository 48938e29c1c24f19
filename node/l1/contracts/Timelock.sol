// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";

/// @title The only one that changes parameters of a deployment, after a delay that nobody can shorten.
/// @dev OpenZeppelin's controller: proposers schedule and cancel, anyone executes what is due. Its roles change through itself alone.
contract Timelock is TimelockController {
    /// The delay is for ever.
    error DelayIsFixed();

    /// @param delay seconds between scheduling and execution
    /// @param proposers who may schedule and cancel
    constructor(uint256 delay, address[] memory proposers) TimelockController(delay, proposers, _anyone(), address(0)) {}

    /// @inheritdoc TimelockController
    function updateDelay(uint256) public pure override {
        revert DelayIsFixed();
    }

    function _anyone() private pure returns (address[] memory executors) {
        executors = new address[](1); // Address zero: whoever wants to.
    }
}
