// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {SignedMath} from "@openzeppelin/contracts/utils/math/SignedMath.sol";

/// @title What accounts are worth: the arithmetic of the rule book that an escape needs, in micro-USDC and ledger units.
/// @dev The formulas are those of the core (margin, funding, borrow and loss indices); each division says which way it rounds. Indices are
/// in 1e-12 micro-USDC. Node code computes the same (node/l1/escape.py), and tests compare the two.
library Worth {
    int256 internal constant RATE_SCALE = 1e12;

    /// Quotient rounded up, for a positive divisor.
    function ceilDiv(int256 a, int256 b) internal pure returns (int256 quotient) {
        quotient = a / b; // Solidity rounds towards zero, which is up for negative ones.
        if (a > 0 && a % b != 0) ++quotient;
    }

    /// Cash less the interest that a negative balance owes since `borrowIndex`; interest rounds up.
    function settledCash(int256 cash, uint256 borrowIndex, uint256 globalIndex) internal pure returns (int256) {
        if (cash >= 0) return cash;
        return cash - ceilDiv(-cash * int256(globalIndex - borrowIndex), RATE_SCALE);
    }

    /// Unrealised profit at the mark, less unsettled funding and socialised loss, both rounded up.
    function positionValue(
        int256 size,
        int256 entry,
        int256 fundingIndex,
        uint256 lossIndex,
        uint256 mark,
        int256 marketFunding,
        uint256 marketLoss
    ) internal pure returns (int256) {
        int256 funding = ceilDiv(size * (marketFunding - fundingIndex), RATE_SCALE);
        int256 loss = ceilDiv(int256(SignedMath.abs(size)) * int256(marketLoss - lossIndex), RATE_SCALE);
        return size * int256(mark) - entry - funding - loss;
    }

    /// How much of `amount` of a collateral covers a deficit at `price` micro-USDC per `whole` units, and what is left of the deficit.
    /// Units taken round up, what they cover rounds down: for the others.
    function cover(uint256 deficit, uint256 amount, uint256 price, uint256 whole)
        internal
        pure
        returns (uint256 taken, uint256 left)
    {
        if (deficit == 0 || price == 0) return (0, deficit);
        uint256 needed = (deficit * whole + price - 1) / price;
        if (needed <= amount) return (needed, 0);
        uint256 covered = amount * price / whole;
        return (amount, covered < deficit ? deficit - covered : 0);
    }
}
