// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @title A destination that misbehaves on receipt of ETH, and a caller that is not a top-level one.
contract TestReceiver {
    enum Mood {
        Takes,
        Refuses,
        BurnsGas,
        ReturnsMuch,
        CallsBack,
        NeedsGas
    }

    Mood public mood;
    uint256 public calls;
    bool public lastCallWorked;
    bytes public lastRefusal;
    address private _target;
    bytes private _payload;
    uint256 private _value;

    /// Choose what happens on receipt; `target`, `payload` and `value` (wei) matter for CallsBack only.
    function prepare(Mood mood_, address target, bytes calldata payload, uint256 value) external {
        mood = mood_;
        _target = target;
        _payload = payload;
        _value = value;
    }

    /// Call `target` as this contract and pass on its refusal.
    function forward(address target, bytes calldata payload) external payable returns (bytes memory result) {
        bool ok;
        (ok, result) = target.call{value: msg.value}(payload);
        if (!ok) {
            assembly ("memory-safe") {
                revert(add(result, 32), mload(result))
            }
        }
    }

    receive() external payable {
        Mood now_ = mood;
        if (now_ == Mood.Refuses) revert("no, thank you");
        if (now_ == Mood.NeedsGas && gasleft() < 49_000) revert("too little gas"); // Of 50,000 and the stipend.
        if (now_ == Mood.BurnsGas) while (true) {}
        if (now_ == Mood.ReturnsMuch) {
            assembly ("memory-safe") {
                return(0, 100000)
            }
        }
        if (now_ == Mood.CallsBack) {
            (lastCallWorked, lastRefusal) = _target.call{value: _value}(_payload);
            ++calls;
        }
    }
}
